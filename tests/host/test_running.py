"""The record of the runs in progress: what its reader makes of it, whatever happened to the writer."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import SOON, wait_until
from lookup import alive, session_of, stat_of

from minisup.control.lock import hold
from minisup.host.clock import Clock
from minisup.host.loop import Loop
from minisup.host.process import run_record
from minisup.host.process.run_record import PAGE, EarlierRuns, RecordedRun, Running, overwrites_in_place, read
from minisup.host.process.survivors import Survivor, Survivors, identify

SECOND = 1_000_000_000


def boot() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def opened(path: Path, *slots: str) -> Running:
    made = Running()
    made.open(str(path), "abc", slots)
    return made


def entries(path: Path) -> tuple[RecordedRun, ...]:
    past = read(f"{path}/running")
    assert past is not None
    return past.entries


STATE = f"abc{os.getpid()}"
"""Of this process's tests alone: others run the same beside it."""


@pytest.fixture(params=["mapped", "plain"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to write, whatever the file system."""
    monkeypatch.setattr(run_record, "overwrites_in_place", lambda _path: request.param == "mapped")


@pytest.mark.usefixtures("written")
def test_a_run_is_in_the_record_from_before_its_start_until_it_was_reaped(tmp_path: Path) -> None:
    record = opened(tmp_path, "a:0", "a:1")
    assert entries(tmp_path) == ()
    before = boot()
    record.intend("a:1", 812)
    (intent,) = entries(tmp_path)
    assert (intent.slot, intent.run, intent.pid, intent.torn) == ("a:1", 812, 0, False)
    assert before <= intent.begun <= boot()
    record.started("a:1", 4711)
    (started,) = entries(tmp_path)
    assert (started.run, started.begun, started.pid) == (812, intent.begun, 4711)
    assert intent.begun <= started.noted <= boot()
    record.ended("a:1")
    assert entries(tmp_path) == ()


@pytest.mark.usefixtures("written")
def test_a_slot_that_comes_later_gets_room_and_the_others_keep_theirs(tmp_path: Path) -> None:
    record = opened(tmp_path, "a:0")
    record.intend("a:0", 1)
    for number in range(1, 300):
        record.intend(f"a:{number}", number + 1)
    record.started("a:0", 4711)
    found = entries(tmp_path)
    assert [entry.run for entry in found] == list(range(1, 301))
    assert found[0].pid == 4711


def test_without_room_for_a_slot_that_comes_later_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = opened(tmp_path, *(f"a-program-with-a-long-name:{number}" for number in range(200)))
    with monkeypatch.context() as full:
        full.setattr(run_record, "write_all", raise_full)
        record.intend("late:0", 7)
        record.started("late:0", 4711)
        record.ended("late:0")
    record.intend("a-program-with-a-long-name:0", 8)
    assert [(entry.slot, entry.run) for entry in entries(tmp_path)] == [("a-program-with-a-long-name:0", 8)]


def raise_full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_every_way_to_be_killed_within_a_write_is_seen(tmp_path: Path) -> None:
    record = opened(tmp_path, "a:0")
    file = tmp_path / "running"
    free = file.read_bytes()
    record.intend("a:0", 812)
    intent = file.read_bytes()
    record.started("a:0", 4711)
    started = file.read_bytes()
    place = next(at for at in range(PAGE, len(intent)) if free[at] != intent[at]) // 8 * 8
    for cut in range(place + 8, place + 40, 8):
        file.write_bytes(free[:place] + intent[place:cut] + free[cut:])
        assert entries(tmp_path) == (), "the process does not exist before the intent is whole"
        file.write_bytes(started[:cut] + intent[cut:])
        (entry,) = entries(tmp_path)
        assert (entry.slot, entry.run, entry.pid) == ("a:0", 812, 0)
        assert entry.torn == (cut > place + 16)


def test_a_record_that_was_torn_stays_so_in_the_next_life(tmp_path: Path) -> None:
    torn = RecordedRun("a:0", 812, boot(), 0, 0, torn=True)
    made = Running()
    made.open(str(tmp_path), "abc", ["a:0"], [torn])
    assert entries(tmp_path) == (torn,)


def test_the_record_of_another_boot_says_nothing_about_pids(tmp_path: Path) -> None:
    opened(tmp_path, "a:0").intend("a:0", 7)
    file = tmp_path / "running"
    content = file.read_bytes()
    head = json.loads(content.split(b"\n")[1])
    file.write_bytes(content.replace(head["boot"].encode(), b"x" * len(head["boot"])))
    past = read(str(file))
    assert past is not None
    assert not past.here
    assert identify(past, user, 100) == ([], list(past.entries))


@pytest.mark.parametrize("content", [b"", b"nonsense", run_record.MAGIC, run_record.MAGIC + b"{}\n", b"\0" * 9000])
def test_a_record_that_cannot_be_read_is_said_and_does_no_harm(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "running").write_bytes(content)
    told: list[str] = []
    survivors = Survivors(Loop(Clock()), {}, Running(), lambda _: None, lambda line, _level: told.append(line), user)
    assert survivors.take_over(str(tmp_path), ["a:0"], 100) == []
    assert f"cannot read {tmp_path}/running" in told[0]
    assert entries(tmp_path) == ()


@pytest.mark.parametrize("name", ["a:0", "gone:0"])
def test_the_end_of_a_survivor_whose_record_could_not_be_written(tmp_path: Path, name: str) -> None:
    record = Running()
    with pytest.raises(FileNotFoundError):
        record.open(f"{tmp_path}/none", "abc", ["a:0"])
    record.ended(name)


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    told: list[str] = []
    survivors = Survivors(
        Loop(Clock()), {}, record := Running(), lambda _: None, lambda line, _level: told.append(line), user
    )
    assert survivors.take_over(f"{tmp_path}/none", ["a:0"], 100) == []
    assert "runs in progress are not kept" in told[0]
    record.intend("a:0", 1)
    record.started("a:0", 2)
    record.ended("a:0")


def test_where_a_store_may_fail_it_is_a_system_call(tmp_path: Path) -> None:
    device = os.stat(tmp_path).st_dev
    line = f"36 35 {os.major(device)}:{os.minor(device)} / / rw,relatime master:1 - {{}} /dev/x rw\n"
    mounts = tmp_path / "mounts"
    for kind, expected in (("ext4", True), ("tmpfs", True), ("btrfs", False), ("nfs4", False), ("overlay", False)):
        mounts.write_text("1 2 0:999 / /other rw - btrfs none rw\n" + line.format(kind))
        assert overwrites_in_place(str(tmp_path), str(mounts)) is expected
    assert not overwrites_in_place(str(tmp_path), f"{tmp_path}/none")


# --- who a record means -----------------------------------------------------------------------------------------------


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A run as its record knows it: number 7 of a:0."""
    names = {"MINISUP_STATE": STATE, "MINISUP_PROGRAM": "a", "MINISUP_SLOT": "0", "MINISUP_RUN_ID": "7"}
    process = subprocess.Popen(["sleep", "1000"], env={**os.environ, **names}, start_new_session=True)
    wait_until(lambda: session_of(process.pid) == process.pid, SOON)
    yield process
    process.kill()
    process.wait()


def user(_slot: str) -> int:
    """Whom the runs of every slot run as."""
    return os.getuid()


def past(*entries: RecordedRun, state: str = STATE) -> EarlierRuns:
    return EarlierRuns(state, here=True, entries=entries)


def start_time(pid: int) -> int:
    return int(stat_of(pid)[19])


def test_a_process_that_was_made_at_another_time_is_somebody_else(sleeper: subprocess.Popen[bytes]) -> None:
    now, pid = boot(), sleeper.pid
    (found,), lost = identify(past(RecordedRun("a:0", 7, now - SECOND * 5, now, pid)), user, 100)
    assert found == Survivor("a:0", 7, pid, start_time(pid))
    assert lost == []
    for began, noted in ((now - 60 * SECOND, now - 50 * SECOND), (now + SECOND, now + 2 * SECOND)):
        entry = RecordedRun("a:0", 7, began, noted, pid)
        assert identify(past(entry), user, 100) == ([], [entry])


def test_a_process_that_leads_no_session_is_no_run() -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        entry = RecordedRun("a:0", 7, 0, boot(), process.pid)
        assert identify(past(entry), user, 100) == ([], [entry])
        process.kill()


def test_a_run_that_was_about_to_start_is_found_by_its_environment(sleeper: subprocess.Popen[bytes]) -> None:
    began = boot() - 5 * SECOND
    for entry in (RecordedRun("a:0", 7, began, 0), RecordedRun("a:0", 1, 0, 0, torn=True)):
        found, _ = identify(past(entry), user, 100)
        assert found == [Survivor("a:0", 7, sleeper.pid, start_time(sleeper.pid))]


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        (RecordedRun("a:0", 8, 0, 0), STATE),
        (RecordedRun("a:1", 7, 0, 0), STATE),
        (RecordedRun("b:0", 7, 0, 0), STATE),
        (RecordedRun("a:0", 7, 0, 0), f"{STATE}d"),
        (RecordedRun("a:0", 7, 0, 0, torn=True), STATE[:-1]),
    ],
    ids=["another run", "another slot", "another program", "another state", "half a state"],
)
@pytest.mark.usefixtures("sleeper")
def test_a_run_of_another_slot_or_minisup_is_not_taken_for_it(entry: RecordedRun, state: str) -> None:
    assert identify(past(entry, state=state), user, 100) == ([], [entry])


