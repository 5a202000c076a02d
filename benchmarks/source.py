"""What a source costs: python -m benchmarks.source [--quick]

A redis-server of its own and jobs in C, in one run: an empty queue, a message's way to its job, messages a second
beside the same slots without a source and beside a bare Python loop, and the memory of the receivers.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from redis import Redis

from benchmarks import machine
from benchmarks.contestants import minisup

SLOTS = 8
PATIENCE = 60.0
CONFIG = """\
[supervisor]
socket = {socket}
state_dir = {state}
history = {{ max_rows = 0 }}
[program.job]
command = {command}
numprocs = {slots}
min_runtime = 0
log = {{ to = "inherit" }}
{source}
"""


@contextmanager
def server(top: Path) -> Iterator[int]:
    """The port of a Redis server without files."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, cwd=top)
    try:
        wait(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def daemon(top: Path, job: list[str], source: str, slots: int = SLOTS) -> Iterator[int]:
    """The pid of a minisup that runs `job`."""
    shutil.rmtree(top / "state", ignore_errors=True)
    words = {"socket": str(top / "socket"), "state": str(top / "state"), "command": job}
    text = CONFIG.format(**{name: json.dumps(value) for name, value in words.items()}, slots=slots, source=source)
    (top / "minisup.toml").write_text(text)
    command = minisup(sys.executable, "up", "-c", str(top / "minisup.toml"))
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait((top / "socket").exists)
        yield process.pid
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait(done: Callable[[], bool]) -> None:
    """Wait for something that is to happen."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("what was expected did not happen")
        time.sleep(0.002)


def stream(port: int, name: str) -> str:
    """The keys of a source."""
    return f'source = {{ redis = "redis://127.0.0.1:{port}/0", stream = "{name}", group = "g" }}'


def counted(file: Path) -> int:
    """How many jobs have counted themselves."""
    return int.from_bytes(file.read_bytes()[:8], sys.byteorder)


def rate(file: Path, seconds: float) -> float:
    """Jobs a second, once they have begun."""
    wait(lambda: counted(file) > SLOTS)
    began, before = time.monotonic(), counted(file)
    time.sleep(seconds)
    return (counted(file) - before) / (time.monotonic() - began)


def bare(queue: Redis, name: str, job: list[str], messages: int) -> float:
    """Messages a second of a loop that reads, starts and acknowledges: what one writes by hand."""
    queue.xgroup_create(name, "g", id="0")
    running: dict[bytes, subprocess.Popen[bytes]] = {}
    done, began = 0, time.monotonic()
    while done < messages:
        if len(running) < SLOTS:
            for _, entries in queue.xreadgroup("g", "c", {name: ">"}, count=SLOTS - len(running)):
                for which, fields in entries:
                    running[which] = child = subprocess.Popen(job, stdin=subprocess.PIPE)
                    child.communicate(fields[b"body"])
        for which in [which for which, child in running.items() if child.poll() is not None]:
            del running[which]
            queue.xack(name, "g", which)
            done += 1
    return done / (time.monotonic() - began)


def main(quick: bool) -> None:
    """Measure and print."""
    seconds, sent = (2.0, 5) if quick else (10.0, 60)
    with tempfile.TemporaryDirectory(prefix="minisup-source-") as name:
        top = Path(name)
        machine.build(top, dynamic=False)
        with server(top) as port:
            queue, facts = Redis(port=port), top / "facts"
            count = [str(top / machine.JOB), "count", str(facts)]
            print(f"Measured on {machine.describe(sys.executable)}.")
            throughput(top, queue, port, count, seconds)
            latency(top, queue, port, sent, seconds)


def throughput(top: Path, queue: Redis, port: int, job: list[str], seconds: float) -> None:
    """Runs a second without a source, messages a second with one, and those of the bare loop."""
    facts = top / "facts"
    facts.write_bytes(bytes(8))
    with daemon(top, job, ""):
        without = rate(facts, seconds)
    for name in ("backlog", "bare"):
        pipe = queue.pipeline(transaction=False)
        for _ in range(int(without * (seconds + 5))):
            pipe.xadd(name, {"body": "x"})
        pipe.execute()
    facts.write_bytes(bytes(8))
    with daemon(top, job, stream(port, "backlog")):
        with_source = rate(facts, seconds)
    loop = bare(queue, "bare", job, int(with_source * seconds / 2))
    print(f"runs/s without a source {without:.0f}; messages/s {with_source:.0f} ({with_source / without:.2f})")
    print(f"messages/s of a bare loop {loop:.0f} (minisup / bare loop {with_source / loop:.2f})")


def latency(top: Path, queue: Redis, port: int, sent: int, seconds: float) -> None:
    """What an empty queue costs, then from XADD to the job's first instruction, one message a second."""
    stamps = top / "stamps"
    stamps.write_bytes(b"")
    with daemon(top, [str(top / machine.JOB), "stamp", str(stamps), "0"], stream(port, "slow")) as pid:
        time.sleep(2)
        before = machine.wakeups([pid])
        time.sleep(seconds)
        woken = machine.wakeups([pid]) - before
        print(
            f"an empty queue for {seconds:g} s: {len(stamps.read_bytes()) // 24} runs, {woken} wake-ups of the daemon"
        )
        receivers = [child for child in machine.descendants(pid) if child != pid]
        print(f"PSS of the Redis receiver: {machine.memory(receivers)[0]:.1f} MiB")
        times = []
        for number in range(sent):
            at = time.monotonic_ns()
            queue.xadd("slow", {"body": "x"})
            wait(lambda expected=number + 1: len(stamps.read_bytes()) >= 24 * expected)
            begin = int.from_bytes(stamps.read_bytes()[24 * number + 8 : 24 * number + 16], sys.byteorder)
            times.append((begin - at) / 1e6)
            time.sleep(1)
    print(f"XADD to first instruction, cold: p50 {median(times):.1f} ms, p95 {quantiles(times, n=20)[-1]:.1f} ms")


if __name__ == "__main__":
    main("--quick" in sys.argv)
