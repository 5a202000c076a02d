"""A document as lines on stdout, as wide as the terminal is."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from minisup.cli.status.status_print import can_show_unicode


def print_lines(lines: Callable[..., Iterable[Text]], document: Mapping[str, Any], piped: int) -> None:
    """Print what `lines(document, width, unicode=...)` makes; `piped` is the width where there is no terminal."""
    terminal = sys.stdout.isatty()
    console = Console(highlight=False, width=None if terminal else piped, soft_wrap=True)
    for line in lines(document, console.width, unicode=can_show_unicode()):
        console.print(line, overflow="ignore", crop=False)
