"""The results as Markdown tables, on the screen and in the documentation."""

from pathlib import Path

from benchmarks.contestants import C_POOL, CAT, MINISUP, Contestant
from benchmarks.scenarios import EVERYBODY, Results, Row, Sample, Scenario, ratio

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def tables(scenarios: list[Scenario], results: dict[str, Results]) -> str:
    """Return a table for each limit, with one line for each row of each scenario."""
    parts = [
        _table([one for one in scenarios if one.limit is limit], results, limit)
        for limit in (C_POOL, CAT)
        if any(one.limit is limit for one in scenarios)
    ]
    return "\n\n".join(parts)


def verdicts(scenarios: list[Scenario], results: dict[str, Results]) -> list[str]:
    """Return a sentence for each goal that was missed."""
    rows = [(row, _cells(scenario, row, results[scenario.key], [])) for scenario in scenarios for row in scenario.rows]
    return [f"{cells[0]}: {cells[1]} ({cells[2] or '-'}), to reach {cells[3]}" for _, cells in rows if "no" in cells[4]]


def write(path: Path, text: str) -> None:
    """Put `text` between the markers of a document."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"cannot write {path}: it has no lines {BEGIN} and {END}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def _table(scenarios: list[Scenario], results: dict[str, Results], limit: Contestant) -> str:
    taking_part = {name for one in scenarios for name, samples in results[one.key].items() if _kept(samples)}
    others = [one for one in EVERYBODY if one.name in taking_part and one is not MINISUP]
    head = ["what", "minisup", f"/ {limit.name}", "to reach", "", *(one.name for one in others)]
    lines = [_line(head), _line(["---", "---:", "---:", "---", "---", *(["---:"] * len(others))])]
    lines += [_line(_cells(one, row, results[one.key], others)) for one in scenarios for row in one.rows]
    return "\n".join(lines)


def _cells(scenario: Scenario, row: Row, results: Results, others: list[Contestant]) -> list[str]:
    values = {name: row.value(kept) for name, samples in results.items() if (kept := _kept(samples))}
    to_limit = ratio(row, results, scenario.limit) if row.ratio else None
    shown = [_number(values.get(one.name), row.unit) for one in (MINISUP, *others)]
    verdict = _judge(row, values, to_limit or 0.0)
    return [row.what, shown[0], "" if to_limit is None else f"{to_limit:.2f}", *verdict, *shown[1:]]


def _judge(row: Row, values: dict[str, float], to_limit: float) -> tuple[str, str]:
    ours = values.get(MINISUP.name)
    if row.goal is None:
        return "", ""
    if ours is None:
        return row.goal.text, ""
    return row.goal.text, "yes" if row.goal.holds(ours, to_limit, values) else "**no**"


def _kept(samples: list[Sample | None]) -> list[Sample]:
    return [sample for sample in samples if sample is not None]


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f} {unit}"
    return f"{value:.1f} {unit}" if value >= 10 else f"{value:.2f} {unit}"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
