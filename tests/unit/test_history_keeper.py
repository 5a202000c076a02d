"""From the loop to the database: never waited for, bounded, asleep when there is nothing to do."""

import time
from _thread import allocate_lock
from collections import deque

import pytest
from past_kit import Clock, record, rows

from minisup.core.model import Outcome
from minisup.history import queue as keepers
from minisup.history.base import KEPT, Book, KeptOutput
from minisup.history.in_memory import MOST_OUTPUT, MOST_ROWS, Recent
from minisup.history.opening import last_run, open_book
from minisup.history.queue import Keeper

SOON = 10.0


class RealClock:
    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)


class Options:
    keep = 1e9
    max_rows = 1000
    output = "failed"
    tail = 100


class Options0(Options):
    max_rows = 0


class Scribe:
    """Remembers what it was given; `hold` makes it wait in the middle of a batch."""

    def __init__(self):
        self.trouble = False
        self.batches = []
        self.closed = False
        self.hold = allocate_lock()

    def write(self, batch, _busy):
        with self.hold:
            self.batches.append([each.run for each, _ in batch])

    def close(self):
        self.closed = True

    @property
    def written(self):
        return [run for batch in self.batches for run in batch]


def wait_until(predicate):
    deadline = time.monotonic() + SOON
    while not predicate():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def scribe():
    return Scribe()


@pytest.fixture
def keeper(scribe):
    posted = deque()
    said = []
    output = KeptOutput(KEPT["failed"], 10, lambda _slot, _run, limit: b"x" * limit)
    one = Keeper("h.db", lambda _say: scribe, output, RealClock(), lambda *words: said.append(words), posted.append)
    one.said = said
    yield one
    one.finish()
    one.wait(time.monotonic() + SOON)
    assert scribe.closed or not one._started


def test_rows_are_written_within_half_a_second_and_in_company(keeper, scribe):
    began = time.monotonic()
    for number in range(100):
        keeper.add(record(number))
    wait_until(lambda: len(scribe.written) == 100)
    assert time.monotonic() - began < 0.5 + SOON / 10
    assert len(scribe.batches) <= 2


def test_the_thread_sleeps_between_batches_and_is_woken_by_the_next_row(keeper, scribe):
    for number in range(3):
        keeper.add(record(number))
        wait_until(lambda number=number: scribe.written == list(range(number + 1)))
        wait_until(lambda: keeper._asleep)


def test_no_thread_is_started_before_a_run_has_ended(keeper):
    assert not keeper._started
    keeper.finish()
    keeper.wait(time.monotonic() + SOON)
    assert not keeper._started


def test_the_end_does_not_wait_for_company(keeper, scribe):
    keeper.add(record(1))
    began = time.monotonic()
    keeper.finish()
    keeper.wait(time.monotonic() + SOON)
    assert scribe.written == [1]
    assert scribe.closed
    assert time.monotonic() - began < keepers.LINGER


def test_the_end_waits_no_longer_than_it_is_told_to(keeper, scribe):
    scribe.hold.acquire()
    keeper.add(record(1))
    keeper.finish()
    began = time.monotonic()
    keeper.wait(time.monotonic() + 0.1)
    assert time.monotonic() - began < SOON / 2
    assert not scribe.closed
    scribe.hold.release()
    wait_until(lambda: scribe.closed)


def test_a_database_that_hangs_costs_rows_and_is_said_once(keeper, scribe, monkeypatch):
    monkeypatch.setattr(keepers, "MOST_ROWS", 50)
    scribe.hold.acquire()
    keeper.add(record(0))
    wait_until(lambda: not keeper._queue)  # the thread has it, and hangs
    for number in range(1, 61):
        keeper.add(record(number))
    assert keeper.document() == {"file": "h.db", "runs": [], "dropped": 10}
    assert [level for _, level in keeper.said] == ["warning"]
    scribe.hold.release()
    wait_until(lambda: len(scribe.written) == 51)


def test_output_gives_way_before_rows_do(keeper, scribe, monkeypatch):
    monkeypatch.setattr(keepers, "MOST_OUTPUT", 25)
    scribe.hold.acquire()
    keeper.add(record(0, outcome=Outcome.FAILED))
    wait_until(lambda: not keeper._queue)
    for number in range(1, 11):
        keeper.add(record(number, outcome=Outcome.FAILED))
    assert [len(output) for _, output in keeper._queue] == [10, 10, 10, *[0] * 7]
    assert keeper.dropped == 0
    scribe.hold.release()


def test_a_defect_of_the_thread_is_said_and_costs_nobody_anything():
    said = []

    def broken(_say):
        raise ZeroDivisionError("no")

    posted = deque()
    output = KeptOutput(frozenset(), 0, lambda *_: b"")
    one = Keeper("h.db", broken, output, RealClock(), lambda *words: said.append(words), posted.append)
    one.add(record(1))
    wait_until(lambda: posted)
    posted.popleft()()
    assert said == [("the history has ended: internal error: ZeroDivisionError: no", "error")]
    one.add(record(2))
    one.finish()
    one.wait(time.monotonic() + SOON)


# --- which book -------------------------------------------------------------------------------------------------------


def opened(directory, options=Options, tail=lambda _slot, run, limit: b"%d\n" % run * (limit > 0)):
    return open_book(directory, options, tail, RealClock(), lambda *_: None, lambda _: None)


def test_a_history_without_rows_is_none_at_all(tmp_path):
    book = opened(str(tmp_path), Options0)
    assert type(book) is Book
    book.add(record(1))
    book.finish()
    book.wait(0.0)
    assert book.document() == {"file": None, "runs": []}
    assert list(tmp_path.iterdir()) == []


