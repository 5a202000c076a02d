"""The queue of a program, asked by a process with the program's user, directory and environment.

The secrets of a queue are in that environment (`AWS_PROFILE`, a `.netrc`), and a file that root puts into a directory
is one that the program may not move. As another user the process starts in a session of its own: it cannot type into
the terminal of who asks.
"""

import json
import os
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from minisup.config.load import find_config, load
from minisup.config.schema import Config, ProgramTable
from minisup.errors import MinisupError, NoSuchTargetError
from minisup.host.source.settings import module_places, queue_name, settings_of
from minisup.host.start.environment import changes_identity, child_environment
from minisup.host.start.recipes import account

HELPER: Final = "minisup.receivers.queue_helper"
BEGIN: Final = (
    "import sys; from importlib import import_module; sys.path += sys.argv[2:]; import_module(sys.argv[1]).main()"
)


class ProgramQueue:
    """An open queue. `verb` begins the errors: `cannot push to email: ...`."""

    def __init__(self, config: Config, program: ProgramTable, verb: str) -> None:
        """Start the process and open the queue. Raises MinisupError."""
        self.name = queue_name(program)
        self._verb = verb
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _start(config, program, theirs)
            except (OSError, subprocess.SubprocessError) as error:
                ours.close()
                raise MinisupError(f"{verb}: {_not_started(program, error)}") from None
        self._socket = ours
        self._lines = ours.makefile("rb")
        directory = program.for_slot(0).directory
        try:
            self._ask(open=settings_of(program), directory=directory)
        except BaseException:
            self.close()
            raise

    def push(self, body: bytes, attributes: Mapping[str, str]) -> str:
        """Put a message in; returns its id. Raises MinisupError."""
        made: str = self._ask(push=b64encode(body).decode(), attributes=dict(attributes))["id"]
        return made

    def redrive(self) -> int:
        """Bring back what was set aside; returns how many messages. Raises MinisupError."""
        count: int = self._ask(redrive=True)["count"]
        return count

    def close(self) -> None:
        """End the process."""
        self._lines.close()
        self._socket.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _ask(self, **asked: object) -> dict[str, Any]:
        try:
            self._socket.sendall(json.dumps(asked).encode() + b"\n")
            line = self._lines.readline()
        except OSError:
            line = b""
        if not line:
            raise MinisupError(f"{self._verb}: the process that asks its queue has ended; its last words are above")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise MinisupError(f"{self._verb}: {answer['error']}")
        return answer


def open_queue_of(name: str, path: str | None, verb: str) -> ProgramQueue:
    """The queue of this program of the configuration. Raises MinisupError.

    `verb` as it is typed: `push`.
    """
    file = find_config(path, os.environ)
    config = load(file, os.environ, guarded=True)
    program = config.programs.get(name)
    if program is None:
        raise NoSuchTargetError(
            f"cannot {verb}: {file} has no program {name!r}; it has {', '.join(config.programs)}",
            tuple(config.programs),
        )
    why = _no_queue(program)
    begin = f"cannot {verb} {name}" if verb == "redrive" else f"cannot {verb} to {name}"
    if why:
        raise MinisupError(f"{begin}: {why}")
    return ProgramQueue(config, program, begin)


def _no_queue(program: ProgramTable) -> str:
    """Why there is no queue that minisup itself can write to; empty: there is one."""
    if program.source is None:
        return "it has no source, so it asks its queue itself; use that queue's own tools, or give it a source"
    if program.source.command is not None:
        receiver = program.receiver_command(hide=True)[0]
        return f"only its receiver ({receiver}) knows its queue; use that queue's own tools"
    return ""


def _start(config: Config, program: ProgramTable, end: socket.socket) -> subprocess.Popen[bytes]:
    who = account(program.identity)
    own = program.for_slot(0)
    environment = child_environment(
        inherited={} if program.clear_env else os.environ,
        account=who,
        layers=(config.supervisor.environment, own.environment),
        program=program.name,
        slot=0,
        numprocs=program.numprocs,
        here=program.origin.here,
    )
    identity: dict[str, Any] = {}
    if who is not None and changes_identity(who):
        identity = {"user": who.uid, "group": who.gid, "extra_groups": who.groups}
    return subprocess.Popen(
        [sys.executable, "-I", "-c", BEGIN, HELPER, *module_places()],
        env=dict(os.fsdecode(item).split("=", 1) for item in environment),
        stdin=end.fileno(),
        stdout=end.fileno(),
        start_new_session=True,
        umask=-1 if program.umask is None else program.umask,
        **identity,
    )


def _not_started(program: ProgramTable, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    if program.identity is None:
        return f"cannot start {sys.executable}: {reason}"
    who = program.identity.name or f"user {program.identity.uid}"
    if os.geteuid() and isinstance(error, PermissionError):
        return f"it runs as {who}, and only root may become that user; use sudo, or run this as {who}"
    return f"cannot start {sys.executable} as {who}: {reason}"
