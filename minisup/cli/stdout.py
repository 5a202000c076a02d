"""Standard output for every command: it bears any text, and ends every command in the same way when it takes no more.

`say.guarded` puts a `Stdout` in the place of `sys.stdout`, so that rich and csv print through it, too.
"""

from __future__ import annotations

import os
import sys

from minisup.errors import MinisupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, TextIO


class ReaderLeftError(Exception):
    """Whoever read stdout has seen enough, as in `| head`. Not an OSError: rich would exit 1 for one."""


class FullError(MinisupError):
    """Stdout takes no more: the disk is full, or the terminal is gone."""


class Stdout:
    """The stream that a command prints to. None, a stdout that was closed (`>&-`), is as good as /dev/null."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.encoding = (stream.encoding if stream is not None else None) or "utf-8"

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever a stream has
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Print; what the encoding lacks becomes `?`. Raises ReaderLeftError and FullError."""
        if self._stream is None:
            return len(text)
        try:
            return self._stream.write(text)
        except UnicodeEncodeError:
            return self._stream.write(bearable(text, self.encoding))
        except OSError as error:
            raise refused(error) from None

    def write_utf8(self, text: str) -> None:
        """Print a file that says of itself that it is UTF-8, whatever the locale is. Raises as `write`."""
        binary = getattr(self._stream, "buffer", None)
        if binary is None:
            self.write(text)
            return
        try:
            self.flush()
            binary.write(text.encode("utf-8", "replace"))
        except OSError as error:
            raise refused(error) from None

    def flush(self) -> None:
        """What has been printed is on its way. Raises as `write`."""
        if self._stream is None:
            return
        try:
            self._stream.flush()
        except OSError as error:
            raise refused(error) from None

    def isatty(self) -> bool:
        """Whether somebody looks."""
        return self._stream is not None and self._stream.isatty()


def refused(error: OSError) -> Exception:
    """What a refused write means to a command."""
    if isinstance(error, BrokenPipeError):
        return ReaderLeftError()
    why = error.strerror or str(error)
    return FullError(f"cannot write to standard output: {why}; send it to another place")


def bearable(text: str, encoding: str) -> str:
    """The text as far as the encoding has it, each other letter as `?`, as often as it is wide."""
    from minisup.cell_width import width  # noqa: PLC0415 -- in few locales

    def shown(letter: str) -> str:
        try:
            letter.encode(encoding)
        except UnicodeEncodeError:
            return "?" * width(letter)
        return letter

    return "".join(map(shown, text))


def open_closed_streams() -> None:
    """Give /dev/null to those of 0, 1 and 2 that are closed: else a socket or the history would get their number."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from minisup.host.inherited import open_standard_streams  # noqa: PLC0415 -- rare

        open_standard_streams()


def discard() -> None:
    """Forget what could not be written: the interpreter flushes once more on its way out, and would complain again."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        pass


def while_read(coming: Iterator[Any]) -> Iterator[Any]:
    """What comes, as long as somebody reads stdout: `logs -f | head -1` ends although no further line comes.

    Raises ReaderLeftError.
    """
    import signal  # noqa: PLC0415 -- for those who follow
    import threading  # noqa: PLC0415 -- as above

    fd = _pipe()
    if fd is None:
        yield from coming
        return
    before = signal.signal(signal.SIGPIPE, _reader_left)
    threading.Thread(target=_watch, args=(fd, threading.get_ident()), daemon=True).start()
    try:
        yield from coming
    finally:
        signal.signal(signal.SIGPIPE, before)


def _pipe() -> int | None:
    """The descriptor of stdout if it has a reader who may leave."""
    import stat  # noqa: PLC0415 -- as above

    try:
        fd: int = sys.stdout.fileno()
        mode = os.fstat(fd).st_mode
    except (OSError, ValueError, AttributeError):
        return None
    return fd if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else None


def _watch(fd: int, waiting: int) -> None:
    import select  # noqa: PLC0415 -- as above
    import signal  # noqa: PLC0415 -- as above

    hang_up = select.poll()
    hang_up.register(fd, 0)
    hang_up.poll()
    signal.pthread_kill(waiting, signal.SIGPIPE)


def _reader_left(_number: int, _frame: object) -> None:
    raise ReaderLeftError
