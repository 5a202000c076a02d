"""What failures of a program come to: waits, tokens, the course of an outage, giving up."""

from collections.abc import Iterator
from typing import Final

from minisup.check.outage import outage, tries_by
from minisup.check.phrases import bare, codes, rule, span
from minisup.config.schema import ProgramTable
from minisup.config.text.units import format_duration
from minisup.core.model import GiveUp, Restart

_STEPS: Final = 3

_PLANNED: Final = """\
the next run starts when the schedule says, whatever became of the last one: no backoff, no token
only what this machine lacked for a start (memory, processes, files) is tried again sooner"""


def failure_lines(program: ProgramTable) -> Iterator[tuple[str, str]]:
    """Exits and failures, by their labels."""
    yield "exits", "\n".join(_exits(program))
    if program.restart is Restart.NEVER:
        yield "failure", "not started again (restart = never)"
    elif program.schedule is not None:
        yield "failure", _PLANNED
    elif program.numprocs:
        yield "failure", "\n".join(_failure(program))


def _exits(program: ProgramTable) -> Iterator[str]:
    sets = program.exit
    known = (
        (sets.ok, "worked"),
        (sets.idle, "idle"),
        (sets.recycle, "recycled"),
        (sets.reject, "rejected"),
        (sets.fatal, "fatal"),
    )
    said = [f"{codes(some)} {word}" for some, word in known if some]
    yield ", ".join([*said, "any other failed" if said else "every code failed"])
    if program.worked.output is not None and sets.ok:
        line = rule("worked.output", program.worked.output)
        yield f"exit {codes(sets.ok)} without a line like {line} failed, too, unless it found no work"


def _failure(program: ProgramTable) -> Iterator[str]:
    retry, count = program.retry, program.numprocs
    yield f"waits {_ladder(program)}; each new try takes one of {retry.budget + count} tokens"
    yield f"one comes back every {span(retry.refill)}{_paid_back(program)}"
    course = outage(retry, count, program.max_start_rate)
    rate = f"{course.per_minute:.2g} a minute"
    ever = " for ever" if retry.give_up is GiveUp.NEVER else ""
    back = f"back within {span(course.recovery)} of recovery"
    if course.empty_after is None:
        yield f"if everything fails: about {rate}{ever}, the tokens last; {back}"
    else:
        first = f"about {course.tries} tries in the first {format_duration(course.empty_after)}"
        yield f"if everything fails: {first}, then at most {rate}{ever}; {back}"
    if retry.give_up is not GiveUp.NEVER:
        yield _giving_up(program)
    fatal = f"exit {codes(program.exit.fatal)} or a" if program.exit.fatal else "a"
    yield f"{fatal} command that cannot start: held, and one slot tries every {span(retry.refill)}"


def _ladder(program: ProgramTable) -> str:
    retry = program.retry
    steps = list(dict.fromkeys(min(retry.max_backoff, retry.backoff * 2.0**step) for step in range(_STEPS)))
    if not any(steps):
        return "not at all"
    more = f" ... up to {span(retry.max_backoff)}" if steps[-1] < retry.max_backoff else ""
    return ", ".join(f"{bare(step / 2)}-{span(step)}" for step in steps) + more


def _paid_back(program: ProgramTable) -> str:
    earned = program.retry.max_failure_ratio / (1 - program.retry.max_failure_ratio)
    if not earned or not (program.exit.ok or program.exit.idle):  # a service proves itself by running: time alone pays
        return ""
    return f", and {'one' if earned == 1 else f'{earned:.2g}'} with each run that goes well"


def _giving_up(program: ProgramTable) -> str:
    retry = program.retry
    then = "minisup drains and exits 75" if retry.give_up is GiveUp.EXIT else "the program goes off"
    tries = tries_by(retry, program.numprocs, retry.give_up_after, program.max_start_rate)
    after = f"after failing for {span(retry.give_up_after)}, about {tries:,} tries,"
    return f"{after} {then} (retry.give_up = {retry.give_up.value})"
