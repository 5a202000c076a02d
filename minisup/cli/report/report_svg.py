"""The two plots of the page, as SVG that takes its colours from the page."""

from __future__ import annotations

from datetime import datetime

from minisup.cli.report import report_words as words
from minisup.core.policy.timestamp import local_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

HEIGHT = 120.0
"""Of the bars."""

FOOT = 20.0
"""Below them, for the labels of the axis."""

LEFT = 40.0
"""For the numbers of the axis."""

COURSE_WIDTH = 600.0
DISTRIBUTION_WIDTH = 300.0

HOURS = (1 / 60, 5 / 60, 0.25, 0.5, 1, 3, 6, 12, 24, 48, 168, 720)
"""Distances of marks in time, in hours."""

MOST_MARKS = 8


def course(program: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Runs a minute over the period; those that failed in their own colour, at the foot."""
    minutes = document["seconds"] / len(program["course"]["runs"]) / 60
    runs = [number / minutes for number in program["course"]["runs"]]
    failures = [number / minutes for number in program["course"]["failures"]]
    top = nice(max(runs, default=0.0))
    drawn = bars(runs, top, COURSE_WIDTH, "well", 1.0) + bars(failures, top, COURSE_WIDTH, "ill", 0.5)
    return svg(COURSE_WIDTH, f"{scale(top, words.rate, COURSE_WIDTH)}{drawn}{_times(document)}")


def distribution(program: Mapping[str, Any]) -> str:
    """Shares of the worked runs by duration; each bar is a step of a power of ten."""
    found = program["distribution"]
    if not found:
        return svg(DISTRIBUTION_WIDTH, f'<text x="{LEFT}" y="{HEIGHT / 2}">no run has worked</text>')
    shares = [entry["share"] for entry in found]
    top = nice(max(shares))
    drawn = bars(shares, top, DISTRIBUTION_WIDTH, "calm", 1.0)
    marks = _marks([(0.0, found[0]["from"]), (0.5, found[len(found) // 2]["from"]), (1.0, found[-1]["to"])])
    return svg(
        DISTRIBUTION_WIDTH, f"{scale(top, lambda share: f'{100 * share:.3g} %', DISTRIBUTION_WIDTH)}{drawn}{marks}"
    )


def nice(highest: float) -> float:
    """The least of 1, 2, 3, 4, 6, 8 and 10 times a power of ten that is not below `highest`."""
    power = 1e-6
    while power * 10 < highest:
        power *= 10
    return next((factor * power for factor in (1, 2, 3, 4, 6, 8, 10) if factor * power >= highest), power * 10)


def bars(numbers: Sequence[float], top: float, width: float, kind: str, least: float) -> str:
    """A bar for each number; `top` is as high as can be, and none but 0 is lower than `least`."""
    step = (width - LEFT) / max(1, len(numbers))
    wide = max(0.5, step - min(2.0, step / 4))
    drawn = (
        f'<rect x="{LEFT + place * step:.1f}" y="{HEIGHT - high:.1f}" width="{wide:.1f}" height="{high:.1f}"/>'
        for place, number in enumerate(numbers)
        if number and (high := max(least, number / top * HEIGHT))
    )
    return f'<g class="{kind}">{"".join(drawn)}</g>'


def scale(top: float, name: Any, width: float) -> str:  # noqa: ANN401 -- a function of a float
    """Lines at 0, half of `top` and `top`, with their names."""
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = HEIGHT * (1 - share)
        label = "0" if share == 0 else name(top * share)
        lines.append(
            f'<line class="axis" x1="{LEFT}" y1="{y:.1f}" x2="{width}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
        )
    return "".join(lines)


def _times(document: Mapping[str, Any]) -> str:
    since = local_time(document["since"]).timestamp()
    hours = next((step for step in HOURS if document["seconds"] / 3600 / step <= MOST_MARKS), HOURS[-1])
    marks = []
    step = hours * 3600
    offset = local_time(document["since"]).utcoffset()
    ahead = offset.total_seconds() if offset else 0.0
    at = ((since + ahead) // step + 1) * step - ahead  # on the hour of this time zone
    while at < since + document["seconds"]:
        x = LEFT + (at - since) / document["seconds"] * (COURSE_WIDTH - LEFT)
        when = datetime.fromtimestamp(at).astimezone()
        label = f"{when:%b} {when.day}" if hours >= 24 or (when.hour, when.minute) == (0, 0) else f"{when:%H:%M}"  # noqa: PLR2004
        if LEFT + 10 < x < COURSE_WIDTH - 10:
            marks.append(f'<text x="{x:.1f}" y="{HEIGHT + FOOT - 4}" text-anchor="middle">{label}</text>')
        at += step
    return "".join(marks)


def _marks(places: Sequence[tuple[float, float]]) -> str:
    anchors = {0.0: "start", 0.5: "middle", 1.0: "end"}
    return "".join(
        f'<text x="{LEFT + share * (DISTRIBUTION_WIDTH - LEFT):.1f}" y="{HEIGHT + FOOT - 4}" '
        f'text-anchor="{anchors[share]}">{words.short(seconds)}</text>'
        for share, seconds in places
    )


def svg(width: float, inside: str) -> str:
    """A plot as wide as the page lets it be."""
    return f'<svg viewBox="0 -8 {width:g} {HEIGHT + FOOT + 8:g}" role="img">{inside}</svg>'
