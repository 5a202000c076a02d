"""supervisord, started as its users start it, for the tests that show what minisup is for."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kit import Stage, wait_until

FOREVER = 10.0
"""Seconds without an answer after which supervisorctl counts as hanging."""


class Supervisord:
    """One supervisord in the foreground with its log file."""

    def __init__(self, stage: Stage, name: str, programs: Mapping[str, Mapping[str, object]], **popen: Any) -> None:
        self.stage = stage
        self.log = stage.path(f"{name}.log")
        self.conf = stage.write(f"{name}.conf", self._config(name, programs))
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", self.conf]
        popen = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, **popen}
        self.process = stage.popen(command, cwd=stage.root, **popen)

    def _config(self, name: str, programs: Mapping[str, Mapping[str, object]]) -> str:
        here = self.stage.socket.parent / f"{name}.s"
        log = f"logfile={self.log}\nlogfile_maxbytes=0\npidfile={self.stage.path(name)}.pid"
        interface = "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface"
        sections = [
            f"[supervisord]\n{log}\nchildlogdir={self.stage.root}\n",
            f"[unix_http_server]\nfile={here}\n",
            f"[rpcinterface:supervisor]\n{interface}\n",
            f"[supervisorctl]\nserverurl=unix://{here}\n",
        ]
        for program, keys in programs.items():
            sections.append("\n".join([f"[program:{program}]", *(f"{key}={value}" for key, value in keys.items()), ""]))
        return "\n".join(sections)

    def said(self, words: str) -> list[str]:
        """The lines of its log that hold these words."""
        return [line for line in self.log.read_text().splitlines() if words in line] if self.log.exists() else []

    def first_fatal(self, name: str, limit: float) -> str:
        """The first program whose name begins so that is given up."""
        words = f"gave up: {name}"
        line = wait_until(lambda: self.said(words), limit, f"supervisord gives {name} up")[0]
        return line.partition("gave up: ")[2].split()[0]

    def state(self, program: str) -> str:
        """The program's state as supervisorctl prints it; `hangs` when there is no answer in `FOREVER` seconds."""
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(self.conf), "status", program]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=FOREVER, check=False)
        except subprocess.TimeoutExpired:
            return "hangs"
        return done.stdout.split()[1]


def command(script: Path) -> str:
    return f"/bin/sh {script}"
