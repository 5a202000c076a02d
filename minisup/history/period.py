"""What a period's runs came to: `minisup report` as plain data.

Everything is read from the index `by_outcome`, in counts over ranges of it, because a period may hold a million runs
and nobody waits more than a moment. A run belongs to the moment of its start. Of more than `SAMPLE` runs of a program,
the durations of about as many are looked at, evenly chosen.
"""

import sqlite3
from collections.abc import Sequence
from math import ceil, log10
from typing import Any, Final, NamedTuple

from minisup.core.model import HEALTHY
from minisup.core.policy.timestamp import stamp
from minisup.history import longest_outage
from minisup.history.hints import hints, paced
from minisup.history.reading import UNWELL_ROWS, Place
from minisup.history.row import UNWELL

SCHEMA: Final = 1
"""Version of the document: grows when a field changes its meaning or goes away."""

FINE: Final = 1440
"""Parts into which the period is divided to find outages: minutes of a day."""

COLUMNS: Final = 144
"""Parts of which the course of time is shown."""

SAMPLE: Final = 100_000

PER_DECADE: Final = 8
"""Bars of the distribution for each power of ten of the duration."""

EDGE: Final = 1000
"""One run in so many at each end of the distribution has no bar of its own."""

GOOD: Final = frozenset({*HEALTHY, "recycled"})
"""Outcomes that count as well in `ok`; `stopped` and `lost` say nothing about a program."""

NEUTRAL: Final = frozenset({"stopped", "lost"})


class Period(NamedTuple):
    """From `since` to `until`, seconds since 1970."""

    since: float
    until: float

    @property
    def seconds(self) -> float:
        """How long it is; never 0."""
        return max(0.001, self.until - self.since)


class Total(NamedTuple):
    """All runs of a program with one outcome."""

    runs: int
    seconds: float
    longest: float | None
    slots: int


def first_start(database: sqlite3.Connection) -> float | None:
    """When the oldest run that is remembered started."""
    row = database.execute("SELECT started FROM run ORDER BY run LIMIT 1").fetchone()
    return None if row is None else float(row[0])


def report(database: sqlite3.Connection, period: Period, places: Sequence[Place] | None = None) -> dict[str, Any]:
    """The document of `report --json`: a period, and an entry a program; of `places` only, if given."""
    totals = _totals(database, period, places)
    wasted = _wasted(database, period, places)
    return {
        "schema": SCHEMA,
        "since": stamp(period.since),
        "until": stamp(period.until),
        "seconds": round(period.seconds, 3),
        "programs": [
            _program(database, period, name, outcomes, wasted.get(name, 0), _slot(name, places))
            for name, outcomes in totals.items()
        ],
    }


def _program(
    database: sqlite3.Connection,
    period: Period,
    name: str,
    totals: dict[str, Total],
    wasted: int,
    slot: int | None,
) -> dict[str, Any]:
    counts = {outcome: total.runs for outcome, total in totals.items()}
    runs = sum(counts.values())
    judged = sum(count for outcome, count in counts.items() if outcome not in NEUTRAL)
    slots = 1 if slot is not None else max(total.slots for total in totals.values())
    courses = {outcome: _course(database, period, name, outcome, slot) for outcome in counts}
    well = _sum([courses[outcome] for outcome in counts if outcome in HEALTHY])
    unwell = _sum([courses[outcome] for outcome in counts if outcome in UNWELL])
    durations = _durations(database, period, name, counts.get("worked", 0), slot)
    facts = {
        "name": name,
        "slots": slots,
        "runs": runs,
        "per_minute": round(runs / period.seconds * 60, 4),
        "outcomes": counts,
        "ok": round(sum(counts.get(outcome, 0) for outcome in GOOD) / judged, 4) if judged else None,
        "busy": round(min(1.0, sum(total.seconds for total in totals.values()) / (slots * period.seconds)), 4),
        "duration": _percentiles(durations, totals.get("worked")),
        "idle": {
            "polls": counts.get("idle", 0),
            "per_minute": round(counts.get("idle", 0) / period.seconds * 60, 4),
        },
        "wasted": wasted,
        "outage": _outage(database, period, name, well, unwell),
        "course": {
            "seconds": round(period.seconds / COLUMNS, 3),
            "runs": _columns(_sum(list(courses.values()))),
            "failures": _columns(unwell),
        },
        "distribution": _distribution(durations),
    }
    return {**facts, "hints": hints(facts, paced(database, name, period.since, period.until))}


def _totals(
    database: sqlite3.Connection, period: Period, places: Sequence[Place] | None
) -> dict[str, dict[str, Total]]:
    condition, values = _only(places)
    query = f"""
        SELECT program, outcome, count(*), total(duration), max(duration), max(slot) + 1
        FROM run INDEXED BY by_outcome
        WHERE started >= ? AND started < ?{condition} GROUP BY program, outcome"""
    found: dict[str, dict[str, Total]] = {}
    for program, outcome, *rest in database.execute(query, (*period, *values)):
        found.setdefault(program, {})[outcome] = Total(*rest)
    return found


