"""minisup's own lines, on stderr."""

import os
from datetime import UTC, datetime

from minisup.host.clock import Clock
from minisup.host.sink import Sink

LEVELS = ("debug", "info", "warning", "error")


class OwnLog:
    """Writes lines at or above a level; a line is dropped and counted rather than waited for."""

    def __init__(self, sink: Sink, clock: Clock, level: str, time: bool) -> None:
        self._sink = sink
        self._clock = clock
        self._time = time
        self._least = LEVELS.index(level)
        self.debugging = self._least == 0
        self._dropped = 0

    def say(self, line: str, level: str = "info") -> None:
        """One line, without its newline."""
        if LEVELS.index(level) < self._least:
            return
        if self._dropped:
            lost = f"{self._dropped} of minisup's own lines were dropped: stderr was full"
            self._dropped = 0 if self._offer(lost, "warning") else self._dropped
        if not self._offer(line, level):
            self._dropped += 1

    def defect(self, error: Exception) -> None:
        """Minisup itself went wrong: say what and where, so that it can be reported."""
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = "" if frame is None else f" at {os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}"
        self.say(f"internal error: {type(error).__name__}: {error}{place}; minisup goes on, please report it", "error")

    def sink_changed(self, name: str, error: OSError | None) -> None:
        """An output has begun to lose what is written to it, or takes it again."""
        if error is None:
            self.say(f"{name} takes output again")
        else:
            self.say(f"cannot write to {name}: {error.strerror}; its output is discarded, jobs go on", "warning")

    def _offer(self, line: str, level: str) -> bool:
        stamp = f"{self._stamp()} " if self._time else ""
        mark = "" if level in {"info", "debug"} else f"{level}: "
        return self._sink.offer(f"{stamp}{mark}{line}\n".encode(errors="surrogateescape"))

    def _stamp(self) -> str:
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
