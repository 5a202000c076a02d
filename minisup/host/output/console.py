"""Which sink suits minisup's own stdout and stderr."""

import os
import stat
from typing import Final

from minisup.host.loop import Loop
from minisup.host.output.ready import ReadySink
from minisup.host.output.sink import DirectSink, NullSink, Report, Sink
from minisup.host.output.writer_thread import ThreadSink

MEMORY_DEVICES: Final = 1
"""Major number of /dev/null, /dev/full and the like, which answer every write at once."""


def same_file(one: int, other: int) -> bool:
    """Whether two descriptors lead to the same file, pipe or terminal; false when one is closed."""
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return False


def open_sink(fd: int, name: str, loop: Loop, report: Report) -> Sink:
    """The sink that suits what `fd` is; one that forgets everything if it is closed."""
    try:
        status = os.fstat(fd)
    except OSError:
        return NullSink(loop)
    if stat.S_ISCHR(status.st_mode) and os.major(status.st_rdev) == MEMORY_DEVICES:
        return DirectSink(fd, name, loop, report)
    if stat.S_ISFIFO(status.st_mode) or os.isatty(fd):
        try:
            return ReadySink(fd, name, loop, report)
        except OSError:
            pass  # not ours to open (another user's pipe), or no /proc: the thread can always write
    return ThreadSink(fd, name, loop, report)


def open_console(loop: Loop, report: Report) -> tuple[Sink, Sink]:
    """The sinks of stdout and stderr: one and the same if both lead to the same place, so that order is kept."""
    stdout = open_sink(1, "stdout", loop, report)
    stderr = stdout if same_file(1, 2) else open_sink(2, "stderr", loop, report)
    stdout.terminal, stderr.terminal = os.isatty(1), os.isatty(2)
    return stdout, stderr
