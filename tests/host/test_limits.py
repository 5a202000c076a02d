"""`limits.nofile`, `limits.nice` and `max_start_rate` on real processes."""

import resource
from pathlib import Path

from kit import AT_ONCE, SOON, Stage, Stopwatch, program, sh, wait_until


def test_a_job_has_its_limits(stage: Stage) -> None:
    report = sh("ulimit -Sn > new; ulimit -Hn >> new; nice >> new; mv new report; exec sleep 1000")
    stage.up(program("job", report, limits={"nofile": 64, "nice": 5}, stop=AT_ONCE))
    assert wait_until(lambda: stage.lines("report"), SOON, "the job reports") == ["64", "64", "5"]


def test_a_job_without_limits_has_minisups_own(stage: Stage) -> None:
    stage.up(program("job", sh("ulimit -n > new; nice >> new; mv new report; exec sleep 1000"), stop=AT_ONCE))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert wait_until(lambda: stage.lines("report"), SOON, "the job reports") == [str(soft), "0"]


def test_a_limit_that_cannot_be_set_is_a_cause_to_be_held(stage: Stage) -> None:
    most = int(Path("/proc/sys/fs/nr_open").read_text())
    bad = program("job", "true", limits={"nofile": most + 1})
    daemon = stage.up(bad, ready=False)

    def refused() -> bool:
        return daemon.process.poll() == 78 or (daemon.answers() and daemon.slot("job:0")["reason"] == "hold")

    wait_until(refused, SOON, "it is refused: to root at the start, to others when the file is read")
    if daemon.process.poll() is None:
        words = f"cannot start true with limits.nofile {most + 1}: operation not permitted"
        assert daemon.slot("job:0")["cause"] == words
    else:
        assert f"{most + 1} is above minisup's own hard limit" in daemon.stderr


def test_starts_keep_to_the_rate(stage: Stage) -> None:
    started = Stopwatch()
    daemon = stage.up(program("job", "true", numprocs=4, min_runtime=0, max_start_rate="20/s", stop=AT_ONCE))
    total = wait_until(lambda: (n := daemon.program("job")["runs"]["total"]) > 40 and n, SOON, "it has run often")
    assert total <= 4 + 20 * started.seconds, "a burst of one for each slot, then 20 a second"
    more = Stopwatch()
    wait_until(lambda: daemon.program("job")["runs"]["total"] >= total + 40, SOON, "it keeps on")
    assert more.seconds < 2 + 1.5, "the rate is reached"
