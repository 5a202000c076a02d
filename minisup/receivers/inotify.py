"""The kernel tells what appears in a directory. Three calls of the C library, by what is underneath `ctypes`."""

import os
from collections.abc import Mapping
from struct import Struct
from typing import Final

_EVENT: Final = Struct("iIII")  # watch, mask, cookie, length of the name that follows
_ROOM: Final = 1 << 16
_MOST_READ: Final = 16

_WRITTEN: Final = 0x8  # closed after it was open for writing
_MOVED_HERE: Final = 0x80
_OVERFLOW, _UNMOUNTED, _IGNORED = 0x4000, 0x2000, 0x8000
_GONE: Final = 0x400 | 0x800 | _UNMOUNTED | _IGNORED  # the directory itself
_ITSELF: Final = 0x400 | 0x800 | 0x1000000


class Inotify:
    """Watches directories. `descriptor` is -1 where the kernel or the user's settings leave nothing but to look."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._call = None
        self.descriptor = -1
        if environ.get("WATCHFILES_FORCE_POLLING", "").lower() not in {"", "0", "false", "disable", "disabled"}:
            return
        try:
            from _ctypes import call_function, dlopen, dlsym  # noqa: PLC0415 - where it is missing, looking remains

            library = dlopen(None, os.RTLD_NOW)  # type: ignore[arg-type] # None: this program
            self._call = lambda name, *given: int(call_function(dlsym(library, name), given))
            self.descriptor = self._call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        except (ImportError, OSError, AttributeError, TypeError):
            self._call = None

    def watch(self, path: bytes, *, names: bool) -> bool:
        """Watch this directory, too, and what appears in it if its `names` matter; whether the kernel will tell."""
        if self.descriptor < 0 or self._call is None:
            return False
        what = _ITSELF | (_WRITTEN | _MOVED_HERE if names else 0)
        return bool(self._call("inotify_add_watch", self.descriptor, path + b"\0", what) >= 0)

    def read(self) -> list[bytes] | None:
        """The names that have appeared; None: some were not told, or the directory has gone."""
        names: list[bytes] = []
        for _ in range(_MOST_READ):
            try:
                raw = os.read(self.descriptor, _ROOM) if self.descriptor >= 0 else b""
            except BlockingIOError:
                break
            if not raw:
                break
            at = 0
            while at < len(raw):
                _, mask, _, length = _EVENT.unpack_from(raw, at)
                at += _EVENT.size + length
                if mask & (_OVERFLOW | _GONE):
                    return None
                names.append(raw[at - length : at].rstrip(b"\0"))
        return names

    def close(self) -> None:
        """Watch nothing any more."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
