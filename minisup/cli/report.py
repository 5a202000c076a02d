"""`minisup report`: a period's runs in numbers and plots."""

from __future__ import annotations

import time

from minisup.cli import say
from minisup.cli.moments import moment
from minisup.cli.past import Past
from minisup.errors import MinisupError, UsageError
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
    as_json: bool,
) -> int:
    """Print the report, or write it as a page. Raises MinisupError when there is no history."""
    document = gather(config, socket, targets, since=since, until=until)
    if html is not None:
        write_page(html, document)
    elif as_json:
        say.show_json(document)
    else:
        from minisup.cli import report_text  # noqa: PLC0415 -- of one form only, with rich

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
    with Past(config, socket) as past, past.reading():
        first = first_start(past.database)
        if first is not None and first < end:
            begin = max(begin, first)
        places = past.places(targets)
        return gathered(past.database, Period(begin, end), places)


def write_page(file: str, document: dict[str, Any]) -> None:
    """Write the page to `file`; `-` is stdout."""
    from minisup.cli.report_html import page  # noqa: PLC0415 -- of one form only

    write_text(file, page(document))


def write_text(file: str, text: str) -> None:
    """Write a page to `file`; `-` is stdout. Raises MinisupError."""
    if file == "-":
        say.show(text)
        return
    try:
        with open(file, "w", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise MinisupError(f"cannot write {file}: {error.strerror}; name another place") from None
    say.show(f"wrote {file}")
