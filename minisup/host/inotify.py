"""Lets the kernel say that a file was removed, renamed or replaced: nobody has to look again and again."""

import os
from collections.abc import Collection
from typing import Final

from minisup.host import libc
from minisup.host.loop import Callback, Loop

_ATTRIBUTES: Final = 0x4  # among others the number of names: of a file that we have open the last one may go
_DELETED: Final = 0x400
_MOVED: Final = 0x800
_DONT_FOLLOW: Final = 0x2000000
_DIRECTORY: Final = _DELETED | _MOVED  # not what happens in it
_FILE: Final = _ATTRIBUTES | _DELETED | _MOVED | _DONT_FOLLOW
_ROOM: Final = 4096


class Inotify:
    """Calls `changed` when something happens to one of the files that are watched, or to their names."""

    def __init__(self, loop: Loop, changed: Callback) -> None:
        self._loop = loop
        self._changed = changed
        self._fd = libc.call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd >= 0:
            loop.on_readable(self._fd, self._take)

    def watch(self, paths: Collection[str]) -> bool:
        """Watch these files and their directories, besides what is watched already; whether all of them are."""
        if self._fd < 0:
            return False
        directories = {os.path.dirname(path) for path in paths}
        added = [*(self._add(path, _FILE) for path in paths), *(self._add(path, _DIRECTORY) for path in directories)]
        return all(added)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._fd >= 0:
            self._loop.forget(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _add(self, path: str, what: int) -> bool:
        return libc.call("inotify_add_watch", self._fd, os.fsencode(path) + b"\0", what) != libc.FAILED

    def _take(self) -> None:
        try:
            os.read(self._fd, _ROOM)  # what happened is for whoever looks
        except BlockingIOError:
            return
        self._changed()
