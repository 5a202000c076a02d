"""Why a program's runs have failed since it was last well: the same end with the same last line is one cause.

The same but for the times in it: what workers write into their logs begins with one.
"""

from typing import Final, NamedTuple

from minisup.core.messages import Record
from minisup.core.model import Instant, Outcome
from minisup.core.policy.outcome import BY_THE_KERNEL

MOST: Final = 20
"""Causes that are kept apart; the one that was seen least recently makes room."""


_OF_TIMES: Final = frozenset("0123456789-:.,/+TZ[]()")
_PARTS: Final = 2  # a time of day or a date has two of these between its numbers


class Cause(NamedTuple):
    """Runs that ended in the same way: how many (`runs`), and the last of them. `ended` is monotonic."""

    outcome: Outcome
    code: int | None
    signal: str | None
    line: str
    runs: int
    run: int
    ended: Instant


def is_excess(record: Record) -> bool:
    """Whether it took more memory than it may: how much differs each time, and says nothing about the cause."""
    return record.outcome is Outcome.OOM and record.cause != BY_THE_KERNEL


def timeless(line: str) -> str:
    """A line without its words that are a date or a time: `[2026-11-25T02:32:43.443+00:00]`, `02:32:43,443`."""
    return " ".join(word for word in line.split() if not _is_time(word))


def _is_time(word: str) -> bool:
    return max(word.count(":"), word.count("-")) >= _PARTS and _OF_TIMES.issuperset(word)


class Causes:
    """The causes of one program's failures."""

    __slots__ = ("_groups",)

    def __init__(self) -> None:
        self._groups: dict[tuple[Outcome, int | None, str | None, str], Cause] = {}

    def clear(self) -> None:
        """A new streak of failures begins."""
        self._groups.clear()

    def add(self, record: Record, now: Instant) -> None:
        """Count an unhealthy end at `now`."""
        key = (record.outcome, record.code, record.signal, "" if is_excess(record) else timeless(record.cause))
        before = self._groups.pop(key, None)
        runs = 1 if before is None else before.runs + 1
        self._groups[key] = Cause(*key[:3], record.cause, runs, record.run, now)
        if len(self._groups) > MOST:
            del self._groups[next(iter(self._groups))]

    def by_count(self) -> list[Cause]:
        """The most frequent first; of equals the one whose last run is newer."""
        return sorted(self._groups.values(), key=lambda cause: (-cause.runs, -cause.run))
