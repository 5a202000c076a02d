"""The kit of the tests with real processes: starts `minisup up`, talks to it, and sees to it that nothing survives.

Every process that a test starts carries the test's own mark in its environment; at the end `/proc` is searched for it.
Waiting happens in one place, `wait_until`, always with a limit. Limits are generous, because the machine may be busy;
a promise of the program ("within 2 s") is measured on its own, with `Stopwatch`.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lookup import describe, environ_of, kill, pids

from minisup import Client
from minisup.errors import MinisupError

MARK = "MINISUP_TEST_MARK"
SOON = 30.0
"""Seconds after which something that normally takes milliseconds is taken to hang, on the busiest machine."""
SLACK = 1.5
"""Seconds that a promised time may be exceeded by, because the machine runs other things too."""
LONGEST_SOCKET_PATH = 100

T = TypeVar("T")


def pause(seconds: float) -> None:
    """Let time pass, where time itself is what the test is about. Never used to wait for something to happen."""
    time.sleep(seconds)


def wait_until(predicate: Callable[[], T], limit: float = SOON, what: str = "") -> T:
    """The first true value of `predicate`; fails, naming `what`, when there is none within `limit` seconds."""
    deadline = time.monotonic() + limit
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit} s: {what or predicate}")
        pause(max(0.01, limit / 1000))
    return value


def holds_for(predicate: Callable[[], object], seconds: float, what: str) -> None:
    """Fails as soon as `predicate` is not true during the next `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert predicate(), f"did not hold: {what}"
        pause(0.02)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start


# --- configuration ----------------------------------------------------------------------------------------------------


def toml(value: object) -> str:
    """`value` as TOML writes it."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, Path):
        return json.dumps(str(value))
    return json.dumps(value)  # TOML's strings, numbers and booleans are JSON's


def program(name: str, command: object, **keys: object) -> str:
    """A `[program.NAME]` table."""
    lines = [
        f"[program.{name}]",
        f"command = {toml(command)}",
        *(f"{key} = {toml(value)}" for key, value in keys.items()),
    ]
    return "\n".join(lines) + "\n"


def sh(script: str) -> list[str]:
    """A command that lets the shell run `script`; no `$` of it is minisup's."""
    return ["sh", "-c", script.replace("$", "$$")]


AT_ONCE = {"drain": 0, "timeout": "2s"}
"""A `stop` for programs whose stopping is not what the test is about."""


# --- the daemon -------------------------------------------------------------------------------------------------------


class Daemon:
    """One `minisup up`."""

    def __init__(self, process: subprocess.Popen[bytes], socket_path: Path, stdout: Path, stderr: Path) -> None:
        self.process = process
        self.socket = socket_path
        self.stdout_path = stdout
        self.stderr_path = stderr

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stdout(self) -> str:
        return self.stdout_path.read_text(errors="replace") if self.stdout_path.exists() else ""

    @property
    def stderr(self) -> str:
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    def says_it_is_broken(self) -> bool:
        """Whether minisup's own lines, not those of its jobs, tell of a defect."""
        return any(line.startswith("Traceback") or ": internal error" in line for line in self.stderr.splitlines())

    def says(self, text: str, times: int = 1) -> None:
        """Its own lines hold `text`, or will in a moment: what goes to a file waits for company."""
        wait_until(
            lambda: self.stderr.count(text) >= times, SOON, f"minisup says {text!r}, and not only:\n{self.stderr}"
        )

    def prints(self, text: str, times: int = 1) -> None:
        """What its runs print holds `text`, or will in a moment."""
        wait_until(lambda: self.stdout.count(text) >= times, SOON, f"a run prints {text!r}")

    def lines(self, prefix: str) -> list[str]:
        """What stdout holds of the program or slot with that prefix, without the prefix."""
        head = f"{prefix} | "
        return [line[len(head) :] for line in self.stdout.splitlines() if line.startswith(head)]

    def ask(self, method: str, *args: object, **params: object) -> Any:
        """The result of one request, on a connection of its own."""
        with Client(str(self.socket)) as client:
            return getattr(client, method)(*args, **params)

    def status(self) -> dict[str, Any]:
        return self.ask("status")

    def program(self, name: str) -> dict[str, Any]:
        return next(entry for entry in self.status()["programs"] if entry["name"] == name)

    def slot(self, name: str) -> dict[str, Any]:
        entry = self.program(name.partition(":")[0])
        return next(slot for slot in entry["slots"] if slot["name"] == name)

    def running_pid(self, slot: str, limit: float = SOON) -> int:
        """The pid of the slot's run, once it runs."""

        def pid() -> int | None:  # of a slot that may not be there yet
            slots = self.program(slot.partition(":")[0])["slots"]
            return next((entry["pid"] for entry in slots if entry["name"] == slot), None)

        return wait_until(pid, limit, f"{slot} runs")

    def answers(self) -> bool:
        try:
            self.ask("version")
        except (MinisupError, OSError):
            return False
        return True

    def until_it_answers(self) -> "Daemon":
        def up_or_dead() -> bool:
            return self.answers() or self.process.poll() is not None

        wait_until(up_or_dead, SOON, "minisup answers")
        assert self.process.poll() is None, f"minisup ended with {self.process.returncode}:\n{self.stderr}"
        return self

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def term(self) -> None:
        self.signal(signal.SIGTERM)

    def wait(self, limit: float = SOON) -> int:
        """Its exit code, once it has ended by itself."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"minisup still runs after {limit} s:\n{self.stderr}") from None

    def end(self) -> bool:
        """End it, if it still runs; false when it had to be killed."""
        if self.process.poll() is not None:
            return True
        try:
            self.ask("shutdown", now=True)
        except (MinisupError, OSError):
            self.term()
        try:
            self.process.wait(SOON)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(SOON)
            return False
        return True


class Stage:
    """What one test may use: a directory, a mark, and the processes that it starts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mark = uuid.uuid4().hex
        self.daemons: list[Daemon] = []
        self.processes: list[subprocess.Popen[Any]] = []
        self._short: tempfile.TemporaryDirectory[str] | None = None
        self.socket = self._socket_path()

    def _socket_path(self) -> Path:
        path = self.root / "s"
        if len(str(path)) <= LONGEST_SOCKET_PATH:
            return path
        self._short = tempfile.TemporaryDirectory(prefix="minisup-", dir="/tmp")
        return Path(self._short.name) / "s"

    def environ(self, **extra: str) -> dict[str, str]:
        """This process's environment with the mark, and without anything that would lead minisup elsewhere."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("MINISUP_")}
        return {**inherited, MARK: self.mark, **extra}

    def path(self, name: str) -> Path:
        return self.root / name

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        """A file that appears whole, in one moment."""
        path = self.root / name
        fresh = self.root / f".{name.replace('/', '_')}.{threading.get_ident()}.new"  # two threads may write one file
        fresh.write_text(text)
        fresh.chmod(mode)
        fresh.rename(path)
        return path

    def script(self, name: str, body: str) -> Path:
        return self.write(name, f"#!/bin/sh\n{body}\n", 0o755)

    def lines(self, name: str) -> list[str]:
        """The whole lines of a file that jobs write; none while there is no such file."""
        path = self.root / name
        return path.read_text().splitlines() if path.exists() else []

    def config(self, *programs: str, supervisor: str = 'shutdown_timeout = "4s"', name: str = "minisup.toml") -> Path:
        """Write a configuration whose socket and state are in this stage's directory."""
        head = f"[supervisor]\nsocket = {toml(self.socket)}\nstate_dir = {toml(self.root / 'state')}\n{supervisor}\n"
        return self.write(name, "\n".join([head, *programs]))

    def up(self, *programs: str, supervisor: str = 'shutdown_timeout = "4s"', **keys: Any) -> Daemon:
        """Start `minisup up` with these programs; `keys` as for `up_file`."""
        return self.up_file(self.config(*programs, supervisor=supervisor), **keys)

    def up_file(
        self,
        config: Path,
        *,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        ready: bool = True,
        entry: Sequence[str] = ("-m", "minisup"),
        python: str = sys.executable,
        **popen: Any,
    ) -> Daemon:
        """Start `minisup up`. `before` are words before the interpreter (`unshare --pid`), `popen` is for `Popen`."""
        number = len(self.daemons)
        stdout, stderr = self.root / f"stdout.{number}", self.root / f"stderr.{number}"
        command = [*before, python, *entry, "up", "-c", str(config), *args]
        popen = {"cwd": self.root, "stdin": subprocess.DEVNULL, **popen}
        with stdout.open("wb") as out, stderr.open("wb") as err:
            popen = {"stdout": out, "stderr": err, **popen}
            process = subprocess.Popen(command, env=self.environ(**(env or {})), **popen)
        daemon = Daemon(process, self.socket, stdout, stderr)
        self.daemons.append(daemon)
        return daemon.until_it_answers() if ready else daemon

    def popen(
        self, command: Sequence[object], env: Mapping[str, str] | None = None, **keys: Any
    ) -> subprocess.Popen[Any]:
        """Start something else that must not survive the test."""
        process = subprocess.Popen([str(word) for word in command], env=self.environ(**(env or {})), **keys)
        self.processes.append(process)
        return process

    def run(self, *words: object, limit: float = 30.0, **keys: Any) -> subprocess.CompletedProcess[str]:
        """Run one `minisup` command to its end; it reads nothing, or `input`."""
        command = [sys.executable, "-m", "minisup", *(str(word) for word in words)]
        nothing = {} if "input" in keys else {"stdin": subprocess.DEVNULL}
        keys = {"env": self.environ(), "cwd": self.root, **nothing, **keys}
        return subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False, **keys)

    def command(self, *words: object, **keys: Any) -> subprocess.CompletedProcess[str]:
        """Run one `minisup` command against this stage's socket."""
        return self.run("-s", self.socket, *words, **keys)

    def marked(self) -> list[int]:
        """The processes that carry this stage's mark."""
        needle = f"{MARK}={self.mark}".encode()
        return [pid for pid in pids() if needle in environ_of(pid).split(b"\0")]

    def jobs(self) -> list[int]:
        """The marked processes that are not minisup itself, nor anything else that the test started directly."""
        own = {daemon.pid for daemon in self.daemons} | {process.pid for process in self.processes}
        return [pid for pid in self.marked() if pid not in own]

    def close(self) -> None:
        """End everything that this test started and fail if something had to be ended that should have been gone."""
        stuck = [daemon.pid for daemon in self.daemons if not daemon.end()]
        for process in self.processes:
            process.kill()
            process.wait(SOON)
        for process in [*self.processes, *(daemon.process for daemon in self.daemons)]:
            if process.stdout is not None:
                process.stdout.close()
        try:
            survivors = self._survivors()
        finally:
            for daemon in self.daemons:
                sys.stdout.write(
                    f"--- stderr of minisup {daemon.pid} (exit {daemon.process.returncode})\n{daemon.stderr[-4000:]}\n"
                )
            if self._short is not None:
                self._short.cleanup()
        broken = [daemon.pid for daemon in self.daemons if daemon.says_it_is_broken()]
        assert not broken, f"minisup found itself broken: {broken}"
        assert not stuck, f"minisup did not end when it was told to: {stuck}"
        assert not survivors, f"survived the end of the test: {survivors}"

    def _survivors(self) -> dict[int, str]:
        try:
            wait_until(lambda: not self.marked(), 1.0)
        except AssertionError:
            pass
        found = {pid: describe(pid) for pid in self.marked()}
        for pid in found:
            kill(pid)
        return found

    def end_survivors(self) -> None:
        """End what a daemon that was killed left behind, where the test meant that to happen."""
        for _ in range(100):
            for pid in self.jobs():
                kill(pid)
            if not self.jobs():
                return
            pause(0.02)
