"""What is refused before the core hears of it, with what to do instead."""

from collections.abc import Collection, Mapping, Sequence

from minisup.core import request_table
from minisup.core.fleet import Fleet
from minisup.core.messages import Verb
from minisup.core.program import Program
from minisup.core.request_table import Request
from minisup.errors import MinisupError


def refuse_beyond(fleet: Fleet, programs: Sequence[str], numprocs: int) -> None:
    """A program that scales itself stays within its limits, whoever asks."""
    for name in programs:
        scale = fleet.programs[name].policy.scale
        if scale is not None and not scale.min <= numprocs <= scale.max:
            raise MinisupError(
                f"cannot scale {name} to {numprocs}: it scales itself between {scale.min} and {scale.max}; "
                "change scale.min or scale.max in the configuration, then `minisup reload`"
            )


def refuse_without_message(program: Program) -> None:
    """An extra run of a program with a source: it would have no message."""
    if program.source is not None:
        raise MinisupError(
            f"cannot run {program.name}: each of its runs gets a message of its source, and this one would have none; "
            f"`minisup push {program.name} FILE` puts one into the source"
        )


def refuse_leaving(fleet: Fleet, verb: Verb, targets: Sequence[str]) -> None:
    """A slot that is named exactly and only finishes its run hears nothing but a stop."""
    for name in targets:
        slot = fleet.slots.get(name)
        if slot is not None and slot.leaving:
            program = slot.program
            if slot.extra:
                raise MinisupError(
                    f"cannot {verb} {name}: it is there for one extra run and goes with it; `minisup stop {name}` "
                    f"ends that, `minisup {verb} {program.name}` means its program"
                )
            raise MinisupError(
                f"cannot {verb} {name}: it leaves, because {program.name} is scaled to {program.numprocs}; "
                f"`minisup scale {program.name}={slot.index + 1}` keeps it"
            )


def meant(fleet: Fleet, verb: Verb, names: Sequence[str], named: Collection[str]) -> tuple[str, ...]:
    """Of these slots, those that the request means, as `requests.is_meant` has it."""
    return tuple(
        name
        for name in names
        if request_table.is_meant(fleet.slots[name], Request(verb), named=_is_named(fleet, name, named))
    )


def left_alone(
    fleet: Fleet, verb: Verb, names: Sequence[str], named: Collection[str], *, now: bool
) -> Mapping[str, str]:
    """Of these slots, those that the request leaves as they are although it asks for something, with the reasons."""
    found = {}
    for name in names:
        exactly = _is_named(fleet, name, named)
        if why := request_table.left_alone(fleet.slots[name], Request(verb), named=exactly, now=now):
            found[name] = why
    return found


def refuse_in_vain(verb: Verb, targets: Sequence[str], names: Sequence[str], left: Mapping[str, str]) -> None:
    """A request that would leave every slot as it is."""
    if names and len(left) == len(names):
        why, more = next(iter(left.values())), len(left) - 1
        also = f" (and so {'are' if more > 1 else 'is'} {more} more)" if more else ""
        raise MinisupError(f"cannot {verb} {', '.join(targets)}: {why}{also}")


def refuse_endless_pause(targets: Sequence[str], names: Sequence[str], endless: Collection[str]) -> None:
    """To wait until services, which do not end by themselves, have no run in progress any more."""
    if names and len(endless) == len(names):
        raise MinisupError(
            f"cannot wait for {', '.join(targets)} to pause: the run of a service does not end by itself; add --now to "
            "signal it, or leave out --wait: no new run starts then, and this one goes on"
        )


def refuse_own_end(slot: str) -> None:
    """A run that waits until minisup has ended: minisup would wait for that run."""
    if slot:
        raise MinisupError(
            f"cannot wait for the end of minisup: this is called by a run of {slot}, which minisup would wait for; "
            "leave out --wait"
        )


def _is_named(fleet: Fleet, slot: str, named: Collection[str]) -> bool:
    return slot in named or fleet.slots[slot].program.name in named
