"""Commands that look back: `history`, `report`."""

from typing import Annotated, Final

import typer

from minisup.cli.history import history as printed
from minisup.cli.numbers import whole_number
from minisup.cli.options import Command, Config, Force, Html, Json, Socket, Targets, chosen
from minisup.cli.report import report as reported
from minisup.errors import UsageError

Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        show_default=False,
        help='Runs that started since: "1h" (ago), "10:00", "2026-11-22".',
    ),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="WHEN", show_default=False, help="Runs that started before.")
]


def history(
    ctx: typer.Context,
    targets: Targets = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only failed, crashed, timeout, oom, fatal and unstartable runs.")
    ] = False,
    outcome: Annotated[
        str | None,
        typer.Option("--outcome", metavar="OUTCOME", show_default=False, help="Only this outcome, or several: a,b."),
    ] = None,
    since: Since = None,
    until: Until = None,
    slower_than: Annotated[
        str | None,
        typer.Option("--slower-than", metavar="DURATION", show_default=False, help="Only runs that took longer."),
    ] = None,
    lines: Annotated[
        int,
        typer.Option(
            "--lines",
            "-n",
            metavar="N",
            parser=whole_number("-n"),
            show_default=False,
            help="The last N; 50 unless told, 0: all.",
        ),
    ] = printed.USUAL,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values, with a head.")] = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Runs that have ended, in the order in which they started; also while no minisup runs. --json: a line a run."""
    named = chosen(ctx, config, socket)
    query = printed.wanted(
        failed=failed, outcome=outcome, since=since, until=until, slower_than=slower_than, limit=lines
    )
    form = printed.form_of(as_json=as_json, as_csv=as_csv)
    return printed.history(named.config, named.socket, targets or (), query, form)


def report(
    ctx: typer.Context,
    targets: Targets = None,
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", show_default=False, help="Where it begins; 24h (ago) unless told.")
    ] = "24h",
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", show_default=False, help="Where it ends; now unless told.")
    ] = None,
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
    named = chosen(ctx, config, socket)
    return reported.report(
        named.config, named.socket, targets or (), since=since, until=until, html=html, force=force, as_json=as_json
    )


COMMANDS: Final = (
    Command(
        history,
        "Runs that have ended.",
        (
            "minisup history",
            "minisup history email --failed --since 1h",
            "minisup history @mail --outcome timeout,oom -n 0 --csv > killed.csv",
            "minisup history --slower-than 5s --json | jq -r .run",
        ),
    ),
    Command(
        report,
        "A period's runs in numbers and plots.",
        (
            "minisup report",
            "minisup report email --since 1h",
            "minisup report --since 2026-11-01 --until 2026-12-01 --html november.html",
            "minisup report --json | jq '.programs[] | {name, ok, busy}'",
        ),
    ),
)
