"""The ends of runs: what was reaped becomes an `Exited` with all that the host knows of the run."""

import signal
from collections.abc import Callable
from typing import Protocol

from minisup.core.fleet import Fleet
from minisup.core.messages import Event, Exited
from minisup.core.model import Outcome
from minisup.host import processes
from minisup.host.helper import Helpers
from minisup.host.launcher import Launcher
from minisup.host.leftovers import URGENT, Leftovers
from minisup.host.loop import TURN, Loop
from minisup.host.oom import OomKills
from minisup.host.pump import Pump
from minisup.host.reap import BATCH, Ended, reap
from minisup.host.running import Running
from minisup.host.signals import Signals, signal_name
from minisup.host.survivors import Survivor
from minisup.host.verdict import Verdicts


class Desk(Protocol):
    """What the ends of runs need of the supervisor."""

    fleet: Fleet
    helpers: Helpers
    launcher: Launcher
    leftovers: Leftovers
    loop: Loop
    now: Callable[[], float]
    pump: Pump
    record: Running
    running: dict[int, tuple[str, int]]
    signals: Signals
    verdicts: Verdicts

    def feed(self, event: Event) -> None:
        """Give one event to the core."""
        ...

    def take_signals(self) -> None:
        """Act on the signals that minisup got."""
        ...


class Exits:
    """Takes the ends of children, a bounded number a turn, and looks at minisup's own signals between any two."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._oom_kills = OomKills()

    def take(self) -> None:
        """Reap for at most a turn; what is left waits for the next one."""
        desk = self._desk
        desk.signals.child_ended = False
        until, more = desk.now() + TURN, True
        while more and desk.now() < until:
            more = self._take_some()
        desk.signals.child_ended |= more

    def let_strangers_end(self, until: float) -> None:
        """Wait, at most until `until`, for those children that belong to no run: they have got their signal."""
        desk = self._desk
        while desk.leftovers.orphans() and desk.now() < until:
            desk.loop.serve(desk.loop.wait(min(until, desk.now() + URGENT)), desk.now())
            for child in reap(BATCH):
                self._was_helper(child)  # who is not told would signal its number at the end

    def survivor_ended(self, one: Survivor) -> None:
        """A run of an earlier minisup has ended; nobody could read how."""
        self.ended(Ended(one.pid, None, None, 0.0, None), one.slot, one.run, orphans=True)

    def ended(self, child: Ended, slot: str, run: int, *, orphans: bool) -> None:
        """The leader of a run was reaped. `orphans`: something may live on in a session of its own."""
        desk = self._desk
        desk.record.ended(slot)
        left = 0
        swept = self._is_to_be_swept(child, slot)
        if (orphans and swept) or processes.group_lives(child.pid):
            left = desk.leftovers.ended(child.pid, run, slot, exact=swept)
        output = desk.pump.finish(run)
        name = None if child.signal is None else signal_name(child.signal)
        by_others = child.signal == signal.SIGKILL and not desk.fleet.slots[slot].is_killed()
        oom = by_others and self._oom_kills.took_one()
        said = desk.verdicts.of(slot, run, child.code, settled=not output) if desk.verdicts.rules else None
        line = "" if child.code == 0 and said is not Outcome.FAILED else desk.pump.last_line(slot, run)
        desk.feed(Exited(slot, run, child.code, name, child.cpu, child.max_rss, oom, left, output, line, said))

    def _take_some(self) -> bool:
        desk = self._desk
        ended = reap(BATCH)
        strangers = False
        if desk.launcher.starting:
            for child in ended:
                desk.launcher.ended(child.pid)
        orphans = self._has_orphans(ended)
        for child in ended:
            known = desk.running.pop(child.pid, None)
            if known is None:
                strangers |= not self._was_helper(child)
                continue
            self.ended(child, *known, orphans=orphans)
            if desk.signals.noted:
                desk.take_signals()
        if strangers:
            desk.leftovers.watch()
        return len(ended) == BATCH

    def _was_helper(self, child: Ended) -> bool:
        """Tell whoever had started it that a child which is no run has ended; false: it is a stranger."""
        ended = self._desk.helpers.pop(child.pid, None)
        if ended is None:
            return False
        ended(child)
        return True

    def _has_orphans(self, ended: list[Ended]) -> bool:
        """Whether runs that are to be gone may have left something that made a session of its own."""
        running = self._desk.running
        runs = [(child, running[child.pid][0]) for child in ended if child.pid in running]
        return any(self._is_to_be_swept(*one) for one in runs) and self._desk.leftovers.orphans()

    def _is_to_be_swept(self, child: Ended, name: str) -> bool:
        slot = self._desk.fleet.slots[name]
        return not slot.wanted or slot.ours is not None or child.signal is not None
