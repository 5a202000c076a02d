"""Commands about output: `logs`, `reopen`."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

from minisup.cli import output
from minisup.cli.line.declare import Option
from minisup.cli.numbers import whole_number
from minisup.cli.options import Command, Config, Globals, Json, Raw, Socket, Targets, chosen, connect
from minisup.control.client import Client
from minisup.errors import NotReachableError


def logs(
    before: Globals,
    targets: Targets = None,
    lines: Annotated[
        int,
        Option(
            "--lines",
            "-n",
            metavar="N",
            parser=whole_number("-n"),
            help="How many; 100 unless told.",
        ),
    ] = 100,
    run: Annotated[
        int | None,
        Option("--run", metavar="ID", parser=whole_number("--run", 1), help="The output of one run."),
    ] = None,
    follow: Annotated[bool, Option("--follow", "-f", help="Go on as lines come, until Ctrl-C.")] = False,
    raw: Raw = False,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    r"""The last lines of output of the targets' slots. minisup keeps 200 lines or 32 KiB a slot.

    What a failed run printed is in the history when it is no longer there: --run finds it, also while no minisup runs.
    With --follow --json each line is an object of its own. On a terminal colours work, and what else would command the
    terminal is written out (\x1b, \r), unless --raw is given.
    """
    with connect(before, config, socket) as minisup:
        if follow:
            return _follow(minisup, targets or (), lines, run, as_json=as_json, raw=raw)
        found = _last(minisup, targets or (), lines, run)
    if run is not None and lines and not found:
        from minisup.cli.history.source import output_of_run  # noqa: PLC0415 -- SQLite is for what is no longer in memory

        found = output_of_run(*chosen(before, config, socket), run, lines)
    if as_json:
        output.show_json({"lines": found})
    else:
        shown = output.as_shown(sys.stdout, raw=raw)
        output.show("".join(f"{output.harmless(line['slot'])} | {shown(line['text'])}\n" for line in found))
    return 0


def _last(minisup: Client, targets: Sequence[str], lines: int, run: int | None) -> list[dict[str, Any]]:
    """What minisup has in memory; nothing when none answers but the history may know the run."""
    try:
        found: list[dict[str, Any]] = minisup.logs(targets, lines=lines, run=run)["lines"]
    except NotReachableError:
        if run is None:
            raise
        return []
    return found


def _follow(minisup: Client, targets: Sequence[str], lines: int, run: int | None, *, as_json: bool, raw: bool) -> int:
    from minisup.cli.logs.follow import show_json_lines, show_lines  # noqa: PLC0415 -- rich is for those who watch
    from minisup.cli.stdout import while_read  # noqa: PLC0415 -- as above
    from minisup.control.notifications import blocks, lines_in  # noqa: PLC0415 -- as above

    coming = blocks(minisup, targets, lines, run)
    if as_json:
        show_json_lines(while_read(lines_in(coming)))
    else:
        show_lines(while_read(coming), output.as_shown(sys.stdout, raw=raw))
    output.complain("minisup has ended")
    return 0


def reopen(
    before: Globals,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Open all log files anew by their names, as USR1 does: for logrotate, after it has moved them away.

    When it returns, nothing more goes to the moved files. Exits 1 if one could not be opened.
    """
    with connect(before, config, socket) as minisup:
        answer = minisup.reopen()
    failed = answer["failed"]
    if as_json:
        output.show_json(answer)
    else:
        count = len(answer["files"])
        output.show(f"opened anew: {count} log file{'s' * (count != 1)}")
        for path, why in failed.items():
            output.complain(
                f"cannot open {path}: {why}; minisup goes on with the file that it has, see to the directory"
            )
    return 1 if failed else 0


COMMANDS: Final = (
    Command(
        logs,
        ("minisup logs", "minisup logs email sms -f", "minisup logs sms -n 20", "minisup logs --run 81220"),
    ),
    Command(
        reopen,
        ("minisup reopen",),
    ),
)
