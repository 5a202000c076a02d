"""`limits.memory`, and kills by the kernel when a cgroup is full."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, wait_until
from lookup import wake_ups_of
from plumbing import Plumbing

from minisup.core.messages import OverMemory
from minisup.host.process import memory, processes

EAT = Path(__file__).parent / "jobs" / "eat_memory.py"
LIMIT = {"memory": "64MiB"}
RETRY = {"backoff": "30s"}


def eat(mib: int, children: int = 0) -> list[str]:
    return [sys.executable, "-I", str(EAT), str(mib), str(children)]


def ended(daemon: Daemon, slot: str = "job:0") -> dict[str, Any]:
    """The slot, once its first run has ended."""
    wait_until(lambda: daemon.slot(slot)["last"], SOON, "the run has ended")
    return daemon.slot(slot)


def loads(daemon: Daemon, name: str) -> bool:
    """Whether the daemon has mapped a module's library. The record of its runs is mapped too, and so is its path."""
    return f"/site-packages/{name}/" in Path(f"/proc/{daemon.pid}/maps").read_text()


def test_a_run_above_its_limit_is_ended_and_told(stage: Stage) -> None:
    daemon = stage.up(program("job", eat(100), limits=LIMIT, retry=RETRY))
    slot = ended(daemon)
    assert (slot["last"]["outcome"], slot["last"]["signal"]) == ("oom", "SIGTERM")
    assert (slot["reason"], slot["failures"]) == ("backoff", 1)
    size, of, limit = slot["cause"].removeprefix("oom: ").partition(" MiB of ")
    assert (of, limit) == (" MiB of ", "64 MiB")
    assert 100 < float(size) < 150
    wait_until(lambda: "first failure: job:0 oom after" in daemon.stderr, SOON, "it is told")
    assert daemon.program("job")["runs"]["oom"] == 1


def test_a_run_that_ignores_the_signal_is_killed(stage: Stage) -> None:
    stop = {"timeout": "300ms"}
    daemon = stage.up(program("job", eat(100), limits=LIMIT, retry=RETRY, stop=stop, environment={"IGNORE_TERM": "1"}))
    last = ended(daemon)["last"]
    assert (last["outcome"], last["signal"]) == ("oom", "SIGKILL")


def test_all_members_of_the_session_count(stage: Stage) -> None:
    daemon = stage.up(program("job", eat(30, children=2), limits=LIMIT, retry=RETRY, stop=AT_ONCE))
    assert ended(daemon)["last"]["outcome"] == "oom"
    wait_until(lambda: not stage.jobs(), SOON, "what the run left behind is stopped")


def test_runs_below_the_limit_and_programs_without_one_go_on(stage: Stage) -> None:
    daemon = stage.up(
        program("job", eat(20), limits=LIMIT, numprocs=2, stop=AT_ONCE), program("free", eat(100), stop=AT_ONCE)
    )
    wait_until(lambda: daemon.stdout.count("eaten") == 3, SOON, "all have taken their memory")
    holds_for(lambda: daemon.program("job")["running"] == 2 and daemon.program("free")["running"] == 1, 2.5, "all run")


def test_psutil_is_loaded_and_minisup_wakes_up_only_if_a_limit_asks_for_it(stage: Stage) -> None:
    daemon = stage.up(program("job", "sleep 1000", limits={"nofile": 64}, stop=AT_ONCE))
    assert not loads(daemon, "psutil")
    assert daemon.end()
    daemon = stage.up(program("job", "true", restart="never", limits=LIMIT))
    wait_until(lambda: daemon.slot("job:0")["phase"] == "done", SOON, "the run is over")
    assert loads(daemon, "psutil")
    watch = Stopwatch()
    wait_until(lambda: watch.seconds > 1.5, SOON, "the last look is over")
    before, watch = wake_ups_of(daemon.pid), Stopwatch()
    wait_until(lambda: watch.seconds > 2.5, SOON, "there would have been two more")
    assert wake_ups_of(daemon.pid) == before, "without a run nobody looks"