@pytest.mark.usefixtures("sleeper")
def test_the_process_of_another_user_is_not_taken_for_a_run_that_was_about_to_start() -> None:
    entry = RecordedRun("a:0", 7, 0, 0)
    assert identify(past(entry), lambda _slot: os.getuid() + 1, 100) == ([], [entry])


@pytest.mark.usefixtures("sleeper")
def test_a_run_that_no_minisup_had_come_to_is_not_taken_for_one_that_was_about_to_start() -> None:
    """Its number comes from an environment: all later runs would get greater ones."""
    entry = RecordedRun("a:0", 1, 0, 0, torn=True)
    assert identify(past(entry), user, 7) == ([], [entry])


@pytest.mark.parametrize("way", ["pidfd", "no pidfd", "none left"])
def test_the_end_of_a_survivor_is_seen(sleeper: subprocess.Popen[bytes], tmp_path: Path, way: str) -> None:
    def refuse(_pid: int) -> int:
        raise OSError

    record = opened(tmp_path, "a:0")
    record.intend("a:0", 7)
    record.started("a:0", sleeper.pid)
    ways = {"pidfd": os.pidfd_open, "no pidfd": None, "none left": refuse}
    file = tmp_path / "running"
    window = (start_time(sleeper.pid) * SECOND // os.sysconf("SC_CLK_TCK"), boot())
    again = Running()
    again.open(str(tmp_path), "abc", ["a:0"], [RecordedRun("a:0", 7, *window, pid=sleeper.pid)])
    ended: list[Survivor] = []
    loop = Loop(Clock())
    running_now: dict[int, tuple[str, int]] = {}
    survivors = Survivors(loop, running_now, Running(), ended.append, lambda *_: None, user, ways[way])
    (event,) = survivors.take_over(str(tmp_path), ["a:0"], 100)
    assert event.run == 7
    assert sleeper.pid in survivors
    assert running_now == {sleeper.pid: ("a:0", 7)}
    assert file.exists()
    assert survivors.signal(sleeper.pid, 9, group=False)
    limit = time.monotonic() + SOON
    while not ended and time.monotonic() < limit:
        loop.serve(loop.wait(time.monotonic() + 0.2), time.monotonic())
    assert [one.pid for one in ended] == [sleeper.pid]
    assert not survivors
    assert not running_now


# --- the lock ---------------------------------------------------------------------------------------------------------


def test_a_lock_is_waited_for_while_a_child_of_the_dead_holds_it(tmp_path: Path) -> None:
    """As long as a fork of a killed minisup has not executed its command, nobody else comes up."""
    script = (
        "import fcntl, os, sys, time\n"
        "lock = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "os.write(lock, b'%d' % os.getpid())\n"
        "if os.fork():\n"
        "    os._exit(0)\n"
        "print(os.getpid(), flush=True)\n"
        "time.sleep(0.5)\n"
        "os.execvp('sleep', ['sleep', '5'])\n"
    )
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.wait()
        lock = os.open(path, os.O_RDWR)
        assert hold(lock)
        assert Path(f"/proc/{child}/comm").read_text().strip() == "sleep", "it had not executed its command"
        os.kill(child, 9)
        wait_until(lambda: not alive(child), SOON)
    other = os.open(path, os.O_RDWR)
    began = time.monotonic()
    assert not hold(other), "we live"
    assert time.monotonic() - began < 1
    os.close(lock)
    os.close(other)
