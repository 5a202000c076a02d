"""`state_dir/schedule`: up to when the schedules that catch up have been seen to, slot by slot.

A small file, written whole at each planned start of such a schedule; without a directory nothing is remembered.
"""

import json
import os
from collections.abc import Iterator

from minisup.core.messages import Remember, Remembered


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
        if self._path is None:
            return
        try:
            with open(f"{self._path}.new", "w", encoding="utf-8") as file:
                json.dump(self._known, file)
            os.replace(f"{self._path}.new", self._path)
        except OSError:
            pass  # a full disk must not stop the jobs

    def _read(self) -> dict[str, float]:
        if self._path is None:
            return {}
        try:
            with open(self._path, encoding="utf-8") as file:
                return {str(slot): float(wall) for slot, wall in json.load(file).items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
