"""Schedules with real processes, and the real clock."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from kit import AT_ONCE, SLACK, SOON, Stage, Stopwatch, holds_for, program, sh, wait_until
from lookup import wake_ups_of

from minisup.core.messages import Remember, Remembered
from minisup.host.clock import Clock
from minisup.host.loop import Loop
from minisup.host.state.schedule_state import Served
from minisup.host.wallclock import WallClock

LAUNCHER = Path(__file__).parent / "jobs" / "shifted_wall_clock.py"
LONG = 'shutdown_timeout = "30s"'

# What `php artisan schedule:run` does with runInBackground: two children that outlive it, one of them in a session of
# its own, and an end at once.
IN_BACKGROUND = sh(
    "date +%s.%N >> begun; n=$(wc -l < begun); "
    'work="sleep 1.2; echo $n >> finished"; '
    'sh -c "$work" & setsid sh -c "$work" & '
    "exit 0"
)


def starts(stage: Stage) -> list[float]:
    return [float(line) for line in stage.lines("begun")]


def test_every_counts_from_start_to_start_without_drift(stage: Stage) -> None:
    stage.up(program("tick", sh("date +%s.%N >> begun; sleep 0.05"), schedule={"every": "200ms"}, log={"to": "none"}))
    wait_until(lambda: len(starts(stage)) >= 16, SOON, "it ticks")
    seen = starts(stage)[:16]
    assert abs(seen[-1] - seen[0] - 15 * 0.2) < SLACK


def test_children_in_the_background_neither_delay_the_next_start_nor_are_cut_at_stop(stage: Stage) -> None:
    keys = {"schedule": {"every": "500ms"}, "stop": {"drain": "20s"}, "log": {"to": "none"}}
    daemon = stage.up(program("laravel", IN_BACKGROUND, **keys), supervisor=LONG)
    wait_until(lambda: daemon.program("laravel")["leftovers"] >= 3, SOON, "children of more than one run live on")
    wait_until(lambda: len(starts(stage)) >= 4, SOON, "it has started four times")
    rows = [json.loads(line) for line in stage.command("history", "laravel", "--json").stdout.splitlines()]
    assert rows
    assert all(row["outcome"] == "worked" and row["delay"] < SLACK for row in rows)
    daemon.term()
    assert daemon.wait() == 0
    assert len(stage.lines("finished")) == 2 * len(starts(stage))
    assert "cut" not in daemon.stderr.replace("0 cut", "")


def test_stop_drains_a_planned_run_and_nothing_new_starts(stage: Stage) -> None:
    job = sh("echo begin >> begun; sleep 1; echo end >> ended")
    daemon = stage.up(program("job", job, schedule={"every": "300ms", "overlap": "queue"}), supervisor=LONG)
    wait_until(lambda: stage.lines("begun"), SOON, "it is at work")
    watch = Stopwatch()
    assert stage.command("stop", "job", "--wait").returncode == 0
    assert watch.seconds < 1 + 3 * SLACK
    assert len(stage.lines("ended")) == len(stage.lines("begun"))
    begun = len(stage.lines("begun"))
    holds_for(lambda: len(stage.lines("begun")) == begun, 0.8, "nothing starts")
    assert daemon.slot("job:0")["phase"] == "off"


def test_the_history_has_the_delay_of_a_start(stage: Stage) -> None:
    keys = {"log": {"to": "none"}, "stop": AT_ONCE}
    stage.up(
        program("late", sh("sleep 0.5"), schedule={"every": "300ms", "overlap": "queue"}, **keys),
        program("paced", "true", **keys),
    )

    def rows(name: str) -> list[dict[str, object]]:
        shown = stage.command("history", name, "--json").stdout
        return [json.loads(line) for line in shown.splitlines()]

    wait_until(lambda: len(rows("late")) >= 3 and rows("paced"), SOON, "they are in the history")
    assert rows("late")[0]["delay"] < 0.1
    assert rows("late")[1]["delay"] > 0.1
    assert rows("paced")[0]["delay"] is None


def test_a_start_that_was_missed_while_minisup_was_down_is_made_up_for_once(stage: Stage) -> None:
    job = program(
        "nightly",
        sh("echo >> begun"),
        schedule={"cron": "* * * * *", "timezone": "UTC", "catch_up": True},
        log={"to": "none"},
    )
    daemon = stage.up(job)
    file = stage.root / "state" / "schedule"
    wait_until(file.exists, SOON, "it is remembered that nothing was due yet")
    daemon.term()
    assert daemon.wait() == 0
    before = len(stage.lines("begun"))
    file.write_text(json.dumps({"nightly:0": time.time() - 3600}))
    daemon = stage.up(job)
    wait_until(lambda: len(stage.lines("begun")) == before + 1, SOON, "it is made up for")
    wait_until(lambda: "minisup was not up at its time" in daemon.stderr, SOON, "the log says why it is late")
    assert json.loads(file.read_text())["nightly:0"] > time.time() - 60


def test_a_clock_that_jumps_starts_what_it_jumped_over_once(stage: Stage) -> None:
    keys = {"log": {"to": "none"}}
    offset = stage.write("offset", str(100 - time.time() % 86400))  # a little after midnight, UTC
    daemon = stage.up(
        program("noon", sh("echo >> begun"), schedule={"cron": "0 12 * * *", "timezone": "UTC"}, **keys),
        program("tick", "true", schedule={"every": "200ms"}, **keys),
        entry=(str(LAUNCHER), str(offset)),
    )
    assert daemon.slot("noon:0")["reason"] == "schedule"
    assert 11 * 3600 < daemon.slot("noon:0")["next_in"] < 12 * 3600
    stage.write("offset", str(100 - time.time() % 86400 + 13 * 3600))
    wait_until(lambda: stage.lines("begun"), SOON, "it starts at once")
    wait_until(lambda: "the clock was set 13 h forward" in daemon.stderr, SOON, "the log says so")
    daemon.says("the clock had jumped over its time")
    assert daemon.slot("noon:0")["next_in"] > 22 * 3600
    stage.write("offset", str(100 - time.time() % 86400 + 11 * 3600))
    wait_until(lambda: "2 h back" in daemon.stderr, SOON, "it is set back")
    assert daemon.slot("noon:0")["next_in"] > 24 * 3600
    assert len(stage.lines("begun")) == 1


def test_a_minisup_that_waits_for_a_calendar_does_not_wake_up(stage: Stage) -> None:
    daemon = stage.up(program("new-year", "true", schedule={"cron": "0 0 1 1 *", "timezone": "UTC"}))
    wait_until(lambda: is_quiet(daemon.pid), SOON, "what the start and the first question asked for is done")
    before, watch = wake_ups_of(daemon.pid), Stopwatch()
    wait_until(lambda: watch.seconds > 2.0, SOON, "two seconds have passed")
    assert wake_ups_of(daemon.pid) - before <= 2


def is_quiet(pid: int) -> bool:
    """Whether it does nothing for some time."""
    before, watch = wake_ups_of(pid), Stopwatch()
    wait_until(lambda: watch.seconds > 0.5, SOON, "half a second has passed")
    return wake_ups_of(pid) == before


def test_the_kernel_is_asked_to_say_when_the_clock_is_set(stage: Stage) -> None:
    daemon = stage.up(program("new-year", "true", schedule={"cron": "0 0 1 1 *", "timezone": "UTC"}))
    wait_until(lambda: has_timer(daemon.pid), SOON, "there is a timer on the wall clock")
    stage.config(program("new-year", "true"))
    os.kill(daemon.pid, signal.SIGHUP)
    wait_until(lambda: not has_timer(daemon.pid), SOON, "without a calendar nobody needs to know")


def has_timer(pid: int) -> bool:
    """Whether the process has a timer on the wall clock that is cancelled when the clock is set (flags 1 and 2)."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            found.append(Path(f"/proc/{pid}/fdinfo/{fd}").read_text(encoding="ascii"))
        except OSError:
            continue
    return any("clockid: 0" in text and "settime flags: 03" in text for text in found)