def test_a_round_looks_at_a_few_processes_a_turn_and_adds_them_up(monkeypatch: pytest.MonkeyPatch) -> None:
    plumbing, looked, told = Plumbing(), list[int](), list[OverMemory]()
    leader, own = os.getsid(0), psutil.Process().memory_info().rss
    everybody = [*range(4_000_000, 4_001_000), os.getpid()]

    def pids() -> Iterator[int]:
        for pid in everybody:
            looked.append(pid)
            yield pid

    monkeypatch.setattr(processes, "pids", pids)
    monkeypatch.setattr(memory, "EACH", 0.0)
    watch = memory.MemoryWatch(plumbing.loop, {"job": own // 2}, {leader: ("job:0", 7)}, told.append)
    watch.started("job:0")
    while not told:
        before = len(looked)
        plumbing.turn()
        assert len(looked) - before <= memory.SLICE
    plumbing.end()
    (over,) = told
    assert (over.slot, over.run, over.limit) == ("job:0", 7, own // 2)
    assert over.size == pytest.approx(own, rel=0.2)


# --- the kernel's own -------------------------------------------------------------------------------------------------


class Cgroup:
    """A memory cgroup of this test's own, in either version."""

    def __init__(self, path: Path, limit_file: str) -> None:
        self.path = path
        self._limit_file = limit_file

    def limit(self, size: int) -> None:
        (self.path / self._limit_file).write_text(str(size))

    def remove(self) -> None:
        wait_until(self._removed, SOON, "the cgroup is empty")

    def _removed(self) -> bool:
        try:
            self.path.rmdir()
        except OSError:
            return False
        return True


def places() -> Iterator[tuple[Path, str]]:
    """Where a cgroup may be made, and the file of its limit."""
    mount = Path("/sys/fs/cgroup")
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            yield mount / "memory" / path.lstrip("/"), "memory.limit_in_bytes"
            yield mount / "memory", "memory.limit_in_bytes"
        elif not controllers:
            yield mount / path.lstrip("/"), "memory.max"
            yield mount, "memory.max"


@pytest.fixture
def cgroup(stage: Stage) -> Iterator[Cgroup]:
    for place, limit_file in places():
        path = place / f"minisup-test-{stage.mark[:8]}"
        try:
            path.mkdir()
            if not (path / limit_file).exists():
                path.rmdir()
                continue
        except OSError:
            continue
        made = Cgroup(path, limit_file)
        yield made
        stage.close()
        made.remove()
        return
    pytest.skip("no memory cgroup can be made here: it needs root, and a cgroup file system that is writable")


def up_within(stage: Stage, cgroup: Cgroup, *programs: str) -> Daemon:
    """minisup inside of the cgroup."""
    enter = ("sh", "-c", f'echo $$ > {cgroup.path}/cgroup.procs && exec "$@"', "sh")
    return stage.up(*programs, before=enter)


def test_a_run_that_the_kernel_kills_for_memory_is_oom_and_any_other_kill_a_crash(stage: Stage, cgroup: Cgroup) -> None:
    victim = sh(f"while ! test -e go; do sleep 0.02; done; exec {sys.executable} -I {EAT} 400")
    daemon = up_within(
        stage,
        cgroup,
        program("job", victim, retry=RETRY),
        program("other", "sleep 1000", retry={"backoff": "100ms"}, stop=AT_ONCE),
    )
    cgroup.limit(200 << 20)
    stage.write("go", "")
    slot = ended(daemon)
    assert (slot["last"]["outcome"], slot["last"]["signal"]) == ("oom", "SIGKILL")
    assert slot["cause"] == "oom: killed by the kernel, which had no memory left"
    os.kill(daemon.running_pid("other:0"), 9)
    assert ended(daemon, "other:0")["last"]["outcome"] == "crashed", "each kill of the kernel explains one death"
