"""What the shell offers, asked as bash and zsh ask: by the protocol of their completion scripts."""

import os
import shutil
import subprocess
import sys
import time

import pytest
from fake_minisup import answering

from minisup.cli.complete.offers import PATIENCE

CONFIG = """
[program.fax]
command = "true"
groups = ["paper"]
[program.letter]
command = "true"
groups = ["paper"]
"""


@pytest.fixture
def bash(minisup):
    """The words that are offered for `minisup ...`, a line whose last word (after a space: an empty one) is begun."""

    def offered(line, **environ):
        words = line.replace(":", " : ").split() + [""] * line.endswith(" ")
        asked = {"_MINISUP_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words)}
        process = minisup(environ={**asked, "COMP_CWORD": str(len(words) - 1), **environ}, apart=True)
        assert (process.returncode, process.stderr) == (0, "")
        return process.stdout.split()

    return offered


@pytest.fixture
def zsh(minisup):
    """What zsh is given for a line: its words with what they mean."""

    def offered(line, **environ):
        process = minisup(
            environ={"_MINISUP_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line, **environ}, apart=True
        )
        assert (process.returncode, process.stderr) == (0, "")
        return process.stdout

    return offered


def test_commands_and_options_are_offered(bash):
    assert bash("minisup stat") == ["status"]
    assert "--max-age" in bash("minisup health --m")
    assert "--exit-when-done" in bash("minisup up --e")
    assert {"pause", "scale", "signal", "init"} <= set(bash("minisup "))


@pytest.mark.parametrize("command", ["start", "stop", "restart", "pause", "resume", "status", "logs", "health", "up"])
def test_targets_of_the_running_minisup_are_offered(bash, fake, command):
    assert bash(f"minisup {command} ", MINISUP_SOCKET=fake) == ["email", "all"]
    assert bash(f"minisup {command} e", MINISUP_SOCKET=fake) == ["email"]


def test_options_before_the_target_do_not_matter(bash, fake):
    assert bash(f"minisup -s {fake} stop --wait e") == ["email"]
    assert bash(f"minisup stop -s {fake} e") == ["email"]
    assert bash("minisup signal USR1 e", MINISUP_SOCKET=fake) == ["email"]
    assert bash("minisup stop email a", MINISUP_SOCKET=fake) == ["all"]


def test_slots_are_offered_behind_their_colon_where_bash_ends_a_word(bash, fake):
    assert bash("minisup stop email:", MINISUP_SOCKET=fake) == ["0", "1"]
    assert bash("minisup stop email:1", MINISUP_SOCKET=fake) == ["1"]
    assert bash("minisup stop sms email:1", MINISUP_SOCKET=fake) == ["1"]


def test_zsh_gets_whole_words_and_what_they_mean(zsh, fake):
    offered = zsh("minisup stop ", MINISUP_SOCKET=fake)
    assert '"email":"2 slots, running"' in offered
    assert '"all":"everything"' in offered
    offered = zsh("minisup stop email:", MINISUP_SOCKET=fake)
    assert '"email\\\\:0":"running"' in offered
    assert '"email\\\\:1":"running"' in offered


def test_sizes_and_signals_are_offered(bash, fake):
    assert bash("minisup scale e", MINISUP_SOCKET=fake) == ["email="]
    assert bash("minisup signal T") == ["TERM"]
    assert bash("minisup signal U") == ["USR1", "USR2"]


def test_only_programs_are_simulated(bash, fake, tmp_path):
    assert bash("minisup simulate --program ", MINISUP_SOCKET=fake) == ["email"]
    (tmp_path / "minisup.toml").write_text(CONFIG, encoding="utf-8")
    assert bash("minisup simulate -p l", MINISUP_SOCKET=str(tmp_path / "none")) == ["letter"]


def test_without_a_minisup_the_configuration_names_them(bash, zsh, tmp_path):
    (tmp_path / "minisup.toml").write_text(f'[supervisor]\nsocket = "none"\n{CONFIG}')
    assert bash("minisup stop ") == ["fax", "letter", "@paper", "all"]
    assert bash("minisup stop @") == ["@paper"]
    assert bash("minisup up le") == ["letter"]
    assert '"@paper":"group\\\\: fax, letter"' in zsh("minisup stop @")
    (tmp_path / "minisup.toml").rename(tmp_path / "other.toml")
    assert bash("minisup -c other.toml stop f") == ["fax"]
    assert bash("minisup stop f", MINISUP_CONFIG="other.toml") == ["fax"]


@pytest.mark.parametrize("text", [None, "", "[program", "program = 5", "[supervisor]\n"])
def test_nothing_is_offered_and_nothing_said_where_nothing_is_known(bash, tmp_path, text):
    if text is not None:
        (tmp_path / "minisup.toml").write_text(text)
    assert bash("minisup stop ", MINISUP_SOCKET=str(tmp_path / "none")) == []
    assert bash("minisup -c missing.toml stop ", MINISUP_SOCKET=str(tmp_path / "none")) == []


def test_a_minisup_that_does_not_answer_is_not_waited_for(bash, tmp_path):
    path = str(tmp_path / "s")
    (tmp_path / "minisup.toml").write_text(CONFIG)
    with answering(path) as process:
        os.kill(process.pid, 19)
        try:
            begun = time.monotonic()
            assert bash("minisup stop f", MINISUP_SOCKET=path) == ["fax"]
            assert time.monotonic() - begun < PATIENCE + 5.0
        finally:
            os.kill(process.pid, 18)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_itself_completes_a_slot(fake, tmp_path):
    shown = subprocess.run(
        [sys.executable, "-m", "minisup"], env={**os.environ, "_MINISUP_COMPLETE": "source_bash"},
        capture_output=True, text=True, timeout=30, check=True,
    ).stdout  # fmt: skip
    (tmp_path / "minisup").write_text(f'#!/bin/sh\nexec {sys.executable} -m minisup "$@"\n')
    (tmp_path / "minisup").chmod(0o755)
    script = f"""{shown}
        COMP_WORDS=(minisup stop email : 1) COMP_CWORD=4 COMP_LINE='minisup stop email:1' COMP_POINT=20
        function=$(complete -p minisup | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
        $function {tmp_path}/minisup 1 : && printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environ = {**os.environ, "MINISUP_SOCKET": fake, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    process = subprocess.run(
        ["bash", "--norc", "-c", script], env=environ, capture_output=True, text=True, timeout=30, check=False
    )
    assert process.stdout.split() == ["1"], process.stderr
