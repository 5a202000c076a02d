"""What a configuration will do, in words and seconds: the text of `minisup check`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from minisup.check.failure_text import failure_lines
from minisup.check.lint import Finding, Ignored
from minisup.check.pace_text import pace_lines
from minisup.check.phrases import slots, span
from minisup.check.scale_text import scale_lines
from minisup.check.source_text import source_lines
from minisup.check.stop_text import ShutdownPlan, shutdown_plans, stop_lines
from minisup.check.watch_text import watch_lines
from minisup.config.keys.hook_table import HOOKS
from minisup.config.keys.log_tables import LineFormat, LogTo
from minisup.config.keys.supervisor_table import Platform, SupervisorTable
from minisup.config.presets import preset_keys
from minisup.config.schema import Config, ProgramTable
from minisup.config.text.masking import conceal, mask
from minisup.config.text.shell_words import word
from minisup.config.text.toml_lines import printable
from minisup.config.text.units import format_size
from minisup.config.toml_format import written_keys
from minisup.core.model import Kind
from minisup.core.policy.shutdown import usable

_LABEL_WIDTH: Final = 10


def explain(
    config: Config, findings: Sequence[Finding] = (), ignored: Sequence[Ignored] = (), *, values: bool = True
) -> str:
    """The effective values, what pace, failures, stop and shutdown come to, and the warnings. Secrets are masked.

    Without `values` only how many programs there are, and the warnings.
    """
    head = f"{', '.join(map(printable, config.files))}: {_count(len(config.programs), 'program')}, no errors"
    if findings:
        head += f", {_count(len(findings), 'warning')}"
    if ignored:
        head += f", {len(ignored)} ignored"
    blocks = [head, *(_values(config) if values else ())]
    left_out = ["\n".join(map(_ignored, ignored))] if ignored else []
    text = "\n\n".join([*blocks, *map(_warning, findings), *left_out]) + "\n"
    return conceal(text, config.secrets)


def _values(config: Config) -> Iterator[str]:
    yield "\n".join(_labelled(_supervisor(config.supervisor)))
    width = max(map(len, config.programs))
    plans = shutdown_plans(config)
    for name, program in config.programs.items():
        lines = [f"  {name:{width}}  {_what(program)}", *_labelled(_program(program, plans[name], config))]
        yield "\n".join(lines)


def _warning(finding: Finding) -> str:
    about = f" {finding.program}" if finding.program else ""
    said = f"  warning {finding.id}{about}: {printable(finding.message)}"
    return f"{said}\n      fix: {printable(finding.fix)}          {_where(finding)}"


def _ignored(ignored: Ignored) -> str:
    finding, reason = ignored
    about = f" {finding.program}" if finding.program else ""
    return f"  ignored {finding.id}{about}: {printable(reason)}          {_where(finding)}"


def _where(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}" if finding.line else finding.file


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _labelled(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    for label, text in lines:
        first, *more = text.split("\n")
        yield f"    {label:{_LABEL_WIDTH}}{first}".rstrip()
        for line in more:
            yield " " * (4 + _LABEL_WIDTH) + line


def _supervisor(supervisor: SupervisorTable) -> Iterator[tuple[str, str]]:
    limit = supervisor.shutdown_timeout
    yield "shutdown", f"{span(limit)} ({supervisor.platform.value}): all is over after {span(usable(limit))}"
    group = f", group {supervisor.socket_group}" if supervisor.socket_group else ""
    yield "socket", f"{supervisor.socket or 'the usual place'}, mode {supervisor.socket_mode:04o}{group}"
    yield "state", supervisor.state_dir or "the usual place"
    time = ", with the time" if supervisor.log.time else ""
    yield "log", f"{supervisor.log.level.value}{time}{', as json' if supervisor.log.format is LineFormat.JSON else ''}"
    if supervisor.platform is Platform.ECS:
        wanted = supervisor.task_protection.enabled
        yield "protected", "from scale-in while jobs or tasks are in progress" if wanted else "not from scale-in"
    hooks = [(name, hook) for name in HOOKS if (hook := getattr(supervisor, name)) is not None]
    if hooks:
        yield "hooks", "\n".join(f"{name} {'posts to' if hook.url else 'runs'} {hook.shown}" for name, hook in hooks)
    if supervisor.environment:
        yield "variables", _variables(supervisor.environment)


def _what(program: ProgramTable) -> str:
    argv = " ".join(map(word, program.for_slot(0, hide=True).argv))
    kind = {Kind.JOB: "", Kind.SERVICE: "service, ", Kind.TASK: "task, "}[program.kind]
    many = slots(program.numprocs) if program.scale is None else f"{program.scale.min} to {slots(program.scale.max)}"
    return f"{kind}{many} of: {argv}"


def _program(program: ProgramTable, plan: ShutdownPlan, config: Config) -> Iterator[tuple[str, str]]:
    if program.preset:
        yield "preset", "\n".join(_preset(program))
    yield from source_lines(program)
    yield from scale_lines(program)
    largest = replace(program, numprocs=program.most_slots)
    yield from pace_lines(largest)
    yield from failure_lines(largest)
    yield from stop_lines(program, plan, config)
    if program.after:
        yield "after", ", ".join(program.after)
    if program.watch:
        yield "watch", watch_lines(program)
    if program.groups:
        yield "groups", " ".join(f"@{name}" for name in program.groups)
    yield "runs", _runs(program)
    yield "output", _output(program)
    environment = {**program.file_environment, **dict.fromkeys(program.environment, "")}
    if environment or program.clear_env:
        shown = program.for_slot(0, hide=True).environment
        alone = "nothing inherited" if program.clear_env else ""
        yield "variables", "; ".join(filter(None, [_variables({name: shown[name] for name in environment}), alone]))


def _preset(program: ProgramTable) -> Iterator[str]:
    """What the preset filled in, as one would write it."""
    written = dict(written_keys(preset_keys(program.preset)))
    if not program.filled:
        yield f"{program.preset} fills in nothing: every key is given"
        return
    yield f"{program.preset} fills in"
    for key in program.filled:
        yield f"{key} = {written[key]}"


def _runs(program: ProgramTable) -> str:
    said = [f"in {printable(program.for_slot(0, hide=True).directory)}"]
    if program.identity:
        who = program.identity
        said.append(f"as {who.name or 'minisup'} (uid {_id(who.uid)}, gid {_id(who.gid)})")
    if program.umask is not None:
        said.append(f"umask {program.umask:03o}")
    return ", ".join(said)


def _id(number: int | None) -> str:
    return "minisup's" if number is None else str(number)


def _output(program: ProgramTable) -> str:
    log = program.log
    if log.to in {LogTo.INHERIT, LogTo.NONE}:
        return {LogTo.INHERIT: "written by the runs themselves", LogTo.NONE: "discarded"}[log.to]
    words = f"{log.format.value}{' with the time' if log.time else ''}, stderr {log.stderr.value}"
    if log.to is LogTo.CONSOLE:
        return f"{log.to.value}, {words}"
    files = " and ".join(path for path in program.log_paths(0, hide=True) if path)
    compressed = ", compressed" if log.compress and log.keep else ""
    return f"file {files}, {words}; rotated at {format_size(log.max_size)}, {log.keep} kept{compressed}"


def _variables(environment: Mapping[str, str]) -> str:
    return " ".join(f"{printable(name)}={word(mask(name, text))}" for name, text in environment.items())
