"""What a key does: from where the reader is and what is on the screen to where he is next, and what to ask of minisup.

Rule 1: nothing here draws, reads or asks; `press` returns what is to be asked.
Rule 2: what stops, pauses, ends a run or takes a slot away is asked only after a question that was answered with y.
Rule 3: a key that was typed blindly, without a look at what the one before it did, moves and looks and does no more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from minisup.cli.status.status_words import Program, Slot, is_leaving, is_paused


class Pane(StrEnum):
    """What the lower part of the screen shows."""

    NONE = "none"
    SLOTS = "slots"
    LOGS = "logs"
    WHY = "why"
    HELP = "help"


class Order(StrEnum):
    """How the programs are sorted."""

    TROUBLE = "trouble first"
    NAME = "name"
    RATE = "runs a minute"
    BUSY = "busy"


class Reach(NamedTuple):
    """What is in sight: `page`: lines that page up and page down move by; `most`: lines that can be scrolled by."""

    page: int = 10
    most: int = 1_000_000


class Ask(NamedTuple):
    """A request to minisup: a method of the control socket; `question` is what must be answered first, if anything."""

    method: str
    params: Mapping[str, Any]
    words: str
    question: str = ""


QUIT: Final = Ask("quit", {}, "")
REACH: Final = Reach()
TOO_FAST: Final = "several keys came at once: nothing was done; press them one by one"


@dataclass(frozen=True, slots=True)
class Ui:
    """Where the reader is. Names rather than row numbers: rows come and go."""

    program: str = ""
    slot: str = ""  # empty: the cursor is on the program
    pane: Pane = Pane.NONE
    filter: str = ""
    typing: bool = False  # the filter is being typed
    order: Order = Order.TROUBLE
    pending: Ask | None = None  # waits for y or n
    scroll: int = 0  # of the pane, in lines
    notice: str = field(default="", compare=False)


Step = tuple[Ui, Ask | None]

_TROUBLE: Final = {"holding": 0, "backoff": 1}


def shown(programs: Sequence[Program], ui: Ui) -> list[Program]:
    """The programs that pass the filter, in the chosen order."""
    word = ui.filter.lower()
    found = [program for program in programs if not word or word in _searched(program)]
    return sorted(found, key=_KEYS[ui.order])


def settle(ui: Ui, programs: Sequence[Program]) -> Ui:
    """The same place in a newer picture: a program that is gone gives way to the first."""
    names = [str(program["name"]) for program in shown(programs, ui)]
    if ui.program in names:
        slots = [slot["name"] for slot in _chosen(programs, ui)["slots"]]
        return ui if not ui.slot or ui.slot in slots else replace(ui, slot=slots[0] if slots else "")
    return replace(ui, program=names[0] if names else "", slot="", scroll=0)


def press(ui: Ui, key: str, programs: Sequence[Program], reach: Reach = REACH, *, blind: bool = False) -> Step:
    """One key. `programs` are all of the last picture, `reach` what is in sight; `blind`: as in rule 3."""
    ui = replace(settle(ui, programs), notice="")
    if key == "ctrl-c":
        return ui, QUIT
    if ui.pending is not None:
        return _answer(ui, key, blind=blind)
    if ui.typing:
        return _type(ui, key, programs), None
    if key in _MOVES:
        return _move(ui, key, programs, reach), None
    if key in _VIEWS:
        return _view(ui, key, programs), None
    action = _ACTIONS.get(key)
    if blind and (key == "q" or action is not None):
        return replace(ui, notice=TOO_FAST), None
    if key == "q":
        return ui, QUIT
    if action is None or not ui.program:
        return ui, None
    return _consider(ui, action(ui, _chosen(programs, ui)))


# --- moving and looking -----------------------------------------------------------------------------------------------

_LINES: Final = {"up": -1, "k": -1, "down": 1, "j": 1}
_PAGES: Final = {"page up": -1, "page down": 1}
_ENDS: Final = {"home": -1_000_000, "end": 1_000_000}
_MOVES: Final = frozenset({*_LINES, *_PAGES, *_ENDS})
_VIEWS: Final = frozenset({"enter", "l", "w", "?", "esc", "/", "o", "tab"})


def _move(ui: Ui, key: str, programs: Sequence[Program], reach: Reach) -> Ui:
    by = _LINES.get(key) or _ENDS.get(key) or _PAGES[key] * reach.page
    if ui.pane in {Pane.LOGS, Pane.WHY, Pane.HELP}:
        back = -by if ui.pane is Pane.LOGS else by  # logs begin with their end
        return replace(ui, scroll=min(max(0, min(ui.scroll, reach.most) + back), reach.most))
    if ui.slot:
        return replace(ui, slot=_neighbour([str(slot["name"]) for slot in _chosen(programs, ui)["slots"]], ui.slot, by))
    return replace(ui, program=_neighbour([str(program["name"]) for program in shown(programs, ui)], ui.program, by))


def _neighbour(names: Sequence[str], name: str, by: int) -> str:
    if name not in names:
        return name
    return names[min(len(names) - 1, max(0, names.index(name) + by))]


def _view(ui: Ui, key: str, programs: Sequence[Program]) -> Ui:
    match key:
        case "/":
            return replace(ui, typing=True)
        case "o":
            orders = list(Order)
            return replace(ui, order=orders[(orders.index(ui.order) + 1) % len(orders)])
        case "esc":
            return _back(ui)
        case "enter" | "tab":
            return _enter(ui, programs)
    pane = {"l": Pane.LOGS, "w": Pane.WHY, "?": Pane.HELP}[key]
    return replace(ui, pane=_under(ui) if ui.pane is pane else pane, scroll=0)


def _enter(ui: Ui, programs: Sequence[Program]) -> Ui:
    if not ui.program or ui.slot:
        return _back(ui)
    slots = _chosen(programs, ui)["slots"]
    return replace(ui, pane=Pane.SLOTS, slot=slots[0]["name"] if slots else "", scroll=0)


def _back(ui: Ui) -> Ui:
    """One step out: the pane, then the slots, then the filter."""
    if ui.pane in {Pane.LOGS, Pane.WHY, Pane.HELP}:
        return replace(ui, pane=_under(ui), scroll=0)
    if ui.pane is Pane.SLOTS:
        return replace(ui, pane=Pane.NONE, slot="")
    return replace(ui, filter="")


def _under(ui: Ui) -> Pane:
    return Pane.SLOTS if ui.slot else Pane.NONE


def _type(ui: Ui, key: str, programs: Sequence[Program]) -> Ui:
    if key == "enter":
        return replace(ui, typing=False)
    if key == "esc":
        return settle(replace(ui, typing=False, filter=""), programs)
    if key == "backspace":
        return settle(replace(ui, filter=ui.filter[:-1]), programs)
    return settle(replace(ui, filter=ui.filter + key), programs) if len(key) == 1 else ui


# --- asking -----------------------------------------------------------------------------------------------------------


def _consider(ui: Ui, ask: Ask | str) -> Step:
    if isinstance(ask, str):
        return replace(ui, notice=ask), None
    return (replace(ui, pending=ask), None) if ask.question else (ui, ask)


def _answer(ui: Ui, key: str, *, blind: bool) -> Step:
    if key not in {"y", "Y"}:
        return replace(ui, pending=None, notice="nothing was changed"), None
    return (ui, None) if blind else (replace(ui, pending=None), ui.pending)


def _targets(ui: Ui) -> str:
    return ui.slot or ui.program


def _slots(ui: Ui, program: Program) -> Sequence[Slot]:
    slots: Sequence[Slot] = program["slots"]
    return [slot for slot in slots if slot["name"] == ui.slot] if ui.slot else slots


def _going(ui: Ui, program: Program) -> int:
    return sum(1 for slot in _slots(ui, program) if slot["run"] is not None)


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def _restart(ui: Ui, program: Program) -> Ask:
    name, going = _targets(ui), _going(ui, program)
    question = ""
    if program["kind"] == "service" and going:
        question = f"restart {name}? {_runs(going)} of a service: the stop signal, one after another"
    elif any(slot["phase"] == "done" for slot in _slots(ui, program)):
        question = f"restart {name}? it is done, and would run again"
    return Ask("restart", {"targets": [name]}, f"restart {name}", question)


def _start_or_stop(ui: Ui, program: Program) -> Ask:
    name, going = _targets(ui), _going(ui, program)
    if all(slot["phase"] in {"off", "done"} for slot in _slots(ui, program)):
        return Ask("start", {"targets": [name]}, f"start {name}", _again(name, ui, program))
    then = f"{_runs(going)} in progress: drain, then the stop signal" if going else "no run starts until it is started"
    return Ask("stop", {"targets": [name]}, f"stop {name}", f"stop {name}? {then}")


def _again(name: str, ui: Ui, program: Program) -> str:
    done = any(slot["phase"] == "done" for slot in _slots(ui, program))
    return f"start {name}? it is done, and would run again" if done else ""


def _pause_or_resume(ui: Ui, program: Program) -> Ask:
    name, going = _targets(ui), _going(ui, program)
    if any(is_paused(slot) for slot in _slots(ui, program)):
        return Ask("resume", {"targets": [name]}, f"resume {name}")
    left = f"; {_runs(going)} may finish" if going else ""
    return Ask("pause", {"targets": [name]}, f"pause {name}", f"pause {name}? no run starts until it is resumed{left}")


def _grow(ui: Ui, program: Program) -> Ask:
    return _scaled(ui.program, len(_staying(program)) + 1)


def _shrink(ui: Ui, program: Program) -> Ask | str:
    staying = _staying(program)
    if not staying:
        return f"{ui.program} has no slot that could go"
    last = staying[-1]
    ends = "its run gets the stop signal" if program["kind"] == "service" else "its run may finish"
    then = f"{last['name']} goes" + (f", {ends}" if last["run"] is not None else "")
    return _scaled(ui.program, len(staying) - 1, then)


def _staying(program: Program) -> list[Slot]:
    return [slot for slot in program["slots"] if not is_leaving(slot)]


def _scaled(name: str, numprocs: int, then: str = "") -> Ask:
    words = f"scale {name}={numprocs}"
    return Ask("scale", {"target": name, "numprocs": numprocs}, words, f"{words}? {then}" if then else "")


_ACTIONS: Final[Mapping[str, Callable[[Ui, Program], Ask | str]]] = {
    "r": _restart,
    "s": _start_or_stop,
    "p": _pause_or_resume,
    "+": _grow,
    "=": _grow,
    "-": _shrink,
}


# --- helpers ----------------------------------------------------------------------------------------------------------


def _chosen(programs: Sequence[Program], ui: Ui) -> Program:
    return next(program for program in programs if program["name"] == ui.program)


def _searched(program: Program) -> str:
    groups = " ".join(f"@{group}" for group in program["groups"])
    return f"{program['name']} {program['state']} {groups}".lower()


def _by_trouble(program: Program) -> tuple[int, str]:
    degraded = 2 if program["budget"]["label"] == "degraded" else 3
    return _TROUBLE.get(program["state"], degraded), str(program["name"])


_KEYS: Final[Mapping[Order, Callable[[Program], Any]]] = {
    Order.TROUBLE: _by_trouble,
    Order.NAME: lambda program: str(program["name"]),
    Order.RATE: lambda program: (-program["per_minute"], str(program["name"])),
    Order.BUSY: lambda program: (-(program["busy"] or 0.0), str(program["name"])),
}
