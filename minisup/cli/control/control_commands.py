"""Commands on slots, each by its words, and `shutdown`: each asks, and waits if it is told to."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple

from minisup.cli import output
from minisup.cli.control.progress import waiting
from minisup.cli.line.declare import Option
from minisup.cli.options import Command, Config, Globals, Json, Socket, SomeTargets, connect
from minisup.cli.timeparse import seconds
from minisup.errors import UsageError

Wait = Annotated[bool, Option("--wait", help="Return when it is done instead of when it is accepted.")]
Timeout = Annotated[
    str | None,
    Option("--timeout", metavar="DURATION", help="With --wait: exit 1 after so long; it goes on."),
]


class SlotWords(NamedTuple):
    """The words of a request on slots: its name, `done` in the answer, help, and the examples below it."""

    verb: str
    done: str
    now: str
    text: str
    examples: tuple[str, ...]


SIGNALS_AT_ONCE: Final = "Do not wait for the runs in progress: signal at once."

WORDS: Final = (
    SlotWords(
        "start",
        "started",
        now="Start slots that wait, too.",
        text="Start slots that are off or done; a drain is cancelled. With --wait: until each has started a run.",
        examples=("minisup start email", "minisup start all --wait --timeout 30s"),
    ),
    SlotWords(
        "stop",
        "stopped",
        now="Skip the drain: signal at once.",
        text="Drain, then signal, then kill, as the program's `stop` says. With --wait: until all are off.",
        examples=("minisup stop email:1", "minisup stop @mail --wait", "minisup stop all --now"),
    ),
    SlotWords(
        "restart",
        "restarted",
        now=SIGNALS_AT_ONCE,
        text="""\
    Start fresh runs when those in progress have ended by themselves. With --wait: until all slots have.

    What is off, paused or done (a task that has worked) stays so; what is off or done starts if it is named exactly.
    """,
        examples=("minisup restart email", "minisup restart 'em*' --wait"),
    ),
    SlotWords(
        "pause",
        "paused",
        now=SIGNALS_AT_ONCE,
        text="""\
    No new runs until `resume` or `start`; those in progress may finish. With --wait: until none is in progress.

    Failures, tokens and what the slots waited for are kept. A paused program is never given up. --wait does not wait
    for services, whose runs end with --now only; a stop under way is not taken back.
    """,
        examples=("minisup pause email", "minisup pause all --wait --timeout 5m"),
    ),
    SlotWords(
        "resume",
        "resumed",
        now="End the waits that the pause interrupted, too.",
        text="End a pause: each slot goes on with what it waited for. With --wait: until each has started a run.",
        examples=("minisup resume email", "minisup resume all --now"),
    ),
)
"""Every request on slots. A test holds that it is one of the daemon's."""


def slot_command(words: SlotWords) -> Command:
    """The command of a request on slots: they all take the same, and say it in their own words."""

    def ask(
        before: Globals,
        targets: SomeTargets,
        now: Annotated[bool, Option("--now", help=words.now)] = False,
        wait: Wait = False,
        timeout: Timeout = None,
        as_json: Json = False,
        config: Config = None,
        socket: Socket = None,
    ) -> int:
        limit = wait_limit(timeout, wait=wait)
        with connect(before, config, socket) as minisup:
            if wait:
                with waiting(words.verb, targets) as told:
                    answer = minisup.ask(words.verb, targets, now=now, wait=True, timeout=limit, told=told)
            else:
                answer = minisup.ask(words.verb, targets, now=now)
        _show(answer, words, as_json=as_json)
        return 0

    ask.__name__, ask.__doc__ = words.verb, words.text
    return Command(ask, words.examples)


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
            with waiting("shutdown") as told:
                answer = minisup.shutdown(now=now, wait=True, told=told)
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


def _show(answer: Mapping[str, Any], words: SlotWords, *, as_json: bool) -> None:
    if as_json:
        output.show_json(answer)
    else:
        said = words.done if answer.get("done") else f"{words.verb} accepted"
        apart = {**answer.get("unchanged", {}), **answer.get("not_waited_for", {})}
        done = [slot for slot in answer.get("slots", ()) if slot not in apart]
        output.show(f"{said}: {output.names(done)}")
        tell_apart(answer)


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


COMMANDS: Final = (
    *(slot_command(words) for words in WORDS),
    Command(
        shutdown,
        ("minisup shutdown", "minisup shutdown --wait"),
    ),
)
