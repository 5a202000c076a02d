"""Run the benchmarks: all contestants in turn, round after round: a busy moment of the machine hits them all."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import machine, report
from benchmarks.contestants import ALL, Contestant, installed
from benchmarks.measure import Bench
from benchmarks.scenarios import SCENARIOS, Results, Scenario
from benchmarks.trial import TrialError

DOCUMENT = Path(__file__).parent.parent / "docs" / "explanation" / "performance.md"


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="repeats of every measurement (5)")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a measurement (1.5)")
    parser.add_argument(
        "--quick", action="store_true", help="one short round of a few measurements: does it run at all?"
    )
    parser.add_argument("--static", action="store_true", help="a job that loads no library: the supervisor weighs more")
    parser.add_argument("--only", default="", metavar="WORDS", help="scenarios whose key begins with one of a,b,c")
    parser.add_argument("--who", default="", metavar="NAMES", help="contestants whose name begins with one of a,b,c")
    parser.add_argument("--write", action="store_true", help=f"write the table into docs/explanation/{DOCUMENT.name}")
    parser.add_argument("--list", action="store_true", help="list the keys of the scenarios")
    return parser.parse_args()


def begins(name: str, words: str) -> bool:
    """Whether `name` begins with one of the words, or there are none."""
    return not words or name.lower().startswith(tuple(words.lower().split(",")))


def run(bench: Bench, scenarios: list[Scenario], who: list[Contestant], rounds: int) -> tuple[dict[str, Results], int]:
    """Return all samples, by scenario and contestant, and the number of measurements that failed."""
    results: dict[str, Results] = {scenario.key: {} for scenario in scenarios}
    failed = 0
    for number in range(rounds):
        for scenario in scenarios:
            entered = [one for one in who if one in scenario.who]
            for place in range(len(entered)):
                one = entered[(place + number) % len(entered)]
                began = time.monotonic()
                try:
                    results[scenario.key].setdefault(one.name, []).append(scenario.measure(bench, one))
                except (TrialError, OSError) as error:
                    failed += 1
                    sys.stderr.write(f"cannot measure {scenario.key} of {one.name}: {error}\n")
                took = time.monotonic() - began
                sys.stderr.write(f"round {number + 1} of {rounds}: {scenario.key}, {one.name}: {took:.1f} s\n")
    return results, failed


def main() -> int:
    """Measure, print the table, and return 1 if something could not be measured."""
    asked = options()
    scenarios = [one for one in SCENARIOS if begins(one.key, asked.only) and (one.quick or not asked.quick)]
    if asked.list:
        print("\n".join(scenario.key for scenario in scenarios))
        return 0
    who = [one for one in ALL if begins(one.name, asked.who)]
    missing = [name for name in ("minisup", "supervisord") if not installed(name)]
    if missing:
        sys.stderr.write(f"cannot find {' and '.join(missing)}: install the test extra, `pip install -e '.[test]'`\n")
        return 1
    rounds, seconds = (1, 0.5) if asked.quick else (asked.rounds, asked.seconds)
    with tempfile.TemporaryDirectory(prefix="minisup-bench-") as directory:
        machine.build(Path(directory), dynamic=not asked.static)
        results, failed = run(Bench(Path(directory), seconds), scenarios, who, rounds)
    how = f"{rounds} round{'s' * (rounds > 1)} of {seconds:g} s, medians; {'static' if asked.static else 'dynamic'} job"
    text = f"Measured on {machine.describe()}; {how}.\n\n{report.table(scenarios, results)}"
    print(text)
    for sentence in report.verdicts(scenarios, results):
        print(f"not reached: {sentence}")
    if asked.write:
        report.write(DOCUMENT, text)
    return 1 if failed else 0


sys.exit(main())
