"""Output to files with a real minisup: shared files, rotation, reopening, and disks that refuse."""

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, holds_for, program, sh, wait_until
from lookup import resident_of
from ways import needs_root

LINE = "x" * 99
NOBODY = 65534
PLANTER = Path(__file__).parent / "jobs" / "plant.py"
ONCE = {"kind": "task", "stop": AT_ONCE}
TICKING = sh("echo tick $MINISUP_RUN_ID $MORE; echo $MINISUP_RUN_ID >> ran; sleep 0.02")
MIB = 1 << 20


def ticking(path: object, name: str = "job", **log: object) -> str:
    """A program that prints a line a run, to a file, and notes its runs elsewhere."""
    return program(name, TICKING, min_runtime=0, stop=AT_ONCE, log={"to": "file", "path": path, **log})


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def said(daemon: Daemon, text: str) -> list[str]:
    return [line for line in daemon.stderr.splitlines() if text in line]


def until_runs_go_on(stage: Stage, more: int = 5) -> None:
    runs = len(stage.lines("ran"))
    wait_until(lambda: len(stage.lines("ran")) > runs + more, SOON, "runs go on")


# --- what is written --------------------------------------------------------------------------------------------------


def test_lines_of_all_slots_go_to_one_file_in_a_directory_that_is_made(stage: Stage) -> None:
    job = sh("echo out; echo err >&2; printf end")
    log = {"to": "file", "path": "var/${MINISUP_PROGRAM}.log"}
    daemon = stage.up(program("email", job, numprocs=3, log=log, **ONCE))
    path = stage.path("var/email.log")
    wait_until(lambda: len(lines(path)) == 9, SOON, "all is written")
    for slot in range(3):
        mine = [line for line in lines(path) if line.startswith(f"email:{slot}")]
        assert mine == [f"email:{slot} | {text}" for text in ("out", "err", "end")]
    assert daemon.stdout == ""


def test_a_file_for_each_slot_and_one_for_stderr(stage: Stage) -> None:
    log = {"to": "file", "path": "${MINISUP_SLOT}.out", "stderr": "separate", "stderr_path": "all.err", "format": "raw"}
    job = sh("echo out $MINISUP_SLOT; echo err >&2")
    stage.up(program("email", job, numprocs=2, log=log, **ONCE))
    wait_until(lambda: len(lines(stage.path("all.err"))) == 2, SOON, "stderr is written")
    wait_until(lambda: lines(stage.path("1.out")) == ["out 1"], SOON, "stdout of the second is written")
    wait_until(lambda: lines(stage.path("0.out")) == ["out 0"], SOON, "stdout of the first is written")


def test_programs_that_name_the_same_file_share_one_descriptor(stage: Stage) -> None:
    daemon = stage.up(ticking("all.log", "a", format="raw"), ticking("./all.log", "b"))
    path = stage.path("all.log")
    wait_until(lambda: {line[:4] for line in lines(path)} == {"tick", "b:0 "}, SOON, "both write")
    fds = Path(f"/proc/{daemon.pid}/fd")
    assert sum(os.path.samefile(fd, path) for fd in fds.iterdir() if fd.exists()) == 1


def test_the_time_begins_each_line_if_it_is_asked_for(stage: Stage) -> None:
    stage.up(ticking("a.log", time=True))
    wait_until(lambda: len(lines(stage.path("a.log"))) > 3, SOON, "lines are written")
    shape = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z job:0 \| tick \d+")
    assert all(shape.fullmatch(line) for line in lines(stage.path("a.log"))[:-1])


def test_json_lines_to_a_file_and_to_the_console(stage: Stage) -> None:
    job = sh(r"printf 'h\303\251\377\n'; echo err >&2")
    log = {"to": "file", "path": "a.log", "format": "json"}
    daemon = stage.up(program("email", job, log=log, **ONCE), program("sms", job, log={"format": "json"}, **ONCE))
    wait_until(lambda: len(lines(stage.path("a.log"))) == 2, SOON, "the file is written")
    wait_until(lambda: daemon.stdout.count("\n") == 1, SOON, "the console is written")
    found = json.loads(lines(stage.path("a.log"))[0])
    assert found.pop("timestamp").endswith("Z")
    assert found == {"program": "email", "slot": "email:0", "run": 1, "stream": "stdout", "line": "hé\ufffd"}
    assert json.loads(daemon.stdout)["program"] == "sms"


def test_what_is_printed_at_the_very_end_is_in_the_file(stage: Stage) -> None:
    job = sh("trap 'echo bye; exit 0' TERM; echo ready > ready; while :; do sleep 0.02; done")
    daemon = stage.up(program("job", job, log={"to": "file", "path": "a.log"}, stop={"drain": 0, "scope": "leader"}))
    wait_until(lambda: stage.lines("ready"), SOON, "the job is at work")
    daemon.term()
    assert daemon.wait() == 0
    assert lines(stage.path("a.log")) == ["job:0 | bye"]


