"""What somebody answered: a number, or a reason.

Who answers is not trusted: a command of the user's, a server, and our own helper too, because it runs as the program's
user, who may do with it as he likes. So every function here takes anything and gives a number from 0 to `MOST` and text
that may be shown, or raises what it says and nothing else.
"""

import json
from math import ceil
from typing import Final

MOST: Final = 10**12
"""More messages than this are as many."""

LONGEST: Final = 300
"""Characters of a reason."""

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
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        raise NoNumberError(f"{_described(value)} is no number")
    if value < 0:
        raise NoNumberError(f"{shown(str(max(value, -MOST)))} is below 0")
    return MOST if value >= MOST else ceil(value)


def answer_in(line: bytes) -> tuple[int | None, str] | None:
    """What a line of our helper says: a count, or None and why there is none. None: it is no answer at all."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not said.keys() & {"visible", "error"}:
        return None
    if said.get("error"):
        return None, sayable(said["error"])
    count = said.get("visible")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST:
        return None, "who asks answers with what is no number of messages"
    return count, ""


def sayable(text: object) -> str:
    """Somebody else's words as a line that can be shown and logged everywhere, at most `LONGEST` characters."""
    if not isinstance(text, str):
        return "it gives no reason in words"
    return _printable(" ".join(text[: 2 * LONGEST].split())[:LONGEST])


def _printable(line: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _described(value: object) -> str:
    try:
        return shown(json.dumps(value, default=str))
    except (ValueError, RecursionError):  # nested as deeply as it could just be read
        return shown(type(value).__name__)


def shown(text: str) -> str:
    """As much of an answer as fits into a line."""
    one_line = " ".join(text[: 2 * _SHOWN].split())
    cut = "..." if len(one_line) > _SHOWN or len(text) > 2 * _SHOWN else ""
    return json.dumps(_printable(one_line[:_SHOWN]) + cut, ensure_ascii=False)  # escaped, one letter can become twelve
