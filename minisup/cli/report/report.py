"""`minisup report`: a period's runs in numbers and plots."""

from __future__ import annotations

import time

from minisup.cli import output
from minisup.cli.history.source import HistorySource
from minisup.cli.pages import must_be_free, write
from minisup.cli.timeparse import moment
from minisup.errors import UsageError
from minisup.history.period import Period, first_start
from minisup.history.period import report as gathered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def report(
    config: str | None,
    socket: str | None,
    targets: Sequence[str],
    *,
    since: str,
    until: str | None,
    html: str | None,
    force: bool = False,
    as_json: bool,
) -> int:
    """Print the report, or write it as a page. Raises MinisupError when there is no history."""
    must_be_free(html, force=force)
    document = gather(config, socket, targets, since=since, until=until)
    if html is not None:
        from minisup.cli.report.report_html import page  # noqa: PLC0415 -- of one form only

        write(html, page(document))
    elif as_json:
        output.show_json(document)
    else:
        from minisup.cli.report import report_text  # noqa: PLC0415 -- of one form only, with rich

        report_text.show(document)
    return 0


def gather(
    config: str | None, socket: str | None, targets: Sequence[str], *, since: str, until: str | None
) -> dict[str, Any]:
    """The document of the report. A period that is older than the history begins with that."""
    now = time.time()
    begin = moment(since, "--since", now)
    end = now if until is None else moment(until, "--until", now)
    if end <= begin:
        raise UsageError("cannot report: the period ends before it begins; --since must be earlier than --until")
    with HistorySource(config, socket) as past, past.reading():
        first = first_start(past.database)
        if first is not None and first < end:
            begin = max(begin, first)
        places = past.places(targets)
        return gathered(past.database, Period(begin, end), places)
