"""What the client is told when it does not get what it asked for, as errors with their exit codes."""

from __future__ import annotations

import json

from minisup.errors import (
    ConfigError,
    GivenUpError,
    MinisupError,
    NoSuchTargetError,
    NotReachableError,
    TakenError,
    UsageError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OURS = -32000
INVALID_PARAMS = -32602

ADVICE = (
    "  is `minisup up` running? in a container: docker exec CONTAINER minisup status. "
    "Another socket: --socket PATH or MINISUP_SOCKET"
)


_CLASSES: dict[int, type[MinisupError]] = {
    kind.exit_code: kind for kind in (UsageError, NotReachableError, TakenError, GivenUpError, ConfigError)
}


class BusyError(MinisupError):
    """All connections of minisup are in use: try again."""


def read_reply(line: bytes, path: str) -> dict[str, Any]:
    """The reply in a line. Raises NotReachableError when it is none."""
    try:
        reply = json.loads(line)
    except (ValueError, RecursionError):
        raise nonsense(path) from None
    if not isinstance(reply, dict):
        raise nonsense(path)
    return reply


def nonsense(path: str, what: str = "") -> NotReachableError:
    """What listens at `path` does not speak as minisup does; `what` says where."""
    where = f" ({what})" if what else ""
    return NotReachableError(f"cannot reach minisup: what answers at {path} is something else{where}\n{ADVICE}")


def unreachable(failures: list[tuple[str, OSError]]) -> NotReachableError:
    """None of the sockets could be connected to: the most telling failure, and what else was tried."""
    telling = [failure for failure in failures if not isinstance(failure[1], FileNotFoundError)]
    path, error = (telling or failures)[0]
    others = ", ".join(other for other, _ in failures if other != path)
    also = f" (also tried {others})" if others else ""
    if isinstance(error, PermissionError):
        advice = "  ask as the user who runs minisup (sudo), or see supervisor.socket_mode and supervisor.socket_group"
        return NotReachableError(f"cannot reach minisup: no permission for {path}{also}\n{advice}")
    if isinstance(error, FileNotFoundError):
        what = f"no socket at {path}"
    elif isinstance(error, ConnectionRefusedError):
        what = f"nobody listens at {path}"
    else:
        what = f"{path}: {(error.strerror or str(error)).lower()}"
    return NotReachableError(f"cannot reach minisup: {what}{also}\n{ADVICE}")


def error_in(reply: dict[str, Any]) -> MinisupError:
    """The error that a reply carries, of the class that has its exit code."""
    found = _table(reply["error"])
    said, code, data = found.get("message"), found.get("code"), _table(found.get("data"))
    message = said if isinstance(said, str) else "cannot do that: minisup does not say why"
    if reply.get("id") is None and code == OURS - 1:
        return BusyError(message)
    if code == INVALID_PARAMS:
        return UsageError(message)
    exit_code = OURS - code if isinstance(code, int) and 0 < OURS - code < 100 else 1  # noqa: PLR2004 -- our range
    if exit_code == NoSuchTargetError.exit_code:
        targets, hint = data.get("targets"), data.get("hint")
        names = [name for name in targets if isinstance(name, str)] if isinstance(targets, list) else []
        return NoSuchTargetError(message, names, hint if isinstance(hint, str) else "")
    error = _CLASSES.get(exit_code, MinisupError)(message)
    error.exit_code = exit_code
    return error


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