def test_without_a_calendar_nothing_of_it_is_loaded(stage: Stage) -> None:
    file = stage.config(program("job", "true", schedule={"every": "10s"}))
    code = (
        "import sys; from minisup.config.load import load; import minisup.host.daemon; load(sys.argv[1]);"
        "sys.exit(' '.join({'cronsim', 'zoneinfo', 'ctypes', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr.strip() == ""


class Shifted(Clock):
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.by = 0.0

    def wall(self) -> float:
        return time.time() + self.by


def test_the_core_hears_of_a_clock_that_was_set_and_of_one_that_is_off_a_little() -> None:
    clock, told = Shifted(), []
    loop = Loop(clock)
    wall = WallClock(loop, clock, told.append)
    try:
        wall.look()
        assert len(told) == 1
        assert told[0].ahead < time.time() - time.monotonic() - 0.002, "nothing starts a moment before its minute"
        clock.by = 0.05
        wall.look()
        assert abs(told[1].ahead - told[0].ahead - 0.05) < 0.01
        clock.by = -3600.0
        wall._was_set()  # the kernel says so; nothing is there to be read, as when it comes too late
        assert abs(told[2].ahead - told[0].ahead + 3600.0) < 0.01
        wall._each_hour()
        assert len(told) == 3
    finally:
        wall.close()
        loop.close()


def test_what_is_remembered_outlives_a_file_that_is_no_good(tmp_path: Path) -> None:
    assert list(Served(None).events()) == []
    Served(None).remember(Remember("a:0", 5.0))
    Served(str(tmp_path)).remember(Remember("a:0", 5.0))
    assert list(Served(str(tmp_path)).events()) == [Remembered("a:0", 5.0)]
    for text in ("", "[]", '{"a:0": "x"}', "\0"):
        (tmp_path / "schedule").write_text(text)
        assert list(Served(str(tmp_path)).events()) == []
    Served(str(tmp_path / "none")).remember(Remember("a:0", 5.0))


def test_the_example_of_the_documentation_ticks_twice_a_second(stage: Stage) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "schedules.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- example: every -->\n```toml\n(.*?)```", page, re.DOTALL)
    assert found
    stage.up(found[1])
    wait_until(lambda: len(stage.lines("ticks")) >= 5, SOON, "it ticks")
    ticks = [float(line) for line in stage.lines("ticks")[:5]]
    assert abs(ticks[4] - ticks[0] - 2.0) < SLACK


def test_status_and_why_say_what_is_planned_and_when(stage: Stage) -> None:
    stage.up(
        program("nightly", "true", schedule={"cron": "0 3 1 1 *", "timezone": "Asia/Tokyo"}),
        program("tick", "true", schedule={"every": "1h"}),
    )
    wait_until(lambda: "tick" in stage.command("history", "tick").stdout, SOON, "it has run")
    status = stage.command("status", "--once").stdout
    assert re.search(r"nightly +waiting, next \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(in \d+ d", status), status
    why = stage.command("why", "nightly").stdout
    assert "its schedule is 0 3 1 1 * Asia/Tokyo" in why
    assert "The next run is" in why
    assert "a run is planned every 1 h, from start to start" in stage.command("why", "tick").stdout
    assert stage.command("stop", "nightly", "--wait").returncode == 0
    assert stage.command("start", "nightly", "--wait").returncode == 0  # not: until New Year
    assert stage.command("restart", "nightly", "--wait").returncode == 0
    wait_until(lambda: "nightly" in stage.command("history", "nightly").stdout, SOON, "an extra run")
