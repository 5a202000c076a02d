"""`minisup health`: for HEALTHCHECK, every few seconds in every container, so it must cost next to nothing."""

from __future__ import annotations

from minisup.cli.connect import client
from minisup.cli.output import complain
from minisup.cli.timeparse import seconds
from minisup.control.rpc_errors import BusyError
from minisup.errors import NO_PROGRAM, NotReachableError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minisup.cli.argv import Words

OPTIONS = {"--max-age": "max_age"}
FLAGS: dict[str, str] = {}

UNHEALTHY = 1


def from_words(words: Words) -> int:
    """`minisup health` as it stands on the command line."""
    named = words.options
    return health(named.get("config"), named.get("socket"), words.targets, named.get("max_age"))


def health(config: str | None, socket: str | None, targets: Sequence[str], max_age: str | None) -> int:
    """0 if healthy; 1 and one line on stderr if not, or if there is no answer in 2 s."""
    age = None if max_age is None else seconds(max_age, "--max-age")
    if age is not None and not targets:
        raise UsageError(NO_PROGRAM)
    try:
        with client(config, socket) as minisup:
            answer = minisup.health(targets, max_age=age)
    except (NotReachableError, BusyError) as error:
        complain(f"unhealthy: {str(error).splitlines()[0]}")
        return UNHEALTHY
    if answer.get("healthy") is True:
        return 0
    complain(f"unhealthy: {answer.get('reason') or 'minisup gives no reason'}")
    return UNHEALTHY
