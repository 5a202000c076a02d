"""What an operator names: `email`, `email:1`, `em*`, `@mail`, `all`."""

from collections.abc import Iterable

from minisup.core.program import Program
from minisup.core.state import State
from minisup.errors import NoSuchTargetError, UsageError
from minisup.target_match import means_program, means_slot

MOST_TARGETS = 1000
"""In one request: each may be a pattern that is compared with every name, and nobody else is served meanwhile."""


MOST_NAMED = 12
"""Programs that an error names."""


def resolve(state: State, targets: Iterable[str]) -> list[str]:
    """The names of the slots that the targets mean, in the order of the configuration, each once.

    Raises NoSuchTargetError if a target matches nothing, UsageError if there are very many of them. A program without
    slots matches with none.
    """
    targets = dict.fromkeys(targets)
    if len(targets) > MOST_TARGETS:
        raise UsageError(
            f"cannot take {len(targets)} targets at once, only {MOST_TARGETS}; use `all`, a group or a pattern"
        )
    wanted: set[str] = set()
    unknown = []
    for target in targets:
        matched = matching(state, target)
        if matched is None:
            unknown.append(target)
        else:
            wanted.update(matched)
    if unknown:
        raise no_such(state, unknown)
    return [name for name in state.slots if name in wanted]


def resolve_programs(state: State, targets: Iterable[str]) -> list[str]:
    """The names of the programs that the targets mean; a slot stands for its program."""
    slots = resolve(state, targets)
    by_slot = {state.slots[name].program.name for name in slots}
    empty = {name for target in targets for name, program in state.programs.items() if means(program, target)}
    return [name for name in state.programs if name in by_slot or name in empty]


def resolve_scaled(state: State, target: str) -> list[str]:
    """The names of the programs that a target means, to be scaled. Raises UsageError if it means slots."""
    programs = [name for name, program in state.programs.items() if means(program, target)]
    slots = [] if programs else resolve(state, [target])
    if slots:
        name = state.slots[slots[0]].program.name
        raise UsageError(f"cannot scale {target}: that is a slot; scale its program: minisup scale {name}=5")
    return programs


def resolve_run(state: State, target: str) -> str:
    """The name of the program that a target means, to be run once. Raises UsageError if it means others than one."""
    slots = resolve(state, [target])
    programs = [name for name, program in state.programs.items() if means(program, target)]
    if not programs:
        name = state.slots[slots[0]].program.name
        raise UsageError(
            f"cannot run {target}: that is a slot, and a slot has one run at a time; an extra run gets a slot of its "
            f"own: minisup run {name}"
        )
    if len(programs) > 1:
        raise UsageError(
            f"cannot run {target}: that means {len(programs)} programs ({', '.join(programs[:MOST_NAMED])}"
            f"{', ...' if len(programs) > MOST_NAMED else ''}); name one of them: minisup run {programs[0]}"
        )
    return programs[0]


def matching(state: State, target: str) -> list[str] | None:
    """The slots that one target means; None: it matches nothing."""
    if target in state.slots:
        return [target]
    programs = [program for program in state.programs.values() if means(program, target)]
    if programs or target == "all":
        return [slot.name for program in programs for slot in program.slots]
    slots = [name for name in state.slots if means_slot(target, name)]
    return slots or None


def is_meant(state: State, targets: Iterable[str], slot: str) -> bool:
    """Whether one of the targets means this slot, which may have come later than they were given."""
    program = state.programs.get(slot.rpartition(":")[0])
    return any(means_slot(target, slot) or (program is not None and means(program, target)) for target in targets)


def is_about(state: State, targets: Iterable[str], fact: object) -> bool:
    """Whether one of the targets means what a fact is about; a slot that is named means no fact about its program."""
    told = getattr(fact, "slots", ())
    slots = [*(told if isinstance(told, tuple) else ()), *filter(None, [getattr(fact, "slot", None)])]
    if any(is_meant(state, targets, slot) for slot in slots):
        return True
    name = getattr(fact, "program", None)
    program = state.programs.get(name or "")
    return any(program is not None and means(program, target) for target in targets)


def means(program: Program, target: str) -> bool:
    """Whether a target means all of a program."""
    return means_program(target, program.name, program.policy.groups)


def no_such(state: State, unknown: list[str]) -> NoSuchTargetError:
    """The error for targets that match nothing, with the nearest names, or with a few of those there are."""
    from minisup.config.text.wording import named, near_names  # noqa: PLC0415  only when somebody has mistyped

    groups = {f"@{group}" for program in state.programs.values() for group in program.policy.groups}
    is_group = unknown[0].startswith("@")
    kind, known = ("groups", sorted(groups)) if is_group else ("programs", list(state.programs))
    hint = (
        near_names(unknown[0], [*state.programs, *state.slots, *sorted(groups)])
        or f"{kind} here: {named(known) or 'none'}"
    )
    what = ", ".join(unknown)
    return NoSuchTargetError(
        f"cannot find {what}: no {'group' if is_group else 'program or slot'} has that name; {hint}", unknown, hint
    )
