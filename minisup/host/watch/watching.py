"""What follows from changed files: the configuration is read again (`up --watch`), programs that watch them restart.

The thread that looks is made by the first configuration that asks for it.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from minisup.config.schema import Config, ProgramTable
from minisup.config.text.toml_lines import printable
from minisup.core.fleet import Fleet
from minisup.core.messages import Event, WatchedFilesChanged
from minisup.core.model import Seconds
from minisup.errors import ConfigError, MinisupError
from minisup.host.loop import Loop
from minisup.host.output.log import OwnLog
from minisup.host.requests.reload import Reloading, not_reloaded

if TYPE_CHECKING:
    from minisup.host.watch.watcher import Watcher

CONFIGURATION: Final = ""
"""Who watches the files of the configuration; programs do under their names."""

BY: Final = "--watch"
"""Who asks for a reload."""


class WatchingHost(Protocol):
    """What watching needs of the supervisor."""

    config: Config
    fleet: Fleet
    loop: Loop
    console: OwnLog
    reloading: Reloading
    wall: Callable[[], float]

    def feed(self, event: Event) -> None:
        """Give one event to the core."""
        ...


class Watching:
    """Follows the configuration that counts. `whole`: its own files are watched, too."""

    def __init__(self, desk: WatchingHost, *, whole: bool) -> None:
        self._desk = desk
        self._whole = whole
        self._tried: tuple[str, ...] = ()  # what decided about a configuration that was refused
        self._refused = ""
        self._watcher: Watcher | None = None
        self._subjects: Mapping[str, tuple[str, ...]] = {}

    def follow(self) -> None:
        """Watch what the configuration says now."""
        self._follow(self._desk.config.read_at)

    def _follow(self, since: float) -> None:
        config = self._desk.config
        subjects = {name: program.watch for name, program in config.programs.items() if program.watch}
        if self._whole:
            subjects[CONFIGURATION] = tuple(dict.fromkeys((*config.looked_at, *self._tried)))
        if subjects == self._subjects:
            return
        self._subjects = subjects
        if self._watcher is None:
            from minisup.host.watch.watcher import Watcher  # noqa: PLC0415 -- only for who watches files

            desk = self._desk
            self._watcher = Watcher(desk.loop.post, self._changed, partial(desk.console.say, level="warning"))
        self._watcher.watch(subjects, since)

    def close(self) -> None:
        """No more news; the thread is told to end."""
        if self._watcher is not None:
            self._watcher.close()

    def wait(self, seconds: Seconds) -> None:
        """Wait for the end of the thread."""
        if self._watcher is not None:
            self._watcher.wait(seconds)

    def reloaded(self) -> None:
        """Another configuration counts, whoever has asked for it."""
        self._refused, self._tried = "", ()
        self.follow()

    def _changed(self, changes: Mapping[str, Collection[str]]) -> None:
        if CONFIGURATION in changes:  # first: programs restart as the new one says
            self._reload(lambda: self._restart(changes))
        else:
            self._restart(changes)

    def _restart(self, changes: Mapping[str, Collection[str]]) -> None:
        if self._desk.fleet.shutdown is not None:
            return
        for name, paths in changes.items():
            program = self._desk.config.programs.get(name)
            if program is not None:
                self._desk.feed(WatchedFilesChanged(name, short(min(paths), program), len(paths)))

    def _reload(self, then: Callable[[], None]) -> None:
        """As `minisup reload`; what is wrong with the files is said once for as long as it is the same."""
        now = self._desk.wall()

        def refused(error: MinisupError) -> None:
            if str(error) != self._refused:
                self._refused = str(error)
                self._desk.console.tell(not_reloaded(error, BY))
            if isinstance(error, ConfigError):
                self._tried = error.looked_at
                self._follow(now)
            then()

        self._desk.reloading.apply(BY, lambda _: then(), refused)


def short(path: str, program: ProgramTable) -> str:
    """A path as the program's file would name it."""
    return printable(path.removeprefix(f"{program.origin.here}/"))
