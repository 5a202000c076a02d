"""The results as a Markdown table, on the screen and in the documentation."""

from pathlib import Path

from benchmarks.contestants import ALL, MINISUP, SUPERVISORD
from benchmarks.scenarios import STATUS, Results, Row, Scenario, ratio

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def table(scenarios: list[Scenario], results: dict[str, Results]) -> str:
    """Return one line for each row of each scenario."""
    names = [who.name for who in ALL]
    head = ["what", *names, "minisup / C pool", "to reach", ""]
    lines = [_line(head), _line(["---", *["---:"] * (len(names) + 1), "---", "---"])]
    lines += [_line(_cells(scenario, row, results[scenario.key])) for scenario in scenarios for row in scenario.rows]
    return "\n".join(lines)


def verdicts(scenarios: list[Scenario], results: dict[str, Results]) -> list[str]:
    """Return a sentence for each goal that was missed."""
    rows = [(row, _cells(scenario, row, results[scenario.key])) for scenario in scenarios for row in scenario.rows]
    return [f"{cells[0]}: {cells[len(ALL)]}, to reach {cells[-2]}" for _, cells in rows if cells[-1] == "**no**"]


def write(path: Path, text: str) -> None:
    """Put `text` between the markers of a document."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"cannot write {path}: it has no lines {BEGIN} and {END}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


def _cells(scenario: Scenario, row: Row, results: Results) -> list[str]:
    values = {who.name: row.value(results[who.name]) for who in ALL if results.get(who.name)}
    shown = [_number(values.get(who.name), row.unit) for who in ALL]
    to_limit = ratio(results) if row.ratio and len(scenario.rows) == 1 else None
    if row.ratio and to_limit is None and ALL[0].name in values and MINISUP.name in values:
        to_limit = values[MINISUP.name] / values[ALL[0].name]
    goal, reached = _judge(scenario, row, values, to_limit)
    return [row.what, *shown, "" if to_limit is None else f"{to_limit:.2f}", goal, reached]


def _judge(scenario: Scenario, row: Row, values: dict[str, float], to_limit: float | None) -> tuple[str, str]:
    ours = values.get(MINISUP.name)
    if scenario is STATUS:
        theirs = values.get(SUPERVISORD.name)
        if ours is None or theirs is None:
            return "not slower", ""
        return "not slower", "yes" if ours <= theirs else "**no**"
    if row.goal is None or ours is None:
        return row.goal.text if row.goal else "", ""
    return row.goal.text, "yes" if row.goal.holds(ours, to_limit or 0.0) else "**no**"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f} {unit}"
    return f"{value:.1f} {unit}" if value >= 10 else f"{value:.2f} {unit}"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
