"""A simulation on a terminal: for each program the course in time as bars, and the numbers, the ways side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from minisup.cell_width import wrapped
from minisup.cli.printing import print_lines
from minisup.cli.report.report_words import count, rate
from minisup.cli.simulate import simulate_words as words
from minisup.cli.sparkline import bars, squeezed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

LABEL: Final = 24
"""Columns of the labels on the left."""

RIGHT: Final = 16
"""Columns kept free for what stands to the right of the bars."""

PIPED: Final = 104
"""The width where there is no terminal."""


def show(document: Mapping[str, Any]) -> None:
    """Print the simulation on stdout."""
    print_lines(lines, document, PIPED)


def lines(document: Mapping[str, Any], width: int, *, unicode: bool) -> Iterator[Text]:
    """The simulation, line by line: a pure function of the document and what the terminal can show."""
    yield Text(words.heading(document), "bold")
    for text in document["setting"]:
        for line in wrapped(text, max(40, width - 2), "  "):
            yield Text("  " + line, "dim")
    for when, what in words.events(document):
        yield Text.assemble("  ", (when, "bold"), f"  {what}")
    for program in document["programs"]:
        yield Text()
        yield Text.assemble((program["name"], "bold"), f"   {count(program['slots'], 'slot')}")
        yield from _courses(program, document, width, unicode=unicode)
        yield from _table(program, document)


def _courses(program: Mapping[str, Any], document: Mapping[str, Any], width: int, *, unicode: bool) -> Iterator[Text]:
    """What began in each part of the time and went well or failed, and what waited; one scale for all ways."""
    found, room = words.ways(program), width - LABEL - RIGHT
    columns = 0
    if room < 1:
        return
    for key, label, style, height in (
        ("well", "went well", "green", 2),
        ("failed", "failed", "red", 1),
        ("waiting", "waiting", "yellow", 1),
    ):
        known = {
            way: _fitted(program[way]["course"][key], room, worst=key == "waiting")
            for way in found
            if program[way]["course"][key]
        }
        top = max((number for numbers in known.values() for number in numbers), default=0)
        if not top:
            continue
        for way, numbers in known.items():
            columns = len(numbers)
            whose = f"{way} {label}" if len(found) > 1 else label
            drawn = [row[:-1] for row in bars([*numbers, top], height, unicode=unicode)]
            per_second = len(program[way]["course"][key]) / columns * program[way]["course"]["seconds"]
            note = f"{top:,.0f}" if key == "waiting" else f"{rate(60 * top / per_second)}/min"
            yield from _plot(whose, drawn, style, f"top {note}")
    if not columns:
        return
    first, last = document["begins"], words.clock(document, document["seconds"])
    yield Text.assemble(_label(""), (f"{first}{last.rjust(max(len(last) + 2, columns - len(first)))}", "dim"))


def _fitted(numbers: Sequence[int], room: int, *, worst: bool) -> list[float]:
    """At most `room` columns: sums of neighbours, or their worst."""
    size = len(numbers) // len(squeezed(numbers, room))
    parts = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    return [float(max(part) if worst else sum(part)) for part in parts]


def _plot(label: str, drawn: Sequence[str], style: str, note: str) -> Iterator[Text]:
    for number, row in enumerate(drawn):
        first = number == 0
        parts = (_label(label if first else ""), (row, style), (f"  {note}" if first else "", "dim"))
        line = Text.assemble(*parts)
        line.rstrip()
        yield line


def _table(program: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Text]:
    heads = words.ways(program)
    for number, cells in enumerate(words.table(words.rows(program, document), heads)):
        label, *texts = cells
        style = "bold" if number == 0 and len(heads) > 1 else ""
        line = Text.assemble(_label(label), ("   ".join(texts), style))
        line.rstrip()
        yield line


def _label(text: str) -> tuple[str, str]:
    return f"  {text.rstrip():<{LABEL - 2}}", "dim"
