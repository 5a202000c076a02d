"""What `source` cannot be."""

from typing import Final

from minisup.config.keys.source_table import KINDS, DeliverBy, SourceTable
from minisup.config.rules.table_context import TableContext
from minisup.config.schema import ProgramTable
from minisup.config.text.units import write_duration
from minisup.core.model import Kind

_SCHEMES: Final = {"sqs": ("http", "https"), "redis": ("redis", "rediss", "unix")}
_REDIS_KEYS: Final = ("list", "stream")
_IDLE_KEYS: Final = ("output", "unless_output", "faster_than", "wait", "max_wait", "factor")


def check_source(program: ProgramTable, place: TableContext) -> None:
    """Impossible in `source`, and with it."""
    source = program.source
    if source is None:
        return
    _check_kind(source, place)
    _check_beside(program, place)
    if source.return_delay > source.max_return_delay:
        place.problem(
            "source.return_delay" if place.has("source.return_delay") else "source.max_return_delay",
            f"source.return_delay {write_duration(source.return_delay)} is above source.max_return_delay "
            f"{write_duration(source.max_return_delay)}; raise source.max_return_delay",
            "source.return_delay",
            "source.max_return_delay",
        )
    if source.warm and source.deliver is DeliverBy.FILE:
        place.problem(
            "source.warm",
            'needs deliver = "stdin": a process that is started ahead of its message has no file to be told',
            "source.deliver",
        )


def _check_kind(source: SourceTable, place: TableContext) -> None:
    kinds = source.kinds()
    if len(kinds) != 1:
        said = f"has {' and '.join(kinds)}; give one of them" if kinds else f"needs one of {', '.join(KINDS)}"
        place.problem("source", said, *(f"source.{kind}" for kind in KINDS))
        return
    kind = kinds[0]
    if kind in _SCHEMES and not getattr(source, kind).startswith(tuple(f"{it}://" for it in _SCHEMES[kind])):
        some = " or ".join(f"{it}://" for it in _SCHEMES[kind])
        place.problem(f"source.{kind}", f"expected an address that begins with {some}")
    counted = [key for key in _REDIS_KEYS if getattr(source, key) is not None]
    if kind == "redis" and len(counted) != 1:
        said = "has list and stream; give one of them" if counted else "needs a list or a stream"
        place.problem("source", said, *(f"source.{key}" for key in _REDIS_KEYS))
    for key in counted if kind != "redis" else ():
        place.problem(f"source.{key}", "is only for redis")
    if source.group is not None and source.stream is None:
        place.problem("source.group", "is only for a stream", "source.stream")
    if source.stream is not None and source.group is None:
        place.problem("source.stream", "needs a group: write the consumer group that reads it", "source.group")
    if source.dead_letter is not None and kind == "command":
        place.problem("source.dead_letter", "is for your receiver to know: it is told of each rejected message")


def _check_beside(program: ProgramTable, place: TableContext) -> None:
    """Keys of the program that ask for a queue that the job itself asks, or for starts that no message causes."""
    why = "with a source minisup receives the messages, and every run has one"
    for key in _IDLE_KEYS:
        if place.has(f"idle.{key}"):
            place.problem(f"idle.{key}", f"cannot be given together with source: {why}", "source")
    if program.exit.idle and place.has("exit.idle"):
        place.problem("exit.idle", f"cannot be given together with source: {why}", "source")
    if program.schedule is not None:
        place.problem("schedule", f"cannot be given together with source: {why}; the message starts it", "source")
    if program.scale is not None and program.scale.probe is not None:
        place.problem("scale.probe", "is not needed with source: the source counts what waits", "source")
    if program.kind is not Kind.JOB:
        place.problem("source", f"is only for jobs, and this is a {program.kind.value}", "kind")
    if program.preset is not None and place.has("preset"):
        place.problem(
            "preset",
            f'"{program.preset}" is for a worker that asks the queue itself; with a source leave it out',
            "source",
        )
