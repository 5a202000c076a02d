"""The effective configuration as plain data: `minisup check --json`."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Final

from minisup.check.lint import Finding, Ignored
from minisup.check.stop_text import ShutdownPlan, shutdown_plans
from minisup.check.watch_text import watched_by
from minisup.config.keys.hook_table import HookCommand
from minisup.config.reload_plan import MODES
from minisup.config.schema import Config, ProgramTable
from minisup.config.text.masking import conceal, mask
from minisup.config.walk import keys_of
from minisup.core.policy.shutdown import usable
from minisup.errors import ConfigError

SCHEMA: Final = 1


def facts(config: Config, findings: Sequence[Finding] = (), ignored: Sequence[Ignored] = ()) -> dict[str, object]:
    """Everything that `minisup check` says, JSON-ready: durations in seconds, secrets masked, no problems."""
    plans = shutdown_plans(config)
    supervisor = _table(config.supervisor)
    document = {
        "schema": SCHEMA,
        "files": list(config.files),
        "supervisor": {**supervisor, "shutdown_usable": usable(config.supervisor.shutdown_timeout)},
        "programs": [_program(program, plans[program.name]) for program in config.programs.values()],
        "problems": [],
        "warnings": [_warning(finding) for finding in findings],
        "ignored": [{**_warning(finding), "reason": reason} for finding, reason in ignored],
    }
    return {name: _concealed(value, config.secrets) for name, value in document.items()}


def _concealed(value: object, secrets: frozenset[str]) -> object:
    """Plain data, without these values in its text."""
    if isinstance(value, str):
        return conceal(value, secrets)
    if isinstance(value, dict):
        return {name: _concealed(inner, secrets) for name, inner in value.items()}
    return [_concealed(inner, secrets) for inner in value] if isinstance(value, list) else value


def problem_facts(error: ConfigError) -> dict[str, object]:
    """The same document for a configuration that has problems."""
    problems = [
        {
            "severity": "error",
            "file": problem.file,
            "line": problem.line or None,
            "key": problem.key or None,
            "message": problem.message,
        }
        for problem in error.problems
    ]
    nothing: dict[str, object] = {"files": [], "supervisor": None, "programs": []}
    return {"schema": SCHEMA, **nothing, "problems": problems, "warnings": [], "ignored": []}


def _warning(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.id,
        "severity": "warning",
        "program": finding.program or None,
        "key": finding.key or None,
        "file": finding.file,
        "line": finding.line or None,
        "message": finding.message,
        "fix": finding.fix,
    }


def _program(program: ProgramTable, plan: ShutdownPlan) -> dict[str, object]:
    slot = program.for_slot(0, hide=True)
    given = {**program.file_environment, **program.environment}
    return {
        "name": program.name,
        "file": program.origin.file,
        "line": program.origin.line,
        **_table(program),
        "filled": list(program.filled),
        "command": list(slot.argv),
        "directory": slot.directory,
        "watched": [watched._asdict() for watched in watched_by(program)],
        "environment": {name: mask(name, slot.environment[name]) for name in given},
        "shutdown": {"begins_within": plan.begin, "drain": plan.drain, "timeout": plan.timeout},
    }


def _table(table: object) -> dict[str, object]:
    return {name: _plain(name, getattr(table, name)) for name in keys_of(type(table))}


def _plain(name: str, value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return _table(value) if fields(value) else {}
    if isinstance(value, HookCommand):
        return value.shown
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        return {key: mask(key, str(text)) for key, text in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return f"{value:04o}" if name in MODES and isinstance(value, int) else value
