"""What the keys of the core's own records mean (`exit`, `idle`, `retry`, `stop`), and where to look a key up."""

from collections.abc import Mapping
from dataclasses import Field
from typing import Final

from minisup.config.keys.key_info import Key, Pattern, SignalName
from minisup.core.model import ExitCodes, Idle, Retry, Stop

CORE_KEYS: Final[Mapping[type, Mapping[str, Key]]] = {
    ExitCodes: {
        "ok": Key("The run worked.", default="`[0]`; for a service `[]`"),
        "idle": Key("The run found no work."),
        "recycle": Key("The run asks to be replaced; that costs nothing."),
        "reject": Key(
            "The message is bad and the worker is well: it is set aside (`source`).",
            default="`[65]` with a source, else `[]`",
        ),
        "fatal": Key("Trying again will not help: the program is held, and one slot tries each `retry.refill`."),
    },
    Idle: {
        "output": Key(
            "A clean exit was idle if a line of its output matches this (its last 200 lines or 28 KiB are looked at).",
            hint=Pattern | None,
        ),
        "unless_output": Key("A clean exit was idle if no line of its output matches this.", hint=Pattern | None),
        "faster_than": Key("A clean exit in less than this was idle, unless its output said otherwise.", above=0),
        "wait": Key("The wait after the first idle run in a row of the program.", low=0),
        "max_wait": Key("The longest wait.", low=0),
        "factor": Key("Each further idle run in a row makes the wait longer by this.", low=1, high=1000),
    },
    Retry: {
        "backoff": Key("The longest wait after a slot's first failure; doubled with each further one in a row.", low=0),
        "max_backoff": Key("The longest wait of all.", low=0),
        "budget": Key("Relaunches after failure that the program has, beside one for each process.", low=0, high=1e6),
        "refill": Key("Time brings back one relaunch in this time.", above=0),
        "max_failure_ratio": Key(
            "The share of failures that a program may have for ever: a healthy run brings back p / (1 - p) relaunches.",
            low=0,
            high=0.95,
        ),
        "give_up": Key("`never`: retry for ever. `exit`: minisup drains and exits 75. `stop`: the program goes off."),
        "give_up_after": Key("After failing for so long.", above=0),
    },
    Stop: {
        "drain": Key("No signal for so long: the run may finish.", low=0, default='`"60s"`; for a service `0`'),
        "signal": Key("Then this signal.", hint=SignalName),
        "timeout": Key("SIGKILL after so long.", low=0),
        "scope": Key(
            "Whom the signal reaches: the run's first process, or its group.",
            default='`"group"`; for a service `"leader"`',
        ),
    },
}


def key_of(table: type, item: "Field[object]") -> Key | None:
    """What is known about a field of a table; None: it is not a key of the file."""
    if table in CORE_KEYS:
        return CORE_KEYS[table][item.name]
    key = item.metadata.get("key")
    return key if isinstance(key, Key) else None
