"""Run the benchmarks: all contestants in turn, round after round: a busy moment of the machine hits them all."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import machine, report
from benchmarks.contestants import CAT, MINISUP, SUPERVISORD, Contestant
from benchmarks.measure import Bench
from benchmarks.peers import PEERS
from benchmarks.scenarios import EVERYBODY, OURS, SCENARIOS, Results, Sample, Scenario
from benchmarks.trial import TrialError

DOCUMENT = Path(__file__).parent.parent / "docs" / "explanation" / "performance.md"
EXACT = (*OURS, CAT)
"""Contestants that are compared closely; the others are measured in the first rounds only."""

PEER_ROUNDS = 2


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="repeats of every measurement (5)")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a measurement (1.5)")
    parser.add_argument(
        "--quick", action="store_true", help="one short round of a few measurements: does it run at all?"
    )
    parser.add_argument("--static", action="store_true", help="a job that loads no library: the supervisor weighs more")
    parser.add_argument("--python", default=sys.executable, metavar="PATH", help="run minisup with another Python")
    parser.add_argument("--only", default="", metavar="WORDS", help="scenarios whose key begins with one of a,b,c")
    parser.add_argument("--who", default="", metavar="NAMES", help="contestants whose name begins with one of a,b,c")
    parser.add_argument("--write", action="store_true", help=f"write the tables into docs/explanation/{DOCUMENT.name}")
    parser.add_argument("--list", action="store_true", help="list the keys of the scenarios and the contestants")
    return parser.parse_args()


def begins(name: str, words: str) -> bool:
    """Whether `name` begins with one of the words, or there are none."""
    return not words or name.lower().startswith(tuple(words.lower().split(",")))


def contestants(words: str, *, quick: bool) -> list[Contestant]:
    """Return those that are asked for and are here; say how to get the others."""
    asked = [one for one in EVERYBODY if begins(one.name, words) and (words or not quick or one not in PEERS)]
    for one in asked:
        if not one.present:
            sys.stderr.write(f"{one.name} is not here ({one.needs} is not on the PATH): {one.install}\n")
    return [one for one in asked if one.present]


def run(bench: Bench, scenarios: list[Scenario], who: list[Contestant], rounds: int) -> tuple[dict[str, Results], int]:
    """Return all samples, by scenario and contestant, and the number of measurements that failed."""
    results: dict[str, Results] = {scenario.key: {} for scenario in scenarios}
    failed = 0
    for number in range(rounds):
        for scenario in scenarios:
            entered = [one for one in who if one in scenario.who and (number < PEER_ROUNDS or one in EXACT)]
            for place in range(len(entered)):
                one = entered[(place + number) % len(entered)]
                sample, took = measured(bench, scenario, one)
                failed += sample is None and one not in PEERS
                results[scenario.key].setdefault(one.name, []).append(sample)
                sys.stderr.write(f"round {number + 1} of {rounds}: {scenario.key}, {one.name}: {took:.1f} s\n")
    return results, failed


def measured(bench: Bench, scenario: Scenario, one: Contestant) -> tuple[Sample | None, float]:
    """Return a sample, None if there is none to be had, and the seconds that it took."""
    began = time.monotonic()
    sample = None
    try:
        sample = scenario.measure(bench, one)
    except (TrialError, OSError) as error:
        sys.stderr.write(f"cannot measure {scenario.key} of {one.name}: {error}\n")
    return sample, time.monotonic() - began


def main() -> int:
    """Measure, print the tables, and return 1 if something could not be measured."""
    asked = options()
    scenarios = [one for one in SCENARIOS if begins(one.key, asked.only) and (one.quick or not asked.quick)]
    if asked.list:
        print("\n".join(scenario.key for scenario in scenarios), "", *(one.name for one in EVERYBODY), sep="\n")
        return 0
    who = contestants(asked.who, quick=asked.quick)
    if not (MINISUP.present and SUPERVISORD.present):
        return 1
    rounds, seconds = (1, 0.5) if asked.quick else (asked.rounds, asked.seconds)
    with tempfile.TemporaryDirectory(prefix="minisup-bench-") as name:
        programs = Path(name)
        programs.chmod(0o755)  # for jobs of another user
        machine.build(programs, dynamic=not asked.static)
        results, failed = run(Bench(programs, seconds, asked.python), scenarios, who, rounds)
    how = f"{rounds} round{'s' * (rounds > 1)} of {seconds:g} s, medians; {'static' if asked.static else 'dynamic'} job"
    text = f"Measured on {machine.describe(asked.python)}; {how}.\n\n{report.tables(scenarios, results)}"
    print(text)
    for sentence in report.verdicts(scenarios, results):
        print(f"not reached: {sentence}")
    if asked.write:
        report.write(DOCUMENT, text)
    return 1 if failed else 0


sys.exit(main())
