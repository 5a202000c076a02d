"""What a receiver, and a run, are told of a program's queue."""

import os
import sys
from typing import Final

from minisup.config.schema import ProgramTable

OF_THE_QUEUE: Final = ("sqs", "redis", "list", "stream", "group", "directory", "lease", "dead_letter")
"""The keys of `source` that a receiver of ours is told."""


def settings_of(program: ProgramTable) -> dict[str, object]:
    """What a receiver is told of its queue."""
    source = program.source
    assert source is not None
    if source.command is not None:
        return {"kind": "command", "program": program.name, "lease": source.lease}
    told = {key: getattr(source, key) for key in OF_THE_QUEUE}
    if source.directory is not None and source.dead_letter is not None:
        told["dead_letter"] = os.path.join(program.origin.here, source.dead_letter)
    return {"kind": next(iter(source.kinds()), ""), **{key: value for key, value in told.items() if value is not None}}


def queue_name(program: ProgramTable) -> str:
    """What runs are told the queue is called."""
    source = program.source
    if source is None:
        return program.name
    if source.sqs is not None:
        return source.sqs.rstrip("/").rpartition("/")[2]
    return source.list or source.stream or source.directory or program.name


def module_places() -> tuple[str, ...]:
    """The directories where this process finds its modules, for a helper that starts with `python -I`."""
    found = sys.path if sys.flags.safe_path else sys.path[1:]
    return tuple(path for path in found if path)
