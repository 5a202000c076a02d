"""What is refused before the core hears of it, with what to do instead."""

from collections.abc import Sequence

from minisup.core.fleet import Fleet
from minisup.core.messages import Verb
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
