"""The report of an import, for people and for programs."""

import os
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from minisup.cell_width import padded, width, wrapped
from minisup.config.text.toml_lines import printable
from minisup.convert.report_builder import Converted, KeyNote, Location, Remark

SCHEMA: Final = 1
_WIDEST: Final = 118


def report_text(converted: Converted) -> str:
    """What became of every key, by section, with its line."""
    more = len(converted.files) - 1
    files = converted.files[0] + (f" and {more} more file{'s' * (more != 1)}" if more else "")
    counts = [f"{count} {fate}" for fate, count in converted.counts.items()]
    programs = len(converted.programs)
    lines = [f"{files}: {programs} program{'s' * (programs != 1)}; {', '.join(counts) or 'no keys'}"]
    sections = list(_sections(converted))
    where = max((width(_where(note.spot, spot)) for spot, notes in sections for note in notes), default=1)
    keys = min(32, max((width(note.key) for _, notes in sections for note in notes), default=1))
    for spot, notes in sections:
        lines += ["", *_heading(spot, converted)]
        lines += [line for note in notes for line in _note(note, _where(note.spot, spot), where, keys)]
    return printable_lines(lines)


def _sections(converted: Converted) -> Iterator[tuple[Location, list[KeyNote]]]:
    """Each section with the notes of its keys, in the order of the file; remarks alone make a section, too."""
    first: dict[str, Location] = {}
    found: dict[str, list[KeyNote]] = {}
    for spot in (*(note.spot for note in converted.notes), *(remark.spot for remark in converted.remarks)):
        known = first.get(spot.section)
        if known is None or (known.file == spot.file and spot.line < known.line):
            first[spot.section] = spot
        found.setdefault(spot.section, [])
    for section, notes in groupby(converted.notes, lambda note: note.spot.section):
        found[section] += notes
    order = {name: number for number, name in enumerate(converted.files)}
    for section in sorted(found, key=lambda name: (order.get(first[name].file, 0), first[name].line)):
        yield first[section], found[section]


def _heading(spot: Location, converted: Converted) -> Iterator[str]:
    remarks = [remark for remark in converted.remarks if remark.spot.section == spot.section]
    if spot.section:
        file = "" if spot.file == converted.files[0] else f" of {spot.file}"
        yield f"[{spot.section}]{file}{_became(remarks)}"
    for remark in remarks:
        where = "" if spot.section else f"{remark.spot.line}: "
        yield from wrapped(f"  {where}{remark.said}", _WIDEST, "  ")


def _became(remarks: list[Remark]) -> str:
    programs = [name for remark in remarks for name in remark.programs]
    if not programs:
        return ""
    shown = programs[0] if len(programs) == 1 else f"{programs[0]} to {programs[-1]}"
    kinds = {remark.kind for remark in remarks if remark.kind}
    return f" -> program.{shown}, a {' and a '.join(sorted(kinds))}"


def _note(note: KeyNote, at: str, where: int, keys: int) -> list[str]:
    head = f"  {padded(at, where, right=True)}  {padded(note.key, keys)}  {note.fate:13}  "
    return wrapped(f"{head}{note.said}", _WIDEST, " " * min(width(head), 70))


def _where(spot: Location, heading: Location) -> str:
    """The line, with the file if it is not that of the heading."""
    if not spot.line:
        return ""
    return str(spot.line) if spot.file == heading.file else f"{os.path.basename(spot.file)}:{spot.line}"


def printable_lines(lines: list[str]) -> str:
    """The lines as text; what no terminal should be sent is written as escapes."""
    return "\n".join(printable(line) for line in lines) + "\n"


def report_facts(converted: Converted, toml: str) -> dict[str, object]:
    """The same as plain data, with the TOML file."""
    return {
        "schema": SCHEMA,
        "from": converted.source,
        "files": list(converted.files),
        "programs": list(converted.programs),
        "counts": {str(fate): count for fate, count in converted.counts.items()},
        "sections": [
            {
                "file": remark.spot.file,
                "line": remark.spot.line,
                "section": remark.spot.section,
                "programs": list(remark.programs),
                "kind": remark.kind or None,
                "said": remark.said,
            }
            for remark in converted.remarks
        ],
        "keys": [
            {
                "file": note.spot.file,
                "line": note.spot.line,
                "section": note.spot.section,
                "key": note.key,
                "fate": str(note.fate),
                "said": note.said,
            }
            for note in converted.notes
        ],
        "toml": toml,
    }
