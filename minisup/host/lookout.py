"""Looks at the files that held programs need, once a second and only while one is held."""

from collections.abc import Callable, Hashable

from minisup.host.loop import Loop, Timer

EACH = 1.0
"""Seconds between two looks."""


class Lookout:
    """Tells when what a program needs has changed."""

    def __init__(self, loop: Loop, look: Callable[[str], Hashable], changed: Callable[[str], None]) -> None:
        self._loop = loop
        self._look = look
        self._changed = changed
        self._seen: dict[str, Hashable] = {}
        self._timer: Timer | None = None

    def watch(self, program: str, on: bool) -> None:
        """Begin or end looking at what a program needs."""
        if not on:
            self._seen.pop(program, None)
            return
        self._seen[program] = self._look(program)
        if self._timer is None:
            self._arm()

    def _arm(self) -> None:
        self._timer = self._loop.after(EACH, self._tick)

    def _tick(self) -> None:
        self._timer = None
        for program, seen in list(self._seen.items()):
            now = self._look(program)
            if now != seen:
                self._seen[program] = now
                self._changed(program)
        if self._seen and self._timer is None:
            self._arm()
