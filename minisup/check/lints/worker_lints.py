"""Whether a known worker is run the way it works: what Laravel's `--once` does not do, and who goes on for ever."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import ceil
from typing import Final

from minisup.check.lints.subject import Found, Subject
from minisup.check.lints.words import CELERY, FRESH, LARAVEL, LARAVEL_TIMEOUT, Worker, worker_of
from minisup.check.phrases import span
from minisup.config.schema import ProgramTable
from minisup.config.text.units import write_duration
from minisup.core.model import Kind, Scope, Seconds, Stop
from minisup.core.policy.pace import idle_wait

_GOOD_STOP: Final[Seconds] = 5.0
_MARGIN: Final[Seconds] = 5.0
_ONE_PROCESS: Final = frozenset({"solo", "threads", "gevent", "eventlet"})
"""Pools of celery that have no processes beside the master."""


def once_has_no_timeout(subject: Subject) -> Iterator[Found]:
    """`queue:work --once --timeout=60`: Laravel does not enforce it."""
    for name, program, worker in _workers(subject):
        limit = worker.number("--timeout")
        if worker.once and limit and program.max_runtime is None:
            message = f"--timeout={limit:g} does nothing with queue:work --once: a run that hangs goes on for ever"
            yield Found(message, f'max_runtime = "{write_duration(limit)}"', name, "command")


def timeout_is_after_retry(subject: Subject) -> Iterator[Found]:
    """Laravel's `--timeout` ends a job when the queue has already given it to somebody else."""
    for name, program, worker in _workers(subject):
        if worker.name != LARAVEL or worker.once:
            continue
        given = worker.number("--timeout")
        limit, (what, after) = LARAVEL_TIMEOUT if given is None else given, _given_again(program)
        if after and (limit >= after or not limit):
            said = f"--timeout={limit:g}{'' if given is not None else ', the default,'}"
            ends = f"ends a job after {span(limit)}" if limit else "never ends a job"
            message = f"{said} {ends}, and {what} {span(after)} gives it to a second worker before"
            shorter = max(1, int(after - _MARGIN) if after > 2 * _MARGIN else int(after / 2))
            yield Found(
                message,
                f"--timeout={shorter}, or {what} of {span((limit or after) + _MARGIN)} or more",
                name,
                "command",
            )


def once_dies_of_the_signal(subject: Subject) -> Iterator[Found]:
    """`queue:work --once` has no handler for SIGTERM, and its program counts on one."""
    for name, program, worker in _workers(subject):
        stop = program.stop
        if not worker.once or (stop.drain and stop.timeout <= max(stop.drain, Stop().timeout)):
            continue
        message = (
            f"queue:work --once dies of SIG{stop.signal.removeprefix('SIG')} in the middle of its job: "
            f"stop.timeout {write_duration(stop.timeout)} gives it no time, and stop.drain is "
            f"{span(stop.drain) if stop.drain else '0'}"
        )
        drain, timeout = write_duration(stop.timeout), write_duration(min(stop.timeout, _GOOD_STOP))
        fix = f'stop = {{ drain = "{drain}", timeout = "{timeout}" }}, or --max-jobs=1 --stop-when-empty for --once'
        yield Found(message, fix, name, "stop")


def sleeps_before_idle(subject: Subject) -> Iterator[Found]:
    """A run that found nothing sleeps inside before minisup lets it wait outside."""
    for name, program, worker in _workers(subject):
        sleep, idle = worker.sleep, program.idle
        if not sleep or not program.knows_idle:
            continue
        given = "" if worker.number("--sleep") is not None else ", the default,"
        if idle.faster_than is not None and sleep >= idle.faster_than and not (idle.output or program.exit.idle):
            what = f"so no run is idle by idle.faster_than {write_duration(idle.faster_than)}"
        else:
            first, last = span(idle_wait(idle, 1)), span(idle_wait(idle, 10**6))
            what = f"beside the {first} to {last} of the idle ladder"
        message = f"--sleep={sleep:g}{given} keeps a run that finds no work for {span(sleep)} before it exits, {what}"
        yield Found(message, "--sleep=0: the ladder waits without a process", name, "command")


