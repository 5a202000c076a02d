"""Two ways to learn that something may have changed in a set of directories. Both belong to the watcher's thread.

`Inotify` is told by the kernel, through watchfiles. It waits in short sleeps, because that is how watchfiles asks
whether it should end, and its objects cannot be changed once made: what joins gets another one. Making one costs about
28 microseconds a directory while which nothing else of Python runs, so none is made for more than `SHARE` of them.

`Clockwork` is told by nobody and looks again and again.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from minisup.core.model import Seconds

STEP: Final[Seconds] = 0.2
"""Seconds between two looks at what the kernel has told, and so until a request to end is heard."""

EACH: Final[Seconds] = 2.0
"""Seconds between two looks when nobody tells."""

SHARE: Final = 512
"""Directories of one object of watchfiles: 15 ms to make."""

SPARE: Final = 4
"""Objects above the least number before all are made anew."""


Places = Mapping[str, tuple[int, int]]
"""Directories with their device and inode: one that was replaced is another one."""


class BlindError(Exception):
    """The kernel does not tell; the text says why and what would help."""


class Awake(Protocol):
    """What is asked whether to wait on."""

    def is_set(self) -> bool:
        """Whether the wait should end now."""
        ...


class Eyes(Protocol):
    """Waits for changes."""

    def follow(self, places: Places) -> bool:
        """Wait in these directories from now on; true: some are new, so look once more. Raises BlindError."""
        ...

    def wait(self, awake: Awake) -> set[str] | None:
        """The paths that were told to have changed, maybe none yet; None: nobody knows, look."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class Inotify:
    """Told by the kernel. Raises BlindError when watchfiles cannot be loaded."""

    def __init__(self) -> None:
        try:
            from watchfiles._rust_notify import RustNotify  # noqa: PLC0415 -- 3.5 MiB and 40 ms
        except ImportError as error:
            raise BlindError(f"watchfiles cannot be loaded ({error}): install it") from None
        self._make: Callable[[list[str], bool, bool, int, bool, bool], Any] = RustNotify
        self._made: list[Any] = []
        self._places: dict[str, tuple[int, int]] = {}

    def follow(self, places: Places) -> bool:
        """See `Eyes`."""
        fresh = [path for path, place in places.items() if self._places.get(path) != place]
        shares = -(-len(places) // SHARE)
        if not fresh:
            return False
        if len(self._made) + 1 > shares + SPARE:
            self.close()
            fresh = list(places)
        for first in range(0, len(fresh), SHARE):
            self._add(fresh[first : first + SHARE])
        self._places = dict(places)
        return True

    def _add(self, paths: list[str]) -> None:
        try:
            self._made.append(self._make(paths, False, False, 0, False, True))
        except FileNotFoundError:  # gone since it was looked at: those that are left
            left = [path for path in paths if os.path.isdir(path)]
            if left and left != paths:
                self._add(left)
        except (OSError, RuntimeError) as error:
            advice = "raise fs.inotify.max_user_watches or fs.inotify.max_user_instances (sysctl), or name fewer files"
            raise BlindError(f"inotify refuses ({str(error).rstrip('.')}): {advice}") from None

    def wait(self, awake: Awake) -> set[str]:
        """See `Eyes`."""
        told: set[str] = set()
        step = max(1, int(STEP * 1000 / max(1, len(self._made))))
        for one in self._made:
            news = one.watch(2 * step, step, 1, awake)
            if news == "stop":
                break
            if isinstance(news, set):
                told |= {path for _, path in news}
        return told

    def close(self) -> None:
        """See `Eyes`."""
        self._made.clear()
        self._places.clear()


class Clockwork:
    """Looks every two seconds. `sleep` waits for so long, or less when the watcher has something else to do."""

    def __init__(self, sleep: Callable[[Seconds], None]) -> None:
        self._sleep = sleep

    def follow(self, places: Places) -> bool:
        """See `Eyes`."""
        del places
        return False

    def wait(self, awake: Awake) -> None:
        """See `Eyes`."""
        if not awake.is_set():
            self._sleep(EACH)

    def close(self) -> None:
        """See `Eyes`."""


def is_forced_to_poll(environ: Mapping[str, str]) -> bool:
    """Whether WATCHFILES_FORCE_POLLING, watchfiles' own variable, asks not to rely on the kernel."""
    return environ.get("WATCHFILES_FORCE_POLLING", "").lower() not in {"", "0", "false", "disable", "disabled"}


def far_away(places: Iterable[str]) -> tuple[str, str] | None:
    """The first of these directories on a network file system, and which: changes made elsewhere are not told."""
    from minisup.history.place import network_file_system  # noqa: PLC0415 -- only for who watches files

    devices: set[int] = set()
    for path in places:
        try:
            device = os.stat(path).st_dev
        except OSError:
            continue
        if device not in devices:
            devices.add(device)
            kind = network_file_system(path)
            if kind:
                return path, kind
    return None
