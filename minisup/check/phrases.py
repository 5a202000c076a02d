"""Pieces of the sentences of `check`: durations, codes, words of a command."""

from collections.abc import Iterable
from typing import Final

from minisup.config.text.shell_words import word
from minisup.config.text.units import format_duration
from minisup.core.model import Seconds

_IN_SECONDS: Final = 120
_LONGEST_RULE: Final = 40


def span(seconds: Seconds) -> str:
    """A duration; up to two minutes in seconds, as settings are mostly written."""
    return f"{bare(seconds)} s" if 1 <= seconds <= _IN_SECONDS else format_duration(seconds)


def bare(seconds: Seconds) -> str:
    """Seconds without their unit."""
    return f"{round(seconds, 2):g}"


def codes(some: Iterable[int]) -> str:
    """Exit codes in order."""
    return " ".join(map(str, sorted(some)))


def slots(count: int) -> str:
    """`1 slot`, `2 slots`."""
    return f"{count} slot{'s' if count != 1 else ''}"


def short(signal: str) -> str:
    """A signal as people say it: `TERM`."""
    return signal.removeprefix("SIG")


def rule(key: str, pattern: str) -> str:
    """A pattern if it is short, else the key that holds it."""
    return word(pattern) if len(pattern) <= _LONGEST_RULE else key


def rate(per_second: float) -> str:
    """Runs in a time that makes the number readable: `2.0 runs/s`, `4.5 runs a minute`."""
    if per_second >= 1:
        return f"{per_second:,.1f} runs/s"
    if per_second * 60 >= 1:
        return f"{per_second * 60:.2g} runs a minute"
    return f"{per_second * 3600:.2g} runs an hour"


def percent(share: float) -> str:
    """A share in words: `20 %`, `0.67 %`."""
    return f"{share * 100:.2g} %" if share < 1 else "100 %"
