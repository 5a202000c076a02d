"""Whose the last runs were: what an orphan says is believed only of a run that there was."""

from array import array
from typing import Final

MOST: Final = 1 << 13
"""Runs that are remembered: 128 KiB at most."""


class KnownRuns:
    """The slots of the runs that ended last."""

    def __init__(self) -> None:
        self._runs = array("Q")
        self._slots: list[str] = []
        self._oldest = 0

    def note(self, run: int, slot: str) -> None:
        """A run of a slot has ended."""
        if len(self._slots) < MOST:
            self._runs.append(run)
            self._slots.append(slot)
            return
        place = self._oldest
        self._runs[place], self._slots[place] = run, slot
        self._oldest = (place + 1) % MOST

    def slot_of(self, run: int) -> str | None:
        """The slot of a run that has ended; None: there was none, or it is too long ago."""
        try:
            return self._slots[self._runs.index(run)]
        except ValueError:
            return None
