"""`minisup status`: what people run again and again, so it has a short way in, too."""

from __future__ import annotations

import os
import sys

from minisup.cli import output
from minisup.cli.connect import client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minisup.cli.argv import Words
    from minisup.cli.status.table import Look

OPTIONS: dict[str, str] = {}
FLAGS = {"--once": "once", "--slots": "slots", "--json": "json"}


def from_words(words: Words) -> int:
    """`minisup status` as it stands on the command line."""
    named, flags = words.options, words.flags
    once, slots, as_json = "once" in flags, "slots" in flags, "json" in flags
    return status(named.get("config"), named.get("socket"), words.targets, once=once, slots=slots, as_json=as_json)


def status(
    config: str | None,
    socket: str | None,
    targets: Sequence[str],
    *,
    once: bool = False,
    slots: bool = False,
    as_json: bool = False,
) -> int:
    """Show how everything is: live on a terminal, else once; 0 whenever minisup answers. Raises MinisupError if not."""
    with client(config, socket) as minisup:
        if not (once or slots or as_json) and is_terminal():
            from minisup.cli.live.live import watch  # noqa: PLC0415 -- rich, for those who stay

            return watch(minisup, targets, unicode=can_show_unicode())
        snapshot = minisup.status(targets)
    if as_json:
        output.show_json(snapshot)
        return 0
    from minisup.cli.status.table import table  # noqa: PLC0415 -- programs that read JSON never need it

    output.show(table(snapshot, look(), slots=slots))
    return 0


def look() -> Look:
    """What stdout can show: everything where nobody looks, else the terminal's width, signs and colours."""
    from minisup.cli.status.table import UNLIMITED, Look  # noqa: PLC0415 -- as above

    unicode = can_show_unicode()
    if not sys.stdout.isatty():
        return Look(UNLIMITED, unicode, colour=False)
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isascii() and columns.isdigit() else os.get_terminal_size(1).columns
    return Look(width or UNLIMITED, unicode, colour)


def can_show_unicode() -> bool:
    """Whether stdout's encoding has the signs and bars."""
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def is_terminal() -> bool:
    """Whether somebody sits there: keys can be read, and the screen can be drawn on."""
    dumb = os.environ.get("TERM", "dumb") == "dumb"
    return not dumb and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
