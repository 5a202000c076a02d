"""Commands on slots, and `shutdown`: each asks, and waits if it is told to."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from minisup.cli import output
from minisup.cli.control.progress import waiting
from minisup.cli.line.declare import Option
from minisup.cli.options import Command, Config, Globals, Json, Socket, SomeTargets, connect
from minisup.cli.timeparse import seconds
from minisup.control.client import Client
from minisup.errors import UsageError

Wait = Annotated[bool, Option("--wait", help="Return when it is done instead of when it is accepted.")]
Timeout = Annotated[
    str | None,
    Option("--timeout", metavar="DURATION", help="With --wait: exit 1 after so long; it goes on."),
]


def start(
    before: Globals,
    targets: SomeTargets,
    now: Annotated[bool, Option("--now", help="Start slots that wait, too.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Start slots that are off or done; a drain is cancelled. With --wait: until each has started a run."""
    limit = wait_limit(timeout, wait=wait)
    with connect(before, config, socket) as minisup:
        return _ask(minisup, "start", targets, now=now, wait=wait, timeout=limit, as_json=as_json)


def stop(
    before: Globals,
    targets: SomeTargets,
    now: Annotated[bool, Option("--now", help="Skip the drain: signal at once.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Drain, then signal, then kill, as the program's `stop` says. With --wait: until all are off."""
    limit = wait_limit(timeout, wait=wait)
    with connect(before, config, socket) as minisup:
        return _ask(minisup, "stop", targets, now=now, wait=wait, timeout=limit, as_json=as_json)


def restart(
    before: Globals,
    targets: SomeTargets,
    now: Annotated[bool, Option("--now", help="Do not wait for the runs in progress: signal at once.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Start fresh runs when those in progress have ended by themselves. With --wait: until all slots have.

    What is off, paused or done (a task that has worked) stays so; what is off or done starts if it is named exactly.
    """
    limit = wait_limit(timeout, wait=wait)
    with connect(before, config, socket) as minisup:
        return _ask(minisup, "restart", targets, now=now, wait=wait, timeout=limit, as_json=as_json)


def pause(
    before: Globals,
    targets: SomeTargets,
    now: Annotated[bool, Option("--now", help="Do not wait for the runs in progress: signal at once.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """No new runs until `resume` or `start`; those in progress may finish. With --wait: until none is in progress.

    Failures, tokens and what the slots waited for are kept. A paused program is never given up. --wait does not wait
    for services, whose runs end with --now only; a stop under way is not taken back.
    """
    limit = wait_limit(timeout, wait=wait)
    with connect(before, config, socket) as minisup:
        return _ask(minisup, "pause", targets, now=now, wait=wait, timeout=limit, as_json=as_json)


def resume(
    before: Globals,
    targets: SomeTargets,
    now: Annotated[bool, Option("--now", help="End the waits that the pause interrupted, too.")] = False,
    wait: Wait = False,
    timeout: Timeout = None,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """End a pause: each slot goes on with what it waited for. With --wait: until each has started a run."""
    limit = wait_limit(timeout, wait=wait)
    with connect(before, config, socket) as minisup:
        return _ask(minisup, "resume", targets, now=now, wait=wait, timeout=limit, as_json=as_json)


def shutdown(
    before: Globals,
    now: Annotated[bool, Option("--now", help="Skip the drain: signal at once.")] = False,
    wait: Annotated[bool, Option("--wait", help="Return when minisup has ended.")] = False,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Drain and stop everything, then end minisup: what TERM does."""
    with connect(before, config, socket) as minisup:
        if wait:
            with waiting(minisup, "shutdown", ()):
                answer = minisup.shutdown(now=now, wait=True)
        else:
            answer = minisup.shutdown(now=now)
    if as_json:
        output.show_json(answer)
    else:
        output.show("minisup has ended" if wait else "shutdown accepted")
    return 0


def wait_limit(timeout: str | None, *, wait: bool) -> float | None:
    """The seconds of `--timeout`. Raises UsageError without `--wait`."""
    if timeout is None:
        return None
    if not wait:
        raise UsageError("cannot use --timeout without --wait: nothing is waited for; add --wait or leave it out")
    return seconds(timeout, "--timeout")


def _ask(
    minisup: Client, verb: str, targets: Sequence[str], *, now: bool, wait: bool, timeout: float | None, as_json: bool
) -> int:
    method = getattr(minisup, verb)
    if wait:
        with waiting(minisup, verb, targets):
            answer: dict[str, Any] = method(targets, now=now, wait=True, timeout=timeout)
    else:
        answer = method(targets, now=now)
    if as_json:
        output.show_json(answer)
    else:
        said = DONE[verb] if answer.get("done") else f"{verb} accepted"
        apart = {**answer.get("unchanged", {}), **answer.get("not_waited_for", {})}
        done = [slot for slot in answer.get("slots", ()) if slot not in apart]
        output.show(f"{said}: {output.names(done)}")
        tell_apart(answer)
    return 0


def tell_apart(answer: Mapping[str, Any]) -> None:
    """What a request left as it was, and what nobody waited for, with the reasons."""
    for slots in by_reason(answer.get("not_waited_for", {})).values():
        output.show(f"not waited for: {output.names(slots)}: {answer['not_waited_for'][slots[0]]}")
    for why in answer.get("unchanged", {}).values():
        output.complain(f"unchanged: {why}")


def by_reason(slots: Mapping[str, str]) -> dict[str, list[str]]:
    """The slots of each reason."""
    found: dict[str, list[str]] = {}
    for slot, why in slots.items():
        found.setdefault(why, []).append(slot)
    return found


DONE: Final = {
    "start": "started",
    "stop": "stopped",
    "restart": "restarted",
    "pause": "paused",
    "resume": "resumed",
}

COMMANDS: Final = (
    Command(
        start,
        ("minisup start email", "minisup start all --wait --timeout 30s"),
    ),
    Command(
        stop,
        ("minisup stop email:1", "minisup stop @mail --wait", "minisup stop all --now"),
    ),
    Command(
        restart,
        ("minisup restart email", "minisup restart 'em*' --wait"),
    ),
    Command(
        pause,
        ("minisup pause email", "minisup pause all --wait --timeout 5m"),
    ),
    Command(
        resume,
        ("minisup resume email", "minisup resume all --now"),
    ),
    Command(
        shutdown,
        ("minisup shutdown", "minisup shutdown --wait"),
    ),
)
