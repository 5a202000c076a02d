"""What minisup has made in the file system has to stay there: the socket, the state directory, and their locks.

A sweeper of temporary files, or a careless `rm`, takes them away while minisup runs. Then nobody reaches it, and a
second minisup would run every program twice. So what is gone is made again, and that is said. The kernel tells when a
file is removed; what it does not tell (something mounted over it) is seen within a minute, at a reload, or when logs
are reopened.
"""

from collections.abc import Callable, Mapping
from typing import Final

from minisup.control.server import Server
from minisup.errors import TakenError
from minisup.host.inotify import Inotify
from minisup.host.loop import Loop, Timer
from minisup.host.process.run_record import Running
from minisup.host.process.survivors import in_progress
from minisup.host.state.schedule_state import Served
from minisup.host.state.statedir import LockedError, StateDir

EACH: Final = 60.0
"""Seconds between two looks while the kernel watches."""

ALONE: Final = 10.0
"""Seconds between two looks while it does not, or while something is missing."""

MOMENT: Final = 0.2
"""Seconds from what the kernel tells to the look: whoever removes one file removes the others too."""


class Upkeep:
    """Looks after the places of one minisup, from `begin` to `close`."""

    def __init__(self, loop: Loop, say: Callable[[str, str], None]) -> None:
        self._loop = loop
        self._say = say
        self._told: dict[str, str] = {}  # what is missing, by place: said once
        self._places: dict[str, Callable[[], str]] = {}
        self._files: list[str] = []
        self._timer: Timer | None = None
        self._notices: Inotify | None = None
        self._soon = False

    def begin(
        self,
        server: Server | None,
        state: StateDir,
        record: Running,
        served: Served,
        running: Mapping[int, tuple[str, int]],
    ) -> None:
        """These are there, and have to stay. `running` are the runs in progress, by pid: slot and run."""
        if server is not None:
            self._places[server.path] = server.look
            self._files += [server.path, server.lock_path]
        if state.path is not None:
            self._places[state.path] = lambda: _look_at_state(state, record, served, running)
            self._files += [f"{state.path}/lock", f"{state.path}/running"]
        if self._places:
            self._notices = Inotify(self._loop, self._look_soon)
            self._arm()

    def look(self) -> None:
        """Make again what is gone. What cannot be made is said once and tried at each look."""
        if self._notices is None:
            return
        for path, look in self._places.items():
            try:
                said, trouble = look(), ""
            except TakenError:
                said, trouble = "", f"the control socket {path} was removed, and another process has made one there"
            except LockedError as error:
                pid = error.holder.pid
                said, trouble = "", f"the state directory {path} was removed, and another minisup (pid {pid}) has it"
            except OSError as error:
                said, trouble = "", f"something is missing at {path} and cannot be made: {error.strerror or error}"
            self._tell(path, said, trouble)
        self._arm()

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._notices is not None:
            self._notices.close()
            self._notices = None

    def _tell(self, path: str, said: str, trouble: str) -> None:
        if trouble and trouble != self._told.get(path):
            self._say(f"{trouble}; minisup looks again each {ALONE:g} s", "error")
        elif said:
            self._say(said, "warning")
        self._told[path] = trouble

    def _look_soon(self) -> None:
        if not self._soon:
            self._soon = True
            self._loop.after(MOMENT, self._look_now)

    def _look_now(self) -> None:
        self._soon = False
        self.look()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        assert self._notices is not None
        watched = self._notices.watch(self._files) and not any(self._told.values())
        self._timer = self._loop.after(EACH if watched else ALONE, self.look)


def _look_at_state(state: StateDir, record: Running, served: Served, running: Mapping[int, tuple[str, int]]) -> str:
    said = state.look()
    if record.look(lambda: in_progress(running)) and not said:
        said = f"the record of the runs in progress was missing: {state.path}/running is written"
    served.look()
    return said
