"""A chaos run, with a summary; exits 1 if it found something. Without a seed it takes one by chance, and says which.

python -m tests.chaos --seconds 60 --programs 50 --seed 1
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "host")]

from trial import run  # noqa: E402 -- now it can be found


def main() -> int:
    """Run as often as was asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the storm lasts")
    parser.add_argument("--programs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--times", type=int, default=1, help="runs, each with the next seed")
    parser.add_argument("--keep", type=Path, help="a directory for what the runs write; else it is thrown away")
    given = parser.parse_args()
    found = False
    for seed in range(given.seed, given.seed + given.times):
        with tempfile.TemporaryDirectory(prefix="minisup-chaos-") as scratch:
            directory = Path(scratch) if given.keep is None else given.keep / str(seed)
            directory.mkdir(parents=True, exist_ok=True)
            report = run(directory, given.seconds, given.programs, seed)
        sys.stdout.write(f"{report}\n")
        found = found or bool(report.wrong)
    return int(found)


sys.exit(main())
