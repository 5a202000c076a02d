"""What each method answers, as far as somebody relies on it: whatever listens at the socket, nobody trips over it.

A shape is a type, None, a tuple of shapes that are all right, a list with the shape of its items, a dict with the
shapes of its keys (`name?` may be missing; others may be there), or a function that says whether a value is one.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LARGEST = 1 << 63
"""No number of ours is as large."""

SIGNIFICANT = 1e15
"""Seconds, and the like."""


def misfit(value: object, shape: object, at: str = "") -> str | None:
    """Where a value is not as its shape, such as `programs.0.name`; None: it fits."""
    if isinstance(shape, dict):
        return _misfit_of_object(value, shape, at)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return at or "."
        places = (misfit(item, shape[0], f"{at}.{number}") for number, item in enumerate(value))
        return next((place for place in places if place is not None), None)
    if isinstance(shape, tuple):
        return None if any(misfit(value, one, at) is None for one in shape) else at or "."
    return None if _is(value, shape) else at or "."


def _misfit_of_object(value: object, shape: Mapping[str, object], at: str) -> str | None:
    if not isinstance(value, dict):
        return at or "."
    for name, inner in shape.items():
        key = name.removesuffix("?")
        if key not in value:
            if key == name:
                return f"{at}.{key}".lstrip(".")
            continue
        if (place := misfit(value[key], inner, f"{at}.{key}".lstrip("."))) is not None:
            return place
    return None


def _is(value: object, shape: object) -> bool:
    if shape is None or value is None or shape is bool:
        return value is None if shape is None else isinstance(value, bool)
    if shape is int:
        return isinstance(value, int) and not isinstance(value, bool) and -LARGEST < value < LARGEST
    if shape is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and -SIGNIFICANT < value < SIGNIFICANT
    if isinstance(shape, type):
        return isinstance(value, shape)
    assert callable(shape)
    return bool(shape(value))


def moment(value: object) -> bool:
    """An instant in ISO 8601."""
    from datetime import datetime  # noqa: PLC0415 -- few answers have one that anybody reads

    try:
        datetime.fromisoformat(str(value)).astimezone()
    except (ValueError, OverflowError):
        return False
    return isinstance(value, str)


def signal(value: object) -> bool:
    """The name of a signal."""
    from signal import Signals  # noqa: PLC0415 -- as above

    return isinstance(value, str) and value in Signals.__members__


def slot_name(value: object) -> bool:
    """`email:0`."""
    number = value.rpartition(":")[2] if isinstance(value, str) else ""
    return number.isascii() and number.isdigit() and len(number) <= 9  # noqa: PLR2004 - nobody has more


def one_of(*words: str) -> Callable[[object], bool]:
    """One of these words."""
    return lambda value: isinstance(value, str) and value in words


def decision(value: object) -> bool:
    """Why and how a program has scaled itself."""
    if misfit(value, _DECISION) is not None or not isinstance(value, dict):
        return False
    return value["reason"] not in {"backlog", "load", "quiet"} or value["visible"] is not None


MAYBE_INT, MAYBE_FLOAT, MAYBE_STR = (int, None), (float, None), (str, None)

_DECISION = {
    "program": str,
    "was": int,
    "numprocs": int,
    "reason": str,
    "visible": MAYBE_INT,
    "each": MAYBE_FLOAT,
    "target": float,
    "busy": float,
    "runs": int,
    "idle": int,
    "stale": float,
    "ago": float,
}
_SCALE = {
    "min": int,
    "max": int,
    "slots": int,
    "waiting": MAYBE_INT,
    "busy": float,
    "error": MAYBE_STR,
    "failing_for": MAYBE_FLOAT,
    "last": (decision, None),
}
_LAST = {
    "run": int,
    "outcome": str,
    "code": MAYBE_INT,
    "signal": MAYBE_STR,
    "duration": MAYBE_FLOAT,
    "because?": MAYBE_STR,
}
_SLOT = {
    "name": str,
    "slot": int,
    "phase": str,
    "pid": MAYBE_INT,
    "run": MAYBE_INT,
    "since": float,
    "age?": MAYBE_FLOAT,
    "leftovers?": int,
    "reason": MAYBE_STR,
    "cause": MAYBE_STR,
    "paused?": ({"by": str, "since": moment}, None),
    "leaving?": bool,
    "goal_met?": bool,
    "next_in": MAYBE_FLOAT,
    "failures": int,
    "last": (_LAST, None),
}
_SOURCE = {
    "state": one_of("starting", "ok", "failing"),
    "waiting": MAYBE_INT,
    "in_work": int,
    "in_hand": int,
    "ready": int,
    "credit": int,
    "acked": int,
    "returned": int,
    "rejected": int,
    "lost": int,
    "error": MAYBE_STR,
    "failing_for": MAYBE_FLOAT,
}
_OUTCOMES = ("stopped", "lost", "worked", "idle", "recycled")
_PROGRAM = {
    "name": str,
    "kind": str,
    "state": str,
    "wanted": int,
    "running": int,
    "groups": [str],
    "leftovers": int,
    "scale?": (_SCALE, None),
    "source?": (_SOURCE, None),
    "failing_for": MAYBE_FLOAT,
    "per_minute": float,
    "busy": MAYBE_FLOAT,
    "budget": {"tokens": float, "size": int, "label": str},
    "runs": dict.fromkeys(("total", *_OUTCOMES), int),
    "duration": {"p50": MAYBE_FLOAT, "p95": MAYBE_FLOAT, "p99": MAYBE_FLOAT},
    "slots": [_SLOT],
}
_STEP = one_of("start", "probe", "signal", "kill", "timeout")
_CAUSE = {
    "runs": int,
    "outcome": str,
    "code": MAYBE_INT,
    "signal": MAYBE_STR,
    "because?": MAYBE_STR,
    "line": str,
    "run": int,
    "ago": float,
}
_WHY = {
    "name": str,
    "kind": str,
    "state": str,
    "wanted": int,
    "slots": [{**_SLOT, "next": {"event": MAYBE_STR}, "left_behind?": [{"run": int, "processes": int}]}],
    "next": ({"slot": str, "what": _STEP, "in": float}, None),
    "autostart": bool,
    "min_runtime": float,
    "schedule": ({"every": MAYBE_FLOAT, "calendar": MAYBE_STR, "jitter": float}, None),
    "idle_streak": int,
    "failing": ({"for": float, "since": str, "runs": int, "causes": [_CAUSE]}, None),
    "last_worked": ({"run": int, "ago": float}, None),
    "scale?": (_SCALE, None),
    "source?": (_SOURCE, None),
    "budget": {
        "tokens": float,
        "size": int,
        "label": str,
        "refill": float,
        "credit": float,
        "next_token_in": float,
        "queue": int,
    },
    "give_up": {"policy": str, "after": float, "in": MAYBE_FLOAT, "given_up": bool},
    "touched": ({"file": str, "files": int, "ago": float, "left": int}, None),
    "after": [{"name": str, "kind": str, "state": str, "met": bool}],
}
_REASONS = {"unchanged?": dict, "not_waited_for?": dict}
_ON_SLOTS = {"slots": [str], **_REASONS}
_ENDED = {
    "slot": str,
    "run": int,
    "outcome": str,
    "code": MAYBE_INT,
    "signal": (signal, None),
    "duration": MAYBE_FLOAT,
    "cause": str,
}
_BEGUN = {"slot": str, "run": int, "output": str, "not_ready": [str]}
_EVENT = {"timestamp": moment, "level": str, "message": str, "fact": str, "fields": dict}
_LINES = {"slot": str, "run": int, "stream": str, "timestamp": str, "lines": [str]}
_RUN = {
    "run": int,
    "program": str,
    "slot": slot_name,
    "started": moment,
    "duration": MAYBE_FLOAT,
    "outcome": str,
    "code": MAYBE_INT,
    "signal": MAYBE_STR,
    "cpu": float,
    "max_rss": MAYBE_INT,
    "failures": int,
    "output": MAYBE_STR,
    "delay?": MAYBE_FLOAT,
}
_CHANGE = {"program": MAYBE_STR, "key": MAYBE_STR, "words": str}

SHAPES: Mapping[str, object] = {
    "status": {
        "version": str,
        "pid": int,
        "uptime": float,
        "state": str,
        "programs": [_PROGRAM],
    },
    "why": {"state": str, "programs": [_WHY]},
    "on slots": _ON_SLOTS,
    "signal": {"slots": [str]},
    "scale": ({"accepted": bool, "leaving": [str], **_ON_SLOTS}, {"done": bool, **_ON_SLOTS}),
    "run": ({"accepted": bool, **_BEGUN}, {"done": bool, **_ENDED}),
    "logs": {"lines": [{"slot": str, "text": str}]},
    "reopen": {"files": [str], "failed": dict},
    "reload": {"applied": bool, "changes": [_CHANGE]},
    "history": {"file": MAYBE_STR, "runs": [_RUN]},
    "events": {"events": [_EVENT]},
    "version": {"version": str, "pid": int},
    "health": {"healthy": bool},
}
"""By method, and of all requests on slots: the result."""

PROGRESS: object = {"done": int, "of": int, "missing": [{"phase": str, "slots": int, "longest": float}]}
"""How far it is, of a request that waits."""

TOLD: Mapping[str, object] = {
    "logs.follow": ({"ended": str}, _LINES),
    "events.follow": ({"ended": str}, {"event": _EVENT}),
    "run.follow": ({"ended": str}, _LINES, {"began": _BEGUN}, {"result": _ENDED}),
}
"""By method that follows: the params of a notification."""
