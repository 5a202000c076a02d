"""The history of a real minisup: every run has its row, whatever happens to minisup, its disk or the database."""

import json
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from kit import AT_ONCE, SLACK, SOON, Daemon, Stage, Stopwatch, program, sh, wait_until
from lookup import wake_ups_of

LAG = 0.5
"""Seconds that the database may be behind."""

KILLS = 20

STAMPED = sh('echo "$MINISUP_RUN_ID" >> started; sleep 0.02; echo "$MINISUP_RUN_ID $(date +%s.%N)" >> ended')
"""A job that says when it begins and when it is about to end."""


def rows(stage: Stage) -> list[dict[str, Any]]:
    """All rows; none while there is no table yet."""
    try:
        with closing(sqlite3.connect(f"file:{stage.root}/state/history.db?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute("SELECT * FROM run ORDER BY run")]
    except sqlite3.OperationalError as error:
        assert "no such table" in str(error) or "unable to open" in str(error)  # noqa: PT017 -- while it is being made
        return []


def listed(stage: Stage, *words: str) -> list[dict[str, Any]]:
    done = stage.command("-c", "minisup.toml", "history", "--json", "-n", "0", *words)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def uses_sqlite(daemon: Daemon) -> bool:
    return "_sqlite3" in Path(f"/proc/{daemon.pid}/maps").read_text()


def settle(daemon: Daemon) -> None:
    """Wait until the thread has gone to sleep behind its first batch."""
    seen = [0, wake_ups_of(daemon.pid)]

    def still() -> bool:
        seen.append(wake_ups_of(daemon.pid))
        return seen[-1] == seen[-2] == seen[-3]

    wait_until(still, SOON, "minisup sleeps")


def test_every_run_has_a_row_with_what_it_came_to(stage: Stage) -> None:
    daemon = stage.up(
        program("good", sh("echo $MINISUP_RUN_ID >> ran; echo fine"), min_runtime="50ms"),
        program("bad", sh("echo first; echo last >&2; exit 3"), retry={"backoff": "50ms"}),
        program("ugly", sh("kill -SEGV $$"), restart="never"),
        program("never", "/no/such/command"),
    )
    wait_until(lambda: daemon.program("good")["runs"]["worked"] >= 5, SOON, "some have worked")
    wait_until(lambda: daemon.program("bad")["runs"]["failed"] >= 2, SOON, "some have failed")
    daemon.term()
    assert daemon.wait() == 0
    found = rows(stage)
    good = [row for row in found if row["program"] == "good"]
    assert [row["run"] for row in good] == [int(line) for line in stage.lines("ran")]
    assert {(row["outcome"], row["code"], row["output"]) for row in good} == {("worked", 0, None)}
    assert all(0 < row["duration"] < SOON and abs(row["started"] - time.time()) < 60 for row in good)
    bad = [row for row in found if row["program"] == "bad"]
    assert {(row["outcome"], row["code"]) for row in bad} == {("failed", 3)}
    assert {frozenset(row["output"].splitlines()) for row in bad} == {frozenset({"first", "last"})}
    assert [row["failures"] for row in bad][:2] == [0, 1]
    (ugly,) = [row for row in found if row["program"] == "ugly"]
    assert (ugly["outcome"], ugly["code"], ugly["signal"]) == ("crashed", None, "SIGSEGV")
    (never,) = [row for row in found if row["program"] == "never"]
    assert (never["outcome"], never["duration"]) == ("unstartable", 0)
    assert "/no/such/command" in never["output"]


def test_memory_is_known_of_runs_that_are_larger_than_minisup(stage: Stage) -> None:
    large = ["python3", "-c", "bytearray(120_000_000)"]
    stage.up(
        program("large", large, kind="task"), program("small", "true", kind="task"), supervisor="", args=[
            "--exit-when-done"
        ], ready=False,
    ).wait(30.0)  # fmt: skip
    peak = {row["program"]: row["max_rss"] for row in rows(stage)}
    assert 120_000_000 < peak["large"] < 400_000_000
    assert peak["small"] is None


def test_rows_are_there_within_half_a_second_while_minisup_runs(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("date +%s.%N >> ended"), kind="task"))
    wait_until(lambda: stage.lines("ended"), SOON, "it has run")
    wait_until(lambda: rows(stage), LAG + SLACK, "its row is there")
    assert daemon.ask("history")["file"] == str(stage.root / "state/history.db")


def test_sqlite_is_loaded_by_the_first_run_that_ends_and_not_at_all_without_a_history(stage: Stage) -> None:
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE))
    daemon.running_pid("job:0")
    assert not uses_sqlite(daemon)
    daemon.ask("restart", ["job"], now=True, wait=True)
    wait_until(lambda: uses_sqlite(daemon), SOON, "the first row is written")
    daemon.end()
    none = stage.up(program("job", "true", min_runtime=0), supervisor="history = { max_rows = 0 }")
    wait_until(lambda: none.program("job")["runs"]["worked"] > 20, SOON, "some runs")
    assert not uses_sqlite(none)
    assert none.ask("history")["runs"] == []


