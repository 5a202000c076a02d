"""What the runs of the history took: a warning of `check` may know how long a program's runs are."""

import sqlite3
from contextlib import closing
from statistics import median
from time import time
from typing import Final

from minisup.check.lints.subject import Usual
from minisup.history.hints import paced
from minisup.history.reading import HistoryError, open_file

LAST: Final = 2000
"""Runs of a program that are looked at: its last ones."""

MONTH: Final = 30 * 86400.0


def usual_runs(path: str, programs: list[str]) -> dict[str, Usual]:
    """What the last worked runs of each program took, from the history at `path`; empty: there is none to read."""
    try:
        with closing(open_file(path)) as database:
            found = {name: _usual(database, name) for name in programs}
    except (HistoryError, sqlite3.Error):
        return {}
    return {name: usual for name, usual in found.items() if usual is not None}


def _usual(database: sqlite3.Connection, program: str) -> Usual | None:
    query = """
        SELECT duration, max_rss, outcome FROM run INDEXED BY by_program
        WHERE program = ? ORDER BY run DESC LIMIT ?"""
    rows = [row for row in database.execute(query, (program, LAST)) if row[2] == "worked" and row[0] is not None]
    if not rows:
        return None
    durations = sorted(duration for duration, _, _ in rows)
    now = time()
    return Usual(
        len(rows),
        median(durations),
        durations[(len(durations) * 95 - 1) // 100],
        max(memory or 0 for _, memory, _ in rows),
        paced(database, program, now - MONTH, now) is not None,
    )
