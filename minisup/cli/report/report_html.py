"""The report as one page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from html import escape

from minisup.cli.report import report_words as words
from minisup.cli.report.report_svg import course, distribution
from minisup.cli.status.status_words import amount
from minisup.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

STYLE = """
:root { color-scheme: light dark; --ink: #1f2430; --soft: #6b7280; --line: #e5e7eb; --paper: #fff; --card: #fafafa;
  --well: #4c9a6a; --ill: #c8553d; --calm: #5b84b1; --hint: #8a6d1f; --hint-paper: #fdf8e7; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5e7eb; --soft: #9aa3b2; --line: #2d333f; --paper: #14171d;
  --card: #1a1e26; --well: #5fb382; --ill: #de7359; --calm: #7ba3cf; --hint: #d9bd6a; --hint-paper: #26221a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.5rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
header { margin-bottom: 2rem; }
h1 { margin: 0; font-size: 1.5rem; font-weight: 600; }
h2 { margin: 0; font-size: 1.15rem; font-weight: 600; }
.soft, footer { color: var(--soft); white-space: pre-wrap; }
table.all { width: 100%; border-collapse: collapse; margin: 0 0 2rem; }
.all th { font-weight: 400; color: var(--soft); text-align: right; padding: .3rem .6rem; }
.all td { text-align: right; padding: .3rem .6rem; border-top: 1px solid var(--line); }
.all th:first-child, .all td:first-child { text-align: left; padding-left: 0; }
.all a { color: inherit; text-decoration: none; border-bottom: 1px solid var(--line); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.25rem 1.5rem; margin: 0 0 1.25rem; }
.head { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; margin-bottom: 1rem; }
.plots { display: grid; grid-template-columns: 2fr 1fr; gap: 1.5rem; }
@media (max-width: 46rem) { .plots { grid-template-columns: 1fr; } }
figure { margin: 0; min-width: 0; }
figcaption { color: var(--soft); font-size: .85rem; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 11px; }
.well { fill: var(--well); } .ill { fill: var(--ill); } .calm { fill: var(--calm); }
.axis { stroke: var(--line); stroke-width: 1; }
.key { display: inline-block; width: .65em; height: .65em; border-radius: 2px; margin: 0 .35em 0 .9em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.25rem; margin: 1rem 0 0; }
dt { color: var(--soft); } dd { margin: 0; white-space: pre-wrap; }
.hint { margin: 1rem 0 0; padding: .6rem .9rem; border-radius: 6px; background: var(--hint-paper); color: var(--hint); }
.bad { color: var(--ill); }
"""

HEADS = ("", "runs", "a minute", "ok", "busy", "p50", "p95", "p99", "longest outage")


def page(document: Mapping[str, Any]) -> str:
    """The page, as text."""
    title = f"minisup report: {words.heading(document)}"
    programs = document["programs"]
    body = "".join(_section(program, document) for program in programs)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header><h1>{escape(words.heading(document))}</h1>"
        f'<div class="soft">{escape(words.sums(document))}</div></header>\n'
        f"{_overview(document) if programs else '<p>No run started in this time.</p>'}\n{body}"
        f"<footer>minisup {__version__}</footer>\n</body>\n</html>\n"
    )


def _overview(document: Mapping[str, Any]) -> str:
    heads = "".join(f"<th>{head}</th>" for head in HEADS)
    rows = "".join(_row(program) for program in document["programs"])
    return f'<table class="all"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _row(program: Mapping[str, Any]) -> str:
    name, found = escape(program["name"]), program["outage"]
    cells = (
        f'<a href="#{name}">{name}</a>',
        f"{program['runs']:,}",
        words.rate(program["per_minute"]),
        words.percent(program["ok"]),
        words.percent(program["busy"]),
        *(words.short(program["duration"][share]) for share in ("p50", "p95", "p99")),
        "none" if found is None else amount(found["seconds"]),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _section(program: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    name = escape(program["name"])
    facts = "".join(
        f"<dt>{escape(label)}</dt><dd>{escape(text)}</dd>" for label, text in words.facts(program, document)
    )
    hints = "".join(f'<p class="hint">{escape(hint)}</p>' for hint in program["hints"])
    return (
        f'<section id="{name}"><div class="head"><h2>{name}</h2>'
        f"<span>{words.count(program['runs'], 'run')}</span><span>{words.rate(program['per_minute'])} a minute</span>"
        f"<span{_ill(program)}>{words.percent(program['ok'])} ok</span>"
        f"<span>{words.percent(program['busy'])} busy with {words.count(program['slots'], 'slot')}</span></div>"
        f'<div class="plots"><figure><figcaption>runs a minute{_key(program)}</figcaption>{course(program, document)}'
        f"</figure><figure><figcaption>how long runs took</figcaption>{distribution(program)}</figure></div>"
        f"<dl>{facts}</dl>{hints}</section>\n"
    )


def _key(program: Mapping[str, Any]) -> str:
    if not any(program["course"]["failures"]):
        return ""
    return '<span class="key" style="background: var(--ill)"></span>of these failed'


def _ill(program: Mapping[str, Any]) -> str:
    return ' class="bad"' if program["ok"] is not None and program["ok"] < 0.9 else ""  # noqa: PLR2004 -- as on the terminal
