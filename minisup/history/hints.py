"""What the numbers of a report say to whoever could change something."""

import sqlite3
from collections.abc import Mapping
from statistics import median
from typing import Any, Final, NamedTuple

LAST: Final = 2000
"""Runs of a program that are looked at for their pace: its last ones in the period."""

ENOUGH: Final = 20
"""Runs below which nothing is said about a program, and pairs of them below which nothing about its pace."""

LONGEST_PACE: Final = 30.0
"""Seconds: whoever starts runs further apart wants them to be so."""

REGULAR: Final = 0.8
"""Share of the pairs that must be equally far apart."""

BUSY: Final = 0.95
IDLING: Final = 0.5
WASTING: Final = 0.2


class Paced(NamedTuple):
    """Runs of a slot that start at an equal distance although they end long before."""

    every: float
    busy: float
    working: bool
    """Whether runs can say that there was nothing to do, and did not."""


def paced(database: sqlite3.Connection, program: str, since: float, until: float) -> Paced | None:
    """Whether `min_runtime` is what keeps the program from doing more; None: it is not."""
    query = """
        SELECT slot, started, duration, outcome FROM run INDEXED BY by_program
        WHERE program = ? AND started >= ? AND started < ? ORDER BY run DESC LIMIT ?"""
    later: dict[int, float] = {}
    distances: list[float] = []
    durations: list[float] = []
    idle = 0
    for slot, started, duration, outcome in database.execute(query, (program, since, until, LAST)):
        idle += outcome == "idle"
        if outcome == "worked" and slot in later and duration:
            distances.append(later[slot] - started)
            durations.append(duration)
        later[slot] = started
    if len(distances) < ENOUGH or idle > len(distances) / 10:
        return None
    every, took = median(distances), median(durations)
    regular = sum(abs(distance - every) <= 0.05 * every for distance in distances) / len(distances)
    if regular < REGULAR or took > 0.8 * every or every > LONGEST_PACE:
        return None
    return Paced(every, sum(durations) / sum(distances), idle > 0)


def hints(program: Mapping[str, Any], pace: Paced | None) -> list[str]:
    """Sentences for a program of the report; none if there is nothing to change."""
    found: list[str] = []
    if program["runs"] < ENOUGH:
        return found
    name, runs, busy = program["name"], program["runs"], program["busy"]
    if pace is not None:
        found.append(_about_pace(name, pace))
    if busy is not None and busy >= BUSY:
        found.append(f"all slots of {name} were busy {percent(busy)} of the time: more numprocs do more if work waits")
    if program["idle"]["polls"] > IDLING * runs:
        share = program["idle"]["polls"] / runs
        found.append(
            f"{percent(share)} of {name}'s runs found no work: a longer idle.max_wait, or fewer slots, polls less"
        )
    if program["wasted"] > WASTING * runs:
        found.append(
            f"{percent(program['wasted'] / runs)} of {name}'s runs were tries again that failed too: "
            "`minisup history --failed` shows why; a smaller retry.budget tries less"
        )
    return found


def _about_pace(name: str, pace: Paced) -> str:
    capped = f"min_runtime caps {name} at {percent(pace.busy)} busy: its runs start {pace.every:.3g} s apart"
    if pace.working:
        return f"{capped} while work is waiting; min_runtime = 0 would start the next one at once"
    return (
        f"{capped}. If work is waiting, min_runtime = 0 starts the next one at once; "
        "let the job say when there is none, by its exit code (exit.idle) or its output (idle.output)"
    )


def percent(share: float) -> str:
    """A share in a sentence: `30 %`."""
    return f"{100 * share:.0f} %"
