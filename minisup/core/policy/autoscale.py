"""How many slots a program should have: from the messages that wait, or from how its runs end.

With a probe, after AWS's backlog per task and Little's law:

    S = length of a worked run (moving average), T = target_wait, V = messages that wait, B = runs in progress
    steady  = busy / 0.8                               keep up with what arrives, 80 % busy (from runs that have ended)
    drain   = V / max(1, T / S) + (B if S > T)         clear what waits within T; of long runs one slot each
    desired = ceil(max(steady, drain, steady + V * S / T if V > slots)), within min and max; ceil(steady) if V = 0
    up      at once if V * S / T >= 2 * slots, else by half of the slots (at least one) each time
    down    to the most that was desired within the last 60 s
    stale   no answer for 5 minutes: one step a minute towards min, but never to no slot at all

Without a probe: no idle run among the last 2 * slots runs: one slot more; more than half of them idle: one less.
"""

from collections import deque
from math import ceil, exp
from typing import NamedTuple

from minisup.core.model import Instant, Outcome, Scale, Seconds

BUSY = 0.8
"""Share of the time that a slot may be busy before another one is wanted."""

KEEP: Seconds = 60.0
"""A slot that was desired within this time stays."""

STALE: Seconds = 300.0
"""Without an answer for so long the number of slots goes back, step by step."""

STEP: Seconds = 60.0
"""Between two of those steps."""

SMOOTH: Seconds = 30.0
"""Time constant of the moving average of busy slots, at least; of runs that take longer, twice their length."""

WEIGHT = 0.1
"""What the newest run counts in the moving average of their length."""

AGREE = 2
"""Probes in a row that must find messages before a program without slots gets one: queues report ghosts at times."""

QUIET = 0.05
"""Busy slots that are none."""

JUMP = 2.0
"""How many times more than the slots can clear in time must wait, for more slots than half as many to join at once."""


class Decision(NamedTuple):
    """A number of slots, and why. `reason`: backlog, load, quiet, worked, idle, stale.

    `visible` messages wait, a run takes `each` seconds, `busy` slots are busy; `idle` of the last `runs` runs were.
    """

    numprocs: int
    reason: str
    visible: int | None = None
    each: Seconds | None = None
    busy: float = 0.0
    runs: int = 0
    idle: int = 0
    stale: Seconds = 0.0


