"""A simulation as one page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from minisup.cli.report.report_html import STYLE
from minisup.cli.report.report_svg import COURSE_WIDTH, FOOT, HEIGHT, LEFT, bars, nice, scale, svg
from minisup.cli.report.report_words import count, rate
from minisup.cli.simulate import simulate_words as words
from minisup.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Facts = Mapping[str, Any]

OWN_STYLE: Final = """
.ways { width: 100%; border-collapse: collapse; margin: 1rem 0 0; }
.ways th { font-weight: 400; color: var(--soft); text-align: left; padding: .15rem 1.25rem .15rem 0; }
.ways thead th { color: var(--ink); font-weight: 600; }
.ways td { padding: .15rem 1.25rem .15rem 0; } .ways tr.part th { padding-left: 1rem; }
.plots.ways-1 { grid-template-columns: 1fr; } .plots.ways-2 { grid-template-columns: 1fr 1fr; }
.band { fill: var(--ill); opacity: .12; } .mark { stroke: var(--soft); stroke-dasharray: 3 3; }
.wait { fill: var(--hint); }
"""

MARKS: Final = 6
"""Times below a plot."""


def page(document: Facts) -> str:
    """The page, as text."""
    title = f"minisup simulate: {words.heading(document)}"
    body = "".join(_section(program, document) for program in document["programs"])
    setting = "".join(f"<div>{escape(text)}</div>" for text in document["setting"])
    events = "".join(f"<dt>{escape(when)}</dt><dd>{escape(what)}</dd>" for when, what in words.events(document))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}{OWN_STYLE}</style>\n</head>\n<body>\n"
        f'<header><h1>{escape(words.heading(document))}</h1><div class="soft">{setting}</div>'
        f"{f'<dl>{events}</dl>' if events else ''}</header>\n{body}"
        f"<footer>minisup {__version__}</footer>\n</body>\n</html>\n"
    )


def _section(program: Facts, document: Facts) -> str:
    name, found = escape(program["name"]), words.ways(program)
    plots = "".join(_figure(program, way, document) for way in found)
    plots += "".join(_waiting(program, way, document) for way in found if program[way]["course"]["waiting"])
    return (
        f'<section id="{name}"><div class="head"><h2>{name}</h2><span>{count(program["slots"], "slot")}</span></div>'
        f'<div class="plots ways-{len(found)}">{plots}</div>{_table(program, document)}</section>\n'
    )


def _figure(program: Facts, way: str, document: Facts) -> str:
    """Runs a minute that began in each part of the time; those that failed at the foot, outages behind."""
    minutes = program[way]["course"]["seconds"] / 60
    well, failed = (
        {each: [number / minutes for number in program[each]["course"][key]] for each in words.ways(program)}
        for key in ("well", "failed")
    )
    top = nice(max(max(*well[each], *failed[each]) for each in well))
    drawn = bars(well[way], top, COURSE_WIDTH, "well", 1.0) + bars(failed[way], top, COURSE_WIDTH, "ill", 1.0)
    inside = f"{_bands(program, document)}{scale(top, rate, COURSE_WIDTH)}{drawn}{_times(document)}"
    key = '<span class="key" style="background: var(--ill)"></span>failed' if any(failed[way]) else ""
    return f"<figure><figcaption>{way}: runs a minute{key}</figcaption>{svg(COURSE_WIDTH, inside)}</figure>"


def _waiting(program: Facts, way: str, document: Facts) -> str:
    """Messages that waited at the end of each part of the time."""
    numbers = program[way]["course"]["waiting"]
    top = nice(max(1, *(max(program[each]["course"]["waiting"]) for each in words.ways(program))))
    drawn = bars(numbers, top, COURSE_WIDTH, "wait", 1.0)
    inside = f"{_bands(program, document)}{scale(top, '{:,.0f}'.format, COURSE_WIDTH)}{drawn}{_times(document)}"
    return f"<figure><figcaption>{way}: messages that wait</figcaption>{svg(COURSE_WIDTH, inside)}</figure>"


def _bands(program: Facts, document: Facts) -> str:
    """Outages as bands, bursts and deploys as lines."""
    drawn = []
    for event in document["happens"]:
        if program["name"] not in event["programs"]:
            continue
        x = _place(event["at"], document)
        if event["what"] == "outage":
            wide = max(1.0, _place(event["at"] + event["size"], document) - x)
            drawn.append(f'<rect class="band" x="{x:.1f}" y="0" width="{wide:.1f}" height="{HEIGHT:g}"/>')
        else:
            drawn.append(f'<line class="mark" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{HEIGHT:g}"/>')
    return "".join(drawn)


def _times(document: Facts) -> str:
    return "".join(
        f'<text x="{_place(seconds, document):.1f}" y="{HEIGHT + FOOT - 4}" text-anchor="{_anchor(number)}">'
        f"{words.clock(document, seconds)}</text>"
        for number, seconds in ((number, document["seconds"] * number / MARKS) for number in range(MARKS + 1))
    )


def _anchor(number: int) -> str:
    return "start" if number == 0 else "end" if number == MARKS else "middle"


def _place(seconds: float, document: Facts) -> float:
    share: float = min(1.0, seconds / document["seconds"])
    return LEFT + share * (COURSE_WIDTH - LEFT)


def _table(program: Facts, document: Facts) -> str:
    heads = words.ways(program)
    head = "".join(f"<th>{way}</th>" for way in heads)
    rows = "".join(_row(row.label, row.texts) for row in words.rows(program, document))
    shown = f"<thead><tr><th></th>{head}</tr></thead>" if len(heads) > 1 else ""
    return f'<table class="ways">{shown}<tbody>{rows}</tbody></table>'


def _row(label: str, texts: Sequence[str]) -> str:
    part = ' class="part"' if label.startswith(" ") else ""
    cells = "".join(f"<td>{escape(text)}</td>" for text in texts)
    return f"<tr{part}><th>{escape(label.strip())}</th>{cells}</tr>"
