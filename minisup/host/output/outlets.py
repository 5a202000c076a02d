"""Where the output of runs goes, and in which form: what the `log` table of a program says, made real.

A file is one sink, whoever names it, and it is made when it is first needed.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from minisup.config.keys.log_tables import Rotation
from minisup.host.loop import Loop
from minisup.host.output.files.file_sink import FileSink, Tell
from minisup.host.output.jsonlines import Json
from minisup.host.output.lines import OnTerminal, Prefixed, Raw, Timed
from minisup.host.output.longlines import LongLines
from minisup.host.output.sink import NullSink, Sink
from minisup.host.output.stream import Feed
from minisup.host.output.tails import Tail

REOPEN_LIMIT: Final = 5.0
"""Seconds until a file that has not been opened anew is named as one that hangs; less than a client waits."""

HANGS: Final = f"its file system did not answer within {REOPEN_LIMIT:g} s"


class Outlet(NamedTuple):
    """The `log` table of a program, for one of its slots: the paths are whole."""

    to: str = "console"
    format: str = "prefix"
    stderr: str = "separate"
    time: bool = False
    path: str | None = None
    stderr_path: str | None = None
    rotation: Rotation = Rotation()


class Outlets:
    """All sinks of runs, each with the queue of the streams that wait for it. `tell` is told facts about files."""

    def __init__(self, loop: Loop, stdout: Sink, stderr: Sink, tell: Tell) -> None:
        self._loop = loop
        self._tell = tell
        self._stdout = Feed(stdout)
        self._stderr = self._stdout if stderr is stdout else Feed(stderr)
        self._nowhere = Feed(NullSink(loop))
        self._files: dict[str, tuple[FileSink, Feed]] = {}

    def feeds(self, outlet: Outlet) -> tuple[Feed, Feed]:
        """Where stdout and a separate stderr go."""
        match outlet.to:
            case "console":
                return self._stdout, self._stderr
            case "file":
                return self._file(outlet.path, outlet.rotation), self._file(
                    outlet.stderr_path or outlet.path, outlet.rotation
                )
            case _:
                return self._nowhere, self._nowhere

    def flush(self, deadline: float) -> bool:
        """Wait until all has been written, at most until `deadline` (monotonic); whether it has."""
        sinks = [self._stdout.sink, self._stderr.sink, *(sink for sink, _ in self._files.values())]
        for sink in sinks:
            sink.flush(0)  # all begin before any is waited for
        written = [sink.flush(deadline) for sink in sinks]
        return all(written)

    def reopen(self, done: Callable[[dict[str, str]], None]) -> None:
        """Open all files by their names again; `done` is told, in a later turn, the paths, each with why it failed.

        A file whose thread hangs is named after `REOPEN_LIMIT`, and opened anew when its thread comes to it.
        """
        waiting = {path: sink for path, (sink, _) in self._files.items()}
        answers: dict[str, str] = {}

        def answer(path: str, why: str) -> None:
            if path not in answers:
                answers[path] = why
                if len(answers) == len(waiting):
                    done(answers)

        def give_up() -> None:
            for path in waiting.keys() - answers.keys():
                answer(path, HANGS)

        for path, sink in waiting.items():
            sink.reopen(partial(answer, path))
        if waiting:
            self._loop.after(REOPEN_LIMIT, give_up)
        else:
            self._loop.post(lambda: done(answers))

    def close(self) -> None:
        """End the threads of the files."""
        for sink, _ in self._files.values():
            sink.close()
        self._files.clear()

    def _file(self, path: str | None, rotation: Rotation) -> Feed:
        assert path is not None  # the configuration has been checked
        known = self._files.get(path)
        if known is None:
            sink = FileSink(path, rotation, self._loop, self._tell)
            known = self._files[path] = sink, Feed(sink)
        return known[1]


def lines_of(
    outlet: Outlet, slot: str, run: int, stream: str, tail: Tail, wall: Callable[[], float], *, terminal: bool
) -> LongLines:
    """What makes lines out of the chunks of a stream, which go to a terminal or elsewhere."""
    if outlet.to == "none" or outlet.format == "raw":
        return Raw()
    if outlet.format == "json":
        return Json(slot, run, stream, wall)
    prefix = f"{slot} | ".encode()
    lines = Timed(prefix, tail, wall) if outlet.time else Prefixed(prefix, tail)
    return OnTerminal(lines) if terminal else lines
