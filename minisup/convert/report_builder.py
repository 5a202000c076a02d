"""What an import writes down: what became of each key and section, and what is wrong with the file."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from minisup.config.files.problems import ProblemReport
from minisup.errors import ConfigError, Problem


class KeyResult(StrEnum):
    """What became of a key."""

    TAKEN = "taken over"
    CHANGED = "changed"
    UNNEEDED = "not needed"
    UNSUPPORTED = "not supported"
    UNKNOWN = "unknown"


class Location(NamedTuple):
    """Where something stands: the file as the user named it, the line, the section (empty: the file has none)."""

    file: str
    line: int
    section: str = ""


class KeyNote(NamedTuple):
    """What became of one key. `said`: what it is now, or what to do instead."""

    spot: Location
    key: str
    fate: KeyResult
    said: str


class Remark(NamedTuple):
    """What a whole section is now. `programs` are the names it got; `kind` is empty if it is no program."""

    spot: Location
    programs: tuple[str, ...]
    kind: str
    said: str


class Converted(NamedTuple):
    """A finished import: the document for the TOML file and the report."""

    source: str
    files: tuple[str, ...]
    document: dict[str, Any]
    notes: tuple[KeyNote, ...]
    remarks: tuple[Remark, ...]

    @property
    def programs(self) -> tuple[str, ...]:
        """The names of the programs, in the order of the file."""
        return tuple(self.document.get("program", {}))

    @property
    def counts(self) -> dict[KeyResult, int]:
        """How many keys had which fate, in the order of `KeyResult`; fates that no key had are left out."""
        found = Counter(note.fate for note in self.notes)
        return {fate: found[fate] for fate in KeyResult if found[fate]}


class Ledger:
    """Notes, remarks and problems, as they are found. A key has one note: the first one stands."""

    __slots__ = ("_noted", "problems", "remarks", "report")

    def __init__(self) -> None:
        self.report = ProblemReport()
        self.problems = self.report.problems
        self.remarks: list[Remark] = []
        self._noted: dict[tuple[Location, str], KeyNote] = {}

    def note(self, spot: Location, key: str, fate: KeyResult, said: str) -> None:
        """Say what became of a key."""
        self._noted.setdefault((spot, key), KeyNote(spot, key, fate, said))

    def correct(self, spot: Location, key: str, fate: KeyResult, said: str) -> None:
        """Say it anew, because the rest of the file has changed it."""
        self._noted[spot, key] = KeyNote(spot, key, fate, said)

    def remark(self, spot: Location, said: str, programs: Iterable[str] = (), kind: str = "") -> None:
        """Say what became of a section."""
        self.remarks.append(Remark(spot, tuple(programs), kind, said))

    def problem(self, spot: Location, key: str, message: str) -> None:
        """Say what is wrong. A value that is wrong for each of many processes is wrong once."""
        found = Problem(spot.file, spot.line, key, message)
        if str(found) not in map(str, self.problems[-20:]):
            self.problems.append(found)

    def finish(self, source: str, files: Iterable[str], document: dict[str, Any]) -> Converted:
        """The import, if nothing was wrong. ConfigError: all problems at once."""
        names = tuple(files)
        if self.problems:
            error = self.report.error(names[0])
            raise ConfigError(f"cannot import: {error}", error.problems)
        order = {name: number for number, name in enumerate(names)}
        notes = sorted(self._noted.values(), key=lambda note: (order.get(note.spot.file, 0), note.spot.line))
        remarks = sorted(self.remarks, key=lambda remark: (order.get(remark.spot.file, 0), remark.spot.line))
        return Converted(source, names, document, tuple(notes), tuple(remarks))
