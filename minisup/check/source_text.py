"""What a program with a source costs while its queue is empty, and what becomes of its messages."""

from collections.abc import Iterator
from typing import Final

from minisup.check.phrases import bare, span
from minisup.config.keys.source_table import DeliverBy, SourceTable
from minisup.config.schema import ProgramTable
from minisup.config.text.masking import hide_urls

_POLL: Final = 20
"""Seconds that a request to SQS waits for a message."""

_DAY: Final = 86_400
_STEPS: Final = 2


def source_lines(program: ProgramTable) -> Iterator[tuple[str, str]]:
    """The lines about the source, if the program has one, by their label."""
    if program.source is not None:
        yield "source", "\n".join(_source(program, program.source))


def _source(program: ProgramTable, source: SourceTable) -> Iterator[str]:
    yield f"{_where(program, source)}: {_empty(source)}"
    by = "on its stdin" if source.deliver is DeliverBy.STDIN else "in the file that MINISUP_MESSAGE_FILE names"
    ahead = f"; up to {source.prefetch} more are received ahead of a free slot" if source.prefetch else ""
    yield f"each run gets one message, {by}{ahead}"
    if source.warm:
        yield f"up to {source.warm} processes wait for their message, each for {span(source.warm_age)} at most"
    renewed = f"renewed every {span(source.lease / 2)} while its run goes on"
    yield f"a message in work is hidden from others for {span(source.lease)} (lease), {renewed}"
    yield f"one whose run failed comes back {_delays(source)}"
    own = " (a redrive policy of the queue counts instead)" if source.sqs else ""
    yield f"one whose run fails at receive {source.max_receives}{own} is set aside: {_aside(source)}"


def _where(program: ProgramTable, source: SourceTable) -> str:
    if source.sqs is not None:
        return f"the SQS queue {source.sqs}"
    if source.redis is not None:
        kind = f"list {source.list}" if source.list else f"stream {source.stream}, as group {source.group},"
        return f"the Redis {kind} at {hide_urls(source.redis)}"
    if source.directory is not None:
        return f"the directory {source.directory}"
    return f"what the receiver says: {program.receiver_command(hide=True)[0]}"


def _empty(source: SourceTable) -> str:
    if source.sqs is not None:
        return f"an empty queue costs {_DAY // _POLL:,} requests a day and no process"
    return "while it is empty no process runs"


def _delays(source: SourceTable) -> str:
    steps = [min(source.max_return_delay, source.return_delay * 2.0**step) for step in range(_STEPS)]
    if not any(steps):
        return "at once"
    rungs = ", ".join(f"{bare(step / 2)}-{span(step)}" for step in dict.fromkeys(steps))
    more = f" ... up to {span(source.max_return_delay)}" if steps[-1] < source.max_return_delay else ""
    return f"after {rungs}{more}"


def _aside(source: SourceTable) -> str:
    if source.dead_letter is not None:
        return source.dead_letter
    if source.sqs is not None:
        return "in the dead-letter queue of its redrive policy; without one it comes again"
    if source.redis is not None:
        return f"{source.list or source.stream}:dead"
    return "failed/ in it" if source.directory is not None else "the receiver is told"
