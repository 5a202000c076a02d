"""What `health` says: of minisup as a whole for HEALTHCHECK, and of programs that somebody names."""

from collections.abc import Collection, Iterable

from minisup.core.fleet import Fleet
from minisup.core.life.stopping import is_to_do
from minisup.core.model import Instant, Seconds
from minisup.core.program import Program


def idle_for_good(fleet: Fleet) -> str | None:
    """Why minisup as a whole is of no use any more: nothing runs or will, because it was given up. None: it is.

    Where an operator has stopped something since, somebody is at work: the platform is not to end that. What was
    stopped before was not what minisup ran when the rest was given up.
    """
    programs = fleet.programs.values()
    given_up = [program for program in programs if program.failing.given_up]
    if not given_up or any(is_to_do(fleet, program) for program in programs):
        return None
    last = max((slot.since for program in given_up for slot in program.slots), default=0.0)
    stopped = [program for program in programs if program.stopped_by and not program.failing.given_up]
    if any(slot.since >= last for program in stopped for slot in program.slots):
        return None
    names = ", ".join(program.name for program in given_up)
    return f"nothing runs any more: {names} {'was' if len(given_up) == 1 else 'were'} given up"


def unhealthy(
    programs: Iterable[Program], targets: Collection[str], max_age: Seconds | None, now: Instant, begun: Instant
) -> str | None:
    """Why one of the programs that `targets` mean is not well; None: all are.

    `max_age` asks for a last healthy end that is no older. Who is off or done is asked only if it is named exactly.
    """
    for program in programs:
        if program.failing.given_up:
            return f"{program.name} was given up"
        if max_age is not None and (program.counts.active or is_named(program, targets)) and not program.is_dormant():
            age = now - (program.past.healthy_at if program.past.healthy_at is not None else begun)
            if age > max_age:
                return f"{program.name} has not worked for {age:.0f} s"
    return None


def is_named(program: Program, targets: Collection[str]) -> bool:
    """Whether one of the targets is the name of the program or of a slot of it."""
    return program.name in targets or any(slot.name in targets for slot in program.slots)
