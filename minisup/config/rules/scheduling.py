"""Schedules: what no single key of theirs can tell."""

from typing import Final

from minisup.config.keys.tables import ScheduleTable
from minisup.config.rules.table_context import TableContext
from minisup.config.schema import ProgramTable
from minisup.config.text.calendar import ZoneError, find_zone
from minisup.config.text.units import write_duration
from minisup.config.text.wording import show
from minisup.core.model import GiveUp, Kind, Restart

_PACING: Final = ("min_runtime", "idle.wait", "idle.max_wait", "idle.factor")
"""Keys that say when the next run starts, which the schedule does."""


def check_schedule(program: ProgramTable, place: TableContext) -> None:
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


def _check_when(schedule: ScheduleTable, place: TableContext) -> None:
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
