"""The sink of a log file: its thread opens, writes and rotates it, and goes on through whatever the disk does.

Rule 1: output that cannot be written is lost and counted; that is told when it starts and when it is over, and the
        file is tried again a second later. Jobs never wait for a disk that refuses, only for one that is slow.
Rule 2: what is told as over has been over for a second: a disk that is full but for a little is not told in turns.
Rule 3: the fields of the thread are touched by the thread alone; what it has to say, it posts to the loop.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from minisup.config.keys.log_tables import Rotation
from minisup.core.facts import Fact, OutputLost, OutputStuck, OutputTaken, RotationFailed
from minisup.host.loop import Loop
from minisup.host.output.files.logfile import LogFile
from minisup.host.output.files.rotate import Rotated
from minisup.host.output.writer_thread import ThreadSink

RETRY: Final = 1.0
"""Seconds without another try after the file could not be written."""

CALM: Final = 1.0
"""Seconds without an error after which the trouble is over."""

ROTATE_AGAIN: Final = 60.0
"""Seconds until another try to rotate a file that could not be."""

Tell = Callable[[Fact], None]
"""Told facts, in the loop's thread."""

Reopened = Callable[[str], None]
"""Told, in the loop's thread, that a file has been opened anew: an empty text, or why it could not be."""


class FileSink(ThreadSink):
    """The file at `path`, which may be shared by many slots. Nothing is opened before the first line comes."""

    def __init__(self, path: str, rotation: Rotation, loop: Loop, tell: Tell) -> None:
        super().__init__(-1, path, loop, lambda _name, _error: None)
        self._tell = tell
        self._file = LogFile(path, rotation, self._shift, self._rotated_in_vain)
        self._rotated = Rotated(path, rotation, lambda: self._closed, partial(self._went, "compress"))
        self._threadless = False
        self._failing = False
        self._sound_since: float | None = None  # while it fails: when it was written to again
        self._retry_at = self._rotate_at = float("-inf")
        self._told: set[str] = set()  # what could not be done with the rotated files
        self._in_vain = False  # a rotation made no room, and that has been told

    def reopen(self, done: Reopened) -> None:
        """Open the file by its name again, before anything else is written; `done` is called in a later turn."""
        if self._started:
            self._do_in_thread(lambda: self._reopen(done))
        else:
            self._loop.post(lambda: done(""))

    def _lacks_thread(self, lacking: bool) -> None:
        if lacking and not self._threadless:
            self._tell(OutputStuck(self.name))
        elif self._threadless and not lacking:
            self._tell(OutputTaken(self.name, self.lost))
        self._threadless = lacking

    # --- in the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        super()._run()
        self._file.close()

    def _try(self, data: memoryview) -> int:
        now = self._loop.clock.monotonic()
        if self.broken or now < self._retry_at:
            self.lost += len(data)
            return len(data)
        try:
            written = self._file.write(data)
        except OSError as error:
            self._refused(error, len(data), now)
            return len(data)
        if self._failing and self._sound_since is None:
            self._sound_since = now
            self._post(lambda: self._look_again(CALM))
        return written

    def _refused(self, error: OSError, size: int, now: float) -> None:
        self.lost += size
        self._retry_at = now + RETRY
        self._sound_since = None
        self._file.close()
        if not self._failing:
            self._failing = True
            self._say(OutputLost(self.name, words(error)))

    def _consider_it_over(self) -> None:
        if self._sound_since is None:
            return  # it failed again meanwhile
        left = self._sound_since + CALM - self._loop.clock.monotonic()
        if left > 0:
            self._post(lambda: self._look_again(left))
        else:
            self._failing, self._sound_since = False, None
            self._say(OutputTaken(self.name, self.lost))

    def _reopen(self, done: Reopened) -> None:
        why = ""
        try:
            self._file.open()
        except OSError as error:
            why = words(error)
        else:
            self._retry_at = float("-inf")
            self._in_vain = False
        self._post(lambda: done(why))

    def _shift(self) -> bool:
        now = self._loop.clock.monotonic()
        if now < self._rotate_at:
            return False
        try:
            self._rotated.shift()
        except OSError as error:
            self._rotate_at = now + ROTATE_AGAIN
            self._went("rotate", error)
            return False
        self._went("rotate", None)
        return True

    def _rotated_in_vain(self) -> None:
        self._rotate_at = self._loop.clock.monotonic() + ROTATE_AGAIN
        if not self._in_vain:
            self._in_vain = True
            self._say(RotationFailed(self.name, "rotate", "Is as large as before, after it was moved away"))

    def _went(self, doing: str, error: OSError | None) -> None:
        if error is None:
            self._told.discard(doing)
        elif doing not in self._told:
            self._told.add(doing)
            self._say(RotationFailed(self.name, doing, words(error)))

    def _say(self, fact: Fact) -> None:
        self._post(lambda: self._tell(fact))

    # --- in the loop --------------------------------------------------------------------------------------------------

    def _look_again(self, delay: float) -> None:
        self._loop.after(delay, lambda: self._do_in_thread(self._consider_it_over))


def words(error: OSError) -> str:
    """What went wrong, as the system says it."""
    return error.strerror or str(error)
