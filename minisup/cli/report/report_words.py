"""The numbers of a report in words: what the terminal and the page have in common."""

from __future__ import annotations

import time
from datetime import datetime

from minisup.cli.status.status_words import amount
from minisup.core.policy.timestamp import local_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

ORDER = ("worked", "idle", "recycled", "failed", "crashed", "timeout", "oom", "fatal", "unstartable", "stopped", "lost")
"""Outcomes as they are told: well, unwell, the rest."""

UNWELL = frozenset(ORDER[3:9])

DAY = 86400.0


def moment(stamp: str, seconds: float) -> str:
    """An instant of the document as people in this time zone say it; with its date if the period is long."""
    at = local_time(stamp)
    return f"{at:%H:%M}" if seconds <= DAY else f"{at:%b} {at.day} {at:%H:%M}"


def heading(document: Mapping[str, Any]) -> str:
    """What the report is about: `24 h to Nov 24 22:10`."""
    until, hours = local_time(document["until"]), document["seconds"] / 3600
    span = f"{hours:.0f} h" if 10 <= hours <= 48 else amount(document["seconds"])  # noqa: PLR2004 -- a day is 24 h
    return f"{span} to {until:%b} {until.day} {until:%H:%M} {time.strftime('%Z')}".rstrip()


def sums(document: Mapping[str, Any]) -> str:
    """All programs together."""
    runs = sum(program["runs"] for program in document["programs"])
    per_minute = sum(program["per_minute"] for program in document["programs"])
    return f"{count(runs, 'run')}   {rate(per_minute)}/min"


def count(number: int, noun: str) -> str:
    """`1 run`, `1,204 runs`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def rate(per_minute: float) -> str:
    """A rate with as many digits as it deserves."""
    return f"{per_minute:,.0f}" if per_minute >= 10 else f"{per_minute:.2g}"  # noqa: PLR2004 -- two digits


def percent(share: float | None) -> str:
    """A share; never 100 % or 0 % when it is not."""
    if share is None:
        return "-"
    if 0.9995 <= share < 1:  # noqa: PLR2004 -- would be rounded up
        return "> 99.9 %"
    if 0 < share < 0.0005:  # noqa: PLR2004 -- would be rounded down
        return "< 0.1 %"
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def short(seconds: float | None) -> str:
    """A duration in little space."""
    if seconds is None:
        return "-"
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else amount(seconds)


def endings(program: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each outcome that occurred, with its number and share."""
    found = []
    for outcome in ORDER:
        number = program["outcomes"].get(outcome, 0)
        if number:
            found.append((outcome, f"{number:,} ({percent(number / program['runs'])})"))
    return found


def durations(program: Mapping[str, Any]) -> str:
    """The percentiles of worked runs."""
    found = program["duration"]
    if found["p50"] is None:
        return "no run has worked"
    return "   ".join(f"{name} {short(found[name])}" for name in ("p50", "p95", "p99", "longest"))


def outage(program: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """The longest outage."""
    found = program["outage"]
    if found is None:
        return "none that lasted"
    began = moment(found["began"], document["seconds"])
    goes_on = "" if found["ended"] else ", and goes on"
    return f"{amount(found['seconds'])} from {began}{goes_on}: {count(found['failures'], 'run')} failed, none worked"


def facts(program: Mapping[str, Any], document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and texts of what is said about a program below its plots; what did not happen is left out."""
    found = [
        ("took", durations(program)),
        ("ended", "   ".join(f"{name} {text}" for name, text in endings(program))),
    ]
    if program["idle"]["polls"]:
        found.append(("idle polls", f"{program['idle']['polls']:,}, {rate(program['idle']['per_minute'])} a minute"))
    if program["wasted"]:
        found.append(
            ("wasted", f"{count(program['wasted'], 'relaunch').replace('relaunchs', 'relaunches')} failed again")
        )
    if program["outage"] or UNWELL & set(program["outcomes"]):
        found.append(("longest outage", outage(program, document)))
    return found


def peak(numbers: Sequence[float], document: Mapping[str, Any]) -> tuple[float, datetime]:
    """The highest of the columns of a course as a rate a minute, and when it was."""
    place = max(range(len(numbers)), key=numbers.__getitem__)
    since = local_time(document["since"]).timestamp()
    column = document["seconds"] / len(numbers)
    return numbers[place] / column * 60, datetime.fromtimestamp(since + place * column).astimezone()
