"""`--wait` on a terminal: how far it is, from a second connection that asks twice a second. Ctrl-C ends the waiting."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from minisup.cli.output import complain
from minisup.cli.status.status_words import Slot, amount, is_paused
from minisup.control.client import Client
from minisup.core.status import StatusDocument
from minisup.errors import MinisupError

EACH: Final = 0.5
"""Seconds between two looks. What takes less shows nothing."""

KINDS: Final = {
    "draining": ("draining",),
    "stopping": ("stopping", "killing"),
    "running": ("running",),
    "waiting": ("waiting",),
}
"""What slots that are not there yet do, in the order in which it is told."""


class Goal(NamedTuple):
    """What is waited for: `title` as typed (`restart email`), the slots in question, and the last run before it."""

    verb: str
    title: str
    slots: tuple[str, ...]
    mark: int


@contextmanager
def waiting(client: Client, verb: str, words: Sequence[str], *, numprocs: int | None = None) -> Iterator[None]:
    """While the body waits: show progress on a terminal; if it is interrupted, say that what was asked for goes on."""
    title = " ".join([verb, *words])
    targets = [word.partition("=")[0] for word in words]
    over = threading.Event()
    thread = threading.Thread(target=lambda: None)
    if shows() and (aim := _aim(client, verb, title, targets, numprocs)):
        thread = threading.Thread(target=_follow, args=(client.paths, targets, aim, over), daemon=True)
        thread.start()
    try:
        yield
    except KeyboardInterrupt:
        _end(thread, over)
        complain(f"no longer waiting; {title} goes on: `minisup status` shows how far it is")
        raise
    finally:
        _end(thread, over)


def shows() -> bool:
    """Whether somebody looks: stderr is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def goal(verb: str, title: str, document: StatusDocument, numprocs: int | None = None) -> Goal:
    """The goal of a request, from how everything was before it; `numprocs`: only slots from this number on."""
    slots = [slot for program in document["programs"] for slot in program["slots"]]
    mark = max((_newest(slot) for slot in slots), default=0)
    asked = [slot for slot in slots if verb != "shutdown" or slot["run"] is not None]
    names = tuple(slot["name"] for slot in asked if numprocs is None or slot["slot"] >= numprocs)
    return Goal(verb, title, names, mark)


def reached(goal: Goal, document: StatusDocument) -> int:
    """How many of the slots are where they were wanted; those that are gone are."""
    return len(goal.slots) - len(_missing(goal, document))


def line(goal: Goal, document: StatusDocument) -> str:
    """`restart email: 12 of 20 slots, 3 draining (longest 42 s)`."""
    missing = _missing(goal, document)
    total = len(goal.slots)
    parts = [f"{goal.title}: {total - len(missing)} of {total} slot{'s' * (total != 1)}"]
    for name, phases in KINDS.items():
        those = [slot for slot in missing if slot["phase"] in phases]
        if those:
            longest = max(slot["since"] for slot in those)
            parts.append(f"{len(those)} {name}" + (f" (longest {amount(longest)})" if name != "waiting" else ""))
    return ", ".join(parts)


def _missing(goal: Goal, document: StatusDocument) -> list[Slot]:
    slots = {slot["name"]: slot for program in document["programs"] for slot in program["slots"]}
    there = [slots[name] for name in goal.slots if name in slots]
    return [slot for slot in there if not IS_THERE[goal.verb](slot, goal.mark)]


def _newest(slot: Slot) -> int:
    return max(slot["run"] or 0, slot["last"]["run"] if slot["last"] else 0)


def _is_off(slot: Slot, _mark: int) -> bool:
    return slot["phase"] in {"off", "done"}


def _is_still(slot: Slot, _mark: int) -> bool:
    return slot["run"] is None


def _is_fresh(slot: Slot, mark: int) -> bool:
    empty = slot["phase"] == "waiting" and slot["reason"] == "message"
    return _newest(slot) > mark or empty or is_paused(slot) or _is_off(slot, mark)


def _is_up(slot: Slot, mark: int) -> bool:
    return slot["run"] is not None or _is_fresh(slot, mark)


def _stays(_slot: Slot, _mark: int) -> bool:
    return False


IS_THERE: Final[Mapping[str, Callable[[Slot, int], bool]]] = {
    "start": _is_up,
    "resume": _is_up,
    "stop": _is_off,
    "restart": _is_fresh,
    "pause": _is_still,
    "shutdown": _is_still,
    "scale": _stays,
}
"""Where a slot is wanted, as minisup itself sees it when it answers."""


def _end(thread: threading.Thread, over: threading.Event) -> None:
    over.set()
    if thread.is_alive():
        thread.join(2 * EACH)


def _aim(client: Client, verb: str, title: str, targets: Sequence[str], numprocs: int | None) -> Goal | None:
    """What is waited for, as it is before the request; None: there is nothing to show, or the reply will say why."""
    try:
        aim = goal(verb, title, client.status(targets), numprocs)
    except MinisupError:
        return None
    return aim if aim.slots else None


def _follow(paths: Sequence[str], targets: Sequence[str], aim: Goal, over: threading.Event) -> None:
    """Ask and draw until it is over, or until nobody answers: the reply itself says what became of it."""
    try:
        with Client(paths, timeout=4 * EACH) as client:
            if not over.wait(EACH):
                _draw(client, targets, aim, over)
    except MinisupError:
        pass


def _draw(client: Client, targets: Sequence[str], aim: Goal, over: threading.Event) -> None:
    from rich.console import Console  # noqa: PLC0415 -- only a terminal needs it
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 -- as above

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        console=Console(stderr=True, highlight=False),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with bar:
        task = bar.add_task(aim.title, total=len(aim.slots))
        while True:
            document = client.status(targets)
            bar.update(task, completed=reached(aim, document), description=line(aim, document), refresh=True)
            if over.wait(EACH):
                return
