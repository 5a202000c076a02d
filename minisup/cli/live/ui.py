"""What a key does: from where the reader is and what is on the screen to where he is next, and what to ask of minisup.

Rule 1: nothing here draws, reads or asks; `press` returns what is to be asked.
Rule 2: what ends or cuts a run is asked only after a question that was answered with y.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from minisup.cli.words import Program, Slot, is_leaving, is_paused

PAGE: Final = 10
"""Rows that page up and page down move."""


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


class Ask(NamedTuple):
    """A request to minisup: a method of the control socket; `question` is what must be answered first, if anything."""

    method: str
    params: Mapping[str, Any]
    words: str
    question: str = ""


QUIT: Final = Ask("quit", {}, "")


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


def press(ui: Ui, key: str, programs: Sequence[Program]) -> Step:
    """One key. `programs` are all of the last picture."""
    ui = replace(settle(ui, programs), notice="")
    if key == "ctrl-c":
        return ui, QUIT
    if ui.pending is not None:
        return _answer(ui, key)
    if ui.typing:
        return _type(ui, key, programs), None
    if key in _MOVES:
        return _move(ui, _MOVES[key], programs), None
    if key in _VIEWS:
        return _view(ui, key, programs), None
    if key == "q":
        return ui, QUIT
    action = _ACTIONS.get(key)
    if action is None or not ui.program:
        return ui, None
    return _consider(ui, action(ui, _chosen(programs, ui)))


# --- moving and looking -----------------------------------------------------------------------------------------------

_MOVES: Final = {
    "up": -1,
    "k": -1,
    "down": 1,
    "j": 1,
    "page up": -PAGE,
    "page down": PAGE,
    "home": -1_000_000,
    "end": 1_000_000,
}
_VIEWS: Final = frozenset({"enter", "l", "w", "?", "esc", "/", "o", "tab"})


def _move(ui: Ui, by: int, programs: Sequence[Program]) -> Ui:
    if ui.pane in {Pane.LOGS, Pane.WHY, Pane.HELP}:
        return replace(ui, scroll=max(0, ui.scroll + by))
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


def _consider(ui: Ui, ask: Ask) -> Step:
    return (replace(ui, pending=ask), None) if ask.question else (ui, ask)


def _answer(ui: Ui, key: str) -> Step:
    ask, ui = ui.pending, replace(ui, pending=None)
    return (ui, ask) if key in {"y", "Y"} else (replace(ui, notice="nothing was changed"), None)


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
    cuts = program["kind"] == "service" and going
    question = f"restart {name}? {_runs(going)} of a service: the stop signal, one after another" if cuts else ""
    return Ask("restart", {"targets": [name]}, f"restart {name}", question)


def _start_or_stop(ui: Ui, program: Program) -> Ask:
    name, going = _targets(ui), _going(ui, program)
    if all(slot["phase"] in {"off", "done"} for slot in _slots(ui, program)):
        return Ask("start", {"targets": [name]}, f"start {name}")
    question = f"stop {name}? {_runs(going)} in progress: drain, then the stop signal" if going else ""
    return Ask("stop", {"targets": [name]}, f"stop {name}", question)


def _pause_or_resume(ui: Ui, program: Program) -> Ask:
    name = _targets(ui)
    paused = any(is_paused(slot) for slot in _slots(ui, program))
    verb = "resume" if paused else "pause"
    return Ask(verb, {"targets": [name]}, f"{verb} {name}")


def _scale(by: int) -> Callable[[Ui, Program], Ask]:
    def ask(ui: Ui, program: Program) -> Ask:
        numprocs = max(0, sum(not is_leaving(slot) for slot in program["slots"]) + by)
        return Ask("scale", {"target": ui.program, "numprocs": numprocs}, f"scale {ui.program}={numprocs}")

    return ask


_ACTIONS: Final[Mapping[str, Callable[[Ui, Program], Ask]]] = {
    "r": _restart,
    "s": _start_or_stop,
    "p": _pause_or_resume,
    "+": _scale(1),
    "=": _scale(1),
    "-": _scale(-1),
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
