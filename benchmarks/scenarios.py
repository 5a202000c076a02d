"""What is measured, of whom, and what is to be reached: the rows of the tables."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks import flood, measure
from benchmarks.contestants import C_POOL, CAT, MINISUP, POPEN_POOL, SUPERVISORD, Contestant, Output
from benchmarks.measure import Bench
from benchmarks.peers import CIRCUS, PEERS, PM2, RUNIT, S6

Sample = float | list[float]
Results = dict[str, list[Sample | None]]
"""By name of the contestant: a sample for each round; None where it failed or did not take part."""

OURS = (C_POOL, POPEN_POOL, MINISUP)
ALL = (MINISUP, C_POOL, POPEN_POOL, SUPERVISORD, *PEERS)
QUICK = tuple(one for one in ALL if one not in {S6, RUNIT})
"""Those that start a slot more than once a second; for the two others one such measurement is enough."""

READERS = (CAT, MINISUP, SUPERVISORD, *PEERS)
EVERYBODY = (CAT, *ALL)


@dataclass(frozen=True)
class Goal:
    """What minisup is to reach. `holds` takes minisup's value, its ratio to the limit, and everybody's values."""

    text: str
    holds: Callable[[float, float, dict[str, float]], bool]


@dataclass(frozen=True)
class Row:
    """One line of a table: `value` reduces the samples of a contestant to a number."""

    what: str
    unit: str
    value: Callable[[list[Sample]], float]
    goal: Goal | None = None
    ratio: bool = True  # whether the ratio to the limit is worth showing


@dataclass(frozen=True)
class Scenario:
    """A measurement of some contestants, repeated each round, and the rows that it gives."""

    key: str
    measure: Callable[[Bench, Contestant], Sample]
    rows: tuple[Row, ...]
    who: tuple[Contestant, ...] = ALL
    limit: Contestant = C_POOL
    quick: bool = False  # part of a quick run


def numbers(samples: list[Sample]) -> list[float]:
    """Return all numbers of all rounds."""
    return [number for sample in samples for number in (sample if isinstance(sample, list) else [sample])]


def middle(samples: list[Sample]) -> float:
    """Return the median of all rounds."""
    return median(numbers(samples))


def percentile(samples: list[Sample], which: int) -> float:
    """Return a percentile of the numbers of all rounds."""
    found = numbers(samples)
    return quantiles(found, n=100, method="inclusive")[which - 1] if len(found) > 1 else found[0]


def ratio(row: Row, results: Results, limit: Contestant) -> float | None:
    """Return the median of minisup's ratio to the limit in each round, or None where one of them has no number."""
    pairs = zip(results.get(MINISUP.name, []), results.get(limit.name, []), strict=False)
    values = [(row.value([ours]), row.value([theirs])) for ours, theirs in pairs if ours is not None and theirs]
    found = [ours / theirs for ours, theirs in values if theirs]
    return median(found) if found else None


def _nth(place: int) -> Callable[[list[Sample]], float]:
    return lambda samples: median(sample[place] for sample in samples if isinstance(sample, list))


def _at_least(least: float, limit: Contestant = C_POOL) -> Goal:
    the = "the " * (limit is C_POOL)
    return Goal(f">= {least:.2f} of {the}{limit.name}", lambda _, got, __: got >= least)


def _at_most(limit: float, unit: str) -> Goal:
    return Goal(f"<= {limit:g} {unit}", lambda value, _, __: value <= limit)


NOT_SLOWER = Goal("not slower", lambda ours, _, all_: ours <= all_.get(SUPERVISORD.name, ours))
NOT_LESS = Goal("not slower than supervisord", lambda ours, _, all_: ours >= all_.get(SUPERVISORD.name, 0.0))
NONE = Goal("none", lambda value, _, __: value == 0)


def _throughput(slots: int, output: Output, least: float) -> Scenario:
    how = "output inherited" if output is Output.INHERIT else "a line of output each, through a pipe"
    row = Row(f"instant jobs, {slots} slot{'s' * (slots > 1)}, {how}", "runs/s", middle, _at_least(least))
    return Scenario(
        f"throughput-{output}-{slots}",
        lambda bench, who: measure.runs_per_second(bench, who, slots, output),
        (row,),
        ALL if slots == 8 and output is Output.INHERIT else QUICK,
        quick=slots == 8,
    )


def _gap(slots: int) -> Scenario:
    what = f"exit to next start, 50 ms jobs, {slots} slot{'s' * (slots > 1)}"
    rows = (
        Row(f"{what}: p50", "ms", lambda samples: percentile(samples, 50), _at_most(1.0, "ms")),
        Row(f"{what}: p99", "ms", lambda samples: percentile(samples, 99), _at_most(4.0, "ms")),
    )
    return Scenario(
        f"gap-{slots}",
        lambda bench, who: measure.gaps(bench, who, slots),
        rows,
        ALL if slots == 1 else QUICK,
        quick=slots == 8,
    )


