"""Schedules: what no single key of theirs can tell, and in the words of `check` when the next starts are."""

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from minisup.config.calendar import Cron, ZoneError, find_zone
from minisup.config.phrases import span
from minisup.config.place import Place
from minisup.config.problems import show
from minisup.config.schema import Program
from minisup.config.tables import Schedule
from minisup.config.units import write_duration
from minisup.core.model import GiveUp, Kind, Overlap, Restart

_SHOWN: Final = 3

_PACING: Final = ("min_runtime", "idle.wait", "idle.max_wait", "idle.factor")
"""Keys that say when the next run starts, which the schedule does."""


def check_schedule(program: Program, place: Place) -> None:
    """Impossible in a schedule, and together with one."""
    schedule = program.schedule
    if schedule is None:
        return
    _check_when(schedule, place)
    if program.kind is not Kind.JOB:
        place.problem("schedule", f'is only for kind = "job", and this is {show(program.kind.value)}', "kind")
    elif program.restart is not Restart.ALWAYS:
        place.problem(
            "restart", f"a schedule starts the next run, however the last one ended; remove {show(program.restart)}"
        )
    for key in _PACING:
        if place.has(key):
            place.problem(key, "the schedule says when the next run starts; remove it")
    if program.retry.give_up is not GiveUp.NEVER:
        place.problem("retry.give_up", 'is only "never" with a schedule: the next planned run tries again')


def _check_when(schedule: Schedule, place: Place) -> None:
    if schedule.cron is not None and schedule.every is not None:
        place.problem("schedule", "has both every and cron; give one of them", "schedule.every", "schedule.cron")
    if schedule.cron is None and schedule.every is None:
        place.problem("schedule", "needs every or cron", "schedule.every", "schedule.cron")
    if schedule.cron is None and schedule.timezone is not None:
        place.problem("schedule.timezone", "is only for cron", "schedule.cron")
    if schedule.cron is None and schedule.catch_up:
        place.problem("schedule.catch_up", "is only for cron: with every the first run is at boot", "schedule.cron")
    if schedule.every is not None and schedule.jitter >= schedule.every:
        every = write_duration(schedule.every)
        place.problem("schedule.jitter", f"must be less than every, which is {every}", "schedule.every")
    if schedule.cron is not None and schedule.timezone is None:
        try:
            find_zone("")
        except ZoneError as error:
            place.problem("schedule.cron", f"the time zone of this machine (TZ): {error}, or set schedule.timezone")


def schedule_lines(program: Program, schedule: Schedule) -> Iterator[str]:
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


def upcoming(schedule: Schedule, wall: float) -> str:
    """The next starts after `wall`: `10:05, 10:10, 10:15`, with the date where that is another one than before."""
    calendar = Cron(schedule.cron or "", schedule.timezone or "")
    day = datetime.fromtimestamp(wall, find_zone(calendar.zone)).date()
    said = []
    for moment in islice(calendar.upcoming(wall), _SHOWN):
        said.append(f"{moment:%H:%M}" if moment.date() == day else f"{moment:%Y-%m-%d %H:%M}")
        day = moment.date()
    return ", ".join(said)
