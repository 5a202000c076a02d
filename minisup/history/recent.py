"""How many runs ended in each of the last parts of time: what the bars of the live screen begin with."""

import sqlite3
from typing import Final

from minisup.core.model import Outcome
from minisup.history.reading import programs

QUERY: Final = """
    SELECT CAST((started + ifnull(duration, 0) - :since) / :step AS INTEGER), count(*)
    FROM run INDEXED BY by_outcome
    WHERE program = :program AND outcome = :outcome AND started >= :since GROUP BY 1"""


def ended_lately(database: sqlite3.Connection, since: float, step: float, parts: int) -> dict[str, list[int]]:
    """By program: runs that started after `since` (seconds since 1970), and in which part of `step` seconds each ended.

    Programs without such a run are left out. Only the index is read, and of that only these runs.
    """
    found: dict[str, list[int]] = {}
    for program in programs(database):
        counts = [0] * parts
        for outcome in Outcome:
            values = {"program": program, "outcome": outcome.value, "since": since, "step": step}
            for part, count in database.execute(QUERY, values):
                counts[min(part, parts - 1)] += count  # the clock of who asks may be a little behind
        if any(counts):
            found[program] = counts
    return found
