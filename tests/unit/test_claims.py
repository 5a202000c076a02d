"""What orphans say of themselves: anything can stand there, and nothing of it does harm or is believed unchecked."""

import os
from _thread import allocate_lock
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minisup.host.process import leftovers, orphan_claims
from minisup.host.process.leftovers import LeftoverSessions
from minisup.host.process.orphan_claims import MOST_READ, NOTHING, Claim, Claims, claim_in
from minisup.host.process.processes import STRANGERS, UNKNOWN, Stat

STATE = b"c0ffee"
JOB, OTHER = 1000, 2000
"""Users: of the program email, and of the program other."""

NAMES = [b"MINISUP_RUN_ID", b"MINISUP_PROGRAM", b"MINISUP_SLOT", b"MINISUP_STATE", b"MINISUP_RUN_I", b"PATH", b""]
USUAL = [b"1", b"7", b"8", b"0", b"email", b"other", STATE, b"email:0", b"-1", b"\xc2\xb2", b"7 ", b"9" * 19, b"9" * 20]
variables = st.builds(
    lambda name, equals, value: name + equals + value,
    st.sampled_from(NAMES) | st.binary(max_size=30),
    st.sampled_from([b"=", b"==", b""]),
    st.sampled_from(USUAL) | st.binary(max_size=30),
)
environments = st.builds(lambda items, end: b"\0".join(items) + end, st.lists(variables), st.sampled_from([b"", b"\0"]))


def world(run: bytes, program: bytes = b"email", slot: bytes = b"0", state: bytes = STATE) -> bytes:
    """An environment as minisup gives it to a run."""
    given = {b"MINISUP_PROGRAM": program, b"MINISUP_SLOT": slot, b"MINISUP_STATE": state, b"MINISUP_RUN_ID": run}
    return b"PATH=/bin\0" + b"".join(name + b"=" + value + b"\0" for name, value in given.items())


@given(environments)
def test_any_environment_makes_a_claim_that_can_be_worked_with(environ: bytes) -> None:
    claim = claim_in(environ, JOB)
    assert 0 <= claim.run < 2**63
    assert claim.uid == JOB
    assert len(claim.slot) <= orphan_claims.LONGEST_SLOT
    assert claim.empty == (not environ)


@pytest.mark.parametrize(
    "run",
    [b"", b"0", b"-7", b"+7", b"7 ", b"0x7", b"1_000", b"9" * 19, b"7" * 20, b"7" * 5000, "\u00b2".encode(), b"\xff"],
)
def test_a_number_that_is_none_or_no_runs_says_nothing(run: bytes) -> None:
    assert claim_in(world(run), JOB) == Claim(uid=JOB)


def test_what_a_run_was_given_is_what_it_claims() -> None:
    assert claim_in(world(b"7"), JOB) == Claim(7, "email:0", STATE, JOB)
    assert claim_in(world(b"9223372036854775807", slot=b"1"), JOB).run == 2**63 - 1


def test_a_name_without_end_is_no_name() -> None:
    assert claim_in(world(b"7", program=b"e" * 100_000), JOB).slot == ""


def test_of_a_large_environment_the_part_that_was_read_counts() -> None:
    before = world(b"7") + b"X=" + b"x" * MOST_READ
    assert claim_in(before[:MOST_READ], JOB).run == 7
    behind = b"X=" + b"x" * (MOST_READ - len(b"X=\0MINISUP_RUN_ID=1")) + b"\0MINISUP_RUN_ID=123\0"
    assert claim_in(behind[:MOST_READ], JOB).run == 0, "a number that was cut is not that number"


# --- what is believed -------------------------------------------------------------------------------------------------


def orphan(pid: int = 100) -> Stat:
    return Stat(pid, 1, pid, pid, 5, "S")


