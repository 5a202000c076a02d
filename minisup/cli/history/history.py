"""`minisup history`: a line a run. Asked again and again, so it has a short way in, and loads no rich in a pipe."""

from __future__ import annotations

import sys
import time
from itertools import chain, islice

from minisup.cell_width import padded, width
from minisup.cli import output
from minisup.cli.history.source import HistorySource
from minisup.cli.numbers import whole
from minisup.cli.status.status_words import amount, printable
from minisup.cli.timeparse import moment, seconds
from minisup.core.model import Outcome
from minisup.errors import UsageError
from minisup.history.reading import Wanted, select
from minisup.history.row import UNWELL, Row, document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Literal

    from minisup.cli.argv import Words

OPTIONS = {
    "--outcome": "outcome",
    "--since": "since",
    "--until": "until",
    "--slower-than": "slower_than",
    "--message": "message",
    "--lines": "lines",
    "-n": "lines",
}
FLAGS = {"--failed": "failed", "--json": "json", "--csv": "csv"}

USUAL = 50
"""Rows unless told."""

MEASURED = 1000
"""Rows that decide how wide the columns are; what comes after them is printed as it comes."""

NARROW = 100
"""Columns of a terminal below which CPU and MEMORY are left out."""

COLOURS = {"worked": "green", "idle": "dim", "stopped": "blue", "recycled": "dim", "lost": "yellow"}

TITLES = ("RUN", "SLOT", "STARTED", "TOOK", "OUTCOME", "CPU", "MEMORY", "LAST LINE")
GIVING_WAY = frozenset({"SLOT", "LAST LINE"})
"""Columns that become narrow when the terminal is."""

RIGHT = frozenset({"RUN", "TOOK", "CPU", "MEMORY"})


def from_words(words: Words) -> int:
    """`minisup history` as it stands on the command line."""
    named = words.options
    lines = named.get("lines", str(USUAL))
    return history(
        named.get("config"),
        named.get("socket"),
        words.targets,
        wanted(
            failed="failed" in words.flags,
            outcome=named.get("outcome"),
            since=named.get("since"),
            until=named.get("until"),
            slower_than=named.get("slower_than"),
            message=named.get("message"),
            limit=whole(lines, "-n"),
        ),
        form_of(as_json="json" in words.flags, as_csv="csv" in words.flags),
    )


def form_of(*, as_json: bool, as_csv: bool) -> str:
    """How rows are printed. Raises UsageError if it cannot be both."""
    if as_json and as_csv:
        raise UsageError("cannot print --json and --csv at once; choose one")
    return "json" if as_json else "csv" if as_csv else "table"


def wanted(
    *,
    failed: bool,
    outcome: str | None,
    since: str | None,
    until: str | None,
    slower_than: str | None,
    message: str | None,
    limit: int,
) -> Wanted:
    """What the options ask for. Raises UsageError for what cannot be read."""
    now = time.time()
    outcomes = frozenset(map(str, UNWELL)) if failed else None
    if outcome is not None:
        named = outcomes_in(outcome)
        outcomes = named if outcomes is None else outcomes & named
    return Wanted(
        outcomes=outcomes,
        since=None if since is None else moment(since, "--since", now),
        until=None if until is None else moment(until, "--until", now),
        slower_than=None if slower_than is None else seconds(slower_than, "--slower-than"),
        message=message,
        limit=limit,
    )


def outcomes_in(text: str) -> frozenset[str]:
    """The outcomes in `"failed"`, `"timeout,oom"`. Raises UsageError for what is none."""
    known = [outcome.value for outcome in Outcome]
    named = [name.strip() for name in text.split(",")]
    for name in named:
        if name not in known:
            raise UsageError(f'cannot read --outcome: "{name}" is no outcome; they are {", ".join(sorted(known))}')
    return frozenset(named)


def history(config: str | None, socket: str | None, targets: Sequence[str], query: Wanted, form: str) -> int:
    """Print the runs, oldest first, as `form` says: table, json or csv. Raises MinisupError if there is none."""
    with HistorySource(config, socket) as past, past.reading():
        PRINTERS[form](select(past.database, query._replace(places=past.places(targets))))
    return 0


def print_json(rows: Iterable[Row]) -> None:
    """A line a run, each a JSON object."""
    import json  # noqa: PLC0415 -- of one form only

    for row in rows:
        output.show(json.dumps(document(row)))


def print_csv(rows: Iterable[Row]) -> None:
    """A head and a line a run."""
    import csv  # noqa: PLC0415 -- of one form only

    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(Row._fields)
    for row in rows:
        lines.writerow(document(row).values())


def print_table(rows: Iterable[Row]) -> None:
    """Columns for people: as wide as the terminal, or as wide as they are in a pipe."""
    rows = iter(rows)
    head = list(islice(rows, MEASURED))
    if not head:
        output.complain("no such runs in the history; `minisup history` without options shows the last ones")
        return
    today = time.localtime()[:3] == time.localtime(head[0].started)[:3]
    cells = [cells_of(row, today=today) for row in head]
    following = next(rows, None)
    if following is None and sys.stdout.isatty():
        _print_rich(head, cells)
        return
    widths = [max(map(width, column)) for column in zip(TITLES, *cells, strict=True)]
    rest = () if following is None else (cells_of(row, today=today) for row in chain([following], rows))
    for line in chain([TITLES], cells, rest):
        output.show(_line(line, widths))


def cells_of(row: Row, *, today: bool) -> tuple[str, ...]:
    """The texts of a line: `today` leaves out the date."""
    how = row.signal or (f"exit {row.code}" if row.code else "")
    size = "" if row.max_rss is None else f"{row.max_rss / (1 << 20):.0f} MiB"
    return (
        str(row.run),
        row.slot_name,
        time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", time.localtime(row.started)),
        "-" if row.duration is None else amount(row.duration),
        f"{row.outcome} ({how})" if how else row.outcome,
        amount(round(row.cpu, 3)),
        size or "-",
        last_line(row),
    )


def last_line(row: Row) -> str:
    """The last line of the kept output that says something."""
    lines = (printable(line) for line in reversed((row.output or "").splitlines()))
    return next(filter(None, lines), "")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    places = zip(TITLES, cells, widths, strict=True)
    return "  ".join(padded(cell, wide, right=title in RIGHT) for title, cell, wide in places).rstrip()


def _print_rich(rows: Sequence[Row], cells: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 -- a terminal only: 100 ms
    from rich.table import Table  # noqa: PLC0415 -- as above
    from rich.text import Text  # noqa: PLC0415 -- as above

    console = Console(highlight=False)
    narrow = console.width < NARROW
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    shown = [place for place, title in enumerate(TITLES) if not (narrow and title in {"CPU", "MEMORY"})]
    for place in shown:
        title = TITLES[place]
        least = None if title in GIVING_WAY else max(len(title), *(width(cell[place]) for cell in cells))
        justify: Literal["left", "right"] = "right" if title in RIGHT else "left"
        table.add_column(title, justify=justify, no_wrap=True, overflow="ellipsis", min_width=least)
    for row, line in zip(rows, cells, strict=True):
        style = COLOURS.get(row.outcome, "red")
        styles = {"OUTCOME": style, "LAST LINE": "dim"}
        table.add_row(*(Text(line[place], styles.get(TITLES[place], "")) for place in shown))
    console.print(table)


PRINTERS: dict[str, Callable[[Iterator[Row]], None]] = {"table": print_table, "json": print_json, "csv": print_csv}