class Autoscaler:
    """What is known of one program's work. Nothing here changes the number of slots."""

    __slots__ = (
        "agreeing", "asked", "busy", "error", "failed_at", "idle", "last", "last_at", "length", "looked_at",
        "measured_at", "next_at", "recent", "runs", "scale", "spent", "stepped_at", "visible", "was",
    )  # fmt: skip

    def __init__(self, scale: Scale, now: Instant) -> None:
        self.scale = scale
        self.next_at = now  # when it is looked at next
        self.asked = False  # the host owes an answer
        self.visible: int | None = None
        self.measured_at = now  # the last answer
        self.error = ""  # why there is none
        self.failed_at: Instant | None = None  # the first failure since the last answer
        self.agreeing = 0
        self.length: Seconds | None = None
        self.busy = 0.0
        self.spent: Seconds = 0.0  # in runs that ended since the last look
        self.looked_at = now
        self.recent: deque[tuple[Instant, int]] = deque()  # what was desired: falling numbers, the newest last
        self.stepped_at = now
        self.runs = 0
        self.idle = 0
        self.last: Decision | None = None  # the last one that changed something
        self.last_at = now
        self.was = 0

    # --- what happens ---

    def ended(self, outcome: Outcome, took: Seconds) -> None:
        """A run has ended. Only now is it known whether it was busy, or waited for work all the time."""
        if outcome is Outcome.IDLE:
            self.runs += 1
            self.idle += 1
            return
        self.spent += took
        if outcome is Outcome.WORKED:
            self.runs += 1
            self.length = took if self.length is None else self.length + WEIGHT * (took - self.length)

    def look(self, now: Instant) -> None:
        """Take note of how busy it has been."""
        span = now - self.looked_at
        if span <= 0.0:
            return
        smooth = max(SMOOTH, 2.0 * (self.length or 0.0))
        self.busy += (1.0 - exp(-span / smooth)) * (self.spent / span - self.busy)
        self.rest(now)

    def rest(self, now: Instant) -> None:
        """Nothing is scaled for the moment, or the look is over: count from here."""
        self.looked_at = now
        self.spent = 0.0

    def wake(self, now: Instant) -> None:
        """Scaling begins, again or anew: what was measured earlier says nothing about how stale the probe is."""
        self.measured_at = now
        self.failed_at = None
        self.error = ""
        self.agreeing = 0
        self.asked = False
        self.rest(now)

    def answered(self, visible: int, slots: int, now: Instant) -> None:
        """The probe has answered."""
        self.visible = visible
        self.measured_at = now
        self.stepped_at = now
        self.error = ""
        self.failed_at = None
        self.agreeing = self.agreeing + 1 if visible and not slots else 0

    def failed(self, error: str, now: Instant) -> bool:
        """The probe has not; whether that is news."""
        news = self.failed_at is None
        if news:
            self.failed_at = now
        self.error = error
        self.agreeing = 0
        return news

    def keep(self, numprocs: int, now: Instant) -> None:
        """So many are desired now: they stay for a while, whatever is desired next."""
        while self.recent and self.recent[-1][1] <= numprocs:
            self.recent.pop()
        self.recent.append((now, numprocs))
        while self.recent[0][0] <= now - KEEP:
            self.recent.popleft()

    def by_hand(self, numprocs: int, now: Instant) -> None:
        """An operator has decided, or other limits count: that stays for a while, and counting begins again."""
        self.recent.clear()
        self.keep(numprocs, now)
        self.runs = self.idle = 0

    # --- what follows ---

    def by_backlog(self, slots: int, started: list[Instant], now: Instant) -> Decision:
        """After an answer: how many slots there should be."""
        visible = self.visible or 0
        each = self._each(started, now)
        within = self.scale.target_wait
        late = visible * each / within
        steady = self.busy / BUSY
        drain = visible / max(1.0, within / each) if each else 0.0
        if each > within and visible:  # else those in progress may be waiting for work, too
            drain += len(started)
        if visible > slots:
            drain = max(drain, steady + late)
        desired = self._within(ceil(max(steady, drain) - 1e-9))
        if not visible and self.busy < QUIET:
            desired = self.scale.min
        elif visible:
            desired = max(1, desired)
        self.keep(desired, now)
        reason = "backlog" if drain > steady or (visible and not slots) else "load"
        if desired > slots:
            return self._decision(self._up(slots, desired, late), reason, each)
        return self._decision(min(slots, self.recent[0][1]), "quiet", each)

    def by_idleness(self, slots: int, now: Instant) -> Decision:
        """Without a probe: one slot more, one less, or as many."""
        runs, idle = self.runs, self.idle
        numprocs, reason = slots, "idle"
        if runs >= 2 * slots:
            self.runs = self.idle = 0
            if not idle:
                numprocs, reason = slots + 1, "worked"
            elif 2 * idle > runs:
                numprocs = slots - 1
        numprocs = self._within(numprocs)
        if numprocs >= slots:
            self.keep(numprocs, now)
        return Decision(numprocs, reason, each=self.length, busy=self.busy, runs=runs, idle=idle)

    def by_staleness(self, slots: int, now: Instant) -> Decision:
        """While the probe fails: as many, and after a long time one step a minute towards the least."""
        stale = now - self.measured_at
        least = max(1, self.scale.min)
        numprocs = slots
        if stale >= STALE and now - self.stepped_at >= STEP and slots != least:
            self.stepped_at = now
            numprocs = slots - 1 if slots > least else least
        return Decision(numprocs, "stale", stale=stale)

    def _each(self, started: list[Instant], now: Instant) -> Seconds:
        """How long a run takes; before one has worked: at least as long as those in progress have."""
        if self.length is not None:
            return self.length
        return now - min(started) if started else 0.0

    def _up(self, slots: int, desired: int, late: float) -> int:
        if not slots:
            return desired if self.agreeing >= AGREE else 0
        if late >= JUMP * slots:
            return desired
        return min(desired, slots + max(1, slots // 2))

    def _within(self, numprocs: int) -> int:
        return min(self.scale.max, max(self.scale.min, numprocs))

    def _decision(self, numprocs: int, reason: str, each: Seconds) -> Decision:
        return Decision(numprocs, reason, self.visible, each or None, self.busy)