def worker_never_ends(subject: Subject) -> Iterator[Found]:
    """A worker that keeps what it leaks and the code that it started with."""
    for name, program, worker in _workers(subject):
        if worker.end or program.max_runtime or (program.limits and program.limits.memory):
            continue
        what = worker.name if worker.name != "celery" else "celery worker"
        keeps = "the memory that it leaks and, after a deploy, the old code"
        if worker.name == LARAVEL:
            keeps = (
                f"the old code after a deploy, and what it leaks up to --memory={worker.number('--memory') or 128:g} MB"
            )
        message = f"{what} without an end of its own: it keeps {keeps}"
        also = " or --max-jobs=500" if worker.name == LARAVEL else ""
        after = "celery then replaces its processes" if worker.name == "celery" else "minisup starts the next one"
        yield Found(message, f"{FRESH[worker.name]}{also}: {after}", name, "command")


def worker_is_no_job(subject: Subject) -> Iterator[Found]:
    """A job that never ends by itself: `restart` and a drain wait for an end that does not come."""
    for name, program, worker in _workers(subject):
        if program.kind is not Kind.JOB or not worker.stays or program.max_runtime:
            continue
        message = (
            f"{worker.name} runs for long, and kind is job: minisup restart waits for an end that does not come, "
            f"and a stop drains for {span(program.stop.drain)} before it sends the signal"
        )
        yield Found(message, 'kind = "service"', name, "kind")


_RETRY_AFTER: Final[Mapping[str, str]] = {
    "redis": "REDIS_QUEUE_RETRY_AFTER",
    "database": "DB_QUEUE_RETRY_AFTER",
    "beanstalkd": "BEANSTALKD_QUEUE_RETRY_AFTER",
}


def _given_again(program: ProgramTable) -> tuple[str, Seconds]:
    """By what, and after how many seconds, a queue gives a job to somebody else; 0: nobody knows."""
    if program.queue and program.queue.visibility_timeout:
        return "queue.visibility_timeout", program.queue.visibility_timeout
    worker, known = worker_of(program), {**program.origin.variables, **program.for_slot(0).environment}
    connection = (worker.connection if worker else "") or known.get("QUEUE_CONNECTION", "")
    variable = _RETRY_AFTER.get(connection, "")
    text = known.get(variable, "")
    return (variable, float(ceil(int(text)))) if text.isdecimal() else ("", 0.0)


def _workers(subject: Subject) -> Iterator[tuple[str, ProgramTable, Worker]]:
    for name, program in subject.programs():
        worker = worker_of(program)
        if worker is not None:
            yield name, program, worker


def pool_is_signalled(subject: Subject) -> Iterator[Found]:
    """Celery's master lets its tasks finish when it gets SIGTERM; the processes in which they run die of it."""
    for name, program, worker in _workers(subject):
        if worker.name != CELERY or program.stop.scope is not Scope.GROUP or _in_one_process(worker):
            continue
        signal = f"SIG{program.stop.signal.removeprefix('SIG')}"
        message = (
            f"stop.scope = group sends {signal} to the processes of celery's pool too: "
            "they die of it in the middle of a task, and the master would have let them finish"
        )
        yield Found(message, 'stop = { scope = "leader" }, or preset = "celery"', name, "stop.scope")


def _in_one_process(worker: Worker) -> bool:
    words = worker.words
    given = [word.partition("=")[2] for word in words if word.startswith("--pool=")]
    given += [after for word, after in pairwise(words) if word in {"-P", "--pool"}]
    return bool(given) and given[-1] in _ONE_PROCESS


def zone_is_of_the_run(subject: Subject) -> Iterator[Found]:
    """TZ among a run's variables says what time it is for the run, not when the run is due."""
    for name, program in subject.programs():
        schedule = program.schedule
        if schedule is None or schedule.cron is None or schedule.timezone is not None:
            continue
        zone = program.for_slot(0).environment.get("TZ") or subject.config.supervisor.environment.get("TZ")
        if zone:
            message = f"TZ = {zone} is the time zone of the runs; the schedule goes by that of minisup itself"
            yield Found(message, f'schedule = {{ cron = "{schedule.cron}", timezone = "{zone}" }}', name, "schedule")
