"""The picture: a pure function of the last answer, of where the reader is, and of the size of the terminal.

Each column answers a question: is it well (STATE, OK), is anything stuck (SLOTS), is work flowing (RUNS/MIN with the
last hour), is it slower than usual (P50, P95), are there enough processes (BUSY), how far is it from trouble (BUDGET).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from rich.text import Text

from minisup.cell_width import cut, cut_inside, width, wrapped
from minisup.cli.live import cells
from minisup.cli.live.rates import BARS
from minisup.cli.live.ui import Pane, Reach, Ui, shown
from minisup.cli.status.status_words import Program, Slot, amount, left_behind, run_age
from minisup.cli.status.table import ASCII_GLYPHS, COLUMNS, GLYPHS, NARROW, Column, Look, fit, header
from minisup.cli.status.why_text import LABEL
from minisup.core.status import StatusDocument

GAP: Final = 2
BODY: Final = LABEL + 2
"""The column where the paragraphs of `why` begin."""

LONGEST: Final = 4000
"""Letters of a line of output that are shown; logs have all of it."""

FIXED: Final = 3
"""Lines that are always there: the header, the titles, the keys."""

FEWEST_KEYS: Final = "? help  q quit"
PANE_KEYS: Final = "↑↓ scroll  esc back  l logs  w why  ? help  q quit"
KEYS: Final = (
    "↑↓ choose  enter slots  l logs  w why  r restart  s stop/start  p pause  +/- scale  "
    "/ filter  o order  ? help  q quit"
)
SHORT_KEYS: Final = "enter slots  l logs  w why  r restart  s stop  / filter  ? help  q quit"

HELP: Final = """\
up, down, j, k    choose a program, or a slot once they are open
enter             open the slots of the program; again, or esc: back
l                 the last lines of output
w                 why it runs or does not run
r                 restart: fresh runs when those in progress have ended
s                 stop (drain first), or start
p                 pause, or resume
+, -              one slot more or less; one that goes finishes its run
/                 show what has this word in its name, state or @group
o                 order: trouble first, name, runs a minute, busy
q, ctrl-c         leave; minisup goes on. ctrl-z suspends

SLOTS     ● running    ◉ ready: its process waits for a message
          ○ waits for its pace, for work or a moment
          ◌ waits after a failure    ⏸ paused    ◑ draining or stopping
          ✓ done    · off
