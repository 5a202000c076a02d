"""`minisup run` as its users meet it: streams, exit codes, sentences, Ctrl-C."""

import json
import os
import signal
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("email", 3, ""),
        ("fine", 0, ""),
        ("crash", 139, ""),
        ("long", 143, "email:2 run 813: timeout after 1.5 s\n"),
        ("big", 137, "email:2 run 813: oom (300 MiB of 200 MiB) after 1.5 s\n"),
        ("gone", 1, "cannot run gone: cannot start /x: no such file\n  `minisup check` says what it would start\n"),
        ("lost", 1, ""),
    ],
)
def test_the_exit_code_is_the_runs(minisup, fake, target, code, said):
    process = minisup("run", target, "--no-follow", "-s", fake)
    assert (process.returncode, process.stdout, process.stderr) == (code, "", said)


def test_each_stream_comes_where_it_was_written(minisup, fake):
    process = minisup("run", "fine", "-s", fake)
    assert process.stdout == "first to stdout\n\u2714 two\n"
    assert process.stderr == "first to stderr\n\u2714 two\n"


def test_for_programs_the_last_object_is_how_it_ended(minisup, fake):
    process = minisup("run", "email", "--json", "-s", fake)
    *lines, result = map(json.loads, process.stdout.splitlines())
    assert [(line["stream"], line["text"]) for line in lines][1:3] == [
        ("stdout", "\u2714 two"),
        ("stderr", "first to stderr"),
    ]
    assert (result["outcome"], result["code"], process.returncode) == ("failed", 3, 3)
    process = minisup("run", "email", "--json", "--no-follow", "-s", fake)
    assert json.loads(process.stdout)["run"] == 813


def test_what_cannot_be_shown_or_is_not_ready_is_said_once(minisup, fake):
    said = minisup("run", "inherit", "-s", fake).stderr
    assert said.count("log.to = inherit") == 1
    assert "early is after migrate, not ready yet; this run does not wait" in minisup("run", "early", "-s", fake).stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("nope", 4, "cannot find nope"),
        ("boom", 1, "cannot do that: it is broken"),
        ("slow", 1, "its exit code is in `minisup history`, run 813"),
        ("over", 3, "minisup has ended before the run"),
        ("", 2, "missing argument"),
        ("a b", 2, "minisup run --help"),
    ],
)
def test_what_can_go_wrong(minisup, fake, words, code, said):
    process = minisup("run", *words.split(), "-s", fake)
    assert process.returncode == code
    assert said in process.stderr


def test_ctrl_c_ends_the_command_alone_and_says_how_to_end_the_run(fake):
    command = [sys.executable, "-m", "minisup", "run", "ever", "-s", str(fake)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "first to stdout\n"
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "run 813 goes on in email:2: `minisup stop email:2` ends it" in said
