"""What the live screen costs: python -m benchmarks.screen [--slots N] [--seconds S] [--write].

A minisup with 500 slots in 20 programs whose runs come and go, and `minisup status` on a terminal of 200 columns and 50
rows. Its share of one processor, and the requests that it makes, counted on their way by a relay between the two.
"""

import argparse
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

from benchmarks.contestants import installed
from benchmarks.trial import ENVIRONMENT

DOCUMENT = Path(__file__).parent.parent / "docs" / "explanation" / "performance.md"
BEGIN, END = "<!-- screen: begin -->", "<!-- screen: end -->"
PROGRAMS = 20
COLUMNS, ROWS = 200, 50
LIMIT, REQUESTS = 3.0, 2.0
"""Percent of one processor, and requests a second."""

SETTLE = 4.0
"""Seconds before it is measured: imports, and the first pictures."""

CONFIG = """
[supervisor]
socket = "{0}/real"
state_dir = "{0}"
history = {{ max_rows = 0 }}
"""
PROGRAM = """
[program.queue-{0:02}]
command = ["sh", "-c", "echo job; sleep {1}"]
numprocs = {2}
min_runtime = 0
log = {{ to = "none" }}
stop = {{ drain = 0, timeout = "1s" }}
"""


class Relay(threading.Thread):
    """Passes on what comes at one socket to another, and counts the lines that ask."""

    def __init__(self, here: str, there: str) -> None:
        super().__init__(daemon=True)
        self.requests = 0
        self._there = there
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(here)
        self._listener.listen()

    def run(self) -> None:
        """Serve one client after another."""
        while True:
            client, _ = self._listener.accept()
            with client, socket.socket(socket.AF_UNIX) as server:
                server.connect(self._there)
                self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            ready, _, _ = select.select([client, server], [], [])
            for source in ready:
                data = source.recv(1 << 18)
                if not data:
                    return
                self.requests += data.count(b"\n") if source is client else 0
                (server if source is client else client).sendall(data)


class Terminal(threading.Thread):
    """Reads what the screen draws, so that it never waits, and counts it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes = 0
        self._end, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (ROWS, COLUMNS))

    def run(self) -> None:
        """Until the other end is closed."""
        try:
            while data := os.read(self._end, 1 << 16):
                self.bytes += len(data)
        except OSError:
            pass  # so Linux says that nobody has it open any more


def cpu(pid: int) -> float:
    """Return the seconds of processor time that a process has had."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def measured(slots: int, seconds: float) -> tuple[float, float, float]:
    """Return percent of a processor, requests a second, and bytes drawn a second."""
    with tempfile.TemporaryDirectory(prefix="minisup-screen-") as directory:
        programs = [PROGRAM.format(number, 3 + number % 5, slots // PROGRAMS) for number in range(PROGRAMS)]
        file = Path(directory) / "minisup.toml"
        file.write_text(CONFIG.format(directory) + "".join(programs))
        minisup = installed("minisup")
        with subprocess.Popen([minisup, "-c", str(file), "up"], env=ENVIRONMENT, stderr=subprocess.DEVNULL) as daemon:
            try:
                until = time.monotonic() + 20
                while not Path(directory, "real").exists() and time.monotonic() < until:
                    time.sleep(0.05)
                return looked_at(minisup, directory, seconds)
            finally:
                daemon.send_signal(signal.SIGTERM)


def looked_at(minisup: str, directory: str, seconds: float) -> tuple[float, float, float]:
    """Return the same of the minisup that answers in a directory."""
    relay, terminal = Relay(f"{directory}/relay", f"{directory}/real"), Terminal()
    relay.start()
    terminal.start()
    environment = {**ENVIRONMENT, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    tty = terminal.slave
    command = [minisup, "-s", f"{directory}/relay", "status"]
    with subprocess.Popen(command, stdin=tty, stdout=tty, stderr=tty, env=environment) as screen:
        try:
            time.sleep(SETTLE)
            began, before = time.monotonic(), (cpu(screen.pid), relay.requests, terminal.bytes)
            time.sleep(seconds)
            after, took = (cpu(screen.pid), relay.requests, terminal.bytes), time.monotonic() - began
        finally:
            screen.send_signal(signal.SIGTERM)
    share, requests, drawn = ((new - old) / took for new, old in zip(after, before, strict=True))
    return 100 * share, requests, drawn


def main() -> int:
    """Measure, print, and return 1 if a limit was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screen", description=__doc__)
    parser.add_argument("--slots", type=int, default=500, metavar="N", help="slots, in 20 programs (500)")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="how long it is watched (20)")
    parser.add_argument("--write", action="store_true", help=f"write the row into docs/explanation/{DOCUMENT.name}")
    asked = parser.parse_args()
    share, requests, drawn = measured(asked.slots, asked.seconds)
    reached = share <= LIMIT and requests <= REQUESTS
    text = (
        "| what | CPU of one core | to reach | requests/s | to reach | drawn | |\n"
        "| --- | ---: | --- | ---: | --- | ---: | --- |\n"
        f"| live screen, {asked.slots} slots in {PROGRAMS} programs, {COLUMNS} x {ROWS}, {asked.seconds:g} s "
        f"| {share:.1f} % | <= {LIMIT:g} % | {requests:.2f} | <= {REQUESTS:g} | {drawn / 1000:.1f} kB/s "
        f"| {'yes' if reached else '**no**'} |"
    )
    print(text)
    if asked.write:
        before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
        _, found, after = rest.partition(END)
        if not found:
            sys.stderr.write(f"cannot write {DOCUMENT}: it has no lines {BEGIN} and {END}\n")
            return 1
        DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
