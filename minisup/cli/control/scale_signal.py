"""Commands that steer what runs: `signal`, `scale`."""

import time
from collections.abc import Sequence
from typing import Annotated, Any, Final, NamedTuple

from minisup.cli import output
from minisup.cli.control.control_commands import Timeout, Wait, tell_apart, wait_limit
from minisup.cli.control.progress import waiting
from minisup.cli.line.declare import Argument, Option
from minisup.cli.options import Command, Config, Globals, Json, Socket, SomeTargets, connect
from minisup.control.client import Client
from minisup.control.parameters import signal_name, slots
from minisup.errors import UsageError


class Size(NamedTuple):
    """A word of `scale`: `email=5`."""

    target: str
    numprocs: int

    def __str__(self) -> str:
        return f"{self.target}={self.numprocs}"


def signal(
    before: Globals,
    name: Annotated[
        str,
        Argument(metavar="SIG", help="TERM, SIGTERM or 15.", complete="signal"),
    ],
    targets: SomeTargets,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Send a signal to the runs in progress, to whom `stop.scope` says; KILL goes to the whole session.

    A run that dies by it counts as stopped, one that exits has the outcome of its exit code. 1 if there was no run.
    """
    try:
        known = signal_name(name)
    except ValueError as error:
        raise UsageError(f"cannot signal {name}: it {error}") from None
    with connect(before, config, socket) as minisup:
        answer = minisup.signal(known, targets)
    if as_json:
        output.show_json(answer)
    else:
        output.show(f"{known} sent: {output.names(answer['slots'])}")
    return 0


def scale(
    before: Globals,
    sizes: Annotated[
        list[str],
        Argument(
            metavar="PROGRAM=N",
            help="email=5: five slots from now on, 0 to 10,000.",
            complete="scale",
        ),
    ],
    now: Annotated[bool, Option("--now", help="Do not wait for the runs of slots that go: signal at once.")] = (False),
    wait: Wait = False,
    timeout: Timeout = None,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Give programs another number of slots until minisup ends. Runs in progress are not touched.

    The highest slots go first, each when its run has ended by itself. With --wait: until those are gone.
    """
    asked = [_size(word) for word in sizes]
    limit = wait_limit(timeout, wait=wait)
    with connect(before, config, socket) as minisup:
        if len(asked) > 1:
            minisup.status([size.target for size in asked])  # nothing is scaled if one of them is unknown
        answers = [minisup.scale(size.target, size.numprocs, now=now) for size in asked]
        if wait:
            answers = _wait(minisup, asked, limit)
    if as_json:
        output.show_json({"scaled": answers})
    else:
        for size, answer in zip(asked, answers, strict=True):
            output.show(_sentence(size, answer))
            tell_apart(answer)
    return 0


def _wait(minisup: Client, asked: Sequence[Size], limit: float | None) -> list[dict[str, Any]]:
    """Ask again, now to wait: to be scaled to what it is already changes nothing."""
    begun = time.monotonic()
    answers = []
    for size in asked:
        left = None if limit is None else max(0.0, limit - (time.monotonic() - begun))
        with waiting("scale", [str(size)]) as told:
            answers.append(minisup.scale(size.target, size.numprocs, wait=True, timeout=left, told=told))
    return answers


def _size(word: str) -> Size:
    target, equals, number = word.rpartition("=")
    if not equals or not target or not number.isascii() or not number.isdigit():
        raise UsageError(f"cannot scale {word}: that is no size; write PROGRAM=NUMBER, as in email=5")
    try:
        return Size(target, slots(int(number[:9])))
    except ValueError as error:
        raise UsageError(f"cannot scale {word}: the number {error}") from None


def _sentence(size: Size, answer: dict[str, Any]) -> str:
    if answer.get("done"):
        return f"scaled: {size}"
    leaving = answer["leaving"]
    return f"scale accepted: {size}" + (f"; {output.names(leaving)} may finish" if leaving else "")


COMMANDS: Final = (
    Command(
        scale,
        ("minisup scale email=5", "minisup scale email=2 sms=0 --wait", "minisup scale email=1 --now"),
    ),
    Command(
        signal,
        ("minisup signal USR1 email", "minisup signal KILL email:3"),
    ),
)
