"""What a configuration may say and probably should not: numbered warnings, each with its reason and its fix.

A lint is a function from the configuration and its surroundings to findings. `LINTS` is the list of them;
docs/reference/lints.md explains each, and a test compares. Numbers are never used twice. `ignore` of a program or of
`[supervisor]` takes warnings away, each with a reason; one that takes nothing away is itself warned of (MS101).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from minisup.check.lints import (
    command_lints,
    helper_lints,
    owner_lints,
    platform_lints,
    queue_lints,
    trust_lints,
    usual_run_lints,
    worker_lints,
)
from minisup.check.lints.subject import Found, Lint, Needs, Subject, Surroundings, subject_of
from minisup.check.systemd_unit import Unit
from minisup.config.schema import Config
from minisup.config.text.toml_lines import line_of

USELESS: Final = "MS101"


class Finding(NamedTuple):
    """One warning: what will happen, what to write instead, and where. `program` empty: all; `line` 0: the file."""

    id: str
    message: str
    fix: str
    program: str
    file: str
    line: int
    key: str = ""


class Ignored(NamedTuple):
    """A warning that somebody does not want, and why."""

    finding: Finding
    reason: str


class Review(NamedTuple):
    """All warnings about a configuration: those that count, and those that are ignored."""

    findings: list[Finding]
    ignored: list[Ignored]


class _Wish(NamedTuple):
    """One entry of `ignore`; `program` empty: of `[supervisor]`, for all programs."""

    number: str
    reason: str
    program: str


def _ignored_for_nothing(_subject: Subject) -> Iterator[Found]:
    """What is ignored and does not come is known when all others have looked: see `review`."""
    return iter(())


LINTS: Final = (
    Lint(USELESS, "a warning is ignored that does not come", _ignored_for_nothing),
    Lint("MS104", "stop.drain does not fit into shutdown_timeout", platform_lints.drain_is_cut),
    Lint("MS105", "systemd signals the jobs itself", platform_lints.systemd_signals_jobs, Needs.UNIT),
    Lint("MS106", "systemd kills before shutdown_timeout", platform_lints.systemd_is_impatient, Needs.UNIT),
    Lint(
        "MS107",
        "systemd stops everything when the kernel kills one job",
        platform_lints.systemd_stops_all_for_one,
        Needs.UNIT,
    ),
    Lint("MS108", "a message comes back while its run may still work", queue_lints.message_comes_back),
    Lint("MS109", "shutdown_timeout is more than ECS gives", platform_lints.fargate_waits_no_longer),
    Lint("MS110", "stop.timeout does not fit into shutdown_timeout", platform_lints.timeout_is_cut),
    Lint("MS111", "an empty queue is looked at later than a broken one", queue_lints.idle_is_slower_than_retry),
    Lint("MS112", "--timeout does nothing with queue:work --once", worker_lints.once_has_no_timeout),
    Lint("MS113", "--timeout is not shorter than the queue waits", worker_lints.timeout_is_after_retry),
    Lint("MS114", "queue:work --once dies of the stop signal", worker_lints.once_dies_of_the_signal),
    Lint("MS115", "--sleep comes on top of the idle ladder", worker_lints.sleeps_before_idle),
    Lint("MS116", "a worker without an end", worker_lints.worker_never_ends),
    Lint("MS117", "a worker that runs for long is a job", worker_lints.worker_is_no_job),
    Lint(
        "MS118",
        "all slots together need more memory than there is",
        platform_lints.memory_is_promised_twice,
        Needs.MEMORY,
    ),
    Lint(
        "MS119", "min_runtime is what keeps the slots from doing more", usual_run_lints.pace_is_the_limit, Needs.HISTORY
    ),
    Lint("MS120", "a shell stays beside its last command", command_lints.shell_stays),
    Lint("MS121", "shell syntax in a command without a shell", command_lints.shell_is_missing),
    Lint("MS122", "a schedule is faster than the usual run", usual_run_lints.clock_is_too_fast, Needs.HISTORY),
    Lint("MS123", "an outage sends good messages to the dead-letter queue", queue_lints.outage_burns_messages),
    Lint("MS124", "an empty queue of SQS is asked often", queue_lints.empty_queue_is_asked_often),
    Lint("MS125", "nothing paces runs that find no work", queue_lints.empty_queue_is_not_noticed),
    Lint("MS126", "runs take longer than a shutdown leaves them", platform_lints.runs_are_cut, Needs.HISTORY),
    Lint("MS128", "the shell gets $ where $$ is written", command_lints.dollars_are_halved),
    Lint("MS130", "others may change the configuration", trust_lints.configuration_is_open_to_others, Needs.OWNERS),
    Lint("MS131", "others may change an env_file", trust_lints.env_file_is_open_to_others, Needs.OWNERS),
    Lint("MS132", "everybody may use the control socket", trust_lints.socket_is_open_to_all),
    Lint("MS133", "others may change what runs as root", trust_lints.command_is_open_to_others, Needs.OWNERS),
    Lint("MS134", "others may replace the configuration", trust_lints.directory_is_open_to_others, Needs.OWNERS),
    Lint("MS135", "others may write beside a log file", owner_lints.log_is_open_to_others, Needs.LOG_DIRECTORIES),
    Lint("MS136", "the Python that asks is out of the user's reach", helper_lints.python_is_out_of_reach, Needs.RIGHTS),
    Lint("MS137", "a variable with several words is one word", command_lints.variable_is_not_split),
    Lint("MS138", "the user may not enter the directory", owner_lints.directory_is_closed, Needs.DIRECTORIES),
    Lint("MS140", "the slots need more open files than there are", platform_lints.files_are_few, Needs.FILES),
    Lint("MS141", "TZ does not move the schedule", worker_lints.zone_is_of_the_run),
    Lint("MS142", "the stop signal reaches celery's pool", worker_lints.pool_is_signalled),
    Lint("MS145", "a service is a script whose shell stays", command_lints.script_stays, Needs.SCRIPTS),
)

_BY_NUMBER: Final = {rule.id: rule for rule in LINTS}


def lint(config: Config, unit: Unit | None = None) -> list[Finding]:
    """The warnings about a configuration that has no problems, without those that are ignored."""
    return review(config, Surroundings(unit)).findings


def review(config: Config, around: Surroundings = Surroundings()) -> Review:  # noqa: B008 - it cannot change
    """All warnings about a configuration that has no problems, by number, then in the order of the file."""
    subject = subject_of(config, around)
    found = [_finding(config, rule.id, one) for rule in LINTS for one in rule.look(subject)]
    wishes = list(_wishes(config))
    ignored: list[Ignored] = []
    counted: list[Finding] = []
    for finding in found:
        wish = next((wish for wish in wishes if _means(wish, finding)), None)
        if wish is None:
            counted.append(finding)
        else:
            ignored.append(Ignored(finding, wish.reason))
    useless = [
        _useless(config, wish)
        for wish in wishes
        if not any(_means(wish, one) for one in found) and _could_come(wish, around)
    ]
    return Review([*useless, *counted], ignored)


def _wishes(config: Config) -> Iterator[_Wish]:
    for text in config.supervisor.ignore:
        yield _Wish(*_split(text), "")
    for name, program in config.programs.items():
        for text in program.ignore:
            yield _Wish(*_split(text), name)


def _split(text: str) -> tuple[str, str]:
    number, _, reason = text.partition(" ")
    return number.rstrip(":"), reason.strip()


def _means(wish: _Wish, finding: Finding) -> bool:
    return wish.number == finding.id and wish.program in {"", finding.program}


def _could_come(wish: _Wish, around: Surroundings) -> bool:
    """Whether enough is known to say that a warning does not come."""
    rule = _BY_NUMBER.get(wish.number)
    return rule is None or around.known(rule.needs, wish.program)


def _useless(config: Config, wish: _Wish) -> Finding:
    if wish.number in _BY_NUMBER and wish.number != USELESS:
        message = f"ignore names {wish.number}, which does not come here ({_BY_NUMBER[wish.number].title})"
    else:
        message = f"ignore names {wish.number}, which is no warning that can be ignored"
    return _finding(config, USELESS, Found(message, f"remove {wish.number} from ignore", wish.program, "ignore"))


def _finding(config: Config, number: str, found: Found) -> Finding:
    if found.unit:
        return Finding(number, found.message, found.fix, "", found.unit, 0, found.key)
    table = ("program", found.program) if found.program else ("supervisor",)
    file = config.programs[found.program].origin.file if found.program else config.files[0]
    line = line_of(config.lines.get(file, {}), (*table, *found.key.split(".")))
    key = ".".join((*table, found.key))
    return Finding(number, found.message, found.fix, found.program, file, line, key)
