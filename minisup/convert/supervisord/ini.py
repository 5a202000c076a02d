"""The syntax of a supervisord.conf: sections of keys, as Python's configparser reads them for supervisord.

Rules that surprise: a `;` or `#` after white space begins a comment, inside quotes too; an indented line goes on with
the value before it; a section or key that is there twice is merged, the last value winning; `:` is as good as `=`;
keys have no case.
"""

import re
from typing import Final

from minisup.convert.report_builder import Ledger, Location

DEFAULT: Final = "DEFAULT"
"""The section whose keys all others have, too."""

_COMMENT: Final = re.compile(r"(?:^|(?<=\s))[;#]")
_SECTION: Final = re.compile(r"\[(.+)\]")
_DELIMITER: Final = re.compile(r"[=:]")


class IniKey:
    """One key: where it stands, and its value, in which continued lines are joined by newlines."""

    __slots__ = ("key", "lines", "spot")

    def __init__(self, spot: Location, key: str, value: str) -> None:
        self.spot = spot
        self.key = key
        self.lines = [value]

    @property
    def value(self) -> str:
        return "\n".join(self.lines).rstrip()


class Section:
    """One section: where it first stands, its keys, and the entries that a later one of the same key replaced."""

    __slots__ = ("entries", "name", "replaced", "spot")

    def __init__(self, name: str, spot: Location) -> None:
        self.name = name
        self.spot = spot
        self.entries: dict[str, IniKey] = {}
        self.replaced: list[IniKey] = []

    def add(self, entry: IniKey) -> None:
        """Take the entry in; it replaces one of the same key."""
        if entry.key in self.entries:
            self.replaced.append(self.entries[entry.key])
        self.entries[entry.key] = entry


class IniReader:
    """Reads one file into `sections`, which earlier files may have filled."""

    __slots__ = ("_entry", "_file", "_indent", "_ledger", "_section", "sections")

    def __init__(self, file: str, sections: dict[str, Section], ledger: Ledger) -> None:
        self.sections = sections
        self._file = file
        self._ledger = ledger
        self._section: Section | None = None
        self._entry: IniKey | None = None
        self._indent = 0

    def read(self, text: str) -> None:
        """Take in all lines of the file; what is neither section nor key is a problem."""
        for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
            self._line(number, line)

    def _line(self, number: int, line: str) -> None:
        comment = 0 if line.strip().startswith((";", "#")) else _comment_in(line)
        text = line[:comment].strip()
        if not text:
            if comment is None and self._entry:
                self._entry.lines.append("")
            return
        indent = len(line) - len(line.lstrip())
        if self._entry and indent > self._indent:
            self._entry.lines.append(text)
            return
        self._indent = indent
        header = _SECTION.match(text)
        if header:
            self._begin(header[1], number)
        else:
            self._key(text, number)

    def _begin(self, name: str, number: int) -> None:
        self._entry = None
        self._section = self.sections.setdefault(name, Section(name, Location(self._file, number, name)))

    def _key(self, text: str, number: int) -> None:
        found = _DELIMITER.search(text)
        key = text[: found.start()].rstrip().lower() if found else ""
        spot = Location(self._file, number, self._section.name if self._section else "")
        if self._section is None:
            self._ledger.problem(spot, "", "is before the first [section]")
        elif not found or not key:
            self._ledger.problem(spot, "", "is neither a [section] nor key=value")
        else:
            self._entry = IniKey(spot, key, text[found.end() :].strip())
            self._section.add(self._entry)


def _comment_in(line: str) -> int | None:
    found = _COMMENT.search(line)
    return found.start() if found else None
