"""Warnings about shells that stay, and shells that are missing."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from lint_kit import comes, said


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("cd /app && php work.php", "php"),
        ("cd /app; php work.php", "php"),
        ("export A=1\nA=2 ./work --now", "./work"),
        ("cd '/my app' && php work.php", "php"),
        ("cd /app && exec php work.php", None),
        ("php work.php", "php"),  # dash stays even so
        ("php work.php > /dev/null", "php"),
        ("exec php work.php", None),
        ("echo no", None),
        ("while true; do php work.php; sleep 1; done", None),
        ("cd /app && php work.php | tee log", None),
        ("php work.php; exit 3", None),
        ("if test -f x; then php work.php; fi", None),
        ("php work.php & wait", None),
        ("trap 'x' TERM; php work.php", None),
        ("exec php -r 'a(); b();'", None),
        ("php 'unclosed; x", None),
        ("", None),
    ],
)
def test_a_shell_that_stays(tmp_path, text, last):
    found = said(tmp_path, "", "MS120", command=["sh", "-c", text])
    assert (found and found[1]) == (last and f"exec {last} ... in the shell's text")


@pytest.mark.parametrize(
    ("front", "text", "warned"),
    [
        (["/bin/dash", "-c"], "a; b", True),
        (["sh", "-e", "-c"], "a", True),
        (["ash", "-ec"], "a", True),
        (["bash", "-lc"], "a; b", False),  # it replaces itself
        (["bash", "-c"], "a; b > log", True),
    ],
)
def test_shells_by_their_names(tmp_path, front, text, warned):
    assert comes(tmp_path, "", "MS120", command=[*front, text]) == warned


def test_other_programs_are_no_shells(tmp_path):
    assert not comes(tmp_path, "", "MS120", command=["python3", "-c", "a; b"])
    assert not comes(tmp_path, "", "MS120", command=["sh", "work.sh"])


def test_whom_the_signal_reaches_is_said(tmp_path):
    command = ["sh", "-c", "cd /app && php work.php"]
    leader, _ = said(tmp_path, "kind = 'service'", "MS120", command=command)
    group, _ = said(tmp_path, "stop.signal = 'INT'", "MS120", command=command)
    assert leader.endswith("SIGTERM reaches the shell alone (stop.scope = leader), and php does not know of it")
    assert group.endswith("it waits beside php in each slot, and dies of SIGINT before php has ended")


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("php work.php > log", ">"),
        ("php work.php 2>&1", "2>&1"),
        ("php work.php >>/var/log/x", ">>/var/log/x"),
        ("php work.php < in", "<"),
        ("php work.php && true", "&&"),
        ("php work.php | tee x", "|"),
        ("php work.php &", "&"),
        ("php work.php --queue=$QUEUE", "--queue=$QUEUE"),
        ("php work.php $QUEUE", "$QUEUE"),
        ("cd /app", "cd"),
        ("exec php work.php", "exec"),
        ("APP_ENV=prod php work.php", "APP_ENV=prod"),
        ("APP_KEY=s3cret php work.php", "APP_KEY=***"),
        ("php work.php ${QUEUE:-mails}", None),
        ("php work.php $$QUEUE", None),
        ("nginx -g 'daemon off;'", None),
        ("find . -name x -exec rm {} ;", None),
        ("awk '$1 > 2' file", None),
        ("php -r 'a && b;'", None),
        ("work --when a>b --pass $1$x", None),
        (["sh", "-c", "a && b > c"], None),
        (["env", "sh", "-c", "a", ">"], None),
    ],
)
def test_shell_syntax_without_a_shell(tmp_path, command, word):
    found = said(tmp_path, "", "MS121", command=command)
    assert (found and found[0].partition(" is for a shell")[0]) == (word and f'"{word}"')


def test_what_becomes_of_the_word_is_said(tmp_path):
    assert said(tmp_path, "", "MS121", command="php $Q")[0].endswith("${NAME} is filled in without a shell")
    assert said(tmp_path, "", "MS121", command="cd x")[0].endswith("there is hardly a program of that name")


@pytest.mark.parametrize(
    ("shell", "text"),
    [("sh", "sleep 20"), ("sh", "cd / && sleep 20"), ("bash", "cd / && sleep 20"), ("bash", "sleep 20 > /dev/null")],
)
def test_the_shells_of_this_machine_do_what_is_said_of_them(tmp_path, shell, text):
    path = shutil.which(shell)
    if path is None or (shell == "sh" and os.path.basename(os.path.realpath(path)) != "dash"):
        pytest.skip(f"{shell} is another shell here")
    stays = comes(tmp_path, "", "MS120", command=[shell, "-c", text])
    with subprocess.Popen([path, "-c", text]) as running:
        try:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:  # the last command has begun: in the shell's place, or as its child
                with open(f"/proc/{running.pid}/comm", encoding="ascii") as comm:
                    replaced = comm.read() == "sleep\n"
                with open(f"/proc/{running.pid}/task/{running.pid}/children", encoding="ascii") as children:
                    child = children.read().split()
                if replaced or child:
                    break
            assert (replaced, bool(child)) == (not stays, stays)
        finally:
            with open(f"/proc/{running.pid}/task/{running.pid}/children", encoding="ascii") as children:
                for pid in children.read().split():
                    os.kill(int(pid), signal.SIGKILL)
            running.kill()


@pytest.mark.parametrize(
    ("command", "warned"),
    [
        (["sh", "-c", "echo $$ > pid; exec work"], True),
        (["sh", "-c", "exec work --name=$$"], True),
        (["sh", "-c", 'exec work "$$"'], True),
        (["sh", "-c", "echo $$$$ > pid; exec work"], False),
        (["sh", "-c", "echo $$NAME $$1 $${NAME} $$(date) $$? $$@; exec work"], False),
        (["sh", "-c", "echo $HOME $1; exec work"], False),
        (["work", "$$"], False),
    ],
)
def test_two_dollars_for_a_shell(tmp_path, command, warned):
    found = said(tmp_path, "", "MS128", command=command)
    assert bool(found) == warned