def _cpu(output: Output, limit: float) -> Scenario:
    how = "inherited" if output is Output.INHERIT else "through a pipe"
    row = Row(f"CPU a run, 8 slots, 20 ms jobs, output {how}", "ms", middle, _at_most(limit, "ms"))
    return Scenario(f"cpu-{output}", lambda bench, who: measure.cpu_per_run(bench, who, output), (row,))


def _memory(slots: int, limit: float | None) -> Scenario:
    goal = _at_most(limit, "MiB") if limit else None
    rows = (
        Row(f"memory (PSS) with {slots} children", "MiB", _nth(0), goal, ratio=False),
        Row(f"memory (RSS) with {slots} children", "MiB", _nth(1), ratio=False),
    )
    return Scenario(f"memory-{slots}", lambda bench, who: measure.memory(bench, who, slots), rows, quick=slots == 10)


def _flood(to: str, *, prefix: bool) -> Scenario:
    what = f"100-byte lines to {'a file' if to == 'file' else 'stdout'}, {'prefixed' if prefix else 'raw'}"
    take = flood.to_file if to == "file" else flood.to_stdout
    rows = (
        Row(what, "MB/s", _nth(0), _at_least(0.30, CAT) if prefix else NOT_LESS),
        Row(f"{what}: CPU a GB", "s", _nth(1), ratio=False),
        Row(f"{what}: memory grows by", "MiB", _nth(2), _at_most(2.0, "MiB"), ratio=False),
    )
    who = (CAT, MINISUP) if prefix else READERS if to == "file" else (CAT, MINISUP, SUPERVISORD, CIRCUS)
    return Scenario(
        f"output-{to}-{'prefix' if prefix else 'raw'}",
        lambda bench, one: take(bench, one, prefix=prefix),
        rows,
        who,
        CAT,
        quick=prefix and to == "stdout",
    )


STALLED = Scenario(
    "output-stalled",
    flood.stalled,
    (Row("nobody reads stdout: memory grows by", "MiB", middle, _at_most(2.0, "MiB"), ratio=False),),
    (CAT, MINISUP, CIRCUS),  # supervisord stands still
    CAT,
    quick=True,
)

AS_USER = Scenario(
    "user",
    lambda bench, who: measure.runs_per_second(bench, who, 8, Output.INHERIT, "nobody"),
    (Row("instant jobs, 8 slots, `user = nobody`", "runs/s", middle),),
    (MINISUP, SUPERVISORD, S6, RUNIT, CIRCUS, PM2),
)

FIRST_EXEC = Scenario(
    "first-exec",
    measure.first_exec,
    (Row("start of the supervisor to the first exec", "ms", middle, _at_most(200, "ms"), ratio=False),),
    quick=True,
)

THOUSAND = Scenario(
    "thousand",
    measure.thousand,
    (
        Row("1,000 sleeping children: all up", "s", _nth(0), _at_most(1.0, "s"), ratio=False),
        Row("1,000 sleeping children: all stopped", "s", _nth(3), _at_most(0.3, "s"), ratio=False),
        Row("1,000 sleeping children: wake-ups", "/s", _nth(1), NONE, ratio=False),
        Row("memory (PSS) with 1,000 children", "MiB", _nth(2), _at_most(24, "MiB"), ratio=False),
    ),
)

STATUS = Scenario(
    "status",
    measure.status,
    (Row("the state of 8 children (`minisup status --once`)", "ms", middle, NOT_SLOWER, ratio=False),),
    tuple(one for one in ALL if one.status),
    quick=True,
)

HEALTH = Scenario(
    "health",
    measure.health,
    (Row("`minisup health`", "ms", middle, _at_most(60, "ms"), ratio=False),),
    (MINISUP,),
    quick=True,
)

SCENARIOS = (
    *(_throughput(slots, Output.INHERIT, 0.74 if slots == 1 else 0.80) for slots in (1, 2, 8, 64)),
    *(_throughput(slots, Output.PIPED, 0.55) for slots in (1, 2, 8, 64)),
    *((AS_USER,) if os.geteuid() == 0 else ()),
    _gap(1),
    _gap(8),
    _cpu(Output.INHERIT, 0.15),
    _cpu(Output.PIPED, 0.30),
    _memory(10, None),
    _memory(100, 18),
    FIRST_EXEC,
    STATUS,
    HEALTH,
    THOUSAND,
    *(_flood(to, prefix=prefix) for to in ("file", "stdout") for prefix in (False, True)),
    STALLED,
)
