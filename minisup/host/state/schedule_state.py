"""`state_dir/schedule`: up to when the schedules that catch up have been seen to, slot by slot.

A small file, written whole at each planned start of such a schedule; without a directory nothing is remembered.
"""

import json
import os
from collections.abc import Iterator
from typing import Final

from minisup.core.messages import Remember, Remembered
from minisup.host import state_file

MOST: Final = 4 << 20
"""Bytes of the file that are read."""

LATEST: Final = 253402300800.0
"""The year 10000: no planned start is later."""


class Served:
    """What is remembered. Whatever is wrong with the file costs a start that could have been made up for, no more."""

    def __init__(self, directory: str | None) -> None:
        self._path = None if directory is None else f"{directory}/schedule"
        self._known = self._read()

    def events(self) -> Iterator[Remembered]:
        """For the core, before it boots."""
        for slot, wall in self._known.items():
            yield Remembered(slot, wall)

    def remember(self, action: Remember) -> None:
        """Keep it for a later minisup."""
        self._known[action.slot] = action.wall
        self._write()

    def look(self) -> None:
        """Write it again if somebody has removed it."""
        if self._known and self._path is not None and not os.path.lexists(self._path):
            self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        try:
            state_file.replace(self._path, json.dumps(self._known).encode())
        except OSError:
            pass  # a full disk must not stop the jobs

    def _read(self) -> dict[str, float]:
        if self._path is None:
            return {}
        try:
            found = json.loads(state_file.read(self._path, MOST))
            known = {str(slot): float(wall) for slot, wall in found.items()}
        except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return {}
        return {slot: wall for slot, wall in known.items() if 0 <= wall < LATEST}
