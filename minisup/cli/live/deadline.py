"""How far a shutdown is, from the fact that it began: the picture itself does not say by when it has to be over."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from minisup.control.client import Client
from minisup.core.policy.timestamp import seconds_of
from minisup.errors import MinisupError

REMEMBERED = 1000
"""Facts that minisup remembers: all are asked for, because a shutdown may tell many."""


class Deadline(NamedTuple):
    """`began`: seconds since 1970; `span`: the seconds that everything has from then on."""

    began: float
    span: float

    def passed(self) -> tuple[float, float]:
        """Seconds since it began, and the span."""
        return max(0.0, time.time() - self.began), self.span


def ask(minisup: Client) -> Deadline | None:
    """One request, when a shutdown is first seen; None: minisup does not say."""
    try:
        return found(minisup.events(lines=REMEMBERED)["events"])
    except (MinisupError, KeyError):
        return None


def found(events: Iterable[Mapping[str, Any]]) -> Deadline | None:
    """The deadline in the last facts: a shutdown goes through steps, and the first one names all of its time."""
    steps = [event for event in events if event["fact"] == "shutdown_step"]
    if not steps:
        return None
    return Deadline(seconds_of(steps[0]["timestamp"]), float(steps[0]["fields"]["within"]))
