"""Log files that programs share: one path is one file, so all who name it must want it rotated alike."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from minisup.config.keys.log_tables import LogTo, Rotation
from minisup.config.rules.table_context import TableContext
from minisup.config.schema import ProgramTable
from minisup.config.text.interpolate import SLOT_ONLY, names_in
from minisup.config.text.wording import show

_KEYS: Final = ("path", "stderr_path")

_OPEN_IN_A_PROCESS: Final = re.compile(
    r"/dev/(std(in|out|err)|fd(/\d+)?)|/proc/(self|thread-self|\d+)(/task/\d+)?/fd(/\d+)?"
)
"""Names for what a process has open: a pipe, a terminal, or a file that somebody else opened and may rotate."""


def check_log_files(programs: Mapping[str, ProgramTable], places: Mapping[str, TableContext]) -> None:
    """Impossible in the log paths: a directory, or a file that another program wants to be rotated otherwise."""
    first: dict[str, tuple[str, Rotation]] = {}
    for name, program in programs.items():
        if program.log.to is not LogTo.FILE:
            continue
        told: set[str] = set()
        for key, path in _paths(program):
            wrong = _wrong(name, path, getattr(program.log, key), program.log.rotation, first)
            if wrong and key not in told:
                told.add(key)
                places[name].problem(f"log.{key}", wrong, *(f"log.{other}" for other in Rotation._fields))


def _paths(program: ProgramTable) -> Iterator[tuple[str, str]]:
    templates = (program.log.path or "", program.log.stderr_path or "")
    own = any(SLOT_ONLY in names_in(template) for template in templates)
    for slot in range(program.most_slots if own else 1):
        for key, path in zip(_KEYS, program.log_paths(slot), strict=True):
            if path is not None:
                yield key, path


def _wrong(name: str, path: str, template: str, rotation: Rotation, first: dict[str, tuple[str, Rotation]]) -> str:
    if _OPEN_IN_A_PROCESS.fullmatch(path):
        return f'{show(path)} is no file of its own; for minisup\'s own output write to = "console", without a path'
    if template.endswith("/"):
        return f"{show(template)} is a directory; name a file in it"
    other, wanted = first.setdefault(path, (name, rotation))
    if wanted == rotation:
        return ""
    keys = [key for key in Rotation._fields if getattr(wanted, key) != getattr(rotation, key)]
    return f"{other} writes to the same file with another {' and another '.join(keys)}; make them the same"
