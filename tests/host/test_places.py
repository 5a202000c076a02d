"""What minisup makes in the file system: it stays there, it is nobody else's, and nobody makes root write elsewhere."""

import errno
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, holds_for, program, sh, toml, wait_until
from ways import needs_root

from minisup.config.load import load
from minisup.control.listener import Access, open_explicit
from minisup.errors import TakenError
from minisup.host import inotify, state_file
from minisup.host.clock import Clock
from minisup.host.loop import Loop
from minisup.host.process.run_record import Running, read
from minisup.host.source.ledger import DeliveryLedger
from minisup.host.state import statedir
from minisup.host.state.open_state import open_state
from minisup.host.state.schedule_state import Served
from minisup.host.state.statedir import HIGHEST, StateDir, path_for
from minisup.host.state.upkeep import Upkeep
from minisup.path_trust import check_way

NOBODY = 65534
LONG = program("long", "sleep 1000", numprocs=2, stop=AT_ONCE)


def reached(daemon: Daemon) -> None:
    """The socket is there, and minisup answers."""
    wait_until(daemon.socket.is_socket, SOON, "the socket is there again")
    assert daemon.status()["pid"] == daemon.pid


# --- what is removed comes back ---------------------------------------------------------------------------------------


def test_a_socket_that_was_removed_is_made_again(stage: Stage) -> None:
    daemon = stage.up(LONG, supervisor='socket_mode = "0640"')
    stage.socket.unlink()
    reached(daemon)
    assert stat.S_IMODE(stage.socket.stat().st_mode) == 0o640
    daemon.says(f"warning: the control socket was removed: {stage.socket} is made again")
    assert stage.command("health").returncode == 0
    daemon.term()
    assert daemon.wait() == 0
    assert not stage.socket.exists()


def test_a_second_up_is_refused_after_socket_and_locks_were_removed(stage: Stage) -> None:
    daemon = stage.up(LONG)
    lock = Path(f"{stage.socket}.lock")
    for path in (stage.socket, lock, stage.path("state/lock")):
        path.unlink()
    wait_until(lambda: lock.exists() and stage.path("state/lock").exists(), SOON, "both locks are there again")
    reached(daemon)
    second = stage.run("up", "-c", "minisup.toml")
    assert second.returncode == 73
    assert f"(pid {daemon.pid})" in second.stderr
    third = stage.run("-s", f"{stage.socket}2", "up", "-c", "minisup.toml")
    assert third.returncode == 73
    assert f"the state directory {stage.root}/state belongs to another minisup (pid {daemon.pid})" in third.stderr
    assert not Path(f"{stage.socket}2").exists()
    wait_until(lambda: len(stage.jobs()) == 2, SOON, "the two runs of the first one, and no others")
    daemon.says("warning: ", 2)
    assert daemon.stderr.count("removed") == 2, "the socket with its lock, and the lock of the state"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_brings_back_what_the_kernel_does_not_tell(stage: Stage, number: int) -> None:
    stage.path("here/deep").mkdir(parents=True)
    places = f"socket = {toml(stage.path('here/deep/s'))}\nstate_dir = {toml(stage.path('state'))}"
    config = stage.write("minisup.toml", f"[supervisor]\n{places}\n{LONG}")
    daemon = stage.up_file(config, ready=False)
    daemon.socket = stage.path("here/deep/s")
    daemon.until_it_answers()
    stage.path("here").rename(stage.path("away"))
    stage.path("here/deep").mkdir(parents=True)
    daemon.signal(number)
    reached(daemon)
    daemon.says("the control socket was removed")


def test_a_place_that_another_program_has_taken_is_said_once_and_had_back(stage: Stage) -> None:
    daemon = stage.up(LONG)
    stage.write("intruder", "")
    stage.path("intruder").rename(stage.socket)  # in one moment, so that it is no socket any more
    daemon.says("no socket")
    daemon.signal(signal.SIGUSR1)
    daemon.signal(signal.SIGHUP)
    stage.socket.unlink()
    daemon.signal(signal.SIGUSR1)
    reached(daemon)
    assert daemon.stderr.count("no socket") == 1


