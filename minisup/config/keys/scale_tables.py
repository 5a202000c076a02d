"""`scale`: how many processes a program has, and how the work that waits is counted."""

from dataclasses import dataclass, field
from typing import Final

from minisup.config.keys.key_info import Command, Key, says
from minisup.core.model import Seconds

KINDS: Final = ("command", "sqs", "redis", "http")
"""The keys that say what is asked: a probe has exactly one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How the work that waits is counted: exactly one of `command`, `sqs`, `redis` and `http`."""

    command: Command | None = field(
        default=None,
        metadata=says(
            Key(
                "Prints how many messages wait: a number, or JSON with `json`. Runs as the program's user, in its "
                "directory and environment.",
                default="none",
            )
        ),
    )
    sqs: str | None = field(
        default=None,
        metadata=says(Key("URL of an SQS queue; needs `minisup[sqs]`. Counts the messages that are visible.")),
    )
    redis: str | None = field(
        default=None,
        metadata=says(
            Key("URL of a Redis server, as `redis://localhost:6379/0`; needs `minisup[redis]`, and one of the next.")
        ),
    )
    list: str | None = field(default=None, metadata=says(Key("Redis: the length of this list.")))
    stream: str | None = field(default=None, metadata=says(Key("Redis: the length of this stream; see `group`.")))
    group: str | None = field(
        default=None, metadata=says(Key("Redis: what this consumer group of the stream has not been given yet."))
    )
    key: str | None = field(
        default=None,
        metadata=says(Key("Redis: the length of a list, stream, set or sorted set, or the number in a string.")),
    )
    http: str | None = field(default=None, metadata=says(Key("An address that answers with a number, or JSON.")))
    json: str | None = field(
        default=None,
        metadata=says(Key("Where in the JSON of `command` or `http` the number is: `queues.0.messages_ready`.")),
    )
    timeout: Seconds = field(
        default=10.0, metadata=says(Key("An answer that takes longer is none: who was asked is killed.", above=0))
    )

    def kinds(self) -> tuple[str, ...]:
        """Which of the keys that say what is asked are given."""
        return tuple(kind for kind in KINDS if getattr(self, kind) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleTable:
    """As many processes as the work needs; instead of `numprocs`."""

    min: int = field(
        default=1, metadata=says(Key("At least so many processes; `0` needs a probe.", low=0, high=10_000))
    )
    max: int = field(default=10, metadata=says(Key("At most so many processes.", low=1, high=10_000)))
    target_wait: Seconds = field(
        default=30.0, metadata=says(Key("How long a message may wait in the queue; only with a probe.", above=0))
    )
    every: Seconds = field(default=5.0, metadata=says(Key("How often the work is looked at.", low=0.1)))
    probe: Probe | None = field(
        default=None,
        metadata=says(Key("How it is counted.", default="by how the runs end: whether they found work (`exit.idle`)")),
    )
