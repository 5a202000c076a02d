"""When the next starts of a schedule are, and what happens if the last run goes on."""

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from minisup.check.phrases import span
from minisup.config.keys.tables import ScheduleTable
from minisup.config.schema import ProgramTable
from minisup.config.text.calendar import Cron, find_zone
from minisup.core.model import Overlap

_SHOWN: Final = 3


def schedule_lines(program: ProgramTable, schedule: ScheduleTable) -> Iterator[str]:
    """When it starts, and what happens if the last run is still in progress."""
    each = "" if program.numprocs == 1 else f", in each of {program.numprocs} slots"
    if schedule.every is not None:
        yield f"a run every {span(schedule.every)}{each}, from start to start; the first at boot"
    elif schedule.cron is not None:
        zone = schedule.timezone or "local time"
        yield f"{schedule.cron} {zone}{each}; next: {upcoming(schedule, time.time())} {zone}"
    moved = f"; each later by up to {span(schedule.jitter)}" if schedule.jitter else ""
    overlap = {
        Overlap.SKIP: "a start that is due while the last run goes on is left out",
        Overlap.QUEUE: "a start that is due while the last run goes on follows it; further ones are left out",
    }[schedule.overlap]
    yield f"{overlap}{moved}"
    if schedule.catch_up:
        yield "starts that were missed while minisup was down: one, at once"


def upcoming(schedule: ScheduleTable, wall: float) -> str:
    """The next starts after `wall`: `10:05, 10:10, 10:15`, with the date where that is another one than before."""
    calendar = Cron(schedule.cron or "", schedule.timezone or "")
    day = datetime.fromtimestamp(wall, find_zone(calendar.zone)).date()
    said = []
    for moment in islice(calendar.upcoming(wall), _SHOWN):
        said.append(f"{moment:%H:%M}" if moment.date() == day else f"{moment:%Y-%m-%d %H:%M}")
        day = moment.date()
    return ", ".join(said)
