"""The longest outage: the longest time in which every run of a program that started went wrong."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from minisup.core.model import HEALTHY
from minisup.history.row import UNWELL


class Parts(NamedTuple):
    """A period in parts of `step` seconds from `since` on: how many runs that ended well or not started in each."""

    since: float
    step: float
    well: Sequence[int]
    unwell: Sequence[int]


class Outage(NamedTuple):
    """From the start of the first run that went wrong to the start of one that did not, or else of the last one."""

    began: float
    until: float
    over: bool
    failures: int


FEWEST = 2
"""Runs that fail: one alone says nothing."""


def longest(database: sqlite3.Connection, program: str, parts: Parts) -> Outage | None:
    """The longest outage; None: there was none that lasted longer than a part of the period."""
    found = [(first, after) for first, after in _stretches(parts) if sum(parts.unwell[first:after]) >= FEWEST]
    best = max(found, key=lambda stretch: stretch[1] - stretch[0], default=None)
    if best is None:
        return None
    first, after = best
    begin, end = parts.since + first * parts.step, parts.since + after * parts.step
    last_well = _edge(database, program, HEALTHY, "max", begin - parts.step, begin)
    began = _edge(database, program, UNWELL, "min", begin if last_well is None else last_well, end)
    over = _edge(database, program, HEALTHY, "min", end, end + parts.step) if after < len(parts.well) else None
    until = over or _edge(database, program, UNWELL, "max", begin, end)
    if began is None or until is None:  # the runs have been forgotten meanwhile
        return None
    return Outage(began, until, over is not None, _count(database, program, UNWELL, began, max(until, end)))


def _stretches(parts: Parts) -> Iterator[tuple[int, int]]:
    """Parts from a first one with failures alone to the next with a run that went well. The last may have no end."""
    first: int | None = None
    for number, (well, unwell) in enumerate(zip(parts.well, parts.unwell, strict=True)):
        if well:
            if first is not None:
                yield first, number
            first = None
        elif unwell and first is None:
            first = number
    if first is not None:
        yield first, len(parts.well)


def _edge(
    database: sqlite3.Connection, program: str, outcomes: Iterable[str], which: str, since: float, until: float
) -> float | None:
    """The first (`min`) or last (`max`) start with one of these outcomes in a time."""
    query = f"""
        SELECT {which}(started) FROM run INDEXED BY by_outcome
        WHERE program = ? AND outcome = ? AND started >= ? AND started < ?"""
    found = [database.execute(query, (program, outcome, since, until)).fetchone()[0] for outcome in outcomes]
    starts = [start for start in found if start is not None]
    return (min(starts) if which == "min" else max(starts)) if starts else None


def _count(database: sqlite3.Connection, program: str, outcomes: Iterable[str], since: float, until: float) -> int:
    query = """
        SELECT count(*) FROM run INDEXED BY by_outcome
        WHERE program = ? AND outcome = ? AND started >= ? AND started < ?"""
    return sum(database.execute(query, (program, outcome, since, until)).fetchone()[0] for outcome in outcomes)
