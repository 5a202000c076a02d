"""What the jobs wrote about themselves, against what minisup says about them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from attackers import PREFIX

from minisup.core.model import Outcome

TOLD = re.compile(rf"^(\S+:\d+) run (\d+) ({'|'.join(Outcome)})\b", re.MULTILINE)
BY_CODE = {"0": {"worked", "failed", "idle"}, "7": {"idle"}, "1": {"failed"}, "78": {"fatal"}, "crash": {"crashed"}}
"""What an end that a job has announced may be called; of a service 0 is a failure."""
BY_SIGNAL = {"stopped", "timeout", "crashed", "oom"}
"""What an end by a signal may be called: it may come at any moment, also before a job has said a word."""


class Told(NamedTuple):
    """A line of minisup about the end of a run."""

    slot: str
    run: str
    outcome: str


class Ledger:
    """The lines that jobs wrote: who has started, what each announced, and who found another run in its slot."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.started: dict[str, str] = {}  # run -> slot
        self.ended: dict[str, str] = {}  # run -> code
        self.wrong: list[str] = []
        for line in lines:
            kind, run, what, *_ = line.split()
            if kind == "!":
                self.wrong.append(f"two runs in {what}: run {run} found another one")
            known = self.ended if kind == "e" else self.started
            if run in known:
                self.wrong.append(f"run {run} was written twice: {known[run]}, {what}")
            known[run] = what


def told_in(stderr: str) -> list[Told]:
    """What minisup said about ends, in order."""
    return [Told(*match) for match in TOLD.findall(stderr)]


def disagreements(ledger: Ledger, told: list[Told], status: Mapping[str, Any] | None) -> list[str]:
    """Where the jobs, minisup's lines and its status do not tell the same. `status` None: minisup has ended."""
    wrong = list(ledger.wrong)
    ends = {end.run: end for end in told}
    if len(ends) != len(told):
        twice = [run for run, count in Counter(end.run for end in told).items() if count > 1]
        wrong.append(f"ended more than once: runs {twice[:5]}")
    for run, slot in ledger.started.items():
        end = ends.get(run)
        if end is None and status is not None:
            wrong.append(f"run {run} of {slot} has started, is not in progress, and its end was never told")
        elif end is not None and end.slot != slot:
            wrong.append(f"run {run} ran in {slot} and ended in {end.slot}")
        elif end is not None and end.outcome == "unstartable":
            wrong.append(f"run {run} of {slot} has started and is said to be unstartable")
    wrong += [problem for end in told if (problem := quarrel(end, ledger))]
    return wrong + (miscounts(told, status) if status is not None else [])


def quarrel(end: Told, ledger: Ledger) -> str | None:
    """What is wrong with an end that was told, by what the job wrote."""
    if end.outcome in {*BY_SIGNAL, "unstartable"} or end.slot.startswith(PREFIX):
        return None
    code = ledger.ended.get(end.run)
    if code is None:
        return f"run {end.run} of {end.slot} is said to have {end.outcome} and has not announced it"
    if end.outcome not in BY_CODE[code]:
        return f"run {end.run} of {end.slot} announced {code} and is said to be {end.outcome}"
    return None


def miscounts(told: list[Told], status: Mapping[str, Any]) -> list[str]:
    """Programs whose counts in the status are not those of the ends that were told."""
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for end in told:
        counted[end.slot.rpartition(":")[0]][end.outcome] += 1
    wrong = []
    for program in status["programs"]:
        runs = {outcome: count for outcome, count in program["runs"].items() if count}
        total = runs.pop("total", 0)
        if total != sum(runs.values()) or runs != counted[program["name"]]:
            wrong.append(
                f"{program['name']}: status counts {runs} of {total}, told were {dict(counted[program['name']])}"
            )
    return wrong


def lines_of(path: Path) -> list[str]:
    """The whole lines of the ledger."""
    return path.read_text().splitlines() if path.exists() else []
