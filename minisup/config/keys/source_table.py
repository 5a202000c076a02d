"""`source`: the queue of which each run of a program gets one message."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from minisup.config.keys.key_info import Command, FilePath, Key, says
from minisup.core.model import OnLost, Seconds

KINDS: Final = ("sqs", "redis", "directory", "command")
"""The keys that say where messages come from: a source has exactly one of them."""


class DeliverBy(StrEnum):
    """How a run gets the body of its message."""

    STDIN = "stdin"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable:
    """Where a program's messages come from: exactly one of `sqs`, `redis`, `directory` and `command`."""

    sqs: str | None = field(default=None, metadata=says(Key("URL of an SQS queue; needs `minisup[sqs]`.")))
    redis: str | None = field(
        default=None,
        metadata=says(Key("URL of a Redis server, as `redis://cache:6379/0`; with `list` or `stream`.")),
    )
    list: str | None = field(default=None, metadata=says(Key("Redis: each element of this list is a message.")))
    stream: str | None = field(default=None, metadata=says(Key("Redis: each entry of this stream is a message.")))
    group: str | None = field(
        default=None, metadata=says(Key("Redis: the consumer group that reads the stream; made if it is not there."))
    )
    directory: FilePath | None = field(
        default=None,
        metadata=says(
            Key("Each file in its `new/` is a message, and so is what `minisup push` puts in; needs no server.")
        ),
    )
    command: Command | None = field(
        default=None,
        metadata=says(
            Key(
                "A receiver of your own, which speaks the protocol of receivers. Runs as the program's user, in its "
                "directory and environment.",
                default="none",
            )
        ),
    )
    deliver: DeliverBy = field(
        default=DeliverBy.STDIN,
        metadata=says(Key("How a run gets the body: on its stdin, or in the file that `MINISUP_MESSAGE_FILE` names.")),
    )
    lease: Seconds = field(
        default=120.0,
        metadata=says(
            Key(
                "How long a message stays hidden from other workers without a sign of life; minisup renews it at half "
                "of this while the run goes on.",
                low=1,
                high=43200,
            )
        ),
    )
    return_delay: Seconds = field(
        default=10.0,
        metadata=says(
            Key(
                "How long a message whose run failed stays hidden at most; doubled with each further receive. The real "
                "time is drawn between half of it and all of it. A run that exits 75 and whose last line ends `return "
                "after 30 s` asks for another time.",
                low=0,
                high=43200,
            )
        ),
    )
    max_return_delay: Seconds = field(default=900.0, metadata=says(Key("The longest of these.", low=0, high=43200)))
    max_receives: int = field(
        default=5,
        metadata=says(
            Key(
                "A message whose run fails at this receive is set aside. Where the queue has a limit of its own (an "
                "SQS redrive policy) that one counts.",
                low=1,
                high=1000,
            )
        ),
    )
    dead_letter: str | None = field(
        default=None,
        metadata=says(
            Key(
                "Where messages are set aside: URL of an SQS queue, name of a Redis list or stream, a directory.",
                default="SQS: the queue's redrive policy; Redis: `NAME:dead`; a directory: its `failed/`",
            )
        ),
    )
    warm: int = field(
        default=0,
        metadata=says(Key("Processes that are started ahead and wait for their message.", low=0, high=10_000)),
    )
    warm_age: Seconds = field(
        default=300.0,
        metadata=says(Key("A process that has waited for so long is replaced: its connections grow old.", above=0)),
    )
    prefetch: int = field(
        default=0,
        metadata=says(Key("Messages that are received before a slot is free.", low=0, high=10_000)),
    )
    on_lost: OnLost = field(
        default=OnLost.CONTINUE,
        metadata=says(Key("What happens to a run whose lease is lost: another worker may have its message.")),
    )

    def kinds(self) -> tuple[str, ...]:
        """Which of the keys that say where messages come from are given."""
        return tuple(kind for kind in KINDS if getattr(self, kind) is not None)
