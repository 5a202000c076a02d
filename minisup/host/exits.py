"""The ends of runs: what was reaped becomes an `Exited` with all that the host knows of the run."""

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from minisup.core.fleet import Fleet
from minisup.core.messages import Event, Exited
from minisup.core.model import Outcome
from minisup.host.loop import TURN, Loop
from minisup.host.output.log import OwnLog
from minisup.host.output.output_rules import Verdicts
from minisup.host.output.pump import Pump
from minisup.host.process import processes
from minisup.host.process.leftovers import URGENT, LeftoverSessions
from minisup.host.process.oom import OomKills
from minisup.host.process.reap import Reaped, reap
from minisup.host.process.run_record import Running
from minisup.host.process.survivors import Survivor
from minisup.host.signals import Signals, signal_name
from minisup.host.start.helper import Helpers
from minisup.host.start.launcher import Launcher

if TYPE_CHECKING:
    from minisup.host.source.consumers import Sources


class ExitsHost(Protocol):
    """What the ends of runs need of the supervisor."""

    console: OwnLog
    fleet: Fleet
    helpers: Helpers
    launcher: Launcher
    leftovers: LeftoverSessions
    loop: Loop
    now: Callable[[], float]
    pump: Pump
    record: Running
    running: dict[int, tuple[str, int]]
    signals: Signals
    verdicts: Verdicts

    @property
    def has_sources(self) -> bool:
        """Whether a program has or had a source."""
        ...

    def sources(self) -> "Sources":
        """The sources."""
        ...

    def feed(self, event: Event) -> None:
        """Give one event to the core."""
        ...

    def take_signals(self) -> None:
        """Act on the signals that minisup got."""
        ...


class Exits:
    """Takes the ends of children, a bounded number a turn, and looks at minisup's own signals between any two."""

    def __init__(self, desk: ExitsHost) -> None:
        self._desk = desk
        self._oom_kills = OomKills()

    def take(self) -> None:
        """Reap for at most a turn; what is left waits for the next one."""
        desk = self._desk
        desk.signals.child_ended = False
        until = desk.now() + TURN
        none = True
        while (child := reap()) is not None:
            none = False
            self._take(child)
            if desk.now() >= until:
                desk.signals.child_ended = True
                return
        if none and desk.has_sources:  # a child has been stopped, or a wait of somebody else's was quicker
            desk.sources().look()

    def let_strangers_end(self, until: float) -> None:
        """Wait, at most until `until`, for those children that belong to no run: they have got their signal."""
        desk = self._desk
        while desk.leftovers.orphans() and desk.now() < until:
            desk.loop.serve(desk.loop.wait(min(until, desk.now() + URGENT)), desk.now())
            while (child := reap()) is not None:
                self._was_helper(child)  # who is not told would signal its number at the end
                if desk.now() > until:
                    return

    def survivor_ended(self, one: Survivor) -> None:
        """A run of an earlier minisup has ended; nobody could read how."""
        self.ended(Reaped(one.pid, None, None, 0.0, None), one.slot, one.run)

    def ended(self, child: Reaped, slot: str, run: int) -> None:
        """The leader of a run was reaped: the core hears of it, whatever else could not be found out."""
        name = None if child.signal is None else signal_name(child.signal)
        try:
            self._desk.record.ended(slot)
            left = self._left_by(child, slot, run)
        except Exception as error:  # noqa: BLE001 - what others left or wrote must not keep a slot from its next run
            self._desk.console.defect(error)
            left = 0
        try:
            oom, output, line, said = self._told_by(child, slot, run)
            messages = self._desk.launcher.messages
            unread = messages is not None and messages.ended(run)
        except Exception as error:  # noqa: BLE001 - as above
            self._desk.console.defect(error)
            oom, output, line, said, unread = False, False, "", None, False
        self._desk.feed(
            Exited(slot, run, child.code, name, child.cpu, child.max_rss, oom, left, output, line, said, unread)
        )

    def _left_by(self, child: Reaped, slot: str, run: int) -> int:
        """How many processes outlive it, at least."""
        leftovers = self._desk.leftovers
        leftovers.reaped(run, slot)
        place = self._desk.fleet.slots[slot]
        signalled = place.run is not None and place.run.signals.ours is not None
        swept = not place.wanted or signalled or child.signal is not None
        if child.code == 0 and not swept and place.program.is_service:
            begun = self._desk.record.begun(slot, run)
            if begun is not None:
                leftovers.daemonized(run, slot, begun)
                swept = True
        if (swept and leftovers.may_be_there()) or processes.group_lives(child.pid):
            return leftovers.ended(child.pid, run, slot, exact=swept)
        return 0

    def _told_by(self, child: Reaped, slot: str, run: int) -> tuple[bool, bool, str, Outcome | None]:
        """What memory and output have to do with it, as `Exited` has it."""
        desk = self._desk
        output = desk.pump.finish(run)
        by_others = child.signal == signal.SIGKILL and not desk.fleet.slots[slot].is_killed()
        oom = by_others and self._oom_kills.took_one()
        said = desk.verdicts.of(slot, run, child.code, settled=not output) if desk.verdicts.rules else None
        line = "" if child.code == 0 and said is not Outcome.FAILED else desk.pump.last_line(slot, run)
        return oom, output, line, said

    def _take(self, child: Reaped) -> None:
        """One end, alone: what goes wrong with it is told, and costs no other its own."""
        desk = self._desk
        try:
            if desk.launcher.starting:
                desk.launcher.ended(child.pid)
        except Exception as error:  # noqa: BLE001 - as it says
            desk.console.defect(error)
        known = desk.running.pop(child.pid, None)  # from here on nobody signals its number
        try:
            if known is not None:
                self.ended(child, *known)
            elif not self._was_helper(child):
                desk.leftovers.watch()
            if desk.signals.noted:
                desk.take_signals()
        except Exception as error:  # noqa: BLE001 - as it says
            desk.console.defect(error)

    def _was_helper(self, child: Reaped) -> bool:
        """Tell whoever had started it that a child which is no run has ended; false: it is a stranger."""
        ended = self._desk.helpers.pop(child.pid, None)
        if ended is None:
            return False
        ended(child)
        return True
