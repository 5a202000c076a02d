"""The number in what somebody answered."""

import json
from math import ceil, isfinite
from typing import Final

MOST: Final = 10**12
"""More messages than this are as many."""

_SHOWN: Final = 60


class NoNumberError(ValueError):
    """There is no number of messages in an answer. The text says what there is: `"abc" is no number`."""


def number_in(text: str, path: str | None = None) -> int:
    """How many messages wait, from a number or, by its `path` (`queues.0.ready`), from JSON. Raises NoNumberError."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise NoNumberError(f"{shown(text)} is no {'JSON' if path else 'number'}") from None
    if path is None and isinstance(value, dict | list):
        raise NoNumberError(f'{shown(text)} is no number; json = "PATH" says where it is')
    for part in path.split(".") if path else ():
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, TypeError, ValueError):
            raise NoNumberError(f"{shown(text)} has no {path}") from None
    return whole(value)


def whole(value: object) -> int:
    """A count as a whole number, at most `MOST`. Raises NoNumberError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(min(value, MOST)):
        raise NoNumberError(f"{shown(json.dumps(value, default=str))} is no number")
    if value < 0:
        raise NoNumberError(f"{shown(str(value))} is below 0")
    return min(MOST, ceil(min(value, MOST)))


def shown(text: str) -> str:
    """As much of an answer as fits into a line."""
    one_line = " ".join(text[: 2 * _SHOWN].split())
    return json.dumps(one_line[:_SHOWN] + ("..." if len(one_line) > _SHOWN or len(text) > 2 * _SHOWN else ""))