# --- rotation ---------------------------------------------------------------------------------------------------------


def rotated(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.[0-9]*"), key=lambda file: -int(file.name.split(".")[2]))


def test_a_file_is_rotated_by_size_and_no_line_is_lost(stage: Stage) -> None:
    log = {"to": "file", "path": "a.log", "max_size": "8KiB", "keep": 200, "format": "raw"}
    stage.up(program("job", sh("seq 100000 120000; echo done > done"), log=log, **ONCE))
    path = stage.path("a.log")
    wait_until(lambda: stage.lines("done"), SOON, "all is printed")
    wait_until(lambda: lines(path)[-1:] == ["120000"], SOON, "all is written")
    wait_until(lambda: all(file.suffix == ".gz" for file in rotated(path)), 3 * SOON, "all is compressed")
    assert len(rotated(path)) == 20001 * 7 // (8192 // 7 * 7)
    texts = [gzip.decompress(file.read_bytes()) for file in rotated(path)] + [path.read_bytes()]
    assert b"".join(texts) == b"".join(b"%d\n" % number for number in range(100000, 120001))
    assert all(len(text) <= 8192 for text in texts)


def test_only_so_many_rotated_files_are_kept(stage: Stage) -> None:
    log = {"to": "file", "path": "a.log", "max_size": 1024, "keep": 2, "compress": False, "format": "raw"}
    stage.up(program("job", sh("seq 100000 101000"), log=log, **ONCE))
    path = stage.path("a.log")
    wait_until(lambda: lines(path)[-1:] == ["101000"], SOON, "all is written")
    assert sorted(file.name for file in path.parent.glob("a.log*")) == ["a.log", "a.log.1", "a.log.2"]


def test_a_directory_in_which_nothing_can_be_renamed_costs_no_line(stage: Stage) -> None:
    """A directory in the way of the first rotated file stands for one that may not be written to, also for root."""
    log = {"to": "file", "path": "a.log", "max_size": 1024, "keep": 1, "format": "raw"}
    stage.path("a.log.1").mkdir()
    stage.write("a.log.1/file", "")
    daemon = stage.up(program("job", sh("seq 100000 101000"), log=log, **ONCE))
    wait_until(lambda: lines(stage.path("a.log"))[-1:] == ["101000"], SOON, "all is written")
    assert len(lines(stage.path("a.log"))) == 1001
    wait_until(lambda: said(daemon, "cannot rotate"), SOON, "it is said")
    assert len(said(daemon, "cannot rotate")) == 1


# --- reopening --------------------------------------------------------------------------------------------------------


def test_usr1_opens_the_files_anew(stage: Stage) -> None:
    daemon = stage.up(ticking("a.log"), ticking("b.log", "other"), program("console", "true", min_runtime="10s"))
    a, b = stage.path("a.log"), stage.path("b.log")
    wait_until(lambda: lines(a) and lines(b), SOON, "both write")
    a.rename(stage.path("a.moved"))
    until_runs_go_on(stage)
    assert not a.exists(), "until it is told, minisup writes to the file that it has"
    daemon.signal(signal.SIGUSR1)
    wait_until(lambda: lines(a), SOON, "the new file is written")
    moved = lines(stage.path("a.moved"))
    until_runs_go_on(stage)
    assert lines(stage.path("a.moved")) == moved
    assert said(daemon, "opened 2 log files anew (USR1)")
    numbers = [int(line.split()[-1]) for line in moved + lines(a)]
    assert numbers == sorted(set(numbers))


def test_usr1_without_files_says_so_and_nothing_else_happens(stage: Stage) -> None:
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE))
    job = daemon.running_pid("job:0")
    daemon.signal(signal.SIGUSR1)
    wait_until(lambda: said(daemon, "opened 0 log files anew"), SOON, "it says so")
    assert daemon.slot("job:0")["pid"] == job


def test_after_reopen_returns_nothing_more_goes_to_the_old_file(stage: Stage) -> None:
    stage.up(program("job", sh("while :; do echo tick; done"), log={"to": "file", "path": "a.log"}, stop=AT_ONCE))
    path, moved = stage.path("a.log"), stage.path("moved.log")
    wait_until(lambda: path.exists() and path.stat().st_size > 10_000, SOON, "it writes")
    path.rename(moved)
    done = stage.command("reopen")
    size = moved.stat().st_size
    assert (done.returncode, done.stdout) == (0, "opened anew: 1 log file\n")
    wait_until(lambda: path.stat().st_size > 10_000, SOON, "the new file is written")
    assert moved.stat().st_size == size


