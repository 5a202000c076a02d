"""Looks at the files that held programs need, once a second and only while one is held.

Others may own these files, and a look may hang with their file system: it is made beside the loop. So the first look
comes a moment after the start that failed; what has changed in between is known by its time.
"""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Final, NamedTuple

from minisup.core.model import Seconds
from minisup.host.background import Background
from minisup.host.loop import Loop, Timer

EACH = 1.0
"""Seconds between two looks."""

LIMIT: Final[Seconds] = 2.0
"""Seconds that a look may take before those of other programs go on without it."""

COARSE: Final[Seconds] = 0.02
"""Seconds that the clock of a file system may be behind."""


class FilesState(NamedTuple):
    """How the files are: to be compared, and when the last of them was changed (wall clock)."""

    state: Hashable
    changed: float


class _Held:
    """A program whose files are looked at."""

    __slots__ = ("asked", "busy", "seen", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.seen: FilesState | None = None
        self.asked = False
        self.busy = False  # a thread looks, or hangs


class Lookout:
    """Tells when what a program needs has changed. `look` prepares a look; what it returns is called in a thread."""

    def __init__(
        self, loop: Loop, look: Callable[[str], Callable[[], FilesState]], changed: Callable[[str], None]
    ) -> None:
        self._loop = loop
        self._look = look
        self._changed = changed
        self._background = Background(loop, LIMIT)
        self._held: dict[str, _Held] = {}
        self._timer: Timer | None = None

    def watch(self, program: str, on: bool) -> None:
        """Begin or end looking at what a program needs."""
        if not on:
            self._held.pop(program, None)
            return
        held = self._held[program] = _Held(self._loop.clock.wall())
        self._ask(program, held)
        if self._timer is None:
            self._arm()

    def _arm(self) -> None:
        self._timer = self._loop.after(EACH, self._tick)

    def _tick(self) -> None:
        self._timer = None
        for program, held in list(self._held.items()):
            if not (held.asked or held.busy):
                self._ask(program, held)
        if self._held:
            self._arm()

    def _ask(self, program: str, held: _Held) -> None:
        held.asked = True
        work = partial(_looked, held, self._look(program))
        self._background.do(work, partial(self._arrived, program, held), lambda _: self._failed(held))

    def _arrived(self, program: str, held: _Held, look: FilesState) -> None:
        held.asked = False
        if self._held.get(program) is not held:
            return
        before, held.seen = held.seen, look
        if before is None:
            different = held.since - COARSE <= look.changed <= held.since + LIMIT
        else:
            different = look.state != before.state
        if different:
            self._changed(program)

    def _failed(self, held: _Held) -> None:
        held.asked = False


def _looked(held: _Held, look: Callable[[], FilesState]) -> FilesState:
    """In the thread."""
    held.busy = True
    try:
        return look()
    finally:
        held.busy = False
