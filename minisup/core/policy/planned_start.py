"""The starts that a schedule has planned for one slot: which is next, and what became of those before."""

from math import floor

from minisup.core.model import Schedule, Seconds

MOST_COUNTED = 100
"""Times of a calendar that are counted one by one when they are passed over; what is left of them counts as one."""


class PlannedStart:
    """A slot's next planned start.

    Times are on the clock of the schedule: monotonic for `every`, seconds since 1970 for a calendar. `moved` is what
    jitter adds to `planned`. Both are what the slot waits for, or what comes due while a run is in progress.
    """

    __slots__ = ("delay", "late", "moved", "planned", "queued", "skipped", "told", "why")

    def __init__(self, planned: float) -> None:
        self.planned = planned
        self.moved: Seconds = 0.0
        self.queued: float | None = None  # a start that came due during the run in progress, and follows it
        self.skipped = 0  # starts that came due during the run in progress, and were left out
        self.told = 0  # how many of them have been told
        self.late = 0  # starts in a row that were late
        self.delay: Seconds | None = None  # of the run in progress; None: it was not planned
        self.why = ""  # what makes the next start late: "overlap", "clock", "down"


def following(schedule: Schedule, planned: float, clock: float) -> float:
    """The first planned start after both `planned` and `clock`, which stands on the grid of `planned`: no drift."""
    if schedule.calendar is not None:
        return schedule.calendar.next_after(max(planned, clock))
    assert schedule.every is not None
    steps = max(1, floor((clock - planned) / schedule.every) + 1)
    return planned + steps * schedule.every


def passed_over(schedule: Schedule, planned: float, clock: float) -> tuple[int, float]:
    """How many starts from `planned` on are not later than `clock`, and the first that is."""
    if schedule.calendar is None:
        last = following(schedule, planned, clock)
        return round((last - planned) / (schedule.every or 1.0)), last
    count = 0
    while planned <= clock and count < MOST_COUNTED:
        count += 1
        planned = schedule.calendar.next_after(planned)
    return (count, planned) if planned > clock else (count + 1, schedule.calendar.next_after(clock))