def test_a_state_directory_that_was_removed_is_made_again(stage: Stage) -> None:
    job = program("job", sh("echo $MINISUP_RUN_ID >> ids"), min_runtime="50ms", stop=AT_ONCE)
    daemon = stage.up(LONG, job)
    state = stage.path("state")
    wait_until(lambda: len(stage.lines("ids")) > 2 and (state / "history.db").exists(), SOON, "runs end")
    daemon.running_pid("long:1")
    state.rename(stage.path("away"))
    shutil.rmtree(stage.path("away"))
    daemon.says(f"warning: the state directory {state} was removed: it is made again")
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    past = read(f"{state}/running")
    assert past is not None
    assert {"long:0", "long:1"} <= {entry.slot for entry in past.entries}
    known = int(stage.lines("ids")[-1])
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    again = stage.up_file(stage.path("minisup.toml"))
    again.says("survived: long:0")
    wait_until(lambda: int(stage.lines("ids")[-1]) > known, SOON, "ids only grow")
    ids = [int(number) for number in stage.lines("ids")]
    assert ids == sorted(set(ids))


def test_a_record_that_could_not_be_written_at_the_start_is_written_later(stage: Stage) -> None:
    stage.path("state/running.new").mkdir(parents=True)  # as a full disk does: no record can be made
    daemon = stage.up(LONG)
    daemon.says("runs in progress are not kept")
    daemon.running_pid("long:1")
    daemon.signal(signal.SIGUSR1)
    daemon.says("error: something is missing at")
    stage.path("state/running.new").rmdir()
    daemon.signal(signal.SIGUSR1)
    daemon.says(f"warning: the record of the runs in progress was missing: {stage.root}/state/running is written")
    runs = [(name, daemon.running_pid(name)) for name in ("long:0", "long:1")]
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    again = stage.up_file(stage.path("minisup.toml"))
    for name, pid in runs:
        again.says(f"survived: {name} pid {pid}")


def test_minisup_with_all_its_places_does_not_look_for_them_all_the_time(stage: Stage) -> None:
    daemon = stage.up(LONG)
    assert "anon_inode:inotify" in kinds_of_files(daemon.pid)


def kinds_of_files(pid: int) -> list[str]:
    """What a process has open; what it closes meanwhile is left out."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(os.readlink(link))
    return found


class Hands(Clock):
    """Time that only the test moves."""

    def __init__(self) -> None:
        self.time = 1000.0

    def monotonic(self) -> float:  # type: ignore[override] -- of an object, not of the module
        return self.time


@pytest.mark.parametrize(("told", "missing", "each"), [(True, "", 60.0), (False, "", 10.0), (True, "gone", 10.0)])
def test_how_often_it_looks_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: bool, missing: str, each: float
) -> None:
    """Once a minute while the kernel tells, and more often without it or while something is missing."""
    if not told:
        monkeypatch.setattr(inotify.libc, "call", lambda *_: -1)
    looks: list[float] = []
    said: list[str] = []
    clock = Hands()
    loop = Loop(clock)

    def look() -> str:
        looks.append(clock.time)
        if missing:
            raise FileNotFoundError(errno.ENOENT, missing)
        return ""

    paths = [tmp_path / "s", tmp_path / "s.lock"]
    for path in paths:
        path.touch()
    server = SimpleNamespace(path=str(paths[0]), lock_path=str(paths[1]), look=look)
    upkeep = Upkeep(loop, lambda text, _level: said.append(text))
    upkeep.begin(server, StateDir(None), Running(), Served(None), {})  # type: ignore[arg-type] -- what it uses of a server
    upkeep.look()
    for _ in range(3):
        clock.time += each - 1
        loop.serve(loop.wait(clock.time), clock.time)
        clock.time += 1
        loop.serve(loop.wait(clock.time), clock.time)
    assert looks == [1000.0 + each * number for number in range(4)]
    assert len(said) == bool(missing), "said once"
    upkeep.close()
    loop.close()


# --- whose state it is ------------------------------------------------------------------------------------------------


@pytest.fixture
def usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The usual state directory, in the test's own."""
    path = tmp_path / "usual"
    monkeypatch.setattr("minisup.host.state.open_state.default_path", lambda _environ: str(path))
    monkeypatch.setattr(statedir, "default_path", lambda _environ: str(path))
    return path


