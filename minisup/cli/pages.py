"""Where a page of `--html` goes."""

from __future__ import annotations

import os

from minisup.cli import output
from minisup.errors import MinisupError

STDOUT = "-"


def must_be_free(file: str | None, *, force: bool) -> None:
    """Raises MinisupError for a file that is there, as long as it is not forced: it may be last month's page."""
    if file is not None and not force and os.path.isfile(file):
        raise MinisupError(f"cannot write {file}: it exists; --force writes over it, another name keeps it, - prints")


def write(file: str, text: str) -> None:
    """Write a page to `file`; `-` is stdout. Raises MinisupError."""
    if file == STDOUT:
        output.show_file(text)
        return
    try:
        with open(file, "w", encoding="utf-8", errors="replace") as out:
            out.write(text)
    except OSError as error:
        raise MinisupError(f"cannot write {file}: {error.strerror}; name another place") from None
    output.show(f"wrote {file}")
