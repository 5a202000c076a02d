"""Commands that look back: `history`, `report`."""

from typing import Annotated, Final

from minisup.cli.history import history as printed
from minisup.cli.line.declare import Option
from minisup.cli.numbers import whole_number
from minisup.cli.options import Command, Config, Force, Globals, Html, Json, Socket, Targets, chosen
from minisup.cli.report import report as reported
from minisup.errors import UsageError

Since = Annotated[
    str | None,
    Option(
        "--since",
        metavar="WHEN",
        help='Runs that started since: "1h" (ago), "10:00", "2026-11-22".',
    ),
]
Until = Annotated[str | None, Option("--until", metavar="WHEN", help="Runs that started before.")]


def history(
    before: Globals,
    targets: Targets = None,
    failed: Annotated[
        bool, Option("--failed", help="Only failed, crashed, timeout, oom, fatal and unstartable runs.")
    ] = False,
    outcome: Annotated[
        str | None,
        Option("--outcome", metavar="OUTCOME", help="Only this outcome, or several: a,b."),
    ] = None,
    since: Since = None,
    until: Until = None,
    slower_than: Annotated[
        str | None,
        Option("--slower-than", metavar="DURATION", help="Only runs that took longer."),
    ] = None,
    message: Annotated[
        str | None, Option("--message", metavar="ID", help="Only runs that had this message of a source.")
    ] = None,
    lines: Annotated[
        int,
        Option(
            "--lines",
            "-n",
            metavar="N",
            parser=whole_number("-n"),
            help="The last N; 50 unless told, 0: all.",
        ),
    ] = printed.USUAL,
    as_json: Json = False,
    as_csv: Annotated[bool, Option("--csv", help="Print comma-separated values, with a head.")] = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Runs that have ended, in the order in which they started; also while no minisup runs. --json: a line a run."""
    named = chosen(before, config, socket)
    query = printed.wanted(
        failed=failed,
        outcome=outcome,
        since=since,
        until=until,
        slower_than=slower_than,
        message=message,
        limit=lines,
    )
    form = printed.form_of(as_json=as_json, as_csv=as_csv)
    return printed.history(named.config, named.socket, targets or (), query, form)


def report(
    before: Globals,
    targets: Targets = None,
    since: Annotated[str, Option("--since", metavar="WHEN", help="Where it begins; 24h (ago) unless told.")] = "24h",
    until: Annotated[str | None, Option("--until", metavar="WHEN", help="Where it ends; now unless told.")] = None,
    html: Html = None,
    force: Force = False,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """A period's runs, rates, outcomes, percentiles, busy share and outages, with plots, and hints where they show
    one. A run counts where it started.
    """
    if html is not None and as_json:
        raise UsageError("cannot print --json and write --html at once; choose one")
    named = chosen(before, config, socket)
    return reported.report(
        named.config, named.socket, targets or (), since=since, until=until, html=html, force=force, as_json=as_json
    )


COMMANDS: Final = (
    Command(
        history,
        (
            "minisup history",
            "minisup history email --failed --since 1h",
            "minisup history @mail --outcome timeout,oom -n 0 --csv > killed.csv",
            "minisup history --slower-than 5s --json | jq -r .run",
            "minisup history --message 059b36b4-87a3-44ab-83f3-661975830a7d --json",
        ),
    ),
    Command(
        report,
        (
            "minisup report",
            "minisup report email --since 1h",
            "minisup report --since 2026-11-01 --until 2026-12-01 --html november.html",
            "minisup report --json | jq '.programs[] | {name, ok, busy}'",
        ),
    ),
)
