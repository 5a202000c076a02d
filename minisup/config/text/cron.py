"""The form of a cron expression. When it is due is not said here."""

import re
from typing import Final

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final[tuple[tuple[str, int, int, tuple[str, ...]], ...]] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, ("", *_MONTHS)),
    ("day of week", 0, 7, _DAYS),
)
_ITEM: Final = re.compile(r"(\*|([a-z0-9]{1,3})(?:-([a-z0-9]{1,3}))?)(?:/([0-9]{1,3}))?")


def fault(text: str) -> str:
    """What is wrong with a cron expression, in words; empty: nothing."""
    words = text.lower().split()
    if text.startswith("@"):
        return 'write its five fields; "@daily" is "0 0 * * *", "@hourly" is "0 * * * *"'
    if len(words) != len(_FIELDS):
        some = f"{len(words)} field{'s' * (len(words) != 1)}"
        return f"it has {some}, not 5 (minute, hour, day of month, month, day of week)"
    for word, (field, low, high, names) in zip(words, _FIELDS, strict=True):
        if not all(_fits(item, low, high, names) for item in word.split(",")):
            what = f"{'an' if field == 'hour' else 'a'} {field} ({low}-{high})"
            return f"{word!r} is not {what}{_upwards(word, low, high, names)}"
    return ""


def _upwards(word: str, low: int, high: int, names: tuple[str, ...]) -> str:
    """What to write for a range that goes over the end: `; a range goes upwards: write 5-7` for `fri-sun`."""
    match = _ITEM.fullmatch(word)
    if not match or not match[3] or match[4]:
        return ""
    first, last = _number(match[2], names), _number(match[3], names)
    if not low <= last < first <= high:
        return ""
    if names is _DAYS and last == 0:
        return f"; a range goes upwards: write {first}-7"
    top = 6 if names is _DAYS else high
    return f"; a range goes upwards: write {_range(first, top)},{_range(low, last)}"


def _range(first: int, last: int) -> str:
    return str(first) if first >= last else f"{first}-{last}"


def _fits(item: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    match = _ITEM.fullmatch(item)
    if not match or (match[4] and int(match[4]) == 0):
        return False
    if match[1] == "*":
        return True
    first = _number(match[2], names)
    last = _number(match[3], names) if match[3] else first
    return low <= first <= last <= high


def _number(word: str, names: tuple[str, ...]) -> int:
    if word.isdigit():
        return int(word)
    return names.index(word) if word in names else -1
