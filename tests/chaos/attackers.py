"""A hostile user of the machine, in the storm: programs that run as him, and processes of his that attack their starts,
their log file, and what minisup believes of orphans. Needs root; without it the storm goes on without him.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit import Stage, program

USER = 65534
PREFIX = "theirs"
"""How the names of his programs begin. They write no ledger: what they say is not believed."""

JOBS = Path(__file__).parents[1] / "host" / "jobs"
HUGE = "x" * 100_000
MANY = 18
"""So many of them are more than minisup reads of an environment, and nearly what the kernel lets an environment be."""

LIES = (
    "MINISUP_RUN_ID=" + "7" * 4000,
    "MINISUP_RUN_ID=1 MINISUP_PROGRAM=quick1 MINISUP_SLOT=0",
    "MINISUP_RUN_ID=-1 MINISUP_STATE=" + "9" * 4000,
    "MINISUP_RUN_ID=2 " + " ".join(f"A{number}=$h" for number in range(MANY)),
)
"""What his orphans have in their environments; `$h` is the shell's, of the length of `HUGE`."""

EFFECTS = {
    "starts held up": re.compile(rf"^{PREFIX}-(?:leased|stopped):\d+ run \d+ (?:unstartable|timeout)", re.MULTILINE),
    "links refused": re.compile(r"^warning: .*/logs/log: .*(?:link|not a regular file|name)", re.MULTILINE),
    "rounds of lies": re.compile(rf"^{PREFIX}-forger:\d+ run \d+ (?:worked|stopped)", re.MULTILINE),
}
"""How minisup's own lines show that he was at work."""

WHILE = 30.0
"""In so many seconds each of them has come about."""

NO_LEASES = 77
"""The exit code of the leaser on a file system without leases."""

RETRY = {"backoff": "50ms", "max_backoff": "1s", "refill": "500ms"}
STOP = {"drain": 0, "timeout": "200ms"}


class Attackers:
    """His programs, and his processes while the storm lasts."""

    def __init__(self, stage: Stage, place: Path) -> None:
        self._stage = stage
        self._place = place
        self._processes: list[subprocess.Popen[bytes]] = []
        self.missing: list[str] = []  # attacks that this machine does not know

    @property
    def tables(self) -> list[str]:
        """His programs in the configuration."""
        leased, forger = self._script("leased", "exit 0"), self._script("forger", self._forges())
        loud = self._script("loud", "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i + 1)); done")
        log = {"to": "file", "path": f"{self._place}/logs/log", "max_size": "20KiB", "keep": 2, "compress": True}
        return [
            self._program("stopped", ["true"], numprocs=4, max_runtime="500ms"),
            self._program("leased", [str(leased)], min_runtime="100ms"),
            self._program("forger", [str(forger)], min_runtime="500ms"),
            self._program("loud", [str(loud)], min_runtime="50ms", log=log),
        ]

    def begin(self, minisup: int) -> None:
        """Let him do his worst."""
        roots = self._place / "roots"
        self._attack("stopper", minisup)
        self._attack("leaser", self._place / "leased")
        self._attack("plant", self._place / "app" / "logs", "log", roots, USER)

    def end(self) -> list[str]:
        """End his processes; what he has got root to do, and which of them had ended before."""
        wrong = []
        for process in self._processes:
            if process.poll() not in {None, NO_LEASES}:
                wrong.append(f"an attacker has ended with {process.poll()}: {process.args}")
            process.kill()
            process.wait(10)
            if process.stdout is not None:
                process.stdout.close()
        roots = self._place / "roots"
        found = sorted(path.name for path in roots.iterdir())
        wrong += [] if found == ["victim"] else [f"root has written where a link led: {found}"]
        return wrong if (roots / "victim").read_text() == "root's\n" else [*wrong, "root has changed its own file"]

    @staticmethod
    def effects(stderr: str) -> dict[str, int]:
        """How often what he did had an effect, by what minisup said."""
        return {what: len(line.findall(stderr)) for what, line in EFFECTS.items()}

    def _attack(self, name: str, *words: object) -> None:
        command = [sys.executable, str(JOBS / f"{name}.py"), *map(str, words)]
        process = self._stage.popen(command, stdout=subprocess.PIPE)
        self._processes.append(process)
        assert process.stdout is not None
        if not process.stdout.readline():
            code = process.wait(10)
            assert code == NO_LEASES, f"the {name} is not at work: exit {code}"
            self.missing.append(name)

    def _program(self, name: str, command: list[str], **keys: object) -> str:
        given = {"user": str(USER), "group": str(USER), "directory": str(self._place), "min_runtime": 0, "retry": RETRY}
        return program(f"{PREFIX}-{name}", command, **{**given, "stop": STOP, "log": {"to": "none"}, **keys})

    def _script(self, name: str, text: str) -> Path:
        path = self._place / name
        if not path.exists():
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)
            os.chown(path, USER, USER)
        return path

    @staticmethod
    def _forges() -> str:
        huge = f"h=$(head -c {len(HUGE)} /dev/zero | tr '\\0' x)\n"
        return huge + "\n".join(f"env {lie} setsid sleep 3 </dev/null >/dev/null 2>&1 &" for lie in LIES)


@contextmanager
def attackers(stage: Stage) -> Iterator[Attackers | None]:
    """The hostile user with a place of his own; None: we are not root."""
    if os.geteuid() != 0:
        yield None
        return
    place = Path(tempfile.mkdtemp(prefix="minisup-theirs-"))
    try:
        place.chmod(0o755)
        for name in ("app", "app/logs"):
            (place / name).mkdir()
            os.chown(place / name, USER, USER)
        (place / "logs").symlink_to("app/logs")  # root's own link: followed
        (place / "roots").mkdir()
        (place / "roots" / "victim").write_text("root's\n")
        yield Attackers(stage, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