class Opened:
    """The state of a configuration, and what was said about it."""

    def __init__(self, config: Path, *, state_dir: Path | None = None) -> None:
        config.parent.mkdir(exist_ok=True)
        named = f"supervisor.state_dir = {toml(state_dir)}\n" if state_dir else ""
        config.write_text(f"{named}{program('job', 'true')}")
        self.said: list[str] = []
        self.config = str(config)
        loaded = load(config)
        self.state, _ = open_state(
            loaded, lambda *_: b"", Clock(), lambda text, level: self.said.append(f"{level}: {text}"), lambda _: None
        )
        self.path = self.state.path or ""

    def close(self, last_run: int = 1) -> str:
        self.state.close(last_run)
        return self.path


def test_two_projects_with_the_usual_directory_do_not_mix_their_state(tmp_path: Path, usual: Path) -> None:
    shop = Opened(tmp_path / "shop" / "minisup.toml")
    assert (shop.path, shop.said) == (str(usual), [])
    mail = Opened(tmp_path / "mail" / "minisup.toml")  # beside it, and again after it has ended
    assert mail.path.startswith(f"{usual}/mail-")
    because = f"{usual} is that of {shop.config}; supervisor.state_dir names another place"
    assert mail.said == [f"warning: state is kept in {mail.path}: {because}"]
    shop.close(40)
    mail.close(7)
    again = Opened(tmp_path / "mail" / "minisup.toml")
    assert again.path == mail.path
    assert [line.partition(":")[0] for line in again.said] == ["info"]
    assert again.state.first_run() == 8
    once_more = Opened(tmp_path / "shop" / "minisup.toml")
    assert (once_more.path, once_more.said, once_more.state.first_run()) == (str(usual), [], 41)
    assert path_for(None, again.config, {}) == mail.path, "who reads the history looks in the same place"
    assert path_for(None, shop.config, {}) == str(usual)
    again.close()
    once_more.close()


def test_a_configuration_that_is_reached_through_a_link_has_one_state(tmp_path: Path, usual: Path) -> None:
    first = Opened(tmp_path / "shop" / "minisup.toml")
    first.close()
    (tmp_path / "current").symlink_to(tmp_path / "shop")
    second = Opened(tmp_path / "current" / "minisup.toml")
    assert (second.path, second.said) == (str(usual), [])
    second.close()


def test_a_named_directory_that_held_the_state_of_another_is_said(tmp_path: Path) -> None:
    state = tmp_path / "state"
    one = Opened(tmp_path / "one" / "minisup.toml", state_dir=state)
    one.close()
    two = Opened(tmp_path / "two" / "minisup.toml", state_dir=state)
    assert two.path == str(state)
    assert two.said == [f"warning: {state} holds the state of {one.config}: its run ids and its history go on here"]
    two.close()


def recorded(directory: Path) -> int:
    """The pid of a process that the record of a directory knows as the run of `job:0`."""
    script = (
        "import subprocess, sys\n"
        "from minisup.host.process.run_record import Running\n"
        "record = Running()\n"
        "record.open(sys.argv[1], 'abc', ['job:0'])\n"
        "record.intend('job:0', 5)\n"
        "record.started('job:0', subprocess.Popen(['sleep', '1000'], start_new_session=True).pid)\n"
    )
    subprocess.run([sys.executable, "-c", script, directory], check=True)
    past = read(f"{directory}/running")
    assert past is not None
    return past.entries[0].pid


