"""JSON-RPC 2.0, one object a line, as bytes in and bytes out: no socket, no clock, no method is called here.

Whatever arrives, `LineBuffer` and `parse` either give a `Call` or raise a `Fault` that knows its own reply.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from minisup.control.parameters import Method, Parameter
from minisup.errors import MinisupError

MAX_LINE: Final = 1 << 20
"""The longest request, in bytes, without its newline."""

SUCH_AS: Final = 'write one line such as {"jsonrpc": "2.0", "id": 1, "method": "status"}'
"""What to do about a line that cannot be understood."""

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
OURS: Final = -32000
"""Our own errors: this minus the exit code that the command line gives."""

Id = str | int | float | None


class Call(NamedTuple):
    """One request. Without `wants_reply` it is a notification: carried out, never answered."""

    id: Id
    method: str
    params: dict[str, Any]
    wants_reply: bool


class Fault(Exception):  # noqa: N818 -- it names what the client did, not what went wrong here
    """A request that cannot be served. `closes` means that the connection cannot go on after the reply."""

    def __init__(self, code: int, message: str, *, closes: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.closes = closes
        self.id: Id = None
        self.wants_reply = True

    def reply(self) -> bytes:
        """The line that tells the client."""
        return error_line(self.id, self.code, str(self))


class LineBuffer:
    """Bytes in, whole lines out. Blank lines are skipped."""

    __slots__ = ("_buffer", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        self._buffer += data

    def next(self) -> bytes | None:
        """The next whole line, or None if it has not arrived yet. Raises `Fault` when it is too long."""
        while (end := self._buffer.find(b"\n", self._searched)) >= 0:
            self._check_length(end)
            line = bytes(self._buffer[:end]).strip()
            del self._buffer[: end + 1]
            self._searched = 0
            if line:
                return line
        self._searched = len(self._buffer)
        self._check_length(self._searched)
        return None

    @property
    def waiting(self) -> bool:
        """Whether `next` would have something to say."""
        return len(self._buffer) > MAX_LINE or self._buffer.find(b"\n", self._searched) >= 0

    def _check_length(self, length: int) -> None:
        if length > MAX_LINE:
            self._buffer.clear()
            self._searched = 0
            raise Fault(INVALID_REQUEST, f"cannot take a request of more than {MAX_LINE} bytes; split it", closes=True)


def parse(line: bytes, methods: Mapping[str, Method]) -> Call:
    """The call of one of `methods` that a line asks for. Raises `Fault`, and nothing else, for all that is none."""
    request = _load(line)
    if isinstance(request, list):
        raise Fault(INVALID_REQUEST, "cannot take a batch; send one request a line", closes=True)
    if not isinstance(request, dict):
        raise Fault(INVALID_REQUEST, f"cannot read the request: it is not an object; {SUCH_AS}")
    wants_reply = "id" in request
    identity = _identity(request.get("id"))
    try:
        method = _method(request, methods)
        params = _params(method, methods[method].parameters, request.get("params"))
        return Call(identity, method, params, wants_reply)
    except Fault as fault:
        fault.id = identity
        fault.wants_reply = wants_reply or fault.code == INVALID_REQUEST
        raise


def result_line(identity: Id, result: object) -> bytes:
    """The reply that carries a result. Raises ValueError, TypeError or RecursionError when it is not plain data."""
    return _dump({"jsonrpc": "2.0", "id": identity, "result": result})


def notification_line(method: str, params: Mapping[str, object]) -> bytes:
    """What a client that follows is told: no reply is wanted. Raises as `result_line`."""
    return _dump({"jsonrpc": "2.0", "method": method, "params": params})


def error_line(identity: Id, code: int, message: str, data: Mapping[str, object] | None = None) -> bytes:
    """The reply that carries an error."""
    error: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        error["data"] = dict(data)
    return _dump({"jsonrpc": "2.0", "id": identity, "error": error})


def refusal_line(identity: Id, error: MinisupError) -> bytes:
    """The reply for one of our own errors: its exit code, the targets that it is about, and a hint."""
    targets: Sequence[str] = getattr(error, "targets", ())
    data = {"targets": list(targets), "hint": getattr(error, "hint", "")}
    return error_line(identity, OURS - error.exit_code, str(error), data)


def _load(line: bytes) -> object:
    try:
        return json.loads(line.decode(), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise Fault(PARSE_ERROR, f"cannot parse the request: {error.msg} at column {error.colno}; {SUCH_AS}") from None
    except UnicodeDecodeError as error:
        raise Fault(PARSE_ERROR, f"cannot parse the request: byte {error.start} is not UTF-8; {SUCH_AS}") from None
    except ValueError as error:
        raise Fault(PARSE_ERROR, f"cannot parse the request: {error}; {SUCH_AS}") from None
    except RecursionError:
        raise Fault(PARSE_ERROR, f"cannot parse the request: it is nested too deeply; {SUCH_AS}") from None


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _identity(value: object) -> Id:
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")):
        return value
    if isinstance(value, str):
        return value
    raise Fault(INVALID_REQUEST, f"cannot read the request: id is neither a string nor a number; {SUCH_AS}")


def _method(request: Mapping[str, object], methods: Mapping[str, Method]) -> str:
    if request.get("jsonrpc") != "2.0":
        raise Fault(INVALID_REQUEST, f'cannot read the request: it lacks "jsonrpc": "2.0"; {SUCH_AS}')
    method = request.get("method")
    if not isinstance(method, str):
        raise Fault(INVALID_REQUEST, f"cannot read the request: it lacks a method name; {SUCH_AS}")
    if method in methods:
        return method
    raise Fault(METHOD_NOT_FOUND, f"cannot call {_shown(method)}: no such method; there are {', '.join(methods)}")


def _params(method: str, known: Mapping[str, Parameter], given: object) -> dict[str, Any]:
    if given is None:
        given = {}
    if not isinstance(given, dict | list):
        raise Fault(INVALID_REQUEST, f"cannot read the request: params is not an object; {SUCH_AS}")
    if isinstance(given, list):
        raise Fault(INVALID_PARAMS, f"cannot call {method}: params go by name, in an object; {SUCH_AS}")
    if unknown := [name for name in given if name not in known]:
        names = ", ".join(known) or "none"
        raise Fault(INVALID_PARAMS, f"cannot call {method}: unknown parameter {_shown(unknown[0])}; it takes {names}")
    try:
        return {name: parameter.read(name, given.get(name)) for name, parameter in known.items()}
    except ValueError as error:
        raise Fault(INVALID_PARAMS, f"cannot call {method}: {error}") from None


def _shown(name: str) -> str:
    return json.dumps(name[:40])


def _dump(message: Mapping[str, object]) -> bytes:
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"
