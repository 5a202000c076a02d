"""What a changed configuration would change, and what happens to each change: the plan of `minisup reload`.

Runs in progress are never touched by a change: what makes a run (command, user, output ...) counts from its next run
on, and a service gets that next run by a restart. What decides about runs (pace, retries, stop ...) counts at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from minisup.config.keys.hook_table import HookCommand
from minisup.config.keys.key_info import Reload
from minisup.config.keys.supervisor_table import SUPERVISOR_KEYS, SupervisorTable
from minisup.config.schema import PROGRAM_KEYS, Config, ProgramTable
from minisup.config.text.masking import conceal, mask
from minisup.config.walk import keys_of
from minisup.core.model import Kind


class ReloadEffect(StrEnum):
    """What becomes of a change."""

    LIVE = "applied at once"
    NEXT_RUN = "with the next run"
    RESTARTS = "the service restarts, one slot after another"
    STARTS = "starts"
    DRAINS = "drains and goes; its runs may finish"
    MINISUP = "needs a restart of minisup"


_EFFECTS: Final[Mapping[Reload, ReloadEffect]] = {
    Reload.NOW: ReloadEffect.LIVE,
    Reload.NEXT_RUN: ReloadEffect.NEXT_RUN,
    Reload.NEW_MINISUP: ReloadEffect.MINISUP,
}


class Change(NamedTuple):
    """One change. `program` is empty for `[supervisor]`; `key` is empty for a program that is new or gone."""

    program: str
    key: str
    old: object
    new: object
    effect: ReloadEffect


class ReloadPlan(NamedTuple):
    """All changes between two configurations, in the order of the files."""

    changes: tuple[Change, ...]

    @property
    def remade(self) -> frozenset[str]:
        """Programs whose runs are made in another way from now on."""
        return frozenset(
            change.program for change in self.changes if change.effect in {ReloadEffect.NEXT_RUN, ReloadEffect.RESTARTS}
        )

    @property
    def noted(self) -> frozenset[str]:
        """Programs of which a key has changed that counts without a restart of minisup."""
        return frozenset(
            change.program for change in self.changes if change.key and change.effect is not ReloadEffect.MINISUP
        )


MODES: Final = frozenset({"umask", "socket_mode"})
"""Keys that are written in octal digits."""


def plan(old: Config, new: Config) -> ReloadPlan:
    """The changes from `old` to `new`. Both are as they were read; nothing is looked up."""
    secrets = old.secrets | new.secrets
    return ReloadPlan(
        tuple(
            change._replace(old=_concealed(change.old, secrets), new=_concealed(change.new, secrets))
            for change in _changes(old, new)
        )
    )


def _concealed(value: object, secrets: frozenset[str]) -> object:
    if isinstance(value, list):
        return [_concealed(item, secrets) for item in value]
    return conceal(value, secrets) if isinstance(value, str) else value


def taken_over(old: Config, new: Config) -> Config:
    """`new` as far as it can be had without a restart of minisup: the rest stays, and the next plan still shows it."""
    fixed = [name for name, reload in SUPERVISOR_KEYS.items() if reload is Reload.NEW_MINISUP]
    kept = {name: getattr(old.supervisor, name) for name in (*fixed, "socket_gid")}
    programs = {
        name: _as_it_is(old.programs[name], program)
        if name in old.programs and program.kind is not old.programs[name].kind
        else program
        for name, program in new.programs.items()
    }
    return replace(new, supervisor=replace(new.supervisor, **kept), programs=programs)


def _as_it_is(old: ProgramTable, new: ProgramTable) -> ProgramTable:
    """A program of which another kind is wanted: exit codes, stop and all else of the old one stay together.

    But what it is `after` must be there.
    """
    return replace(old, after=new.after)


def _changes(old: Config, new: Config) -> Iterator[Change]:
    yield from _supervisor(old.supervisor, new.supervisor)
    for name, program in new.programs.items():
        before = old.programs.get(name)
        if before is None:
            effect = ReloadEffect.STARTS if program.autostart else ReloadEffect.LIVE
            yield Change(name, "", None, command_of(program), effect)
        else:
            yield from _program(before, program)
    for name, program in old.programs.items():
        if name not in new.programs:
            yield Change(name, "", command_of(program), None, ReloadEffect.DRAINS)


def _supervisor(old: SupervisorTable, new: SupervisorTable) -> Iterator[Change]:
    for key, before, after in _differences(_flat(old), _flat(new)):
        top = key.partition(".")[0]
        yield Change("", key, before, after, _EFFECTS[SUPERVISOR_KEYS[top]])


def _program(old: ProgramTable, new: ProgramTable) -> Iterator[Change]:
    effects = {**_EFFECTS, Reload.NEXT_RUN: ReloadEffect.RESTARTS} if old.kind is Kind.SERVICE else _EFFECTS
    for key, before, after in _differences(_effective(old), _effective(new)):
        top = key.partition(".")[0]
        waits = old.kind is not new.kind and top != "after"  # a kind brings its own exit codes, stop and more
        effect = ReloadEffect.MINISUP if waits else effects[PROGRAM_KEYS[top]]
        yield Change(new.name, key, before, after, effect)


def command_of(program: ProgramTable) -> str:
    """The command as it is shown: filled in for slot 0, secrets masked."""
    return " ".join(program.for_slot(0, hide=True).argv)


class _Secret(NamedTuple):
    """A value that is compared and never shown."""

    shown: str
    value: str


def _effective(program: ProgramTable) -> dict[str, object]:
    """The keys of a program as they come out: templates are filled in for slot 0, the way its runs see them."""
    flat = _flat(program)
    if program.scale is not None:
        del flat["numprocs"]  # it follows from scale.min
    for key in [key for key in flat if key.partition(".")[0] in {"command", "directory", "environment"}]:
        del flat[key]
    bare, masked = program.for_slot(0), program.for_slot(0, hide=True)
    flat["command"] = _Secret(" ".join(masked.argv), "\0".join(bare.argv))
    flat["directory"] = _Secret(masked.directory, bare.directory)
    given = {name: bare.environment[name] for name in (*program.file_environment, *program.environment)}
    flat.update(
        {f"environment.{name}": _Secret(mask(name, masked.environment[name]), text) for name, text in given.items()}
    )
    return flat


def _flat(table: object, path: str = "") -> dict[str, object]:
    """Key paths and values of a table and its inner tables."""
    flat: dict[str, object] = {}
    for name in keys_of(type(table)):
        value = getattr(table, name)
        if is_dataclass(value) and not isinstance(value, type):
            flat.update(_flat(value, f"{path}{name}."))
        elif isinstance(value, Mapping):
            flat.update(
                {f"{path}{name}.{key}": _Secret(mask(key, str(text)), str(text)) for key, text in value.items()}
            )
        else:
            flat[f"{path}{name}"] = value
    return flat


def _differences(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[tuple[str, object, object]]:
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if before != after:
            yield key, _plain(key, before), _plain(key, after)


def _plain(key: str, value: object) -> object:
    """A value as JSON and people have it."""
    if isinstance(value, _Secret):
        return value.shown
    if isinstance(value, HookCommand):
        return value.shown
    if key in MODES and isinstance(value, int):
        return f"{value:04o}"
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)
