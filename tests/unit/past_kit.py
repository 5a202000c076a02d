"""Runs for the tests of the history."""

from contextlib import closing

from minisup.core.messages import Record
from minisup.core.model import Outcome
from minisup.history.reading import Wanted, open_file, select
from minisup.history.row import Row
from minisup.history.store import Retention, Store

FOR_EVER = Retention(keep=1e12, max_rows=10**12)


def row(run=1, program="email", slot=0, started=1000.0, duration=0.5, outcome="worked", **facts):
    base = {"code": 0, "signal": None, "cpu": 0.01, "max_rss": None, "failures": 0, "output": None}
    return Row(run, program, slot, started, duration, outcome, **{**base, **facts})


def record(run=1, slot="email:0", started=0.0, duration=0.5, outcome=Outcome.WORKED, **facts):
    base = {"code": 0, "signal": None, "cpu": 0.01, "max_rss": None, "failures": 0, "cause": ""}
    return Record(run, slot, started, duration, outcome, **{**base, **facts})


def database(path, rows):
    """A history at `path` with these rows; returns the path as text."""
    store = Store(str(path), FOR_EVER)
    store.write(rows)
    store.close()
    return str(path)


def rows(path, **wanted):
    """The rows at `path`, all of them unless told otherwise."""
    with closing(open_file(str(path))) as opened:
        return list(select(opened, Wanted(**{"limit": 0, **wanted})))


def runs(path, **wanted):
    """The run ids at `path`."""
    return [found.run for found in rows(path, **wanted)]


class Clock:
    """Two clocks that a test sets."""

    def __init__(self, now=0.0, wall=1_000_000.0):
        self.now = now
        self.ahead = wall - now

    def monotonic(self):
        return self.now

    def wall(self):
        return self.now + self.ahead