@pytest.fixture
def goes_on(usual: Path) -> Iterator[Path]:
    """The usual directory, with a run of `job` in progress in its record."""
    usual.mkdir(mode=0o700)
    run = recorded(usual)
    yield usual
    os.kill(run, signal.SIGKILL)


def test_without_the_lock_nothing_starts_beside_runs_that_go_on(tmp_path: Path, goes_on: Path) -> None:
    holder = os.open(goes_on / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(holder, fcntl.LOCK_EX)
    os.write(holder, b"1\n")
    with pytest.raises(TakenError, match=r"1 run \(job:0 pid [0-9]+\) still going on in .*lock") as refused:
        Opened(tmp_path / "shop" / "minisup.toml")
    assert refused.value.exit_code == 73
    os.close(holder)
    Opened(tmp_path / "shop" / "minisup.toml").close()


def test_a_lock_that_cannot_be_opened_is_no_reason_to_start_a_second_run(tmp_path: Path, goes_on: Path) -> None:
    (goes_on / "lock").mkdir()
    with pytest.raises(TakenError, match="Is a directory"):
        Opened(tmp_path / "shop" / "minisup.toml")


def test_runs_of_an_earlier_place_of_the_configuration_are_not_started_twice(tmp_path: Path, goes_on: Path) -> None:
    """A deploy into a new directory each time: the runs of the release before are found before any is started."""
    first = StateDir.take(str(goes_on)).claim(str(tmp_path / "release-1" / "minisup.toml"))
    first.close(5)
    with pytest.raises(TakenError, match=r"release-1/minisup\.toml, and no minisup looks after them"):
        Opened(tmp_path / "release-2" / "minisup.toml")


# --- what the system refuses ------------------------------------------------------------------------------------------


def refusing(number: int) -> object:
    def flock(_descriptor: int, _what: int) -> None:
        raise OSError(number, os.strerror(number))

    return flock


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_not_another_minisup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(number))
    state = tmp_path / "state"
    opened = Opened(tmp_path / "shop" / "minisup.toml", state_dir=state)
    words = f"cannot lock {state}/lock: {os.strerror(number)}"
    assert opened.said == [f"warning: state is kept in memory: cannot use {state}: {words}"]
    with pytest.raises(TakenError, match=f"cannot lock {tmp_path}/s.lock: {os.strerror(number)}"):
        open_explicit(str(tmp_path / "s"), Access())


def test_a_socket_is_born_with_its_mode_where_chmod_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "chmod", raise_refused)
    monkeypatch.setattr(os, "chown", raise_refused)
    for mode in (0o600, 0o660, 0o666):
        listener = open_explicit(str(tmp_path / "s"), Access(mode, os.getgid()))
        assert stat.S_IMODE(os.stat(listener.path).st_mode) == mode
        listener.close()


