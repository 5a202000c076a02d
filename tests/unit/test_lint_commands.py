"""Warnings about shells that stay, and shells that are missing."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from lint_kit import comes, configuration, said

from minisup.check.lint import review
from minisup.check.lints.subject import Surroundings
from minisup.cli.check.scripts import scripts


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
        (["bash", "-c"], "a; b && c", True),  # as tried: a mixture stays
        (["bash", "-c"], "a && b; c", False),
        (["bash", "-c"], "a; b\nc", False),
        (["bash", "-c"], "b\n", False),
        (["bash", "-c"], "b\n\n", True),
        (["bash", "-c"], "b\n# the end", True),
        (["bash", "-c"], "b # the end", False),
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
    group, _ = said(tmp_path, "stop.signal = 'QUIT'", "MS120", command=command)
    assert leader.endswith("SIGTERM ends the shell, then php gets it as what the run left; how php ends is not seen")
    assert group.endswith("it waits beside php in each slot, and dies of SIGQUIT before php has ended")


def test_a_shell_outlives_an_interrupt_that_its_command_never_hears_of(tmp_path):
    command = ["sh", "-c", "cd /app && php work.php"]
    leader, _ = said(tmp_path, "kind = 'service'\nstop.signal = 'INT'", "MS120", command=command)
    group, _ = said(tmp_path, "stop.signal = 'INT'", "MS120", command=command)
    assert leader.endswith("SIGINT reaches the shell alone, which waits for php: SIGKILL after 10 s")
    assert group.endswith("it waits beside php in each slot")


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("#!/bin/sh\nset -e\ncd /app\nphp serve.php --port=80\n", "php"),
        ("#!/bin/bash\nif [ -f .env ]; then . ./.env; fi\nphp serve.php \\\n  --port=80  # for all\n\n# end\n", "php"),
        ('#!/usr/bin/env bash\n"$@"\n', '"..."'),
        ("#!/bin/sh\nphp serve.php > /dev/null 2>&1", "php"),
        ("#!/bin/sh\nexec php serve.php\n", None),
        ("#!/bin/sh\nwhile true; do\n  php serve.php\ndone\n", None),
        ("#!/bin/sh\nmain() {\n  php serve.php\n}\nmain\n", None),
        ("#!/bin/sh\ntrap 'kill $!' TERM\nphp serve.php\n", None),
        ("#!/bin/sh\nphp serve.php &\nwait\n", None),
        ("#!/bin/sh\nphp serve.php | tee log\n", None),
        ("#!/bin/sh\ncat <<END\nwords\nEND\n", None),
        ("#!/usr/bin/python3\nserve()\n", None),
        ("#!/bin/sh\n# nothing\n", None),
        ("php serve.php\n", None),  # nobody says that it is for a shell
    ],
)
def test_a_service_that_is_a_script_without_exec(tmp_path, text, last):
    (tmp_path / "start.sh").write_text(text)
    config = configuration(tmp_path, f"[program.web]\nkind = 'service'\ncommand = '{tmp_path}/start.sh'\n")
    around = Surroundings(scripts=scripts(config))
    fixes = [finding.fix for finding in review(config, around).findings if finding.id == "MS145"]
    assert fixes == ([f"exec {last} ... in {tmp_path}/start.sh"] if last else [])


@pytest.mark.parametrize("command", ["sh start.sh", "bash start.sh now", "./start.sh"])
def test_a_script_is_found_however_it_is_called(tmp_path, command):
    (tmp_path / "start.sh").write_text("#!/bin/sh\nphp serve.php\n")
    table = f"[program.web]\nkind = 'service'\ndirectory = '{tmp_path}'\ncommand = '{command}'\n"
    assert set(scripts(configuration(tmp_path, table))) == {"web"}
    assert scripts(configuration(tmp_path, table.replace("service", "job"))) == {}


def test_a_fifo_or_a_huge_file_in_the_place_of_a_script_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "huge").write_text("#!/bin/sh\n" + "# words\n" * 200_000 + "php serve.php\n")
    for name in ("fifo", "huge", "missing"):
        table = f"[program.web]\nkind = 'service'\ncommand = 'sh {tmp_path}/{name}'\n"
        assert scripts(configuration(tmp_path, table)) == {}


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
        ("$HOME/bin/work", "$HOME/bin/work"),
        ("$CMD --once", "$CMD"),
        ("work --path=$HOME/x", "--path=$HOME/x"),
        ("work $queue", "$queue"),
        ("work /srv/$name/x", "/srv/$name/x"),
        ("work; other", "work;"),
        ("work now; other", "now;"),
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
    [
        ("sh", "sleep 20"),
        ("sh", "cd / && sleep 20"),
        ("bash", "cd / && sleep 20"),
        ("bash", "sleep 20 > /dev/null"),
        ("bash", "true; true && sleep 20"),
        ("bash", "true && true; sleep 20 # the end"),
        ("bash", "sleep 20\n# the end"),
    ],
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
