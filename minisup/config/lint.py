"""What a configuration may say and probably should not: numbered warnings, each with its reason and its fix.

A lint is a function from the configuration (and the unit of systemd, if one is known) to findings. `LINTS` is the list
of them; docs/reference/lints.md explains each, and a test compares. Numbers are never used twice.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from minisup.config.phrases import span
from minisup.config.schema import Config, Platform
from minisup.config.stopping import ShutdownPlan, shutdown_plans
from minisup.config.unit import Unit
from minisup.config.units import write_duration
from minisup.core.model import Seconds
from minisup.core.shutdown import LEVEL, usable

_ECS_MOST: Final[Seconds] = 120.0


class Finding(NamedTuple):
    """One warning: what will happen, what to write instead, and where. `program` empty: all; `line` 0: the file."""

    id: str
    message: str
    fix: str
    program: str
    file: str
    line: int


class Found(NamedTuple):
    """What a rule has found; as in `Finding`."""

    message: str
    fix: str
    program: str = ""
    file: str = ""
    line: int = 0


class Subject(NamedTuple):
    """What rules look at."""

    config: Config
    plans: Mapping[str, ShutdownPlan]
    unit: Unit | None


class Lint(NamedTuple):
    """A rule: its number, what it warns of in a few words, and how it looks."""

    id: str
    title: str
    look: Callable[[Subject], Iterator[Found]]


def lint(config: Config, unit: Unit | None = None) -> list[Finding]:
    """All warnings about a configuration that has no problems, by number, then in the order of the file."""
    subject = Subject(config, shutdown_plans(config), unit)
    return [Finding(rule.id, *found) for rule in LINTS for found in rule.look(subject)]


def drain_is_cut(subject: Subject) -> Iterator[Found]:
    """At shutdown a run gets less time than its program's drain promises."""
    supervisor = subject.config.supervisor
    limit = write_duration(supervisor.shutdown_timeout)
    top = max(plan.level for plan in subject.plans.values())
    for name, program in subject.config.programs.items():
        plan, drain = subject.plans[name], write_duration(program.stop.drain)
        longest = min(program.stop.drain, program.max_runtime or program.stop.drain)
        if longest <= plan.drain or plan.begin:  # who stops later has the time that the others leave
            continue
        need = whole_timeout(longest + program.stop.timeout + top * LEVEL)
        message = (
            f"stop.drain {drain} does not fit into shutdown_timeout {limit}: a run longer than {span(plan.drain)} is"
        )
        place = in_the_platform(supervisor.platform, need)
        fix = f'shutdown_timeout = "{write_duration(need)}" here and the same in the platform ({place})'
        yield Found(f"{message} cut at shutdown", fix, name, program.origin.file, program.origin.line)


def systemd_signals_jobs(subject: Subject) -> Iterator[Found]:
    """The unit lets systemd signal every process itself, or nobody."""
    unit = subject.unit
    if unit is None or unit.kill_mode == "mixed":
        return
    what = {
        "control-group": "systemd sends SIGTERM to every job when it stops minisup, and nothing drains",
        "process": "what minisup could not end in time outlives it",
        "none": "systemd ends nothing, and what hangs stays for ever",
    }.get(unit.kill_mode, "systemd does not know it")
    yield Found(f"KillMode={unit.kill_mode}: {what}", "KillMode=mixed", file=unit.name)


def systemd_is_impatient(subject: Subject) -> Iterator[Found]:
    """The unit kills before the shutdown's own deadline."""
    unit, limit = subject.unit, subject.config.supervisor.shutdown_timeout
    if unit is None or unit.stop_timeout is None or unit.stop_timeout >= limit:
        return
    message = f"TimeoutStopSec={unit.stop_timeout:g} is less than shutdown_timeout {write_duration(limit)}"
    yield Found(f"{message}: systemd may kill everything before", f"TimeoutStopSec={limit:g}", file=unit.name)


def systemd_stops_all_for_one(subject: Subject) -> Iterator[Found]:
    """The unit is stopped when the kernel kills one job for its memory."""
    unit = subject.unit
    if unit is None or unit.oom_policy == "continue":
        return
    message = f"OOMPolicy={unit.oom_policy}: when the kernel kills one job for its memory, systemd stops all of them"
    yield Found(message, "OOMPolicy=continue", file=unit.name)


LINTS: Final = (
    Lint("MS104", "stop.drain does not fit into shutdown_timeout", drain_is_cut),
    Lint("MS105", "systemd signals the jobs itself", systemd_signals_jobs),
    Lint("MS106", "systemd kills before shutdown_timeout", systemd_is_impatient),
    Lint("MS107", "systemd stops everything when the kernel kills one job", systemd_stops_all_for_one),
)


def whole_timeout(seconds: Seconds) -> Seconds:
    """The least shutdown_timeout, in whole seconds, of which `seconds` are usable."""
    least = int(max(seconds + 0.5, seconds / 0.9))
    return float(next(limit for limit in range(least, least + 3) if usable(float(limit)) >= seconds))


def in_the_platform(platform: Platform, seconds: Seconds) -> str:
    """How a platform is told how long to wait."""
    whole = f"{seconds:.0f}"
    if platform is Platform.ECS and seconds > _ECS_MOST:
        return f"stopTimeout {_ECS_MOST:.0f} is the most that Fargate gives: shorten stop.drain"
    return {
        Platform.DOCKER: f"docker stop -t {whole}, stop_grace_period: {whole}s",
        Platform.ECS: f"stopTimeout {whole}",
        Platform.KUBERNETES: f"terminationGracePeriodSeconds: {whole}",
        Platform.HOST: f"TimeoutStopSec={whole}",
    }[platform]