def test_a_file_that_cannot_be_opened_anew_is_named_and_the_old_one_goes_on(stage: Stage) -> None:
    daemon = stage.up(ticking("a.log"))
    path = stage.path("a.log")
    wait_until(lambda: lines(path), SOON, "it writes")
    path.rename(stage.path("moved"))
    path.mkdir()
    done = stage.command("reopen")
    assert done.returncode == 1
    assert done.stderr.startswith(f"cannot open {path}: Is a directory")
    assert said(daemon, "warning: opened 0 log files anew")
    written = len(lines(stage.path("moved")))
    wait_until(lambda: len(lines(stage.path("moved"))) > written, SOON, "the old file is written")
    assert daemon.ask("reopen") == {"done": True, "files": [], "failed": {str(path): "Is a directory"}}


# --- what goes wrong --------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(stage: Stage) -> Iterator[Path]:
    """A file system of its own with 128 KiB."""
    place = stage.path("disk")
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    for daemon in stage.daemons:
        daemon.end()
    subprocess.run(["umount", "-l", str(place)], check=True)


def assert_told_once(daemon: Daemon, path: Path, why: str) -> None:
    wait_until(lambda: said(daemon, "takes output again"), SOON, "the end of the trouble is told")
    told = said(daemon, str(path))
    assert len(told) == 2, told
    assert told[0] == f"warning: cannot write to {path}: {why}; its output is discarded, jobs go on"
    assert re.fullmatch(rf"{re.escape(str(path))} takes output again; .* lost so far", told[1])


def test_a_full_disk_stops_no_job_and_output_resumes(stage: Stage, small_disk: Path) -> None:
    path = small_disk / "a.log"
    filler = small_disk / "filler"
    daemon = stage.up(ticking(path), env={"MORE": LINE * 10})
    wait_until(lambda: lines(path), SOON, "it writes")
    assert subprocess.run(["dd", "if=/dev/zero", f"of={filler}"], capture_output=True, check=False).returncode == 1
    wait_until(lambda: said(daemon, "cannot write"), SOON, "the trouble is told")
    until_runs_go_on(stage, 50)
    filler.unlink()
    until_runs_go_on(stage)
    assert_told_once(daemon, path, "No space left on device")
    last = stage.lines("ran")[-1]
    wait_until(lambda: f"job:0 | tick {last} {LINE * 10}" in lines(path), SOON, "output is written again")
    assert daemon.program("job")["runs"]["failed"] == 0