class Judge:
    """`LeftoverSessions` after run 7 of email:0 and run 8 of other:0 have ended; run 9 of other:0 is in progress."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, claim: Claim, *, mark: bytes = b"") -> None:
        def read(*_: object) -> Claim:
            return claim

        def refuse(*_: object) -> None:
            raise RuntimeError

        def made(post: Any, told: Callable[[], None]) -> Claims:
            return Claims(post, told, read, refuse)

        monkeypatch.setattr(leftovers, "Claims", made)
        loop: Any = SimpleNamespace(post=lambda _: None, after=lambda *_: None, clock=SimpleNamespace(monotonic=float))
        survivors: Any = SimpleNamespace(mark=mark, state=STATE, first_run=7)
        users = {"email:0": JOB, "other:0": OTHER}
        self.judge = LeftoverSessions(
            loop,
            dict,
            {9: "other:0"}.get,
            lambda slot: True if slot in users else None,
            lambda slot: users.get(slot, os.geteuid()),
            lambda _: None,
            survivors,
        )
        self.judge.reaped(7, "email:0")
        self.judge.reaped(8, "other:0")

    def owner(self) -> int:
        self.judge.hear([orphan()])
        return self.judge.owner(orphan())

    def foreign_owner(self) -> int:
        self.judge.hear([orphan()])
        return self.judge.foreign_owner(orphan())


@pytest.mark.parametrize(
    ("environ", "uid", "owner"),
    [
        (world(b"7"), JOB, 7),
        (world(b"7", state=b""), JOB, 7),
        (world(b"9", program=b"other"), OTHER, 9),
        (world(b"7", program=b"other", slot=b"5"), JOB, 7),  # whose the run was is known
        (world(b"8", program=b"other"), JOB, STRANGERS),  # another user's
        (world(b"7"), 0, STRANGERS),
        (world(b"10"), JOB, STRANGERS),  # there was none
        (world(b"6"), JOB, STRANGERS),  # too long ago
        (world(b"7", state=b"another"), JOB, STRANGERS),  # of a minisup within a run
        (b"", JOB, STRANGERS),
    ],
)
def test_an_orphan_is_believed_if_its_user_and_its_run_agree(
    monkeypatch: pytest.MonkeyPatch, environ: bytes, uid: int, owner: int
) -> None:
    assert Judge(monkeypatch, claim_in(environ, uid)).owner() == owner


@pytest.mark.parametrize(
    ("environ", "uid", "owner"),
    [
        (world(b"6"), JOB, 6),
        (world(b"6"), OTHER, STRANGERS),
        (world(b"6", state=b"another"), JOB, STRANGERS),
        (world(b"6", state=b""), JOB, STRANGERS),
        (world(b"10"), JOB, STRANGERS),
        (world(b"6", program=b"gone"), os.geteuid(), 6),
        (world(b"6", program=b"gone"), os.geteuid() + 1, STRANGERS),
    ],
)
def test_what_an_earlier_minisup_left_is_believed_of_its_own_runs_alone(
    monkeypatch: pytest.MonkeyPatch, environ: bytes, uid: int, owner: int
) -> None:
    assert Judge(monkeypatch, claim_in(environ, uid), mark=STATE).foreign_owner() == owner
    assert Judge(monkeypatch, claim_in(environ, uid)).foreign_owner() == STRANGERS


@given(environments, st.sampled_from([0, JOB, OTHER]))
@example(world(b"7"), JOB)
@example(world(b"8"), JOB)
def test_no_environment_reaches_a_program_of_another_user(environ: bytes, uid: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        owner = Judge(monkeypatch, claim_in(environ, uid)).owner()
    assert owner in {STRANGERS: {STRANGERS}, JOB: {STRANGERS, 7}, OTHER: {STRANGERS, 8, 9}}[uid]


# --- the reader -------------------------------------------------------------------------------------------------------


class Readings:
    """Claims read by threads of their own; `held` are pids whose environment cannot be read until they are let go."""

    def __init__(self, *held: int) -> None:
        self.locks = {pid: allocate_lock() for pid in held}
        for lock in self.locks.values():
            lock.acquire()
        self.read: list[int] = []
        self.answers: dict[int, Claim] = {}
        self.told = allocate_lock()
        self.told.acquire()
        self.claims = Claims(lambda call: call(), self._tell, self._read_one)

    def _tell(self) -> None:
        if self.told.locked():
            self.told.release()

    def _read_one(self, pid: int, _start: int) -> Claim:
        self.read.append(pid)
        if pid in self.locks:
            self.locks[pid].acquire(timeout=10)
        return self.answers.get(pid, Claim(pid, "a:0"))

    def all_told(self) -> bool:
        return self.told.acquire(timeout=10)


def test_each_process_is_read_once() -> None:
    readings = Readings()
    for _ in range(3):
        readings.claims.ask([orphan(5), orphan(6)])
    assert readings.all_told()
    readings.claims.ask([orphan(5), orphan(6)])
    assert sorted(readings.read) == [5, 6]
    assert readings.claims.of(orphan(5)) == Claim(5, "a:0")
    readings.claims.ask([orphan(5)])
    assert readings.claims.of(orphan(6)) is None, "it is gone, and forgotten"


def test_a_process_that_keeps_its_reader_waiting_keeps_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = Readings(5)
    readings.claims.ask([orphan(5), orphan(6)])
    assert readings.claims.of(orphan(6)) is None
    monkeypatch.setattr(orphan_claims, "TOO_LONG", 0.0)
    readings.claims.ask([orphan(5), orphan(6)])
    assert readings.all_told()
    assert readings.claims.of(orphan(5)) == NOTHING
    assert readings.claims.of(orphan(6)) == Claim(6, "a:0")
    readings.locks[5].release()


def test_many_that_keep_their_readers_waiting_do_not_take_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    pids = range(1, 4 * orphan_claims.MOST_STUCK)
    readings = Readings(*pids)
    monkeypatch.setattr(orphan_claims, "TOO_LONG", 0.0)
    monkeypatch.setattr(orphan_claims, "PATIENCE", 0.2)  # so that each reader has begun
    for _ in range(2 * orphan_claims.MOST_STUCK):
        readings.claims.ask([orphan(pid) for pid in pids])
    assert len(readings.read) <= orphan_claims.MOST_STUCK
    assert {readings.claims.of(orphan(pid)) for pid in pids} == {NOTHING}
    for lock in readings.locks.values():
        lock.release()


def test_what_was_empty_in_the_middle_of_an_exec_is_read_again() -> None:
    readings = Readings()
    readings.answers[5] = Claim(empty=True)
    readings.claims.ask([orphan(5)])
    assert readings.all_told()
    readings.answers[5] = Claim(7, "a:0")
    readings.claims.ask([orphan(5)])
    assert readings.all_told()
    assert readings.claims.of(orphan(5)) == Claim(7, "a:0")


def test_what_stays_empty_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphan_claims, "EMPTY", -1.0)
    readings = Readings()
    readings.answers[5] = Claim(empty=True)
    for _ in range(5):
        readings.claims.ask([orphan(5)])
    assert readings.all_told()
    readings.claims.ask([orphan(5)])
    assert readings.read == [5]


def test_a_reading_that_fails_says_nothing() -> None:
    told = allocate_lock()
    told.acquire()

    def fail(*_: object) -> Claim:
        raise ValueError

    made = Claims(lambda call: call(), told.release, fail)
    made.ask([orphan(5)])
    assert told.acquire(timeout=10)
    assert made.of(orphan(5)) == NOTHING


def test_without_threads_a_look_reads_a_few() -> None:
    posted: list[Callable[[], None]] = []

    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    made = Claims(posted.append, lambda: None, lambda pid, _start: Claim(pid, "a:0"), refuse)
    many = [orphan(pid) for pid in range(1, orphan_claims.IN_THE_LOOP + 2)]
    made.ask(many)
    assert sum(made.of(one) is not None for one in many) == orphan_claims.IN_THE_LOOP
    assert len(posted) == 1, "another look is to follow"
    made.ask(many)
    assert all(made.of(one) is not None for one in many)


def test_nobody_is_a_stranger_before_he_was_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(monkeypatch, NOTHING).judge
    assert judge.owner(orphan()) == UNKNOWN
    assert judge.foreign_owner(orphan()) == STRANGERS
