"""What a start costs, by each way to start: `python -m benchmarks.spawn`. See docs/decisions/0002-spawn.md.

Two numbers a way: CPU of this process, and how long it is held up, in milliseconds a start of `true`; the best of some
rounds, in which the ways take turns. `--ballast MIB` makes this process as big as that: fork copies page tables.
"""

import argparse
import os
import subprocess
import time
from collections.abc import Callable

from minisup.host.inherited import seal_inherited_fds
from minisup.host.start.as_user import Forked
from minisup.host.start.environment import Account
from minisup.host.start.recipe import recipe
from minisup.host.start.rlimits import RunLimits
from minisup.host.start.spawn import NOTHING, Spawner

STARTS = 200
ROUNDS = 3
PAGE = 4096
NOBODY = Account("nobody", 65534, 65534, (65534,), "/nonexistent")
ENVIRONMENT = [os.fsencode(f"{name}={value}") for name, value in os.environ.items()]


def pid_of(started: int | Forked) -> int:
    """Of a child that has executed its command, or is on its way."""
    if isinstance(started, int):
        return started
    os.close(started.report)
    return started.pid


def refuse(*_arguments: object) -> int:
    """Stands for a Python whose `fork_exec` is not known."""
    raise TypeError


def ways() -> dict[str, Callable[[], int]]:
    """Functions that start a process and return its pid."""
    swift, plain = Spawner(), Spawner(fork_exec=refuse)
    ours = recipe(["true"], ENVIRONMENT, directory="/", umask=0o022)
    limited = recipe(["true"], ENVIRONMENT, directory="/", umask=0o022, limits=RunLimits(nofile=1024, nice=5))
    found: dict[str, Callable[[], int]] = {
        "fork_exec (vfork): minisup's own user": lambda: pid_of(swift.spawn(ours, 1, 0, NOTHING, NOTHING)),
        "the fall-back through Popen": lambda: pid_of(plain.spawn(ours, 1, 0, NOTHING, NOTHING)),
        "fork: limits": lambda: pid_of(swift.spawn(limited, 1, 0, NOTHING, NOTHING)),
        "os.posix_spawnp (no directory, no umask)": posix_spawn,
        "subprocess.Popen": popen,
    }
    if os.geteuid() == 0:
        other = recipe(["true"], ENVIRONMENT, directory="/", umask=0o022, account=NOBODY)
        found["fork: another user"] = lambda: pid_of(swift.spawn(other, 1, 0, NOTHING, NOTHING))
        found["subprocess.Popen(user=...)"] = popen_as_nobody
    return found


def posix_spawn() -> int:
    """What Python offers for speed; it knows neither a directory nor a umask."""
    null = (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDWR, 0)
    copies = [(os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
    return os.posix_spawnp("true", ["true"], os.environ, file_actions=[null, *copies], setsid=True)


def popen(**more: object) -> int:
    """A detached Popen."""
    process = subprocess.Popen(
        ["true"],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=False,
        start_new_session=True,
        umask=0o022,
        **more,
    )
    process.returncode = 0
    return process.pid


def popen_as_nobody() -> int:
    """A detached Popen that changes the user."""
    return popen(user=NOBODY.uid, group=NOBODY.gid, extra_groups=NOBODY.groups)


def cost(start: Callable[[], int]) -> tuple[float, float]:
    """CPU and time of one start, in milliseconds; the time until the end of the process does not count."""
    cpu = held_up = 0.0
    for _ in range(STARTS):
        before_cpu, before = time.process_time(), time.perf_counter()
        pid = start()
        held_up += time.perf_counter() - before
        cpu += time.process_time() - before_cpu
        os.waitpid(pid, 0)
    return cpu / STARTS * 1000, held_up / STARTS * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spawn", description=__doc__)
    parser.add_argument("--ballast", type=int, default=0, metavar="MIB", help="memory to hold meanwhile")
    size = parser.parse_args().ballast << 20
    ballast = bytearray(size)
    ballast[::PAGE] = b"1" * len(ballast[::PAGE])
    seal_inherited_fds()
    known = ways()
    rounds = [{name: cost(start) for name, start in known.items()} for _ in range(ROUNDS)]
    print(f"{'a start of true, by':45}  CPU ms  held up ms")
    for name in known:
        cpu, held_up = (min(found[name][which] for found in rounds) for which in (0, 1))
        print(f"{name:45}  {cpu:6.3f}  {held_up:10.3f}")


if __name__ == "__main__":
    main()
