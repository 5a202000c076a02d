"""The numbers of a simulation in words: what the terminal and the page have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from minisup.cli.report.report_words import count, percent, rate
from minisup.cli.status.status_words import amount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Facts = Mapping[str, Any]

SELDOM = 1 / 3600
"""Launches a second of which a rate says nothing."""

MOST_EVENTS = 12
MOST_ROWS = 3
"""Outages, and deploys, that are told one by one; of more their sum and the worst."""

WAYS = ("minisup", "supervisord")


class ComparisonRow(NamedTuple):
    """A line of the comparison: what it is about, and a text for each way."""

    label: str
    texts: tuple[str, ...]


def ways(program: Facts) -> tuple[str, ...]:
    """The rules that were simulated."""
    return tuple(way for way in WAYS if way in program)


def heading(document: Facts) -> str:
    """`30 m from 09:55, seed 1`."""
    seeds, first = document["seeds"], document["seed"]
    several = f"seeds {first} to {first + seeds - 1}; what is no median is of seed {first}"
    seed = f"seed {first}" if seeds == 1 else several
    return f"{amount(document['seconds'])} from {document['begins']}, {seed}"


def events(document: Facts) -> Iterator[tuple[str, str]]:
    """What happens: when, and what."""
    several = len(document["programs"]) > 1
    for event in document["happens"][:MOST_EVENTS]:
        whom = f" ({', '.join(event['programs'])})" if several and event["what"] != "deploy" else ""
        yield event["time"], f"{_event(event)}{whom}"
    more = len(document["happens"]) - MOST_EVENTS
    if more > 0:
        yield "...", f"and {more} more"


def _event(event: Facts) -> str:
    match event["what"]:
        case "outage":
            return f"an outage of {amount(event['size'])}: every run that starts fails"
        case "burst":
            return f"a burst of {count(int(event['size']), 'message')}"
        case _:
            return "a deploy: a shutdown, then a new start"


def rows(program: Facts, document: Facts) -> list[ComparisonRow]:
    """All that is said about a program, the ways side by side; what did not happen is left out."""
    found = [
        _row(program, "launches", lambda facts: f"{facts['launches']:,}{_per_second(facts)}"),
        _row(program, "worked", _worked),
        _row(program, "other ends", _others),
        _row(program, "polls", lambda facts: f"{facts['polls']:,} found nothing" if facts["polls"] else ""),
        _row(program, "busy", lambda facts: percent(facts["busy"])),
        _row(program, "held", _held),
        _row(program, "gave up", lambda facts: count(facts["gave_up"], "time") if facts["gave_up"] else ""),
        _row(program, "slots waited", lambda facts: f"at most {amount(facts['longest_wait'])}"),
        _row(program, "messages", _messages),
        _row(program, "messages waited", _waited),
        _row(program, "FATAL", lambda facts: _fatal(facts, program, document)),
    ]
    found += [*_outages(program, document), *_deploys(program, document)]
    return [row for row in found if any(row.texts)]


def clock(document: Facts, seconds: float) -> str:
    """The time of day of an instant of the document."""
    from minisup.cli.simulate.simulate_options import clock_time  # noqa: PLC0415 -- so that the words stay light

    return clock_time(_begins(document) + seconds)


def _begins(document: Facts) -> float:
    hours, minutes, *seconds = (int(part) for part in document["begins"].split(":"))
    return hours * 3600.0 + minutes * 60.0 + sum(seconds)


def _row(program: Facts, label: str, text: Callable[..., str]) -> ComparisonRow:
    texts = tuple(text(program[way]) for way in ways(program))
    some = any(texts)
    return ComparisonRow(label, tuple(words or "none" for words in texts) if some else texts)


def _per_second(facts: Facts) -> str:
    per_second = facts["launches_per_second"]
    if per_second >= 1:
        return f", {per_second:.2g}/s"
    return f", {rate(60 * per_second)}/min" if per_second >= SELDOM else ""


def _worked(facts: Facts) -> str:
    an_hour = facts["worked_per_hour"]
    return f"{an_hour:,.0f} an hour" if an_hour >= 1 else f"{facts['outcomes'].get('worked', 0)}"


def _others(facts: Facts) -> str:
    others = {name: number for name, number in facts["outcomes"].items() if name != "worked"}
    return ", ".join(f"{number:,} {name}" for name, number in others.items())


def _held(facts: Facts) -> str:
    holds = facts["holds"]
    return count(holds, "time") if holds else ""


def _messages(facts: Facts) -> str:
    queue = facts["queue"]
    return f"{queue['taken']:,} of {queue['arrived']:,} taken" if queue else ""


def _waited(facts: Facts) -> str:
    queue = facts["queue"]
    if not queue or not queue["arrived"]:
        return ""
    usual = "" if queue["median_wait"] is None else f", median {amount(queue['median_wait'])}"
    return f"at most {amount(queue['worst_wait'])}{usual}"


def _fatal(facts: Facts, program: Facts, document: Facts) -> str:
    fatal = facts["fatal"]
    if not fatal["slots"]:
        return ""
    return f"{fatal['slots']} of {program['slots']}, first {clock(document, round(fatal['first']))}"


def _outages(program: Facts, document: Facts) -> Iterator[ComparisonRow]:
    found = program["minisup"]["outages"]
    if len(found) <= MOST_ROWS:
        for number, outage in enumerate(found):
            if program["kind"] != "task" or outage["launches"]:  # else it was done
                yield _row(
                    program, f"outage {clock(document, outage['began'])}", lambda facts, n=number: _cost(facts, n)
                )
                for label, key in _marks(program):
                    yield _row(program, label, lambda facts, n=number, key=key: _after(facts, n, key))
        return
    yield _row(
        program,
        f"{len(found)} outages",
        lambda facts: f"{sum(each['launches'] for each in facts['outages']):,} launches",
    )
    for label, key in _marks(program):
        yield _row(program, label, lambda facts, key=key: _worst(facts, key))


def _marks(program: Facts) -> Iterator[tuple[str, str]]:
    """What is told of how an outage was over; a service works as long as it runs."""
    if program["kind"] != "service":
        yield "  one worked after", "first_worked"
    yield ("  caught up after", "caught_up") if program["minisup"]["queue"] else ("  all at work after", "back")


def _worst(facts: Facts, key: str) -> str:
    """Of many outages of the first seed: the longest, and how many were not over before the next deploy or the end."""
    known = [outage[key] for outage in facts["outages"] if outage[key] is not None]
    missing = len(facts["outages"]) - len(known)
    if not known:
        return _never(facts)
    return f"at most {amount(max(known))}" + (f", {missing} never" if missing else "")


def _cost(facts: Facts, number: int) -> str:
    outage, all_seeds = facts["outages"][number], facts["of_seeds"]
    law = "" if facts["rules"] == "supervisord" else f", limit {outage['most_launches']:,.0f}"
    if all_seeds is None:
        return f"{outage['launches']:,} launches{law}"
    spread = all_seeds["outages"][number]["launches"]
    return f"median {spread['median']:g} launches ({spread['least']:,} to {spread['most']:,}){law}"


def _after(facts: Facts, number: int, key: str) -> str:
    """How long after the end of an outage; a slot that is FATAL comes back with a deploy or by hand."""
    never = _never(facts)
    if facts["of_seeds"] is None:
        seconds = facts["outages"][number][key]
        return never if seconds is None else amount(seconds)
    spread = facts["of_seeds"]["outages"][number][key]
    if spread is None:
        return never
    missing = f", {spread['missing']} never" if spread["missing"] else ""
    return f"median {amount(spread['median'])} ({amount(spread['least'])} to {amount(spread['most'])}{missing})"


def _never(facts: Facts) -> str:
    return "never: FATAL" if facts["fatal"]["slots"] else "not by the end"


def _deploys(program: Facts, document: Facts) -> Iterator[ComparisonRow]:
    found = program["minisup"]["deploys"]
    if len(found) <= MOST_ROWS:
        for number, deploy in enumerate(found):
            label = f"deploy {clock(document, deploy['asked'])}"
            yield _row(program, label, lambda facts, n=number: _deploy(facts["deploys"][n]))
        return
    yield _row(program, f"{len(found)} deploys", _all_deploys)


def _all_deploys(facts: Facts) -> str:
    cut = sum(deploy["cut"] for deploy in facts["deploys"])
    longest = max(deploy["seconds"] for deploy in facts["deploys"])
    return f"{cut:,} cut, gone in at most {amount(longest)}"


def _deploy(deploy: Facts) -> str:
    return f"{deploy['cut']:,} cut, gone in {amount(deploy['seconds'])}"


def table(found: Sequence[ComparisonRow], heads: Sequence[str]) -> list[tuple[str, ...]]:
    """The rows as cells of one width a column; a head if there are several ways."""
    lines = [(row.label, *row.texts) for row in found]
    if len(heads) > 1:
        lines.insert(0, ("", *heads))
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads) + 1)]
    return [tuple(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
