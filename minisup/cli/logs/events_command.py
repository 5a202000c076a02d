"""`minisup events`: what happened, as sentences for people or as objects for programs."""

import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from minisup.cli import output
from minisup.cli.line.declare import Option
from minisup.cli.numbers import whole_number
from minisup.cli.options import Command, Config, Globals, Json, Socket, Targets, connect
from minisup.cli.stdout import while_read

COLOURS: Final = {"debug": "dim", "warning": "yellow", "error": "red"}
"""By level; all others are as they are."""


def events(
    before: Globals,
    targets: Targets = None,
    lines: Annotated[
        int | None,
        Option(
            "--lines",
            "-n",
            metavar="N",
            parser=whole_number("-n"),
            help="How many of the past; 100, with -f 10.",
        ),
    ] = None,
    follow: Annotated[bool, Option("--follow", "-f", help="Go on as they happen, until Ctrl-C.")] = False,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """What happened, to all or to the targets: failures, recoveries, states, the shutdown. With --follow also the start
    and end of each run.

    minisup remembers the last 1,000 facts, without those of single runs. With --json a line a fact.
    """
    with connect(before, config, socket) as minisup:
        if not follow:
            _print(minisup.events(targets or (), lines=100 if lines is None else lines)["events"], as_json=as_json)
            return 0
        _print(while_read(minisup.events_follow(targets or (), lines=10 if lines is None else lines)), as_json=as_json)
    output.complain("minisup has ended")
    return 0


def _print(found: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    show = output.show_json_line if as_json else _sentence()
    for event in found:
        show(event)
        sys.stdout.flush()


def _sentence() -> Any:  # noqa: ANN401 -- a function of an event
    if not sys.stdout.isatty():
        return lambda event: output.show(f"{_clock(event)} {_marked(event)}")
    from rich.console import Console  # noqa: PLC0415 -- a terminal only
    from rich.text import Text  # noqa: PLC0415 -- as above

    console = Console(highlight=False)

    def show(event: Mapping[str, Any]) -> None:
        line = Text.assemble((_clock(event), "dim"), " ", (_marked(event), COLOURS.get(event["level"], "")))
        console.print(line, soft_wrap=True)

    return show


def _clock(event: Mapping[str, Any]) -> str:
    from minisup.core.policy.timestamp import local_time  # noqa: PLC0415 -- programs get what minisup said

    return f"{local_time(event['timestamp']):%Y-%m-%d %H:%M:%S.%f}"[:-3]


def _marked(event: Mapping[str, Any]) -> str:
    mark = "" if event["level"] in {"info", "debug"} else f"{event['level']}: "
    return output.harmless(f"{mark}{event['message']}")


COMMANDS: Final = (
    Command(
        events,
        (
            "minisup events",
            "minisup events email -n 20",
            "minisup events -f",
            'minisup events -f --json | jq -r \'select(.fact == "run_ended") | .fields.slot + " " + .fields.outcome\'',
        ),
    ),
)
