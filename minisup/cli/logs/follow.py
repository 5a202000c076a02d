"""`minisup logs --follow`: lines of many slots as they come, each after the name of its slot."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from minisup.cli import output

COLOURS: Final = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")
"""One a program, in the order in which they first print."""

STDERR: Final = "red"


class Prefixes:
    """`email:0 | ` for each slot and stream; on a terminal in the colour of its program, with a red bar for stderr."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._colours: dict[str, str] = {}

    def of(self, slot: str, stream: str) -> str:
        """What stands before a line."""
        known = self._known.get((slot, stream))
        if known is None:
            known = self._known[slot, stream] = self._coloured(slot, stream)
        return known

    def _coloured(self, slot: str, stream: str) -> str:
        if not sys.stdout.isatty():
            return f"{slot} | "
        from rich.console import Console  # noqa: PLC0415 -- only a terminal has colours
        from rich.text import Text  # noqa: PLC0415 -- as above

        program = slot.rpartition(":")[0]
        colour = self._colours.setdefault(program, COLOURS[len(self._colours) % len(COLOURS)])
        console = Console()  # knows NO_COLOR, TERM and what the terminal can do
        bar = STDERR if stream == "stderr" else "dim"
        with console.capture() as capture:
            console.print(Text.assemble((slot, colour), (" | ", bar)), end="", soft_wrap=True)
        return capture.get()


def show_lines(blocks: Iterable[Mapping[str, Any]], shown: Callable[[str], str]) -> None:
    """Print lines for people, each as soon as it comes and as `shown` has it."""
    prefixes = Prefixes()
    for block in blocks:
        prefix = prefixes.of(block["slot"], block["stream"])
        output.show("".join(f"{prefix}{shown(line)}\n" for line in block["lines"]))
        sys.stdout.flush()


def show_json_lines(lines: Iterable[Mapping[str, Any]]) -> None:
    """Print an object a line."""
    for line in lines:
        output.show_json_line(line)
        sys.stdout.flush()
