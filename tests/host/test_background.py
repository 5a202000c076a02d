"""Work beside the loop: told in order, given up when it takes too long, never in the loop's way."""

from _thread import LockType, allocate_lock
from collections.abc import Callable, Iterator

import pytest
from kit import SOON, wait_until

from minisup.host.background import MOST_STUCK, Background
from minisup.host.clock import Clock
from minisup.host.loop import Loop

LIMIT = 0.05


class Place:
    """A loop, and what it was told."""

    def __init__(self, limit: float) -> None:
        self.loop = Loop(Clock())
        self.background = Background(self.loop, limit)
        self.told: list[object] = []
        self.gates: list[LockType] = []

    def do(self, work: Callable[[], object]) -> None:
        self.background.do(work, self.told.append, lambda error: self.told.append(str(error)))

    def hang(self) -> Callable[[], str]:
        """Work that ends when `release` is called."""
        gate = allocate_lock()
        gate.acquire()
        self.gates.append(gate)

        def work() -> str:
            gate.acquire()
            return "late"

        return work

    def release(self) -> None:
        while self.gates:
            self.gates.pop().release()

    def until(self, told: list[object]) -> None:
        def turn() -> bool:
            self.loop.serve(self.loop.wait(self.loop.clock.monotonic() + 0.01), self.loop.clock.monotonic())
            return self.told == told

        wait_until(turn, SOON, f"told {told}")


@pytest.fixture
def make() -> Iterator[Callable[[float], Place]]:
    places: list[Place] = []

    def one(limit: float) -> Place:
        places.append(Place(limit))
        return places[-1]

    yield one
    for place in places:
        place.release()


def fail() -> None:
    raise OSError("no disk")


def test_each_piece_of_work_begins_when_the_one_before_it_was_told(make: Callable[[float], Place]) -> None:
    place = make(SOON)
    place.do(lambda: list(place.told))
    place.do(fail)
    place.do(lambda: list(place.told))
    place.until([[], "no disk", [[], "no disk"]])


def test_what_takes_too_long_is_given_up_and_the_next_goes_on(make: Callable[[float], Place]) -> None:
    place = make(LIMIT)
    place.do(place.hang())
    place.do(lambda: "next")
    place.until(["took more than 0.05 s", "next"])
    place.release()
    place.do(lambda: "after it came back")
    place.until(["took more than 0.05 s", "next", "after it came back"])


def test_threads_that_hang_are_few_and_are_used_again(make: Callable[[float], Place]) -> None:
    place = make(LIMIT)
    for _ in range(MOST_STUCK + 1):
        place.do(place.hang())
    place.until([*["took more than 0.05 s"] * MOST_STUCK, "waits for earlier tries that hang"])
    place.release()
    place.told.clear()

    def works() -> bool:
        place.told.clear()
        place.do(lambda: "well")
        place.loop.serve(place.loop.wait(place.loop.clock.monotonic() + LIMIT), place.loop.clock.monotonic())
        return place.told == ["well"]

    wait_until(works, SOON, "it works again")


def test_a_thread_that_cannot_be_had_is_said(make: Callable[[float], Place], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    place = make(LIMIT)
    monkeypatch.setattr("minisup.host.background.start_new_thread", refuse)
    place.do(lambda: "never")
    place.until(["needs a thread, and none is to be had"])


def test_who_fails_to_be_told_does_not_stop_the_next(make: Callable[[float], Place]) -> None:
    place = make(SOON)

    def defect(_: object) -> None:
        raise ValueError("a defect")

    place.background.do(lambda: 1, defect, defect)
    place.do(lambda: "next")
    with pytest.raises(ValueError, match="a defect"):
        place.until(["next"])
    place.until(["next"])