def test_the_thread_sleeps_while_nothing_ends(stage: Stage) -> None:
    daemon = stage.up(program("job", "true", kind="task"), program("long", "sleep 1000", stop=AT_ONCE))
    wait_until(lambda: rows(stage), SOON, "its row is there")
    settle(daemon)
    before, watch = wake_ups_of(daemon.pid), Stopwatch()
    wait_until(lambda: watch.seconds > 1.5, SOON, "time has passed")
    assert wake_ups_of(daemon.pid) - before <= 2


def test_a_killed_minisup_loses_half_a_second_at_most_and_repeats_no_id(stage: Stage) -> None:
    config = stage.config(program("job", STAMPED, numprocs=2, min_runtime=0, stop=AT_ONCE))
    lives: list[tuple[float, float]] = []
    for number in range(KILLS):
        before, kept = len(stage.lines("ended")), len(rows(stage))
        born = time.time()
        daemon = stage.up_file(config)
        wait_until(lambda before=before: len(stage.lines("ended")) >= before + 10, SOON, "some runs")
        if number % 2 == 0:  # some before the first batch, some after it, in the middle of others
            wait_until(lambda kept=kept: len(rows(stage)) >= kept + 20, SOON, "some rows")
        daemon.signal(signal.SIGKILL)
        assert daemon.wait() == -signal.SIGKILL
        lives.append((born, time.time()))
        wait_until(lambda: not stage.jobs(), SOON, "what it left behind ends")
    started = [int(line) for line in stage.lines("started")]
    assert len(started) == len(set(started)), "an id was given twice"
    found = rows(stage)
    kept = {row["run"] for row in found}
    # Killed between the note of a run and its start: nobody can know, and the next life calls it lost.
    assert {row["run"] for row in found if row["outcome"] != "lost"} <= set(started)
    ends = [(int(run), float(when)) for run, when in (line.split() for line in stage.lines("ended"))]
    # What ended after the death of its minisup is nobody's row.
    missing = [when for run, when in ends if run not in kept]
    behind = [death - when for when in missing for birth, death in lives if birth < when < death]
    assert max(behind, default=0) <= LAG + SLACK, sorted(behind)[-5:]
    assert len(kept) >= KILLS / 2 * 20
    with closing(sqlite3.connect(stage.root / "state/history.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_ids_do_not_repeat_when_their_file_is_lost(stage: Stage) -> None:
    job = program("job", sh("echo $MINISUP_RUN_ID >> ran"), kind="task")
    done = {"args": ["--exit-when-done"], "ready": False}
    assert stage.up(job, **done).wait() == 0
    (stage.root / "state/run-id").unlink()
    assert stage.up(job, **done).wait() == 0
    first, second = map(int, stage.lines("ran"))
    assert second > first
    assert [row["run"] for row in rows(stage)] == [first, second]


def test_without_a_directory_the_last_runs_are_in_memory(stage: Stage) -> None:
    stage.write("state", "in the way")
    daemon = stage.up(program("bad", sh("echo why; exit 3"), retry={"backoff": "10ms"}, numprocs=2))
    wait_until(lambda: daemon.slot("bad:1")["failures"] >= 2, SOON, "both have failed")
    assert daemon.stderr.count("state is kept in memory") == 1
    found = listed(stage, "bad:1")
    assert {(row["slot"], row["outcome"], row["code"], row["output"]) for row in found} == {
        ("bad:1", "failed", 3, "why\n")
    }
    assert not uses_sqlite(daemon)
    report = stage.command("report", "--json")
    assert json.loads(report.stdout)["programs"][0]["outcomes"]["failed"] >= 3


def test_a_damaged_history_is_kept_and_said_and_runs_go_on(stage: Stage) -> None:
    (stage.root / "state").mkdir()
    stage.write("state/history.db", "this is no database\n" * 500)
    daemon = stage.up(program("job", sh("echo >> ran"), min_runtime="20ms"))
    wait_until(lambda: "was damaged" in daemon.stderr, SOON, "it is said")  # and by then it is out of the way
    wait_until(lambda: len(rows(stage)) > 5, SOON, "a new one is written")
    assert daemon.stderr.count("was damaged") == 1
    (aside,) = [path for path in (stage.root / "state").iterdir() if "damaged" in path.name]
    assert aside.read_text().startswith("this is no database")


def test_a_locked_history_delays_no_run_and_misses_none(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo $MINISUP_RUN_ID >> ran"), min_runtime=0))
    wait_until(lambda: rows(stage), SOON, "it is written")
    with closing(sqlite3.connect(stage.root / "state/history.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        before = len(stage.lines("ran"))
        wait_until(lambda: len(stage.lines("ran")) > before + 200, SOON, "runs go on")
        assert len(rows(stage)) < before + 200
        other.execute("ROLLBACK")
    daemon.term()
    assert daemon.wait() == 0
    assert [row["run"] for row in rows(stage)] == [int(line) for line in stage.lines("ran")]


def test_a_directory_that_vanishes_is_made_again_and_no_run_is_missing(stage: Stage) -> None:
    daemon = stage.up(program("job", sh("echo $MINISUP_RUN_ID >> ran"), min_runtime="10ms"))
    state, away = stage.root / "state", stage.root / "elsewhere"
    wait_until(lambda: rows(stage), SOON, "it is written")
    state.rename(away)
    wait_until((state / "history.db").exists, SOON + 5, "it is written again")
    before = len(stage.lines("ran"))
    wait_until(lambda: len(stage.lines("ran")) > before + 20, SOON, "runs go on")
    daemon.term()
    assert daemon.wait() == 0
    with closing(sqlite3.connect(away / "history.db")) as first:
        before_it = {run for (run,) in first.execute("SELECT run FROM run")}
    assert before_it | {row["run"] for row in rows(stage)} == {int(line) for line in stage.lines("ran")}
    assert daemon.stderr.count("cannot write the history") <= 1


def test_a_reader_that_stays_does_not_stop_the_writer(stage: Stage) -> None:
    stage.up(program("job", "true", min_runtime="10ms"))
    wait_until(lambda: rows(stage), SOON, "it is written")
    with closing(sqlite3.connect(stage.root / "state/history.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        (before,) = reader.execute("SELECT count(*) FROM run").fetchone()
        wait_until(lambda: len(rows(stage)) > before + 30, SOON, "rows are added")


def test_the_history_is_read_while_no_minisup_runs_and_the_targets_are_known_from_the_file(stage: Stage) -> None:
    job = program("email", "true", kind="task", groups=["mail"])
    other = program("sms", "false", kind="task", autostart=False)
    stage.up(job, other, args=["--exit-when-done"], ready=False).wait()
    assert [row["slot"] for row in listed(stage)] == ["email:0"]
    assert [row["slot"] for row in listed(stage, "@mail")] == ["email:0"]
    assert listed(stage, "sms") == []
    nope = stage.command("-c", "minisup.toml", "history", "nope")
    assert nope.returncode == 4
    assert nope.stderr.startswith("cannot find nope")


def test_rows_beyond_the_most_that_are_kept_go(stage: Stage) -> None:
    daemon = stage.up(
        program("job", sh("echo >> ran"), numprocs=2, min_runtime=0),
        supervisor='history = { max_rows = 20 }\nshutdown_timeout = "4s"',
    )
    wait_until(lambda: len(stage.lines("ran")) > 100, SOON, "many have run")
    daemon.term()
    assert daemon.wait() == 0
    assert len(rows(stage)) == 20


def test_reading_while_it_is_written_always_finds_whole_rows(stage: Stage) -> None:
    stage.up(program("job", "true", numprocs=2, min_runtime=0))
    wait_until(lambda: rows(stage), SOON, "it is written")
    errors: list[Exception] = []

    def read() -> None:
        try:
            for _ in range(40):
                assert all(row["outcome"] == "worked" for row in rows(stage))
        except Exception as error:  # noqa: BLE001 -- told by the test's own thread
            errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert errors == []
