"""A command line to call, and something that answers it."""

import subprocess
import sys

import pytest
from fake_minisup import answering

from minisup.__main__ import run
from minisup.cli.argv import command_of

NAMES = ("MINISUP_SOCKET", "MINISUP_CONFIG", "XDG_RUNTIME_DIR", "NO_COLOR", "COLUMNS", "FORCE_COLOR")


@pytest.fixture
def fake(tmp_path):
    """The socket of a fake minisup."""
    path = tmp_path / "m.sock"
    with answering(path):
        yield str(path)


@pytest.fixture
def minisup(tmp_path, monkeypatch, capsys):
    """Call the command line, in an empty directory: its exit code and output. In this process, unless `apart`."""

    def call(*arguments, environ=None, apart=False):
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            for name in NAMES:
                patch.delenv(name, raising=False)
            for name, value in (environ or {}).items():
                patch.setenv(name, value)
            if apart or command_of(arguments) == "up":
                command = [sys.executable, "-m", "minisup", *arguments]
                return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
            capsys.readouterr()
            return subprocess.CompletedProcess(arguments, run(arguments), *capsys.readouterr())

    return call