def _wasted(database: sqlite3.Connection, period: Period, places: Sequence[Place] | None) -> dict[str, int]:
    """By program: runs that were started again after a failure and failed as well."""
    condition, values = _only(places)
    query = f"""
        SELECT program, count(*) FROM run INDEXED BY unwell
        WHERE {UNWELL_ROWS} AND failures > 0 AND started >= ? AND started < ?{condition} GROUP BY program"""
    return dict(database.execute(query, (*period, *values)))


def _only(places: Sequence[Place] | None) -> tuple[str, list[object]]:
    if places is None:
        return "", []
    parts = ["program = ?" if slot is None else "program = ? AND slot = ?" for _, slot in places]
    return f" AND ({' OR '.join(parts) or 'FALSE'})", [part for place in places for part in place if part is not None]


def _slot(program: str, places: Sequence[Place] | None) -> int | None:
    """The one slot that is meant of a program; None: all of them, or several."""
    meant = [slot for name, slot in places or () if name == program]
    return meant[0] if len(meant) == 1 else None


def _course(database: sqlite3.Connection, period: Period, program: str, outcome: str, slot: int | None) -> list[int]:
    """How many runs with this outcome started in each of the `FINE` parts of the period."""
    only = "" if slot is None else " AND slot = :slot"
    query = f"""
        WITH RECURSIVE part (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM part WHERE number < {FINE} - 1)
        SELECT (
            SELECT count(*) FROM run INDEXED BY by_outcome
            WHERE program = :program AND outcome = :outcome{only}
                AND started >= :since + number * :step AND started < :since + (number + 1) * :step
        ) FROM part ORDER BY number"""
    values = {
        "program": program, "outcome": outcome, "slot": slot, "since": period.since, "step": period.seconds / FINE,
    }  # fmt: skip
    return [count for (count,) in database.execute(query, values)]


def _durations(database: sqlite3.Connection, period: Period, program: str, count: int, slot: int | None) -> list[float]:
    """Durations of worked runs, in order."""
    only = "" if slot is None else " AND slot = :slot"
    step = ceil(count / SAMPLE)
    # Ids that programs take in turn must not decide who is looked at: the product mixes them.
    sample = f" AND (run * 40503 >> 8) % {step:d} = 0" if step > 1 else ""
    query = f"""
        SELECT duration FROM run INDEXED BY by_outcome
        WHERE program = :program AND outcome = 'worked' AND started >= :since AND started < :until
            AND duration IS NOT NULL{only}{sample}"""
    values = {"program": program, "slot": slot, "since": period.since, "until": period.until}
    return sorted(duration for (duration,) in database.execute(query, values))


def _percentiles(durations: Sequence[float], worked: Total | None) -> dict[str, float | None]:
    """Nearest rank, of worked runs."""
    shares = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
    longest = None if worked is None or worked.longest is None else round(worked.longest, 6)
    if not durations:
        return {**dict.fromkeys(shares), "longest": longest}
    found = {name: durations[max(0, ceil(share * len(durations)) - 1)] for name, share in shares.items()}
    return {**found, "longest": longest}


def _distribution(durations: Sequence[float]) -> list[dict[str, float]]:
    """Shares of the runs by duration, in steps of a power of ten; the ends hold the few that are beyond them."""
    if not durations:
        return []
    few = len(durations) // EDGE
    first, last = _step(durations[few]), _step(durations[-1 - few])
    counts = [0] * (last - first + 1)
    for duration in durations:
        counts[max(0, min(last - first, _step(duration) - first))] += 1
    return [
        {
            "from": float(f"{10 ** ((first + place) / PER_DECADE):.4g}"),
            "to": float(f"{10 ** ((first + place + 1) / PER_DECADE):.4g}"),
            "share": round(count / len(durations), 5),
        }
        for place, count in enumerate(counts)
    ]


def _step(duration: float) -> int:
    return int(log10(max(duration, 0.0001)) * PER_DECADE // 1)


def _outage(
    database: sqlite3.Connection, period: Period, program: str, well: Sequence[int], unwell: Sequence[int]
) -> dict[str, Any] | None:
    found = longest_outage.longest(
        database, program, longest_outage.Parts(period.since, period.seconds / FINE, well, unwell)
    )
    if found is None:
        return None
    return {
        "began": stamp(found.began),
        "ended": stamp(found.until) if found.over else None,
        "seconds": round(found.until - found.began, 3),
        "failures": found.failures,
    }


def _sum(courses: Sequence[Sequence[int]]) -> list[int]:
    return [sum(counts) for counts in zip(*courses, strict=True)] if courses else [0] * FINE


def _columns(course: Sequence[int]) -> list[int]:
    size = FINE // COLUMNS
    return [sum(course[start : start + size]) for start in range(0, FINE, size)]
