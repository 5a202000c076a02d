"""Commands that change something: `start`, `stop`, `restart`, `shutdown`."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from minisup.cli import say
from minisup.cli.durations import seconds
from minisup.cli.options import Command, Config, Json, Socket, SomeTargets, connect
from minisup.errors import UsageError

MOST_NAMES: Final = 12

Wait = Annotated[bool, typer.Option("--wait", help="Return when it is done instead of when it is accepted.")]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout", metavar="DURATION", show_default=False, help="With --wait: exit 1 after so long; it goes on."
    ),
]


def start(
    ctx: typer.Context,
    targets: SomeTargets,
    now: Annotated[bool, typer.Option("--now", help="Start slots that wait, too.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Start slots that are off or done; a drain is cancelled. With --wait: until each has started a run."""
    limit = _limit(timeout, wait=wait)
    with connect(ctx, config, socket) as minisup:
        return _tell("start", "started", minisup.start(targets, now=now, wait=wait, timeout=limit), as_json=as_json)


def stop(
    ctx: typer.Context,
    targets: SomeTargets,
    now: Annotated[bool, typer.Option("--now", help="Skip the drain: signal at once.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Drain, then signal, then kill, as the program's `stop` says. With --wait: until all are off."""
    limit = _limit(timeout, wait=wait)
    with connect(ctx, config, socket) as minisup:
        return _tell("stop", "stopped", minisup.stop(targets, now=now, wait=wait, timeout=limit), as_json=as_json)


def restart(
    ctx: typer.Context,
    targets: SomeTargets,
    now: Annotated[bool, typer.Option("--now", help="Do not wait for the runs in progress: signal at once.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Start fresh runs when those in progress have ended by themselves. With --wait: until all slots have."""
    limit = _limit(timeout, wait=wait)
    with connect(ctx, config, socket) as minisup:
        return _tell(
            "restart", "restarted", minisup.restart(targets, now=now, wait=wait, timeout=limit), as_json=as_json
        )


def shutdown(
    ctx: typer.Context,
    now: Annotated[bool, typer.Option("--now", help="Skip the drain: signal at once.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when minisup has ended.")] = False,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Drain and stop everything, then end minisup: what TERM does."""
    with connect(ctx, config, socket) as minisup:
        answer = minisup.shutdown(now=now, wait=wait)
    if as_json:
        say.show_json(answer)
    else:
        say.show("minisup has ended" if wait else "shutdown accepted")
    return 0


def _limit(timeout: str | None, *, wait: bool) -> float | None:
    if timeout is None:
        return None
    if not wait:
        raise UsageError("cannot use --timeout without --wait: nothing is waited for")
    return seconds(timeout, "--timeout")


def _tell(verb: str, done: str, answer: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        say.show_json(answer)
    else:
        say.show(f"{done if answer.get('done') else f'{verb} accepted'}: {_names(answer.get('slots', ()))}")
    return 0


def _names(slots: Sequence[str]) -> str:
    if not slots:
        return "no slots"
    more = f" and {len(slots) - MOST_NAMES} more" if len(slots) > MOST_NAMES else ""
    return ", ".join(slots[:MOST_NAMES]) + more


COMMANDS: Final = (
    Command(
        start,
        "Start slots that are off or done.",
        ("minisup start email", "minisup start all --wait --timeout 30s"),
    ),
    Command(
        stop,
        "Drain and stop slots.",
        ("minisup stop email:1", "minisup stop @mail --wait", "minisup stop all --now"),
    ),
    Command(
        restart,
        "Fresh runs when those in progress have ended.",
        ("minisup restart email", "minisup restart 'em*' --wait"),
    ),
    Command(
        shutdown,
        "Drain and stop everything, then end minisup.",
        ("minisup shutdown", "minisup shutdown --wait"),
    ),
)