RUNS/MIN  with the last hour, five minutes a bar
OK        percent of the runs that ended well
BUSY      share of the last minute in which the slots had a run
BUDGET    relaunches after failure that are left"""


class View(NamedTuple):
    """All that is drawn. `age`: seconds since `snapshot` came; `gone`: since minisup last answered, if it does not.

    `rates`: runs a minute by program, oldest first. `usage`: CPU share and bytes by program; None: cannot be known.
    `lines`: what the pane of logs or why shows. `deadline`: how long a shutdown goes on, and may. `over`: it has ended.
    """

    snapshot: StatusDocument
    ui: Ui
    width: int
    height: int
    unicode: bool = True
    age: float = 0.0
    gone: float | None = None
    rates: Mapping[str, Sequence[float]] = {}
    usage: Mapping[str, tuple[float, int]] | None = None
    lines: Sequence[str] = ()
    deadline: tuple[float, float] | None = None
    over: bool = False


def paint(view: View) -> list[Text]:
    """The lines of the screen: exactly `height` of them, none wider than `width`."""
    programs = [aged(program, view.age) for program in shown(view.snapshot["programs"], view.ui)]
    room = max(0, view.height - FIXED)
    rows, pane_room = share_room(view, len(programs), room)
    table = [] if view.ui.pane is Pane.HELP else table_lines(programs, view, rows)
    body = [*table, *pane_lines(programs, view, pane_room)]
    body = body[: room + 1] + [Text("")] * (room + 1 - len(body))
    lines = [head(view), *body, foot(view)][: view.height]
    return [fitted(line, view) for line in lines]


def share_room(view: View, programs: int, room: int) -> tuple[int, int]:
    """How many rows the table gets and how many lines the pane: the pane shrinks first, unless it was asked for."""
    if view.ui.pane is Pane.HELP:
        return 0, room + 1
    if view.ui.pane is Pane.NONE:
        return min(programs, room), max(0, room - programs)
    least = min(room // 2, 8)
    rows = min(programs, room - least)
    return rows, room - rows


def reach(view: View) -> Reach:
    """How far a page goes, and how far the pane can be scrolled."""
    rows, pane_room = share_room(view, len(shown(view.snapshot["programs"], view.ui)), max(0, view.height - FIXED))
    if view.ui.pane is Pane.NONE:
        return Reach(max(1, rows))
    page = max(1, pane_room - 1)
    return Reach(page, max(0, len(pane_text(view)) - page))


def aged(program: Program, age: float) -> Program:
    """The program as it is `age` seconds after the picture was taken: countdowns go on, and nothing else is guessed."""
    if age <= 0:
        return program
    return {**program, "slots": [_aged_slot(slot, age) for slot in program["slots"]]}


def _aged_slot(slot: Slot, age: float) -> Slot:
    left, lasted = slot["next_in"], slot.get("age")
    return {
        **slot,
        "since": slot["since"] + age,
        "age": None if lasted is None else lasted + age,
        "next_in": None if left is None else max(0.0, left - age),
    }


# --- the table --------------------------------------------------------------------------------------------------------


def columns(view: View) -> list[Column]:
    """The columns that there is room for."""
    return [column for column in COLUMNS if column.least <= view.width]


def cell(column: Column, program: Program, view: View) -> Text:
    """What stands in a column: with a style or a bar if it has one here, else as it is printed."""
    if (painted := PAINTED.get(column.title)) is not None:
        return painted(program, view)
    assert column.text is not None
    return Text(column.text(program, Look(view.width, view.unicode)))


def table_lines(programs: Sequence[Program], view: View, rows: int) -> list[Text]:
    """The titles, and as many programs as there is room for, the chosen one among them."""
    first = first_row([str(program["name"]) for program in programs], view.ui.program, rows)
    visible = programs[first : first + rows]
    chosen = columns(view)
    grid = [[cell(column, program, view) for column in chosen] for program in visible]
    wanted = [max([len(column.title), *(row[at].cell_len for row in grid)]) for at, column in enumerate(chosen)]
    widths = fit(wanted, view.width - 1)
    lines = [line([Text(column.title, "bold") for column in chosen], chosen, widths, view)]
    for program, row in zip(visible, grid, strict=True):
        made = line(row, chosen, widths, view)
        if program["name"] == view.ui.program and not view.ui.slot:
            made = marked(made, view)
        lines.append(made)
    if not programs:
        lines.append(
            Text(f"  nothing matches {view.ui.filter!r}; esc shows all" if view.ui.filter else "  no programs")
        )
    return lines


def marked(row: Text, view: View) -> Text:
    """The row that the cursor is on: a sign in its first cell, for those who see no colours, and a background."""
    made = Text("▸" if view.unicode else ">", "bold").append_text(row[1:])
    made.pad_right(max(0, view.width - made.cell_len))
    made.stylize("on grey19")
    return made


def first_row(names: Sequence[str], chosen: str, rows: int) -> int:
    """The first visible row, so that the chosen one is near the middle."""
    if chosen not in names or len(names) <= rows:
        return 0
    return max(0, min(names.index(chosen) - rows // 2, len(names) - rows))


def line(row: Sequence[Text], chosen: Sequence[Column], widths: Sequence[int], view: View) -> Text:
    """One row, each cell as wide as its column."""
    made = Text(" ")
    for at, (whole, column, wide) in enumerate(zip(row, chosen, widths, strict=False)):
        shown = Text(cut_inside(whole.plain, wide, mark(view)), whole.style) if at == 0 else whole
        shown.truncate(wide, overflow=overflow(view))
        space = " " * max(0, wide - shown.cell_len)
        gap = " " * GAP if at else ""
        right = column.right and not column.bar
        made.append(gap + (space if right else ""))
        made.append_text(shown)
        made.append("" if right else space)
    return made


def _rate(program: Program, view: View) -> Text:
    number = f"{program['per_minute']:,.0f}"
    if view.width < NARROW:
        return Text(number)
    rates = view.rates.get(program["name"], ())
    return Text.assemble(number, " ", " " * (BARS - len(rates)), cells.spark(rates, unicode=view.unicode))


def _usage(program: Program, view: View) -> tuple[Text, Text]:
    return cells.usage(None if view.usage is None else view.usage.get(program["name"]))


PAINTED: Final[Mapping[str, Callable[[Program, View], Text]]] = {
    "PROGRAM": lambda program, _: Text(program["name"], "bold"),
    "STATE": lambda program, view: cells.state(program, unicode=view.unicode),
    "SLOTS": lambda program, view: cells.slots(program["slots"], unicode=view.unicode),
    "RUNS/MIN": _rate,
    "OK": lambda program, _: cells.ok(program),
    "BUSY": lambda program, _: cells.busy(program),
    "BUDGET": lambda program, view: cells.budget(program, unicode=view.unicode),
    "CPU": lambda program, view: _usage(program, view)[0],
    "MEM": lambda program, view: _usage(program, view)[1],
}
"""By column of `table.COLUMNS`: its cell where that has a style, a bar, or what only this screen measures."""


# --- around it --------------------------------------------------------------------------------------------------------


def head(view: View) -> Text:
    """How minisup is; during a shutdown, how far it has come."""
    if view.gone is not None:
        what = f"ended {amount(view.gone)} ago" if view.over else f"not answered for {amount(view.gone)}"
        return Text(f" minisup has {what}; this is the last that it said", "bold blue" if view.over else "bold red")
    if view.snapshot["state"] == "running":
        return Text(f" {header(view.snapshot)}", "bold")
    return Text(f" {ending(view)}", "bold blue")


def ending(view: View) -> str:
    """`draining   9 runs left   4.2 s of 9 s   the stop signal in 1.3 s   email:3 (run 81340, 2 m) is the longest`."""
    slots = [slot for program in view.snapshot["programs"] for slot in program["slots"] if slot["run"] is not None]
    parts = [str(view.snapshot["state"]), _still_there(view, len(slots))]
    if view.deadline is not None:
        parts.append(" of ".join(map(amount, view.deadline)))
    waits = [slot["next_in"] for slot in slots if slot["next_in"] is not None]
    if waits:
        what = "the stop signal" if view.snapshot["state"] == "draining" else "the next step"
        parts.append(f"{what} in {amount(max(0.0, min(waits) - view.age))}")
    if slots:
        longest = max(slots, key=run_age)
        parts.append(f"{longest['name']} (run {longest['run']}, {amount(run_age(longest) + view.age)}) is the longest")
    return "   ".join(parts)


def _still_there(view: View, running: int) -> str:
    """What minisup waits for: runs, and when they have ended what they have left behind."""
    behind = left_behind(sum(program["leftovers"] for program in view.snapshot["programs"]))
    return behind if behind and not running else f"{running} run{'s' * (running != 1)} left"


def foot(view: View) -> Text:
    """A question, what is being typed, a notice, or the keys."""
    ui = view.ui
    if ui.pending is not None:
        return Text(f" {cut(ui.pending.question, view.width - 9, mark(view))}   y / n", "bold yellow")
    if ui.typing:
        return Text(f" /{ui.filter}_   enter keeps it, esc shows all", "bold")
    if ui.notice:
        return Text(f" {ui.notice}", "bold")
    lists = (PANE_KEYS,) if ui.pane in {Pane.LOGS, Pane.WHY, Pane.HELP} else (KEYS, SHORT_KEYS)
    keys = next((keys for keys in lists if len(keys) + 1 <= view.width), FEWEST_KEYS)
    showing = f"filter: {ui.filter}   " if ui.filter else ""
    return Text(f" {showing}{keys if view.unicode else keys.replace('↑↓', 'up/down')}", "bright_black")


# --- the pane ---------------------------------------------------------------------------------------------------------


def pane_lines(programs: Sequence[Program], view: View, room: int) -> list[Text]:
    """The lower part: what was asked for, else the slots of the chosen program if it fails and there is room."""
    chosen = next((program for program in programs if program["name"] == view.ui.program), None)
    if room < 2 or (chosen is None and view.ui.pane is not Pane.HELP):  # noqa: PLR2004 - a rule and a line
        return []
    match view.ui.pane:
        case Pane.HELP:
            return [rule("help", view), *scrolled(pane_text(view), view, room - 1)]
        case Pane.LOGS | Pane.WHY:
            title = f"{view.ui.pane.value} {view.ui.slot or view.ui.program}"
            return [rule(title, view), *scrolled(pane_text(view), view, room - 1)]
        case pane:
            assert chosen is not None
            if pane is Pane.NONE and chosen["failing_for"] is None:
                return []
            return [rule(view.ui.program, view), *slot_rows(chosen, view, room - 1)]


def pane_text(view: View) -> list[str]:
    """All lines of help, why or logs, none wider than the terminal."""
    room = max(1, view.width - 1)
    if view.ui.pane is Pane.HELP:
        words = HELP if view.unicode else "".join(_ASCII.get(letter, letter) for letter in HELP)
        return [cut(text, room, mark(view)) for text in words.splitlines()]
    indents = {Pane.WHY: why_indent, Pane.LOGS: log_indent}
    if view.ui.pane not in indents:
        return []
    indent = indents[view.ui.pane]
    lines = [plain(text) for text in view.lines]
    return [part for text in lines for part in wrapped(text, room, " " * min(indent(text), room // 2))]


def why_indent(text: str) -> int:
    """Where a sentence of `why` goes on: under the column where it began to speak."""
    return BODY if text.startswith("  ") else 0


def log_indent(text: str) -> int:
    """Where a line of output goes on: behind the name of its slot."""
    return text.find(" | ") + 3


def slot_rows(program: Program, view: View, room: int) -> list[Text]:
    """A line a slot, the chosen one among them."""
    slots: Sequence[Slot] = program["slots"]
    first = first_row([str(slot["name"]) for slot in slots], view.ui.slot, room)
    wide = max((len(slot["name"]) for slot in slots), default=0)
    lines = []
    for slot in slots[first : first + room]:
        made = Text(f"  {slot['name']:{wide}}  ").append_text(cells.slot_words(slot))
        if slot["name"] == view.ui.slot:
            made = marked(made, view)
        lines.append(made)
    return lines


def scrolled(lines: Sequence[str], view: View, room: int) -> list[Text]:
    """As many lines as there is room for. Logs show their end, and scroll back from there."""
    most = max(0, len(lines) - room)
    first = most - min(view.ui.scroll, most) if view.ui.pane is Pane.LOGS else min(view.ui.scroll, most)
    return [Text(f" {text}") for text in lines[first : first + room]]


def plain(text: str) -> str:
    """A line without what would move the cursor; its indentation stays."""
    text = text[:LONGEST].expandtabs()
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)


def rule(title: str, view: View) -> Text:
    """A line across, with a title."""
    dash = "─" if view.unicode else "-"
    start = f" {dash} {title} "
    return Text(start + dash * max(0, view.width - width(start) - 1), "bright_black")


def fitted(text: Text, view: View) -> Text:
    """No line is wider than the terminal."""
    text.truncate(view.width, overflow=overflow(view))
    return text


def mark(view: View) -> str:
    """What stands for what was cut."""
    return "…" if view.unicode else ".."


def overflow(view: View) -> Literal["ellipsis", "crop"]:
    """How text that is too long ends."""
    return "ellipsis" if view.unicode else "crop"


_ASCII: Final = {sign: ASCII_GLYPHS[name] for name, sign in GLYPHS.items()}
