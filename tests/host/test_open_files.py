"""minisup may have more files open than its runs: the soft limit that it was started with is theirs."""

import resource
import subprocess
import sys

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, program, sh, wait_until

LIMIT = sh("ulimit -Sn; ulimit -Hn; exec sleep 1000")
LOW, HIGH = 96, 600


def few_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (LOW, HIGH))


def limits_of(daemon: Daemon, name: str, slots: int) -> set[tuple[str, ...]]:
    return {tuple(daemon.lines(f"{name}:{index}")) for index in range(slots)}


@pytest.mark.parametrize("user", [{}, {"limits": {"nice": 5}}], ids=["vfork", "fork"])
def test_more_slots_than_the_soft_limit_has_room_for_all_run_and_get_that_limit(
    stage: Stage, user: dict[str, object]
) -> None:
    slots = 70  # two descriptors each
    daemon = stage.up(program("many", LIMIT, numprocs=slots, stop=AT_ONCE, **user), preexec_fn=few_files)
    wait_until(lambda: daemon.program("many")["running"] == slots, 3 * SOON, "all run")
    told = {(str(LOW), str(HIGH))}
    wait_until(lambda: limits_of(daemon, "many", slots) == told, SOON, "each has the limit that minisup was given")
    assert daemon.program("many")["runs"]["unstartable"] == 0


def test_where_there_is_room_nothing_is_raised(stage: Stage) -> None:
    daemon = stage.up(program("few", "sleep 1000", numprocs=4, stop=AT_ONCE))
    daemon.running_pid("few:3")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE) == before


def test_low_numbers_stay_free_for_other_threads() -> None:
    """In the moment of a start the old limit counts, and a thread may want to open a file."""
    code = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 300))
from minisup.host.descriptors import OPEN_FILES
kept = [OPEN_FILES.lift(os.open("/dev/null", os.O_RDONLY)) for _ in range(200)]
assert len(set(kept)) == 200 and all(os.fstat(fd) for fd in kept)
assert not any(os.get_inheritable(fd) for fd in kept)
OPEN_FILES.lower()
fd = os.open("/dev/null", os.O_RDONLY)
print(OPEN_FILES.raised, fd < 64, resource.getrlimit(resource.RLIMIT_NOFILE))
OPEN_FILES.restore()
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True True (64, 300)\n(300, 300)\n"
