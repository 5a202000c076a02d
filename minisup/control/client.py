"""The other end of the control socket. The command line, `minisup health` and everybody's scripts go through it.

Imports next to nothing, not even `typing`: `minisup health` runs every few seconds in every container.
"""

from __future__ import annotations

import json
import os
import select
import socket as sockets
import time

from minisup.control import connecting
from minisup.control.rpc_errors import ADVICE, BusyError, error_in, nonsense, read_reply, unreachable
from minisup.errors import MinisupError, NotReachableError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from types import TracebackType
    from typing import Any, Self

    from minisup.core.status import StatusDocument

TIMEOUT = 10.0
"""Seconds to wait for a reply that does not wait for runs."""

REOPEN_TIMEOUT = 8.0
"""Seconds that files may take to be opened anew, on a disk that is slow."""

LONGEST = 64 << 20
"""Bytes of one answer: more than ten thousand slots have to say."""

MOST_STRAYS = 1000
"""Replies to earlier calls, given up meanwhile, that may come before the one that is waited for."""

HEALTH_TIMEOUT = 2.0
"""Seconds after which no answer is an unhealthy one."""


class Client:
    """A connection to a running minisup, made by the first call and used by all that follow.

    `socket` is a path, or several that are tried in turn; without it $MINISUP_SOCKET, else the default places. Every
    method raises NotReachableError when no minisup answers, NoSuchTargetError when a target matches nothing, and
    another MinisupError with its exit code for whatever else is refused. Durations are seconds.
    """

    def __init__(self, socket: str | Sequence[str] | None = None, *, timeout: float = TIMEOUT) -> None:
        self.timeout = timeout
        self.paths = connecting.paths(socket)
        self._socket: sockets.socket | None = None
        self._received = bytearray()
        self._last_id = 0

    # --- the methods ---

    def status(self, targets: str | Sequence[str] = ()) -> StatusDocument:
        """The document of `minisup status --json`, of all programs or of these."""
        document: StatusDocument = self._object("status", {"targets": targets})  # type: ignore[assignment] # its shape is checked
        return document

    def why(self, targets: str | Sequence[str]) -> dict[str, Any]:
        """Why the targets' programs are or are not running, and what happens next; see the documentation of `why`."""
        return self._object("why", {"targets": targets})

    def start(
        self, targets: str | Sequence[str], *, now: bool = False, wait: bool = False, timeout: float | None = None
    ) -> dict[str, Any]:
        """Want these slots to run; with `wait`, return when each has started a run. `now` skips their waits."""
        return self.ask("start", targets, now=now, wait=wait, timeout=timeout)

    def stop(
        self, targets: str | Sequence[str], *, now: bool = False, wait: bool = False, timeout: float | None = None
    ) -> dict[str, Any]:
        """Drain and stop these slots; with `wait`, return when they are off. `now` skips the drain."""
        return self.ask("stop", targets, now=now, wait=wait, timeout=timeout)

    def restart(
        self, targets: str | Sequence[str], *, now: bool = False, wait: bool = False, timeout: float | None = None
    ) -> dict[str, Any]:
        """Start a fresh run in each of these slots when its run ends; with `wait`, return when all have."""
        return self.ask("restart", targets, now=now, wait=wait, timeout=timeout)

    def pause(
        self, targets: str | Sequence[str], *, now: bool = False, wait: bool = False, timeout: float | None = None
    ) -> dict[str, Any]:
        """No new run in these slots until `resume` or `start`; with `wait`, return when none is in progress.

        Runs in progress may finish; `now` signals them.
        """
        return self.ask("pause", targets, now=now, wait=wait, timeout=timeout)

    def resume(
        self, targets: str | Sequence[str], *, now: bool = False, wait: bool = False, timeout: float | None = None
    ) -> dict[str, Any]:
        """End the pause of these slots; with `wait`, return when each has started a run. `now` skips their waits."""
        return self.ask("resume", targets, now=now, wait=wait, timeout=timeout)

    def ask(
        self,
        verb: str,
        targets: str | Sequence[str],
        *,
        now: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        told: Callable[[dict[str, Any]], object] | None = None,
    ) -> dict[str, Any]:
        """Any request on slots by its name; `start`, `stop`, `restart`, `pause` and `resume` are such.

        `told` hears twice a second how far it is: `{"done", "of", "missing": [{"phase", "slots", "longest"}, ...]}`.
        """
        params = {"targets": targets, "now": now, "wait": wait, "timeout": timeout}
        return self._object(verb, params, None if wait else self._soon(), "on slots", told)

    def signal(self, signal: str | int, targets: str | Sequence[str]) -> dict[str, Any]:
        """Send a signal (`"TERM"`, `"SIGTERM"`, 15) to the runs in progress: `{"done": true, "slots": [...]}`.

        MinisupError when there is none.
        """
        return self._object("signal", {"signal": signal, "targets": targets})

    def scale(
        self,
        target: str,
        numprocs: int,
        *,
        now: bool = False,
        wait: bool = False,
        timeout: float | None = None,
        told: Callable[[dict[str, Any]], object] | None = None,
    ) -> dict[str, Any]:
        """Give a program so many slots; with `wait`, return when those that were too many are gone.

        Their runs in progress may finish; `now` signals them. `told`: as `ask`.
        """
        params = {"target": target, "numprocs": numprocs, "now": now, "wait": wait, "timeout": timeout}
        return self._object("scale", params, None if wait else self._soon(), told=told)

    def run(self, target: str, *, wait: bool = False, timeout: float | None = None) -> dict[str, Any]:
        """One extra run of a program, now: `{"accepted": true, "slot", "run", "output", "not_ready"}`.

        With `wait`, return when it has ended: `{"done": true, "slot", "run", "outcome", "code", "signal", "duration",
        "cause"}`.
        """
        params = {"target": target, "wait": wait, "timeout": timeout}
        return self._object("run", params, None if wait else self._soon())

    def run_follow(self, target: str) -> Generator[dict[str, Any], None, None]:
        """One extra run of a program, now, and what it prints, as it comes.

        First `{"began": {"slot", "run", "output", "not_ready"}}`, then blocks of lines `{"slot", "run", "stream",
        "timestamp", "lines"}`, last `{"result": {...}}` as `run` with `wait` has it. The iterator has a connection of
        its own; `close()` ends that and not the run. Raises as `logs_follow`.
        """
        from minisup.control.notifications import follow  # noqa: PLC0415 -- as below

        return follow(Client(self.paths, timeout=self.timeout), "run.follow", {"target": target})

    def logs(self, targets: str | Sequence[str] = (), *, lines: int = 100, run: int | None = None) -> dict[str, Any]:
        """The last lines of output: `{"lines": [{"slot", "run", "stream", "timestamp", "text"}, ...]}`."""
        return self._object("logs", {"targets": targets, "lines": lines, "run": run})

    def logs_follow(
        self, targets: str | Sequence[str] = (), *, lines: int = 0, run: int | None = None
    ) -> Generator[dict[str, Any], None, None]:
        """The last `lines` of output, then each line as it comes: `{"slot", "run", "stream", "timestamp", "text"}`.

        The iterator ends when minisup does, or by its `close()`; it has a connection of its own, which ends with it. It
        raises MinisupError when it is not asked for lines fast enough, NotReachableError when minisup dies.
        """
        from minisup.control.notifications import blocks, lines_in  # noqa: PLC0415 -- `minisup health` never needs it

        return lines_in(blocks(Client(self.paths, timeout=self.timeout), targets, lines, run))

    def reopen(self, *, timeout: float = REOPEN_TIMEOUT) -> dict[str, Any]:
        """Open all log files anew by their names, as USR1 does.

        `{"done": true, "files": [path, ...], "failed": {path: why}}`; nothing more goes to what had these names before.
        """
        return self._object("reopen", {"timeout": timeout}, self._soon() + timeout)

    def reload(self, *, dry_run: bool = False) -> dict[str, Any]:
        """Let minisup read its configuration again; what that changes. Raises ConfigError when it has problems."""
        return self._object("reload", {"dry_run": dry_run})

    def history(self) -> dict[str, Any]:
        """Where the history is: `{"file": PATH, "runs": []}`, or in memory `{"file": None, "runs": [...]}`.

        A run is the object that `minisup history --json` prints; the last 1,000 are kept in memory.
        """
        return self._object("history", {})

    def events(self, targets: str | Sequence[str] = (), *, lines: int = 100) -> dict[str, Any]:
        """The last facts: `{"events": [{"timestamp", "level", "message", "fact", "fields"}, ...]}`."""
        return self._object("events", {"targets": targets, "lines": lines})

    def events_follow(
        self, targets: str | Sequence[str] = (), *, lines: int = 0
    ) -> Generator[dict[str, Any], None, None]:
        """The last `lines` facts, then every one as it comes, those of single runs included. Ends as `logs_follow`."""
        from minisup.control.notifications import events_in, follow  # noqa: PLC0415 -- as above

        params = {"targets": targets if isinstance(targets, str) else list(targets), "lines": lines}
        return events_in(follow(Client(self.paths, timeout=self.timeout), "events.follow", params))

    def health(self, targets: str | Sequence[str] = (), *, max_age: float | None = None) -> dict[str, Any]:
        """`{"healthy": bool, "reason": str | None}`. No answer in 2 s is NotReachableError.

        Without targets: of minisup as a whole. `max_age` (seconds) needs targets.
        """
        deadline = time.monotonic() + HEALTH_TIMEOUT
        while True:
            try:
                return self._object("health", {"targets": targets, "max_age": max_age}, deadline)
            except BusyError:
                if time.monotonic() + 5 * connecting.RETRY > deadline:
                    raise
                time.sleep(5 * connecting.RETRY)

    def shutdown(
        self, *, now: bool = False, wait: bool = False, told: Callable[[dict[str, Any]], object] | None = None
    ) -> dict[str, Any]:
        """Drain and stop everything and end minisup; with `wait`, return when its process is gone. `told`: as `ask`."""
        if not wait:
            return self._object("shutdown", {"now": now, "wait": False})
        self._connect(self._soon())
        process = connecting.process(self._socket)
        try:
            result = self._object("shutdown", {"now": now, "wait": True}, None, told=told)
            self._await_end(process)
        finally:
            if process is not None:
                os.close(process)
        return result

    def version(self) -> dict[str, Any]:
        """`{"version", "pid", "instance"}` of the running minisup."""
        return self._object("version", {})

    # --- the connection ---

    def call(
        self,
        method: str,
        params: Mapping[str, object],
        deadline: float | None,
        told: Callable[[dict[str, Any]], object] | None = None,
    ) -> Any:  # noqa: ANN401 -- JSON
        """The result of any method by its name. `deadline` is a time of `time.monotonic()`; None waits for ever.

        `told`: hears how far it is, of a method with `progress`.
        """
        self._connect(deadline)
        self._last_id += 1
        given = {name: value for name, value in params.items() if value is not None}
        request = {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": given}
        try:
            self._send(json.dumps(request).encode() + b"\n", deadline)
            return self._result(method, deadline, told)
        except TimeoutError:
            self.close()
            raise NotReachableError(
                f"cannot reach minisup: it took the call at {self.path} and did not answer in time\n"
                "  it may be stopped (SIGSTOP) or very busy; try again, and look at its own output"
            ) from None
        except BaseException as error:
            if not isinstance(error, MinisupError) or isinstance(error, NotReachableError):
                self.close()  # a reply may still come, and must not be taken for the next one's
            raise

    def read_line(self) -> bytes:
        """The next line that comes, whenever that is. Raises ConnectionError or EOFError when minisup hangs up."""
        return self._line(None)

    @property
    def path(self) -> str:
        """The socket that answered, else the first that would be tried."""
        return self.paths[0]

    def close(self) -> None:
        """Hang up. The next call connects again."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._received.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _soon(self) -> float:
        return time.monotonic() + self.timeout

    def _object(
        self,
        method: str,
        params: dict[str, Any],
        deadline: float | None = -1.0,
        shape: str = "",
        told: Callable[[dict[str, Any]], object] | None = None,
    ) -> dict[str, Any]:
        """The object that a method answers, if it has the `shape` (empty: that of the method)."""
        if "targets" in params and not isinstance(params["targets"], str):
            params["targets"] = list(params["targets"])
        until = self._soon() if deadline == -1.0 else deadline
        result = self.call(method, params, until) if told is None else self._told(method, params, until, told)
        if not isinstance(result, dict):
            raise nonsense(self.path)
        if method == "health":  # it must cost next to nothing, and says one word
            where = None if isinstance(result.get("healthy"), bool) else "healthy"
        else:
            where = self._misfit(shape or method, result)
        if where is not None:
            self.close()
            raise nonsense(self.path, f"{method}: {where}")
        return result

    def _told(
        self,
        method: str,
        params: dict[str, Any],
        deadline: float | None,
        told: Callable[[dict[str, Any]], object],
    ) -> Any:  # noqa: ANN401 -- JSON
        """As `call`, and `told` hears how far it is. A minisup from before an upgrade does not say that."""
        try:
            return self.call(method, {**params, "progress": True}, deadline, told)
        except UsageError as error:
            if 'unknown parameter "progress"' not in str(error):
                raise
        return self.call(method, params, deadline)

    def _misfit(self, method: str, result: dict[str, Any]) -> str | None:
        from minisup.control.shapes import SHAPES, misfit  # noqa: PLC0415 -- as said above

        return misfit(result, SHAPES[method]) if method in SHAPES else None

    def _connect(self, deadline: float | None) -> None:
        if self._socket is not None and not connecting.hung_up(self._socket):
            return
        self.close()
        failures: list[tuple[str, OSError]] = []
        for path in self.paths:
            try:
                self._socket = connecting.connected(path, self._soon() if deadline is None else deadline)
            except OSError as error:
                failures.append((path, error))
            else:
                self.paths = [path]
                return
        raise unreachable(failures)

    def _send(self, line: bytes, deadline: float | None) -> None:
        assert self._socket is not None
        self._socket.settimeout(connecting.left(deadline))
        try:
            self._socket.sendall(line)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it hung up, and may have said why

    def _result(self, method: str, deadline: float | None, told: Callable[[dict[str, Any]], object] | None) -> Any:  # noqa: ANN401 -- JSON
        strays = 0
        while strays < MOST_STRAYS:
            try:
                line = self._line(deadline)
            except (ConnectionError, EOFError):
                if method == "shutdown":
                    return {"accepted": True}  # it is gone, which is what was asked for
                raise NotReachableError(
                    f"cannot reach minisup: it hung up at {self.path} without an answer\n{ADVICE}"
                ) from None
            reply = read_reply(line, self.path)
            if told is not None and reply.get("method") == method:
                told(self._progress(reply))
                continue
            if reply.get("id") not in (self._last_id, None):
                strays += 1
                continue  # of an earlier call that was given up
            if "error" in reply:
                raise error_in(reply)
            return reply.get("result")
        raise nonsense(self.path)

    def _progress(self, news: dict[str, Any]) -> dict[str, Any]:
        from minisup.control.shapes import PROGRESS, misfit  # noqa: PLC0415 -- as said above

        params = news.get("params")
        where = misfit(params, {"progress": PROGRESS})
        if where is not None or not isinstance(params, dict):
            raise nonsense(self.path, f"{news['method']}: {where}")
        progress: dict[str, Any] = params["progress"]
        return progress

    def _line(self, deadline: float | None) -> bytes:
        assert self._socket is not None
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if searched > LONGEST:
                raise nonsense(self.path, f"an answer of more than {LONGEST >> 20} MiB; name fewer targets or lines")
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError  # it sends and sends
            self._socket.settimeout(connecting.left(deadline))
            data = self._socket.recv(1 << 18)
            if not data:
                raise EOFError
            self._received += data
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def _await_end(self, process: int | None) -> None:
        deadline = self._soon()
        try:
            while self._socket is not None:
                self._line(deadline)
        except (OSError, EOFError):
            self.close()
        if process is not None:
            ended = select.poll()
            ended.register(process, select.POLLIN)
            ended.poll(1000 * self.timeout)
