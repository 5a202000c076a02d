"""What it takes to start a command: python -m benchmarks.startup [--rounds N] [--quick] [--write].

A minisup with one program runs beside. The commands are started in turn, round after round, together with a Python that
does nothing, so that a busy moment of the machine hits them all. Medians of the time that passes and of the CPU time,
which a busy machine moves less; the modules that are loaded are counted once. The installed size is that of a fresh
environment without pip, bytecode included; `--quick` leaves it out.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

TOP = Path(__file__).parent.parent
DOCUMENT = TOP / "docs" / "explanation" / "performance.md"
BEGIN, END = "<!-- startup: begin -->", "<!-- startup: end -->"
LIMIT = 120.0
"""Milliseconds of CPU time that a command may take."""

PATIENCE = 30.0
"""Seconds for the minisup beside to be there, and to end."""

CONFIG = """
[supervisor]
socket = "{0}/socket"
state_dir = "{0}"
[program.email]
command = ["sleep", "1000"]
kind = "service"
"""
COUNT = """
import sys
from minisup.__main__ import main
try:
    main()
finally:
    sys.stderr.write(f"\\n{len(sys.modules)}")
"""
NOTHING = "Python that does nothing"


def commands(config: str) -> dict[str, list[str]]:
    """What is started, by the name of its row; words for minisup."""
    named = ["-c", config]
    return {
        "minisup --help": ["--help"],
        "minisup stop --help": ["stop", "--help"],
        "minisup --version": ["--version"],
        "minisup version": ["version", *named],
        "minisup status": ["status", *named],
        "minisup why email": ["why", "email", *named],
        "minisup stop email": ["stop", "email", *named],
        "minisup check": ["check", *named],
    }


def timed(command: list[str]) -> tuple[float, float]:
    """Milliseconds that passed, and of CPU time."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    passed, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return passed * 1000, used * 1000


def modules(words: list[str]) -> int:
    """The modules that a command has loaded when it ends, those of Python's own start included."""
    done = subprocess.run([sys.executable, "-c", COUNT, *words], capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-1])


def measured(rounds: int) -> list[tuple[str, float, float, int]]:
    """A row for each command."""
    with tempfile.TemporaryDirectory(prefix="minisup-startup-") as name:
        config = Path(name) / "minisup.toml"
        config.write_text(CONFIG.format(name), encoding="utf-8")
        words = commands(str(config))
        minisup = subprocess.Popen(
            [sys.executable, "-m", "minisup", "up", "-c", str(config)], stderr=subprocess.DEVNULL
        )
        try:
            until = time.monotonic() + PATIENCE
            while not (Path(name) / "socket").exists() and time.monotonic() < until:
                time.sleep(0.01)
            return _rows(words, rounds)
        finally:
            minisup.terminate()
            minisup.wait(PATIENCE)


def _rows(words: dict[str, list[str]], rounds: int) -> list[tuple[str, float, float, int]]:
    lines = {NOTHING: [sys.executable, "-c", "pass"]}
    lines |= {name: [sys.executable, "-m", "minisup", *line] for name, line in words.items()}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in lines}
    for _ in range(rounds):
        for name, line in lines.items():
            taken[name].append(timed(line))
    counted = {name: modules(line) for name, line in words.items()}
    return [
        (name, statistics.median(t for t, _ in each), statistics.median(c for _, c in each), counted.get(name, 0))
        for name, each in taken.items()
    ]


def installed() -> dict[str, float]:
    """Megabytes by package, in a fresh environment."""
    with tempfile.TemporaryDirectory(prefix="minisup-installed-") as name:
        venv.create(name, with_pip=True)
        python = os.path.join(name, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", str(TOP)], check=True)
        subprocess.run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "setuptools", "pip"], check=True)
        packages = next(Path(name).glob("lib/python*/site-packages"))
        sizes = {
            entry.name: sum(file.stat().st_size for file in [entry, *entry.rglob("*")] if file.is_file()) / 1e6
            for entry in packages.iterdir()
        }
        shutil.rmtree(packages)
    return sizes


def table(rows: list[tuple[str, float, float, int]], sizes: dict[str, float]) -> str:
    """The text for the page."""
    lines = ["| what | passed | CPU | to reach | modules | |", "| --- | ---: | ---: | --- | ---: | --- |"]
    for name, passed, used, count in rows:
        if name == NOTHING:
            lines.append(f"| {name} | {passed:.0f} ms | {used:.0f} ms | | | |")
        else:
            reached = "yes" if used <= LIMIT else "**no**"
            lines.append(f"| `{name}` | {passed:.0f} ms | {used:.0f} ms | <= {LIMIT:g} ms | {count} | {reached} |")
    if sizes:
        largest = sorted(((size, name) for name, size in sizes.items() if "." not in name), reverse=True)[:4]
        named = ", ".join(f"{name} {size:.1f}" for size, name in largest)
        lines += ["", f"Installed: {sum(sizes.values()):.1f} MB, bytecode included; the largest: {named}."]
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and return 1 if a limit was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, metavar="N", help="starts of each command (21)")
    parser.add_argument("--quick", action="store_true", help="two rounds, and nothing is installed: does it run?")
    parser.add_argument("--write", action="store_true", help=f"write the rows into docs/explanation/{DOCUMENT.name}")
    asked = parser.parse_args()
    rows = measured(2 if asked.quick else asked.rounds)
    text = table(rows, {} if asked.quick else installed())
    print(text)
    if asked.write:
        before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
        _, found, after = rest.partition(END)
        if not found:
            sys.stderr.write(f"cannot write {DOCUMENT}: it has no lines {BEGIN} and {END}\n")
            return 1
        DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    return 0 if all(used <= LIMIT for _, _, used, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
