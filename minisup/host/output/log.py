"""minisup's own lines, on stderr: sentences, or an object each."""

import os
from collections.abc import Callable, Mapping
from json import dumps
from typing import Any

from minisup import narrate
from minisup.config.keys.log_tables import LineFormat, SupervisorLog
from minisup.core.facts import name_of
from minisup.core.policy.timestamp import stamp
from minisup.escapes import visible
from minisup.host.clock import Clock
from minisup.host.output.sink import Sink

LEVELS = ("debug", "info", "warning", "error")

NOTHING_MORE: Mapping[str, Any] = {}


class OwnLog:
    """Writes lines at or above a level; a line is dropped and counted rather than waited for."""

    def __init__(self, sink: Sink, clock: Clock, options: SupervisorLog) -> None:
        self._sink = sink
        self._clock = clock
        self._dropped = 0
        self._followed = False
        self.listener: Callable[[object], None] | None = None
        """Told every fact."""
        self.configure(options)

    def configure(self, options: SupervisorLog) -> None:
        """How lines are written from now on, and which."""
        self._time = options.time
        self._json = options.format is LineFormat.JSON
        self._least = LEVELS.index(options.level)
        self.detailed = self._followed or self._least == 0
        """Whether facts about single runs are of use to anybody."""

    def say(self, line: str, level: str = "info", more: Mapping[str, Any] = NOTHING_MORE) -> None:
        """One line, without its newline; `more` is what JSON has beside it."""
        if LEVELS.index(level) < self._least:
            return
        if self._dropped:
            lost = f"{self._dropped} of minisup's own lines were dropped: stderr was full"
            self._dropped = 0 if self._offer(lost, "warning", NOTHING_MORE) else self._dropped
        if not self._offer(line, level, more):
            self._dropped += 1

    def follow(self, followed: bool) -> None:
        """Somebody follows every fact, or nobody does any more."""
        self._followed = followed
        self.detailed = followed or self._least == 0

    def tell(self, fact: object) -> None:
        """A fact, in words and, as JSON, with its name and fields."""
        if self.listener is not None:
            self.listener(fact)
        more = NOTHING_MORE
        if self._json:
            assert isinstance(fact, tuple)  # a NamedTuple of `minisup.core.facts`
            more = {"fact": name_of(fact), "fields": fact._asdict()}  # type: ignore[attr-defined]
        self.say(narrate.sentence(fact), narrate.level(fact), more)

    def defect(self, error: Exception) -> None:
        """Minisup itself went wrong: say what and where, so that it can be reported."""
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = "" if frame is None else f" at {os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}"
        self.say(f"internal error: {type(error).__name__}: {error}{place}; minisup goes on, please report it", "error")

    def _offer(self, line: str, level: str, more: Mapping[str, Any]) -> bool:
        return self._sink.offer(self._object(line, level, more) if self._json else self._text(line, level))

    def _text(self, line: str, level: str) -> bytes:
        time = f"{stamp(self._clock.wall())} " if self._time else ""
        mark = "" if level in {"info", "debug"} else f"{level}: "
        return f"{time}{mark}{visible(line)}\n".encode(errors="surrogateescape")

    def _object(self, line: str, level: str, more: Mapping[str, Any]) -> bytes:
        message = {"timestamp": stamp(self._clock.wall()), "level": level, "message": line, **more}
        # Names of files may hold bytes that are not UTF-8: these are replaced, as in the lines of jobs.
        text = dumps(message, ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="surrogateescape").decode(errors="replace").encode() + b"\n"
