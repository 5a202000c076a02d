"""The document of `status` as a table: a pure function of the document, the width and what the terminal can show.

Every column answers a question: is it well (STATE, OK), is anything stuck (SLOTS), is work flowing (RUNS/MIN), is it
slower than usual (P50, P95), are there enough processes (BUSY), how far is it from trouble (BUDGET).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from minisup.cell_width import cut, cut_inside, padded
from minisup.cell_width import width as cells_of
from minisup.cli.status.status_words import Program, Slot, amount, slot_line, state_words
from minisup.core.status import StatusDocument

NARROW: Final = 100
"""Below this many columns only PROGRAM, STATE, SLOTS, RUNS/MIN and OK are shown."""

WIDE: Final = 140
"""From so many columns on CPU and MEM join, where they are measured: on the live screen."""

MOST_GLYPHS: Final = 12
"""More slots than this are counted by glyph instead of drawn one by one."""

GAP: Final = 2
"""Spaces between two columns."""

NAME: Final = 0
STATE: Final = 1
"""The columns that give way on a narrow terminal."""

ALWAYS: Final = 5
"""The first columns, which an ordinary terminal shows."""

UNLIMITED: Final = 1000
"""The width where nobody reads columns: a pipe or a file."""

GLYPHS: Final = {
    "running": "●",
    "ready": "◉",
    "waiting": "○",
    "trouble": "◌",
    "paused": "⏸",
    "draining": "◑",
    "done": "✓",
    "off": "·",
}
ASCII_GLYPHS: Final = {
    "running": "*",
    "ready": "@",
    "waiting": "o",
    "trouble": "!",
    "paused": "=",
    "draining": "~",
    "done": "+",
    "off": ".",
}
COLOURS: Final = {
    "running": "32",
    "waiting": "2",
    "done": "2",
    "off": "2",
    "backoff": "33",
    "holding": "31",
    "paused": "34",
    "draining": "34",
    "stopping": "34",
}
TROUBLE_FIRST: Final = {"holding": 0, "backoff": 1}


class Look(NamedTuple):
    """What the reader's terminal can show."""

    width: int = UNLIMITED
    unicode: bool = True
    colour: bool = False


class Column(NamedTuple):
    """A column of the table, printed and live. `text`: its cell in words; None: only the live screen can fill it.

    `least`: the width of a terminal from which on it is shown. `bar`: live it begins with a bar, at the left.
    """

    title: str
    text: Callable[[Program, Look], str] | None
    right: bool = False
    least: int = 0
    bar: bool = False


def table(snapshot: StatusDocument, look: Look, *, slots: bool = False) -> str:
    """One header line, one line a program, and with `slots` one line a slot; each ends with a newline."""
    programs = sorted(snapshot["programs"], key=_order)
    columns = [column for column in COLUMNS if column.least <= look.width and column.text is not None]
    rows = [[column.title for column in columns]]
    rows += [[column.text(program, look) for column in columns if column.text is not None] for program in programs]
    widths = fit([max(map(cells_of, cells)) for cells in zip(*rows, strict=True)], look.width)
    columns = columns[: len(widths)]
    lines = [_cut(header(snapshot), look), _line(rows[0], columns, widths, look)]
    for program, row in zip(programs, rows[1:], strict=True):
        lines.append(_line(row, columns, widths, look, _colour(program, look)))
        if slots:
            lines += _slot_lines(program["slots"], look)
    return "".join(f"{line}\n" for line in lines)


def header(snapshot: StatusDocument) -> str:
    """The first line: how minisup itself is, and the sums."""
    programs: Sequence[Program] = snapshot["programs"]
    slots = sum(len(program["slots"]) for program in programs)
    running = sum(program["running"] for program in programs)
    rate = sum(program["per_minute"] for program in programs)
    facts = [
        f"minisup {snapshot['version']}",
        f"{'up' if snapshot['state'] == 'running' else snapshot['state'] + ', up'} {amount(snapshot['uptime'])}",
        f"{slots} slot{'s' * (slots != 1)}, {running} running",
        f"{rate:,.0f} runs/min",
        f"pid {snapshot['pid']}",
    ]
    return "   ".join(facts)


def share_ok(program: Program) -> str:
    """Percent of the runs that ended well, of those that ended by themselves; `-` before the first."""
    runs = program["runs"]
    ended = runs["total"] - runs["stopped"] - runs["lost"]
    good = runs["worked"] + runs["idle"] + runs["recycled"]
    return f"{100 * good / ended:.1f}" if ended > 0 else "-"