def raise_refused(*_arguments: object, **_more: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_a_full_disk_at_the_first_start_is_not_another_minisup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", raise_full)
    monkeypatch.setattr(os, "write", raise_full)
    opened = Opened(tmp_path / "shop" / "minisup.toml", state_dir=tmp_path / "state")
    assert opened.said == []
    assert opened.state.first_run() == 1
    with pytest.raises(statedir.LockedError):
        StateDir.take(str(tmp_path / "state"))
    opened.close()


def raise_full(*_arguments: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


CALLS = "getpriority,sched_getscheduler,sched_setattr,inotify_init1,timerfd_create,pidfd_open"


@pytest.mark.parametrize("calls", [CALLS, f"inotify_add_watch,prlimit64,{CALLS}"], ids=["usual", "more"])
def test_system_calls_that_a_filter_refuses_do_not_prevent_the_start(stage: Stage, calls: str) -> None:
    filtered = (sys.executable, str(Path(__file__).parent / "jobs" / "refusing.py"), calls)
    if subprocess.run([*filtered, "true"], check=False).returncode:
        pytest.skip("no filter for system calls is to be had here")
    cron = program("cron", "true", schedule={"cron": "0 0 1 1 *"})
    nice = program("nice", sh("echo >> ran"), limits={"nofile": 100, "nice": 5}, min_runtime="20ms", stop=AT_ONCE)
    daemon = stage.up(LONG, cron, nice, before=filtered)
    daemon.running_pid("long:0")
    if "prlimit64" not in calls:
        wait_until(lambda: stage.lines("ran"), SOON, "limits are set all the same")
    stage.socket.unlink()
    daemon.signal(signal.SIGUSR1)
    reached(daemon)


# --- what lies in its place -------------------------------------------------------------------------------------------


def make(kind: str, path: Path) -> None:
    """Something in the place of a file of the state."""
    path.parent.mkdir(exist_ok=True)
    match kind:
        case "directory":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "link":
            path.symlink_to(path.parent.parent / "victim")
        case "garbage":
            path.write_bytes(b"\xff\x00[" * 4000)
        case "zeros":
            path.write_bytes(b"\0\n" * 2000)
        case "deep":
            path.write_bytes(b"minisup running 1\n" + b"[" * 200_000)
        case "huge":
            with path.open("wb") as file:
                file.truncate(1 << 40)
        case "digits":
            path.write_text("9" * 30)


KINDS = ("directory", "fifo", "link", "garbage", "zeros", "deep", "huge", "digits")
FILES = (
    "lock",
    *("run-id", "run-id.new"),
    *("running", "running.new"),
    *("schedule", "schedule.new"),
    *("messages", "messages.new"),
    "history.db",
)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_lies_in_the_state_directory_prevents_a_start(stage: Stage, kind: str) -> None:
    victim = stage.write("victim", "precious")
    job = program("job", sh("echo >> ran"), min_runtime="20ms", stop=AT_ONCE)
    for name in FILES:
        make(kind, stage.path("state") / name)
    daemon = stage.up(job)
    wait_until(lambda: stage.lines("ran"), SOON, "it runs")
    daemon.term()
    assert daemon.wait() == 0
    assert "Traceback" not in daemon.stderr
    assert "internal error" not in daemon.stderr
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("name", FILES)
def test_each_file_of_the_state_may_be_anything(stage: Stage, name: str) -> None:
    """The others are as they should be, so that what depends on this one is done."""
    victim = stage.write("victim", "precious")
    for kind in KINDS:
        shutil.rmtree(stage.path("state"), ignore_errors=True)
        make(kind, stage.path("state") / name)
        state = StateDir(None)
        try:
            state = StateDir.take(str(stage.path("state"))).claim("/etc/minisup.toml")
        except OSError:
            assert name == "lock"
        assert 1 <= state.first_run() <= HIGHEST
        assert list(Served(str(stage.path("state"))).events()) == []
        ledger = DeliveryLedger()
        with suppress(OSError):  # a directory cannot be replaced
            assert ledger.open(str(stage.path("state"))) == []
        ledger.close()
        state.close(1)
        assert victim.read_text() == "precious"


@pytest.mark.parametrize("text", ['{"a:0": 1e999}', '{"a:0": NaN}', '{"a:0": -5}', '{"a:0": %s}' % ("9" * 400), "[1]"])
def test_a_schedule_from_no_calendar_is_not_remembered(tmp_path: Path, text: str) -> None:
    (tmp_path / "schedule").write_text(text)
    assert list(Served(str(tmp_path)).events()) == []


def test_a_file_that_is_replaced_is_never_written_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "run-id.new").symlink_to(victim)
    state_file.replace(str(tmp_path / "run-id"), b"5\n")
    assert victim.read_text() == "precious"
    assert (tmp_path / "run-id").read_text() == "5\n"
    assert not (tmp_path / "run-id").is_symlink()


# --- whose directories lead there -------------------------------------------------------------------------------------


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A directory in /tmp that belongs to another user."""
    with tempfile.TemporaryDirectory(prefix="minisup-") as name:
        path = Path(name)
        path.chmod(0o755)
        os.chown(path, NOBODY, NOBODY)
        yield path


@needs_root
def test_root_keeps_its_state_in_memory_below_another_users_directory(tmp_path: Path, theirs: Path) -> None:
    opened = Opened(tmp_path / "minisup.toml", state_dir=theirs / "deep" / "state")
    assert opened.said == [
        f"warning: state is kept in memory: cannot use {theirs}/deep/state: {theirs} belongs to user {NOBODY}"
    ]
    assert list(theirs.iterdir()) == []


@needs_root
def test_root_makes_no_socket_in_another_users_directory(theirs: Path) -> None:
    with pytest.raises(TakenError, match=f"{theirs} belongs to user {NOBODY}"):
        open_explicit(str(theirs / "s"), Access())
    assert list(theirs.iterdir()) == []


@needs_root
@pytest.mark.parametrize(("mode", "safe"), [(0o755, True), (0o1777, True), (0o777, False), (0o1775, True)])
def test_a_directory_that_others_may_write_to_is_on_no_way_of_root(tmp_path: Path, mode: int, safe: bool) -> None:
    shared = tmp_path / "shared"
    (shared / "own").mkdir(parents=True)
    shared.chmod(mode)
    if safe:
        check_way(str(shared / "own"))
    else:
        with pytest.raises(PermissionError, match=f"others may write to {shared}"):
            check_way(str(shared / "own"))
    check_way(str(shared))


@needs_root
def test_a_link_of_another_user_leads_root_nowhere(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    link = tmp_path / "link"
    link.symlink_to("target")
    check_way(str(link / "s"))
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    with pytest.raises(PermissionError, match=f"{link} belongs to user {NOBODY}"):
        check_way(str(link / "s"))
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match=f"Too many levels of symbolic links: '{tmp_path}/circle'"):
        check_way(str(tmp_path / "circle" / "s"))


@needs_root
def test_a_lock_that_another_user_has_made_is_not_taken_for_a_minisup(tmp_path: Path) -> None:
    lock = tmp_path / "s.lock"
    lock.touch()
    os.chown(lock, NOBODY, NOBODY)
    with pytest.raises(TakenError, match=f"{lock} belongs to user {NOBODY}"):
        open_explicit(str(tmp_path / "s"), Access())


@needs_root
def test_no_other_user_can_take_the_lock_of_the_state_also_after_an_upgrade(open_stage: Stage) -> None:
    stage = open_stage
    state = stage.path("state")
    state.mkdir(mode=0o755)
    for name in ("lock", "run-id", "messages"):  # the last: it was killed with a message in work
        (state / name).write_text("1\n")
        (state / name).chmod(0o644)
    daemon = stage.up(LONG)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert stat.S_IMODE((state / "lock").stat().st_mode) == 0o600
    state.chmod(0o755)
    squat = f"import fcntl; fcntl.flock(open({str(state / 'lock')!r}), fcntl.LOCK_EX)"
    squatter = subprocess.run(
        ["/usr/bin/python3", "-c", squat],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PermissionError" in squatter.stderr
    holds_for(daemon.answers, 0.1, "minisup does not mind")


@needs_root
def test_a_named_directory_with_files_of_others_keeps_its_mode(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o755)
    (state / "app.log").touch()
    StateDir.take(str(state)).close(1)
    assert stat.S_IMODE(state.stat().st_mode) == 0o755
    state.chmod(0o777)
    with pytest.raises(PermissionError, match="others may write to it"):
        StateDir.take(str(state))
