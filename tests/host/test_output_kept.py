"""Nothing that a run wrote is lost, and lines stay whole."""

import os
import sys

import pytest
from kit import AT_ONCE, SOON, Stage, program, sh, wait_until
from lookup import descriptors_of

BURST = 2 * 1024 * 1024


def test_the_last_line_of_each_of_a_thousand_short_runs_is_printed_though_it_has_no_newline(stage: Stage) -> None:
    job = sh("printf 'first %s\\nlast %s' $MINISUP_RUN_ID $MINISUP_RUN_ID; printf '%s\\n' $MINISUP_RUN_ID >> ids")
    daemon = stage.up(program("short", job, min_runtime=0, numprocs=4, stop=AT_ONCE))
    wait_until(lambda: len(stage.lines("ids")) >= 100, 60, "a hundred runs")
    descriptors = descriptors_of(daemon.pid)
    wait_until(lambda: len(stage.lines("ids")) >= 1000, 60, "a thousand runs")
    assert descriptors_of(daemon.pid) < descriptors + 3 * 4, "descriptors leak"
    daemon.term()
    assert daemon.wait() == 0
    ids = stage.lines("ids")
    lines = [line.partition(" | ")[2] for line in daemon.stdout.splitlines() if line.startswith("short:")]
    printed = {line for line in lines if line.startswith("last ")}
    # A run that the shutdown found between its two printfs has printed and not counted itself, so `<=`.
    assert {f"last {number}" for number in ids} <= printed
    assert len(printed) <= len(ids) + 4
    assert len(lines) == len(set(lines)), "a line was printed twice"
    assert all(line.split()[0] in ("first", "last") for line in lines), "lines were mixed"


@pytest.mark.parametrize("format_", ["raw", "prefix"])
def test_a_burst_of_two_mebibytes_right_before_the_end_is_printed_whole(stage: Stage, format_: str) -> None:
    burst = [
        sys.executable,
        "-c",
        f"import os; os.write(1, b'x' * 0); print(('y' * 1023 + chr(10)) * {BURST // 1024}, end='')",
    ]
    task = program("burst", burst, kind="task", numprocs=2, log={"format": format_})
    daemon = stage.up(task, args=["--exit-when-done"], ready=False)
    assert daemon.wait(30) == 0
    lines = [line for line in daemon.stdout.splitlines() if line.endswith("y" * 1023)]
    assert len(lines) == 2 * BURST // 1024
    head = {"raw": 0, "prefix": len("burst:0 | ")}[format_]
    assert {len(line) for line in lines} == {1023 + head}


def test_raw_output_is_byte_for_byte_what_the_job_wrote(stage: Stage) -> None:
    data = bytes(range(256)) * 4096
    stage.path("data").write_bytes(data)
    task = program("cat", ["cat", str(stage.path("data"))], kind="task", log={"format": "raw"})
    daemon = stage.up(task, args=["--exit-when-done"], ready=False)
    assert daemon.wait(30) == 0
    assert data in daemon.stdout_path.read_bytes()


def test_both_streams_reach_their_own_place(stage: Stage) -> None:
    task = program("both", sh("echo to stdout; echo to stderr >&2"), kind="task")
    daemon = stage.up(task, args=["--exit-when-done"], ready=False)
    assert daemon.wait() == 0
    assert daemon.lines("both:0") == ["to stdout"]
    assert "both:0 | to stderr" in daemon.stderr


def test_joined_streams_keep_their_order(stage: Stage) -> None:
    job = sh("for i in 1 2 3; do echo out $i; echo err $i >&2; done")
    task = program("both", job, kind="task", log={"stderr": "join"})
    daemon = stage.up(task, args=["--exit-when-done"], ready=False)
    assert daemon.wait() == 0
    assert daemon.lines("both:0") == [f"{stream} {number}" for number in (1, 2, 3) for stream in ("out", "err")]


def test_inherited_output_comes_straight_from_the_job_and_none_of_it_is_kept(stage: Stage) -> None:
    daemon = stage.up(program("direct", sh("echo hello; exec sleep 1000"), log={"to": "inherit"}, stop=AT_ONCE))
    wait_until(lambda: "hello\n" in daemon.stdout, SOON, "it prints")
    pid = daemon.running_pid("direct:0")
    assert os.readlink(f"/proc/{pid}/fd/1") == os.readlink(f"/proc/{daemon.pid}/fd/1")
    assert "direct:0 | hello" not in daemon.stdout


def test_output_to_none_goes_nowhere(stage: Stage) -> None:
    daemon = stage.up(program("silent", sh("echo hello; exec sleep 1000"), log={"to": "none"}, stop=AT_ONCE))
    daemon.running_pid("silent:0")
    daemon.ask("stop", ["silent"], wait=True)
    assert "hello" not in daemon.stdout + daemon.stderr


def test_the_last_two_hundred_lines_of_a_slot_are_kept(stage: Stage) -> None:
    daemon = stage.up(program("talk", sh("seq 1000; echo > done; exec sleep 1000"), stop=AT_ONCE))
    wait_until(lambda: daemon.lines("talk:0")[-1:] == ["1000"], SOON, "all is printed")
    kept = [line["text"] for line in daemon.ask("logs", ["talk"], lines=1000)["lines"]]
    assert kept == [str(number) for number in range(801, 1001)]
    shown = stage.command("logs", "talk", "-n", "3")
    assert shown.returncode == 0
    assert [line.split()[-1] for line in shown.stdout.splitlines()] == ["998", "999", "1000"]


def test_a_line_of_more_than_64_kib_is_split_and_nothing_of_it_is_lost(stage: Stage) -> None:
    task = program("wide", sh("head -c 200000 /dev/zero | tr '\\0' z; echo"), kind="task")
    daemon = stage.up(task, args=["--exit-when-done"], ready=False)
    assert daemon.wait() == 0
    assert sum(line.count("z") for line in daemon.lines("wide:0")) == 200_000
    assert len(daemon.lines("wide:0")) > 1


def test_a_full_disk_under_stdout_harms_no_job(stage: Stage) -> None:
    with open("/dev/full", "wb") as full:
        daemon = stage.up(program("loud", sh("echo hello; echo >> ran"), min_runtime="20ms", stop=AT_ONCE), stdout=full)
    wait_until(lambda: len(stage.lines("ran")) > 5, SOON, "the job runs on")
    assert daemon.program("loud")["runs"]["failed"] == 0
    daemon.term()
    assert daemon.wait() == 0
    assert "No space left on device" in daemon.stderr