def glyphs(slots: Sequence[Slot], names: Mapping[str, str]) -> str:
    """A sign a slot, or counts by sign when there are many."""
    signs = [names[sign_of(slot)] for slot in slots]
    if len(signs) <= MOST_GLYPHS:
        return "".join(signs) or "-"
    return " ".join(f"{sign}{signs.count(sign)}" for sign in names.values() if sign in signs)


def sign_of(slot: Slot) -> str:
    """The name of the sign of a slot (a key of `GLYPHS`)."""
    match slot["phase"], slot["reason"]:
        case "waiting", "backoff" | "hold":
            return "trouble"
        case "waiting", "paused":
            return "paused"
        case "stopping" | "killing", _:
            return "draining"
        case phase, _:
            return str(phase) if phase in GLYPHS else "waiting"


def _order(program: Program) -> tuple[int, str]:
    degraded = 2 if program["budget"]["label"] == "degraded" else 3
    return TROUBLE_FIRST.get(program["state"], degraded), program["name"]


def short(seconds: float | None) -> str:
    """A duration as a cell shows it: `142ms`, `1.2s`, `-`."""
    if seconds is None:
        return "-"
    return f"{1000 * seconds:.0f}ms" if seconds < 1 else amount(seconds).replace(" ", "")


def _budget(program: Program) -> str:
    return f"{int(program['budget']['tokens'])}/{program['budget']['size']}"


def _busy(program: Program) -> str:
    return "-" if program["busy"] is None else f"{100 * program['busy']:.0f}%"


COLUMNS: Final[Sequence[Column]] = (
    Column("PROGRAM", lambda program, _: program["name"]),
    Column("STATE", lambda program, look: state_words(program, "·" if look.unicode else "-")),
    Column("SLOTS", lambda program, look: glyphs(program["slots"], GLYPHS if look.unicode else ASCII_GLYPHS)),
    Column("RUNS/MIN", lambda program, _: f"{program['per_minute']:,.0f}", right=True),
    Column("OK", lambda program, _: share_ok(program), right=True),
    Column("P50", lambda program, _: short(program["duration"]["p50"]), right=True, least=NARROW),
    Column("P95", lambda program, _: short(program["duration"]["p95"]), right=True, least=NARROW),
    Column("BUSY", lambda program, _: _busy(program), right=True, least=NARROW),
    Column("BUDGET", lambda program, _: _budget(program), right=True, least=NARROW, bar=True),
    Column("CPU", None, right=True, least=WIDE),
    Column("MEM", None, right=True, least=WIDE),
)
"""All columns, in their order: the printed table and the live screen both take theirs from here."""


def fit(widths: Sequence[int], width: int) -> list[int]:
    """The column widths; the first are the names, the second is prose.

    Very long names give way first, then prose, then the columns that only wide terminals have, then all of it again.
    """
    fitted = list(widths)
    for least_name, least_state, least_columns in ((20, 28, ALWAYS), (8, 12, STATE + 1), (1, 1, NAME + 1)):
        _narrow(fitted, NAME, least_name, width)
        _narrow(fitted, STATE, least_state, width)
        while len(fitted) > least_columns and _excess(fitted, width) > 0:
            fitted.pop()
    return fitted


def _narrow(widths: list[int], column: int, least: int, width: int) -> None:
    widths[column] -= max(0, min(_excess(widths, width), widths[column] - least))


def _excess(widths: Sequence[int], width: int) -> int:
    return sum(widths) + GAP * (len(widths) - 1) - width


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int], look: Look, colour: str = "") -> str:
    shown = []
    for cell, column, width in zip(cells, columns, widths, strict=False):
        shorten = cut_inside if column.title == "PROGRAM" else cut
        text = padded(shorten(cell, width, "…" if look.unicode else ".."), width, right=column.right)
        shown.append(f"\x1b[{colour}m{text}\x1b[0m" if colour and column.title == "STATE" else text)
    return (" " * GAP).join(shown).rstrip()


def _slot_lines(slots: Sequence[Slot], look: Look) -> list[str]:
    wide = max((len(slot["name"]) for slot in slots), default=0)
    return [_cut(f"  {slot['name']:{wide}}  {slot_line(slot)}", look) for slot in slots]


def _cut(text: str, look: Look) -> str:
    return cut(text, look.width, "…" if look.unicode else "..")


def _colour(program: Program, look: Look) -> str:
    if not look.colour:
        return ""
    state = program["state"]
    return COLOURS["backoff"] if state == "running" and program["failing_for"] is not None else COLOURS.get(state, "")