def test_with_a_directory_it_is_on_disk_with_the_output_of_failed_runs(tmp_path):
    book = opened(str(tmp_path))
    book.add(record(1))
    book.add(record(2, outcome=Outcome.FAILED, code=1))
    book.add(record(3, outcome=Outcome.TIMEOUT, code=None, signal="SIGTERM"))
    book.finish()
    book.wait(time.monotonic() + SOON)
    assert [(each.run, each.output) for each in rows(tmp_path / "history.db")] == [(1, None), (2, "2\n"), (3, "3\n")]
    assert book.document()["file"] == str(tmp_path / "history.db")
    assert last_run(str(tmp_path)) == 3


@pytest.mark.parametrize(
    ("which", "kept"), [("all", ["1\n", "2\n"]), ("none", [None, None]), ("failed", [None, "2\n"])]
)
def test_whose_output_is_kept_is_as_configured(which, kept):
    class These(Options):
        output = which

    book = opened(None, These)
    book.add(record(1))
    book.add(record(2, outcome=Outcome.FAILED, code=1))
    assert [each["output"] for each in book.document()["runs"]] == kept


# --- in memory --------------------------------------------------------------------------------------------------------


def recent(tail=lambda *_: b"", max_rows=10**6, clock=None):
    return Recent(KeptOutput(KEPT["all"], 1 << 15, tail), clock or Clock(), max_rows)


def test_the_last_thousand_are_kept_in_memory():
    book = recent()
    for number in range(MOST_ROWS + 5):
        book.add(record(number))
    found = book.document()
    assert found["file"] is None
    assert [each["run"] for each in found["runs"]] == list(range(5, MOST_ROWS + 5))


def test_fewer_are_kept_if_the_configuration_says_so():
    book = recent(max_rows=3)
    for number in range(5):
        book.add(record(number))
    assert [each["run"] for each in book.document()["runs"]] == [2, 3, 4]


def test_the_memory_for_output_is_bounded_and_the_newest_is_kept():
    book = recent(lambda _slot, _run, limit: b"x" * limit)
    for number in range(100):
        book.add(record(number))
    kept = [each["run"] for each in book.document()["runs"] if each["output"]]
    assert kept == list(range(100 - MOST_OUTPUT // (1 << 15), 100))


def test_a_step_of_the_wall_clock_does_not_move_runs_of_the_past():
    clock = Clock(now=10.0, wall=1000.0)
    book = recent(clock=clock)
    book.add(record(1, started=10.0))
    clock.ahead += 3600
    book.add(record(2, started=10.0))
    assert [each["started"] for each in book.document()["runs"]] == [
        "1970-01-01T00:16:40.000Z",
        "1970-01-01T01:16:40.000Z",
    ]


def test_a_directory_without_a_history_has_no_last_run(tmp_path):
    assert last_run(str(tmp_path)) == 0


def refusing(scribe, times):
    """Makes the scribe after so many refusals, as when no descriptor is left to load it with."""
    refusals = iter([OSError(24, "Too many open files")] * times)

    def make(_say):
        for error in refusals:
            raise error
        return scribe

    return make


def test_a_machine_without_descriptors_is_waited_for_and_no_row_is_lost(keeper, scribe, monkeypatch):
    monkeypatch.setattr(keepers, "PAUSE", 0.01)
    keeper._make_scribe = refusing(scribe, 3)
    keeper.add(record(1))
    wait_until(lambda: scribe.written == [1])
    keeper._tell()
    assert keeper.said == [
        ("cannot write the history h.db yet: Too many open files; runs go on", "warning"),
        ("the history h.db is written", "info"),
    ]


def test_a_moment_without_memory_does_not_end_the_history(keeper, scribe, monkeypatch):
    monkeypatch.setattr(keepers, "PAUSE", 0.01)
    refusals = iter([MemoryError()])

    def make(_say):
        for error in refusals:
            raise error
        return scribe

    keeper._make_scribe = make
    writing = scribe.write
    scribe.write = lambda *_: throw(MemoryError())
    keeper.add(record(1))
    wait_until(lambda: keeper._asleep and not keeper._queue)
    scribe.write = writing
    keeper.add(record(2))
    wait_until(lambda: scribe.written == [2])
    keeper._tell()
    assert keeper.said[0] == ("cannot write the history h.db yet: no memory is left; runs go on", "warning")


def throw(error):
    raise error


def test_an_end_while_there_are_no_descriptors_is_not_held_up(scribe):
    said = []
    output = KeptOutput(KEPT["failed"], 10, lambda _slot, _run, limit: b"x" * limit)
    keeper = Keeper(
        "h.db", refusing(scribe, 10**6), output, RealClock(), lambda *words: said.append(words), lambda call: call()
    )
    keeper.add(record(1))
    wait_until(lambda: said)
    keeper.finish()
    began = time.monotonic()
    keeper.wait(time.monotonic() + SOON)
    assert time.monotonic() - began < SOON / 2
    assert [level for _, level in said] == ["warning"]


def test_a_machine_without_a_thread_is_said_once_and_the_next_run_tries_again(keeper, scribe, monkeypatch):
    start = keepers.start_new_thread
    monkeypatch.setattr(keepers, "start_new_thread", lambda *_: throw(RuntimeError("can't start new thread")))
    keeper.add(record(1))
    keeper.add(record(2))
    [(said, level)] = keeper.said
    assert (level, "no thread" in said) == ("warning", True)
    monkeypatch.setattr(keepers, "start_new_thread", start)
    keeper.add(record(3))
    wait_until(lambda: scribe.written == [1, 2, 3])
