"""`minisup status`: what people run again and again, so it does without typer, too."""

from __future__ import annotations

import os
import sys

from minisup.cli import say
from minisup.cli.reach import client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minisup.cli.argv import Words
    from minisup.cli.screen import Look

OPTIONS: dict[str, str] = {}
FLAGS = {"--once": "once", "--slots": "slots", "--json": "json"}


def from_words(words: Words) -> int:
    """`minisup status` as it stands on the command line."""
    named, flags = words.options, words.flags
    return status(
        named.get("config"), named.get("socket"), words.targets, slots="slots" in flags, as_json="json" in flags
    )


def status(
    config: str | None, socket: str | None, targets: Sequence[str], *, slots: bool = False, as_json: bool = False
) -> int:
    """Print how everything is, once; 0 whenever minisup answers. Raises MinisupError when it does not."""
    with client(config, socket) as minisup:
        snapshot = minisup.status(targets)
    if as_json:
        say.show_json(snapshot)
        return 0
    from minisup.cli.screen import table  # noqa: PLC0415 -- programs that read JSON never need it

    say.show(table(snapshot, look(), slots=slots))
    return 0


def look() -> Look:
    """What stdout can show: everything where nobody looks, else the terminal's width, signs and colours."""
    from minisup.cli.screen import UNLIMITED, Look  # noqa: PLC0415 -- as above

    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    if not sys.stdout.isatty():
        return Look(UNLIMITED, unicode, colour=False)
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isascii() and columns.isdigit() else os.get_terminal_size(1).columns
    return Look(width or UNLIMITED, unicode, colour)
