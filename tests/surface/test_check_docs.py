"""The page about `check` in a build: its configuration, its commands and its output are those of the program."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minisup.history.row import Row
from minisup.history.store import Retention, Store

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "check.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CONFIG = next(text for language, text in BLOCKS if language == "toml")
SHELL = [text for language, text in BLOCKS if language == "sh"]
OUTPUT = next(text for language, text in BLOCKS if language == "text")


@pytest.fixture
def in_a_build(tmp_path):
    """Run a block of the page beside its configuration."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "minisup").write_text(f'#!/bin/sh\nexec {sys.executable} -m minisup "$@"\n')
    (tmp_path / "bin" / "minisup").chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "XDG_STATE_HOME": str(tmp_path)}

    def run(script, config=CONFIG):
        (tmp_path / "minisup.toml").write_text(config, encoding="utf-8")
        command = ["bash", "-c", script]
        return subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def warnings_of(text):
    return re.findall(r"  warning MS.*\n      fix: .*\n", text)


def test_there_is_one_line_for_a_build():
    assert SHELL[0] == SHELL[1] == "minisup check --strict -c minisup.toml\n"
    assert len(SHELL) == 3


def test_the_build_fails_with_the_warnings_of_the_page(in_a_build):
    done = in_a_build(SHELL[1])
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith(f"\n\n{OUTPUT}")
    assert len(warnings_of(OUTPUT)) == 2


def test_what_the_page_recommends_passes(in_a_build):
    better = "".join(line for line in CONFIG.splitlines(keepends=True) if not line.startswith("ignore"))
    done = in_a_build(SHELL[1], better.replace('visibility_timeout = "60s"', 'visibility_timeout = "70s"'))
    assert (done.returncode, warnings_of(done.stdout)) == (0, [])


def test_notes_for_a_pull_request(in_a_build):
    done = in_a_build(SHELL[2])
    assert done.returncode == 1, done.stderr
    assert [line.partition(" ")[2].partition(" ")[0] for line in done.stdout.splitlines()] == [
        "file=minisup.toml,line=11::MS101",
        "file=minisup.toml,line=10::MS108",
    ]
    assert done.stdout.startswith("::warning ")
    done = in_a_build(SHELL[2], "[program.email]\ncommand = 'x'\nnumproc = 2\n")
    assert done.returncode == 78
    assert done.stdout == "::error file=minisup.toml,line=3:: unknown key; did you mean numprocs?\n"


def test_an_ignored_warning_does_not_fail_the_build(in_a_build):
    ignoring = [text for language, text in BLOCKS if language == "toml"][1]
    done = in_a_build(SHELL[1], ignoring)
    assert (done.returncode, done.stderr) == (0, "")
    assert "  ignored MS104 email: the platform waits 10 s, and a mail that is cut is sent again" in done.stdout
    assert in_a_build(SHELL[1], ignoring.partition("ignore")[0]).returncode == 1


def test_the_history_beside_the_file_is_looked_at_and_left_as_it_is(in_a_build, tmp_path):
    facts = {"outcome": "worked", "code": 0, "signal": None, "cpu": 0.1, "max_rss": None, "failures": 0, "output": None}
    began = time.time() - 3600
    store = Store(str(tmp_path / "history.db"), Retention(keep=1e12, max_rows=10**6))
    store.write([Row(run, "email", 0, began + run, 0.2, **facts) for run in range(1, 40)])
    store.close()
    before = (tmp_path / "history.db").read_bytes()
    config = f"[supervisor]\nstate_dir = '{tmp_path}'\n[program.email]\ncommand = 'x'\nstop.drain = '4s'\n"
    done = in_a_build("minisup check --strict", config)
    assert done.returncode == 1
    assert "warning MS119 email: min_runtime 1s is more than a run takes (0.2 s, the median of 39)" in done.stdout
    assert (tmp_path / "history.db").read_bytes() == before
    assert in_a_build("minisup check --strict", f"{config}ignore = ['MS119 there is no more work']\n").returncode == 0
