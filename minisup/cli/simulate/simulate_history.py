"""The history as loads of simulated programs: read here, handed to the simulator as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from minisup.cli.history.source import HistorySource
from minisup.cli.timeparse import seconds as duration
from minisup.core.model import COUNTED, HEALTHY, Outcome
from minisup.errors import MinisupError
from minisup.history.reading import Wanted, select
from minisup.sim.recorded import HistoryRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minisup.core.model import Seconds

MOST: Final = 500_000
"""Runs that are read of a program: the newest."""


class Recorded(NamedTuple):
    """What was recorded: runs by program, the period's length, and the wall clock at its beginning."""

    runs: Mapping[str, Sequence[HistoryRun]]
    span: Seconds
    since: float


def read(config: str | None, socket: str | None, names: Sequence[str], lasts: str | None) -> Recorded:
    """The last `lasts` (24h unless told) of these programs' runs. Raises MinisupError when there are none."""
    wanted = 86_400.0 if lasts is None else duration(lasts, "--for")
    outcomes = frozenset(map(str, HEALTHY | COUNTED))
    with HistorySource(config, socket) as past, past.reading():
        rows = {
            name: list(select(past.database, Wanted(places=((name, None),), outcomes=outcomes, limit=MOST)))
            for name in names
        }
    newest = max((row.started for found in rows.values() for row in found), default=None)
    if newest is None:
        raise MinisupError(
            f"cannot simulate from the history: it has no run of {', '.join(names)}\n"
            "  say how long runs take with --job-duration instead, or name another configuration with -c FILE"
        )
    oldest = min(row.started for found in rows.values() for row in found)
    since = max(oldest, newest - wanted)
    runs = {
        name: [
            HistoryRun(row.started - since, row.duration, Outcome(row.outcome)) for row in found if row.started >= since
        ]
        for name, found in rows.items()
    }
    return Recorded(runs, max(newest - since, 1.0), since)
