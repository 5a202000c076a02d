"""The report on a terminal: a block a program, its course in time and the distribution of its durations as bars."""

from __future__ import annotations

from rich.text import Text

from minisup.cell_width import wrapped
from minisup.cli.printing import print_lines
from minisup.cli.report import report_words as words
from minisup.cli.sparkline import bars, squeezed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

LABEL = 18
"""Columns of the labels on the left."""

RIGHT = 24
"""Columns kept free for what stands to the right of the bars."""

PIPED = 120
"""The width where there is no terminal."""


def show(document: Mapping[str, Any]) -> None:
    """Print the report on stdout."""
    print_lines(lines, document, PIPED)


def lines(document: Mapping[str, Any], width: int, *, unicode: bool) -> Iterator[Text]:
    """The report, line by line: a pure function of the document and what the terminal can show."""
    yield Text.assemble((words.heading(document), "bold"), "   ", words.sums(document))
    if not document["programs"]:
        yield Text("no run started in this time", "dim")
    for program in document["programs"]:
        yield Text()
        yield from _program(program, document, width, unicode=unicode)


def _program(program: Mapping[str, Any], document: Mapping[str, Any], width: int, *, unicode: bool) -> Iterator[Text]:
    yield _head(program)
    room = width - LABEL - RIGHT
    if room > 0:
        yield from _plots(program, document, room, unicode=unicode)
    for name, text in words.facts(program, document):
        yield from _wrapped(name, text, width, "")
    for hint in program["hints"]:
        yield from _wrapped("hint", hint, width, "yellow")


def _plots(program: Mapping[str, Any], document: Mapping[str, Any], room: int, *, unicode: bool) -> Iterator[Text]:
    """Its course and the distribution of its durations, where there is room for a column."""
    course = program["course"]
    runs, failures = squeezed(course["runs"], room), squeezed(course["failures"], room)
    yield from _plot("runs", bars(runs, 3, unicode=unicode), "green", _highest(runs, document))
    if any(failures):
        yield from _plot("failures", bars(failures, unicode=unicode), "red", _highest(failures, document))
    begin, end = (words.moment(document[end], document["seconds"]) for end in ("since", "until"))
    yield _axis(begin, end, len(runs))
    if program["distribution"]:
        yield from _distribution(program["distribution"], room, unicode=unicode)


def _head(program: Mapping[str, Any]) -> Text:
    ok = program["ok"]
    style = "green" if ok is None or ok >= 0.99 else "yellow" if ok >= 0.9 else "red"  # noqa: PLR2004 -- as in `status`
    runs = f"{words.count(program['runs'], 'run')}   {words.rate(program['per_minute'])}/min"
    busy = f"{words.percent(program['busy'])} busy with {words.count(program['slots'], 'slot')}"
    share = (f"{words.percent(ok)} ok", style)
    return Text.assemble((program["name"], "bold"), f"   {runs}   ", share, f"   {busy}")


def _plot(label: str, drawn: Sequence[str], style: str, note: str = "") -> Iterator[Text]:
    for number, row in enumerate(drawn):
        first = number == 0
        yield Text.assemble(_label(label if first else ""), (row, style), "  ", (note if first else "", "dim"))


def _highest(numbers: Sequence[float], document: Mapping[str, Any]) -> str:
    rate, at = words.peak(numbers, document)
    return f"{words.rate(rate)}/min at {at:%H:%M}"


def _axis(first: str, last: str, width: int) -> Text:
    return Text.assemble(_label(""), (f"{first}{last.rjust(max(len(last) + 2, width - len(first)))}", "dim"))


def _distribution(found: Sequence[Mapping[str, float]], room: int, *, unicode: bool) -> Iterator[Text]:
    wide = max(1, min(4, room // len(found)))
    shares = [entry["share"] for entry in found for _ in range(wide)][: max(room, 1)]
    yield from _plot("durations", bars(shares, 2, unicode=unicode), "cyan")
    yield _axis(words.short(found[0]["from"]), words.short(found[-1]["to"]), len(shares))


def _wrapped(label: str, text: str, width: int, style: str) -> Iterator[Text]:
    for number, line in enumerate(wrapped(text, max(20, width - LABEL - 1))):
        yield Text.assemble(_label(label if number == 0 else ""), (line, style))


def _label(text: str) -> tuple[str, str]:
    return f"  {text:<{LABEL - 2}}", "dim"
