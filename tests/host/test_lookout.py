"""Looks at what held programs need: beside the loop, each program on its own, and nothing is missed."""

import time
from _thread import LockType, allocate_lock
from collections.abc import Callable, Iterator

import pytest
from kit import SOON, wait_until

from minisup.host.clock import Clock
from minisup.host.loop import Loop
from minisup.host.watch import held_files
from minisup.host.watch.held_files import FilesState, Lookout


class Place:
    """A loop, and what the files of each program are like."""

    def __init__(self) -> None:
        self.loop = Loop(Clock())
        self.files: dict[str, FilesState] = {}
        self.looks: list[str] = []
        self.hanging: dict[str, LockType] = {}
        self.changed: list[str] = []
        self.lookout = Lookout(self.loop, self.prepare, self.changed.append)

    def prepare(self, program: str) -> Callable[[], FilesState]:
        def look() -> FilesState:
            self.looks.append(program)
            if program in self.hanging:
                self.hanging[program].acquire()
            return self.files[program]

        return look

    def hang(self, program: str) -> None:
        self.hanging[program] = allocate_lock()
        self.hanging[program].acquire()

    def until(self, predicate: Callable[[], object], what: str) -> None:
        def turn() -> object:
            self.loop.serve(self.loop.wait(self.loop.clock.monotonic() + 0.01), self.loop.clock.monotonic())
            return predicate()

        wait_until(turn, SOON, what)

    def looked(self, program: str, times: int) -> None:
        before = self.looks.count(program)
        self.until(lambda: self.looks.count(program) >= before + times, f"{program} is looked at")


@pytest.fixture
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(held_files, "EACH", 0.02)
    monkeypatch.setattr(held_files, "LIMIT", getattr(request, "param", held_files.LIMIT))
    made = Place()
    yield made
    for gate in made.hanging.values():
        gate.release()


def test_a_change_is_told_once(place: Place) -> None:
    place.files["email"] = FilesState("missing", 0.0)
    place.lookout.watch("email", on=True)
    place.looked("email", 2)
    assert place.changed == []
    place.files["email"] = FilesState("there", 0.0)
    place.until(lambda: place.changed, "it is told")
    place.looked("email", 2)
    assert place.changed == ["email"]


def test_what_changed_before_the_first_look_is_told_and_what_is_older_is_not(place: Place) -> None:
    place.files = {"new": FilesState("there", time.time() + 1.0), "old": FilesState("there", time.time() - 60)}
    place.files["ahead"] = FilesState("there", time.time() + 3600)  # a clock of another machine
    for program in place.files:
        place.lookout.watch(program, on=True)
    place.until(lambda: place.changed, "it is told")
    place.looked("old", 2)
    assert place.changed == ["new"]


@pytest.mark.parametrize("place", [0.2], indirect=True)
def test_files_that_hang_hold_neither_the_loop_nor_other_programs_up(place: Place) -> None:
    place.files = {"hung": FilesState("a", 0.0), "email": FilesState("a", 0.0)}
    place.hang("hung")
    for program in place.files:
        place.lookout.watch(program, on=True)
    place.looked("email", 3)
    place.files["email"] = FilesState("b", 0.0)
    place.until(lambda: place.changed == ["email"], "it is told")
    assert place.looks.count("hung") == 1, "one thread hangs, not one for each look"
    place.hanging["hung"].release()
    del place.hanging["hung"]
    place.looked("hung", 2)
    place.files["hung"] = FilesState("b", 0.0)
    place.until(lambda: place.changed == ["email", "hung"], "it is told, too")


def test_nobody_is_told_of_what_is_no_longer_held(place: Place) -> None:
    place.files["email"] = FilesState("a", 0.0)
    place.hang("email")
    place.lookout.watch("email", on=True)
    place.until(lambda: place.looks, "it looks")
    place.lookout.watch("email", on=False)
    place.hanging["email"].release()
    del place.hanging["email"]
    place.files["email"] = FilesState("b", time.time())
    place.files["other"] = FilesState("x", 0.0)
    place.lookout.watch("other", on=True)
    place.looked("other", 2)
    assert place.changed == []
