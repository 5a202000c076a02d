"""What is measured, of whom, and what is to be reached: the rows of the table."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks import measure
from benchmarks.contestants import ALL, C_POOL, MINISUP, SUPERVISORD, Contestant, Output
from benchmarks.measure import Bench

Sample = float | list[float]
Results = dict[str, list[Sample]]
"""By name of the contestant: a sample for each round; what failed has none."""


@dataclass(frozen=True)
class Goal:
    """What minisup is to reach. `holds` takes minisup's value and its ratio to the C pool."""

    text: str
    holds: Callable[[float, float], bool]


@dataclass(frozen=True)
class Row:
    """One line of the table: `value` reduces the samples of a contestant to a number."""

    what: str
    unit: str
    value: Callable[[list[Sample]], float]
    goal: Goal | None = None
    ratio: bool = True  # whether the ratio to the C pool is worth showing


@dataclass(frozen=True)
class Scenario:
    """A measurement of some contestants, repeated each round, and the rows that it gives."""

    key: str
    measure: Callable[[Bench, Contestant], Sample]
    rows: tuple[Row, ...]
    who: tuple[Contestant, ...] = ALL
    quick: bool = False  # part of a quick run


def numbers(samples: list[Sample]) -> list[float]:
    """Return all numbers of all rounds."""
    return [number for sample in samples for number in (sample if isinstance(sample, list) else [sample])]


def middle(samples: list[Sample]) -> float:
    """Return the median of all rounds."""
    return median(numbers(samples))


def percentile(samples: list[Sample], which: int) -> float:
    """Return a percentile of the numbers of all rounds."""
    return quantiles(numbers(samples), n=100, method="inclusive")[which - 1]


def _nth(place: int) -> Callable[[list[Sample]], float]:
    return lambda samples: median(sample[place] for sample in samples if isinstance(sample, list))


def _at_least(ratio: float) -> Goal:
    return Goal(f">= {ratio:.2f} of the C pool", lambda _, got: got >= ratio)


def _at_most(limit: float, unit: str) -> Goal:
    return Goal(f"<= {limit:g} {unit}", lambda value, _: value <= limit)


def _throughput(slots: int, output: Output, ratio: float) -> Scenario:
    how = "output inherited" if output is Output.INHERIT else "a line of output each, through a pipe"
    row = Row(f"instant jobs, {slots} slot{'s' * (slots > 1)}, {how}", "runs/s", middle, _at_least(ratio))
    return Scenario(
        f"throughput-{output}-{slots}",
        lambda bench, who: measure.runs_per_second(bench, who, slots, output),
        (row,),
        quick=slots == 8,
    )


def _gap(slots: int) -> Scenario:
    what = f"exit to next start, 50 ms jobs, {slots} slot{'s' * (slots > 1)}"
    rows = (
        Row(f"{what}: p50", "ms", lambda samples: percentile(samples, 50), _at_most(1.0, "ms")),
        Row(f"{what}: p99", "ms", lambda samples: percentile(samples, 99), _at_most(4.0, "ms")),
    )
    return Scenario(f"gap-{slots}", lambda bench, who: measure.gaps(bench, who, slots), rows, quick=slots == 8)


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
        Row("1,000 sleeping children: wake-ups", "/s", _nth(1), Goal("none", lambda value, _: value == 0), ratio=False),
        Row("memory (PSS) with 1,000 children", "MiB", _nth(2), _at_most(24, "MiB"), ratio=False),
    ),
)

STATUS = Scenario(
    "status",
    lambda bench, who: measure.latency(bench, who, ("status", "--once") if who is MINISUP else ("status",)),
    (Row("`status --once` (`supervisorctl status`)", "ms", middle, ratio=False),),
    (SUPERVISORD, MINISUP),
    quick=True,
)

HEALTH = Scenario(
    "health",
    lambda bench, who: measure.latency(bench, who, ("health",)),
    (Row("`health`", "ms", middle, _at_most(60, "ms"), ratio=False),),
    (MINISUP,),
    quick=True,
)

SCENARIOS = (
    *(_throughput(slots, Output.INHERIT, 0.74 if slots == 1 else 0.80) for slots in (1, 2, 8, 64)),
    *(_throughput(slots, Output.PIPED, 0.55) for slots in (1, 2, 8, 64)),
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
)


def ratio(results: Results) -> float | None:
    """Return the median of minisup's ratio to the C pool in each round, or None where one of them has no number."""
    pairs = zip(results.get(MINISUP.name, []), results.get(C_POOL.name, []), strict=False)
    found = [middle([ours]) / middle([limit]) for ours, limit in pairs]
    return median(found) if found else None
