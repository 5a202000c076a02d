"""How fast one child's 100-byte lines go through the pump, as a ratio to `cat` between the same ends.

    python -m benchmarks.throughput [MEGABYTES]

The same writer feeds `cat`, the pump with prefixes, the pump raw, and the pump that only remembers; the output goes to
/dev/null, to a file, and into a pipe that another `cat` empties. The best of several rounds counts: the machine's other
work can only slow a round down.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minisup.host.clock import Clock
from minisup.host.loop import Loop
from minisup.host.output.console import open_sink
from minisup.host.output.outlets import Outlet, Outlets
from minisup.host.output.pump import Pump

ROUNDS = 5
LINE = "x" * 99


def writer(megabytes: int, stdout: int) -> subprocess.Popen[bytes]:
    """A child that prints lines of 100 bytes faster than anybody takes them."""
    code = f"import os\nblock = b'{LINE}\\n' * 10_000\nfor _ in range({megabytes}): os.write(1, block)"
    return subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdout=stdout)


@contextmanager
def target(kind: str) -> Iterator[int]:
    """A descriptor to write to."""
    if kind == "/dev/null":
        fd = os.open(kind, os.O_WRONLY)
        yield fd
        os.close(fd)
    elif kind == "file":
        with tempfile.TemporaryFile(dir=Path.cwd()) as file:
            yield file.fileno()
    else:
        read_end, fd = os.pipe()
        reader = subprocess.Popen(["cat"], stdin=read_end, stdout=subprocess.DEVNULL)
        os.close(read_end)
        yield fd
        os.close(fd)
        reader.wait()


def through_cat(megabytes: int, fd: int) -> float:
    """Seconds for `cat`."""
    read_end, write_end = os.pipe()
    start = time.perf_counter()
    cat = subprocess.Popen(["cat"], stdin=read_end, stdout=fd)
    child = writer(megabytes, write_end)
    os.close(read_end)
    os.close(write_end)
    cat.wait()
    child.wait()
    return time.perf_counter() - start


def through_pump(megabytes: int, fd: int, to: str, form: str) -> float:
    """Seconds for the pump."""
    loop = Loop(Clock())
    sink = open_sink(fd, "stdout", loop, print)
    pump = Pump(loop, Outlets(loop, sink, sink, print))
    start = time.perf_counter()
    pipes = pump.open("email:0", 1, Outlet(to, form, "join"))
    assert pipes
    child = writer(megabytes, pipes.stdout_fd)
    pump.started(pipes)
    while pipes.streams[0].fd >= 0:
        now = time.monotonic()
        loop.serve(loop.wait(now + 1), now)
    sink.flush(time.monotonic() + 1)
    seconds = time.perf_counter() - start
    child.wait()
    sink.close()
    loop.close()
    return seconds


WAYS = {
    "cat": None,
    "prefix": ("console", "prefix"),
    "raw": ("console", "raw"),
    "json": ("console", "json"),
    "none": ("none", "raw"),
}


def best(megabytes: int, kind: str) -> dict[str, float]:
    """Megabytes a second of each way in its best round; the ways take turns, so that a busy minute hits them all."""
    seconds = dict.fromkeys(WAYS, float("inf"))
    for _ in range(ROUNDS):
        for name, way in WAYS.items():
            with target(kind) as fd:
                taken = through_pump(megabytes, fd, *way) if way else through_cat(megabytes, fd)
            seconds[name] = min(seconds[name], taken)
    return {name: megabytes / taken for name, taken in seconds.items()}


def main() -> None:
    """Measure and print."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    names = " ".join(f"{name:>7}" for name in WAYS if name != "cat")
    print(f"{'to':<10} {'cat':>9} {names}   (cat in MB/s, the others as ratios to it)")
    for kind in ("/dev/null", "file", "pipe"):
        rates = best(megabytes, kind)
        ratios = " ".join(f"{rates[name] / rates['cat']:7.2f}" for name in ("prefix", "raw", "json", "none"))
        print(f"{kind:<10} {rates['cat']:9.0f} {ratios}")


if __name__ == "__main__":
    main()
