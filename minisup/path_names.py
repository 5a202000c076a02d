"""A path, taken a name at a time: what all who walk one themselves share.

Three do, instead of leaving it to the kernel. They ask different things on the way, so each looks at a name itself:

- `minisup.path_trust` asks, before root makes something, whether anybody else decides where that would be. It opens
  nothing, ends where the path ends to be there, and refuses what others own.
- `minisup.host.output.files.safe_path` opens a log file, and uses what it opened: others may write to directories on
  the way, and from there on no link is followed.
- `minisup.config.files.safe_open` reads a file for another user. It follows every link and remembers who made it: what
  counts is whether that somebody may have what the path leads to.
"""

from __future__ import annotations

import errno
import os

MOST_LINKS = 40
"""Links that one path may lead over, as in the kernel."""

_SLASH = ("/", "/.")


class PathNames:
    """The names that are left of a path. Those of a link's target come first.

    `names_directory`: the path ends with a slash, so nothing but a directory can be meant.
    """

    __slots__ = ("_left", "_links", "names_directory")

    def __init__(self, path: str) -> None:
        self._left = _reversed(path)
        self._links = 0
        self.names_directory = path.endswith(_SLASH)

    def __bool__(self) -> bool:
        """Whether any name is left."""
        return bool(self._left)

    def take(self) -> str:
        """The next name: not empty, and not `.`. It may be `..`."""
        return self._left.pop()

    def follow(self, target: str, link: str) -> bool:
        """Go on along the `target` of a link; whether it begins at the root. Raises OSError about `link`: ELOOP."""
        self._links += 1
        if self._links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), link)
        self.names_directory = self.names_directory or (not self._left and target.endswith(_SLASH))
        self._left += _reversed(target)
        return target.startswith("/")


def _reversed(path: str) -> list[str]:
    """The names of a path, the last one first."""
    return [name for name in reversed(path.split("/")) if name not in {"", "."}]
