"""How many files minisup may have open, and how many its runs: two limits, and one that counts at a time.

A run costs two descriptors, and the usual soft limit of 1024 is there for programs that call select(), so minisup takes
more for itself than it gives to its runs. It begins when half of the numbers below the soft limit are taken: then the
soft limit becomes the hard one, and what stays open for long moves to numbers that runs never see. Around a vfork the
old limit counts for a moment (docs/decisions/0021-open-files.md). Other threads may open files in that moment: they are
given low numbers, which is why those are kept free.
"""

import os
import resource
from fcntl import F_DUPFD_CLOEXEC, fcntl
from typing import Final

_NOFILE: Final = resource.RLIMIT_NOFILE


class OpenFiles:
    """The limits of this process. Every method may be called in any thread but `lower`, which is the spawner's."""

    def __init__(self) -> None:
        self.given = _limits()
        """The soft and the hard limit that minisup was started with, and that its runs get."""
        self.raised = False
        soft, hard = self.given
        self._own = (hard, hard)
        self._near = soft // 2 if soft not in (hard, resource.RLIM_INFINITY) else None

    @property
    def most(self) -> int | None:
        """How many files may be open at most; None: there is no limit, or it is not known."""
        return None if self.given[1] == resource.RLIM_INFINITY else self.given[1]

    def lift(self, fd: int) -> int:
        """The same file, which is to stay open, under the number that it is to have from now on."""
        if self._near is None or fd < self._near:
            return fd
        try:
            self.raised = self.raised or self._raise()
            high = fcntl(fd, F_DUPFD_CLOEXEC, self.given[0])
        except (OSError, ValueError):  # there is no more to be had
            return fd
        os.close(fd)
        return high

    def lower(self) -> None:
        """Let the limit that runs get count, until `restore`."""
        resource.setrlimit(_NOFILE, self.given)

    def restore(self) -> None:
        """Let minisup's own limit count again."""
        resource.setrlimit(_NOFILE, self._own)

    def _raise(self) -> bool:
        resource.setrlimit(_NOFILE, self._own)
        return True


def _limits() -> tuple[int, int]:
    try:
        return resource.getrlimit(_NOFILE)
    except OSError:  # a filter of system calls: what is not known is not changed
        return resource.RLIM_INFINITY, resource.RLIM_INFINITY


OPEN_FILES: Final = OpenFiles()
"""Of this process."""