def test_a_read_only_file_system_is_told_once_and_output_resumes(stage: Stage, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    path = small_disk / "deep" / "a.log"
    daemon = stage.up(ticking(path))
    wait_until(lambda: said(daemon, "cannot write"), SOON, "the trouble is told")
    until_runs_go_on(stage, 50)
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    wait_until(lambda: lines(path), SOON, "output is written")
    assert_told_once(daemon, path, "Read-only file system")


def test_a_limit_on_the_size_of_files_is_as_a_full_disk(stage: Stage) -> None:
    log = {"to": "file", "path": "a.log", "format": "raw"}
    job = sh("test -e enough && echo y || yes | head -c 20000; echo $MINISUP_RUN_ID >> ran; sleep 0.05")
    daemon = stage.up(
        program("job", job, log=log, min_runtime=0, stop=AT_ONCE), before=("prlimit", "--fsize=100000", "--")
    )
    path = stage.path("a.log")
    wait_until(lambda: said(daemon, "cannot write"), SOON, "the trouble is told")
    assert path.stat().st_size == 100_000
    until_runs_go_on(stage, 10)
    stage.write("enough", "")
    until_runs_go_on(stage)
    os.truncate(path, 0)
    assert_told_once(daemon, path, "File too large")


def test_a_removed_directory_is_made_again_and_no_line_is_lost(stage: Stage) -> None:
    daemon = stage.up(ticking("var/log/a.log"))
    path = stage.path("var/log/a.log")
    wait_until(lambda: lines(path), SOON, "it writes")
    path.unlink()
    path.parent.rmdir()
    path.parent.parent.rmdir()
    wait_until(lambda: lines(path), SOON, "it writes again")
    until_runs_go_on(stage)
    numbers = [int(line.split()[-1]) for line in lines(path)]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert not said(daemon, "cannot write")


def test_a_directory_in_place_of_the_file_is_told_once(stage: Stage) -> None:
    path = stage.path("a.log")
    path.mkdir()
    daemon = stage.up(ticking(path))
    wait_until(lambda: said(daemon, "cannot write"), SOON, "the trouble is told")
    until_runs_go_on(stage, 50)
    path.rmdir()
    wait_until(lambda: lines(path), SOON, "output is written")
    assert_told_once(daemon, path, "Is a directory")


def test_dev_full_is_tried_again_and_again_and_told_once(stage: Stage) -> None:
    daemon = stage.up(ticking("/dev/full"))
    wait_until(lambda: said(daemon, "cannot write to /dev/full"), SOON, "the trouble is told")
    holds_for(lambda: len(said(daemon, "/dev/full")) == 1, 2.5, "it is told once")
    until_runs_go_on(stage)


def terminal() -> tuple[int, str]:
    """The end of a new terminal that takes what is written to it, and its path."""
    reader, writer = os.openpty()
    tty.setraw(writer)
    path = os.ttyname(writer)
    os.close(writer)
    return reader, path


def test_a_slow_file_stops_its_printers_alone_and_memory_stays_bounded(stage: Stage) -> None:
    """A terminal that nobody reads stands for a disk that hangs: each write waits."""
    reader, path = terminal()
    count = 600_000
    log = {"to": "file", "path": path, "format": "raw"}
    daemon = stage.up(
        ticking("fast.log"),
        program("loud", sh(f"seq {count}; echo > over"), min_runtime="1000s", log=log),
    )
    wait_until(lambda: stage.lines("ran"), SOON, "the other runs")
    wait_until(lambda: stage.command("history", "-n", 1).stdout, SOON, "the history, which takes memory too, is there")
    before = resident_of(daemon.pid)
    until_runs_go_on(stage, 50)
    assert resident_of(daemon.pid) - before < 2 * MIB
    assert len(lines(stage.path("fast.log"))) > 20
    assert not stage.lines("over")
    assert not said(daemon, "cannot write")
    with os.fdopen(reader) as slow:
        for number in range(1, count + 1):
            assert slow.readline() == f"{number}\n"
    assert resident_of(daemon.pid) - before < 3 * MIB


@pytest.mark.parametrize("reading", [False, True])
def test_a_fifo_in_place_of_the_file_is_told_and_hangs_nobody(stage: Stage, reading: bool) -> None:
    path = stage.path("a.log")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if reading else -1
    daemon = stage.up(ticking(path), ticking("other.log", "other"))
    daemon.says(f"cannot write to {path}: Is a FIFO, not a regular file; its output is discarded, jobs go on")
    until_runs_go_on(stage)
    answer = daemon.ask("reopen")
    assert answer["failed"] == {str(path): "Is a FIFO, not a regular file"}
    assert answer["files"] == [str(stage.path("other.log"))]
    path.unlink()
    wait_until(lambda: lines(path), SOON, "output is written")
    if reading:
        os.close(reader)


# --- who is hostile ---------------------------------------------------------------------------------------------------


def contents(directory: Path) -> dict[str, tuple[str, int, int, int]]:
    found = {path.name: (path.read_text(), path.stat()) for path in directory.iterdir()}
    return {name: (text, seen.st_mode, seen.st_uid, seen.st_mtime_ns) for name, (text, seen) in found.items()}


@needs_root
def test_links_that_a_user_plants_lead_root_nowhere_while_logs_rotate(open_stage: Stage) -> None:
    """The directory of the log belongs to the job's user, as in every guide; the user is hostile."""
    stage = open_stage
    app, roots = stage.path("app"), stage.path("roots")
    for directory in (app, app / "logs", roots):
        directory.mkdir()
        directory.chmod(0o755)
    for directory in (app, app / "logs"):
        os.chown(directory, NOBODY, NOBODY)
    stage.write("roots/victim", "root's own\n")
    before = contents(roots)
    log = {"to": "file", "path": app / "logs" / "x.log", "max_size": 1024, "keep": 2, "format": "raw"}
    daemon = stage.up(
        program("loud", sh("while :; do seq 100 150; sleep 0.002; done"), stop=AT_ONCE, log=log),
        ticking("other.log", "other"),
    )
    wait_until((app / "logs" / "x.log").exists, SOON, "it writes")
    command = [sys.executable, PLANTER, app / "logs", "x.log", roots, NOBODY]
    planter = stage.popen(command, stdout=subprocess.PIPE)
    assert planter.stdout is not None
    assert planter.stdout.readline() == b"ready\n"
    holds_for(lambda: contents(roots) == before, 2.5, "root's files are as they were")
    planter.kill()
    planter.wait()
    assert contents(roots) == before
    assert said(daemon, "cannot write to")
    until_runs_go_on(stage)
    logs = app / "logs"
    if logs.is_symlink():
        logs.unlink()
    elif logs.exists():
        logs.rename(app / "old")
    wait_until(lambda: lines(logs / "x.log"), SOON, "output is written again")
    assert not daemon.says_it_is_broken()
