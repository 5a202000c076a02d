"""Another configuration for a minisup that runs: read, planned, taken over. A bad one changes nothing.

It is read and planned beside the loop: others may own the files, and a file system may be slow. What runs goes on
meanwhile as the old configuration says.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from minisup.config.reload_plan import Change, ReloadEffect, ReloadPlan, plan, taken_over
from minisup.config.schema import Config
from minisup.core.facts import NotReloaded
from minisup.core.fleet import Fleet
from minisup.core.messages import ConfigReloaded, Event
from minisup.core.model import Seconds
from minisup.errors import MinisupError
from minisup.host.background import Background, BackgroundError
from minisup.host.integrations.hooks import Hooks
from minisup.host.integrations.sd_notify import SdNotifier
from minisup.host.loop import Loop
from minisup.host.output.log import OwnLog
from minisup.host.output.output_rules import Verdicts
from minisup.host.process.memory import MemoryWatch, memory_watch
from minisup.host.start.recipes import Recipes

if TYPE_CHECKING:
    from minisup.host.integrations.prober import Prober
    from minisup.host.source.consumers import Sources

LIMIT: Final[Seconds] = 8.0
"""Seconds that reading may take; a client waits 10 s for its answer."""

Reread = Callable[[Callable[[str], None]], Config]
"""Reads the configuration again, as `up` read it, and tells each file before it opens it; raises ConfigError."""

Answer = Callable[[ReloadPlan], None]
"""Is told what would change, or what has changed."""

Refuse = Callable[[MinisupError], None]
"""Is told why nothing has changed."""


class ReloadHost(Protocol):
    """What a reload needs of the supervisor."""

    config: Config
    fleet: Fleet
    loop: Loop
    recipes: Recipes
    hooks: Hooks
    console: OwnLog
    running: dict[int, tuple[str, int]]
    memory: MemoryWatch | None
    notifier: SdNotifier
    verdicts: Verdicts
    prober: "Prober | None"

    @property
    def has_sources(self) -> bool:
        """Whether a program has or had a source."""
        ...

    def sources(self) -> "Sources":
        """The sources."""
        ...

    def feed(self, event: Event) -> None:
        """Give one event to the core."""
        ...

    def reloaded(self) -> None:
        """Another configuration counts from now on."""
        ...

    def watch_wall_clock(self, config: Config) -> None:
        """Let the core know the wall clock if a schedule goes by it."""
        ...


class Reloading:
    """Takes over what the files say now."""

    def __init__(self, desk: ReloadHost, reread: Reread) -> None:
        self._desk = desk
        self._reread = reread
        self._background = Background(desk.loop, LIMIT)
        self._file = ""  # the one that was opened last
        self._due: set[str] = set()  # who waits for no answer, and for whom nothing has been read yet

    def plan(self, answer: Answer, refuse: Refuse) -> None:
        """Find out what a reload would change. `refuse` gets a ConfigError with all problems of the files."""
        self._background.do(self._read, lambda read: answer(read[1]), lambda error: refuse(self._said(error)))

    def apply(self, by: str, answer: Answer, refuse: Refuse) -> None:
        """Take the new configuration over. `answer` gets what has changed, or `refuse` why nothing has."""
        if self._desk.fleet.shutdown is not None:
            refuse(_ending())
            return

        def over(tell: Callable[[], None]) -> None:
            self._due.discard(by)
            self._desk.notifier.ready_again()
            tell()

        def read_well(read: tuple[Config, ReloadPlan]) -> None:
            try:
                self._take_over(*read, by)
            except Exception as error:  # noqa: BLE001 -- who waits for an answer gets one, the log the rest
                refused = self._said(error)
                over(lambda: refuse(refused))
            else:
                over(lambda: answer(read[1]))

        self._desk.notifier.reloading()
        self._background.do(partial(self._read, by), read_well, lambda error: over(lambda: refuse(self._said(error))))

    def try_to_apply(self, by: str) -> None:
        """As `apply`, for who cannot be answered: the log says what was wrong. Asked often, it is done once."""
        if by not in self._due:
            self._due.add(by)
            self.apply(by, lambda _: None, lambda error: self._desk.console.tell(not_reloaded(error, by)))

    def _read(self, by: str = "") -> tuple[Config, ReloadPlan]:
        """In the thread: what the files say now, and what that changes."""
        self._due.discard(by)
        read = self._reread(self._looking)
        return read, plan(self._desk.config, read)

    def _looking(self, file: str) -> None:
        self._file = file

    def _said(self, error: Exception) -> MinisupError:
        if isinstance(error, MinisupError):
            return error
        if isinstance(error, BackgroundError):
            return MinisupError(f"cannot reload: reading the configuration {error}; the last file was {self._file}")
        self._desk.console.defect(error)
        return MinisupError("cannot reload: internal error; please report it")

    def _take_over(self, read: Config, changes: ReloadPlan, by: str) -> None:
        desk = self._desk
        if desk.fleet.shutdown is not None:
            raise _ending()
        new = desk.config = taken_over(desk.config, read)
        desk.recipes.reload(new)
        desk.verdicts.read(new)
        if desk.has_sources:
            desk.sources().reload(new)
        if desk.prober is not None:  # what it has not answered yet, the core no longer waits for
            desk.prober.close()
        desk.console.configure(new.supervisor.log)
        desk.hooks.configure(new)
        desk.watch_wall_clock(new)
        policies = tuple(program.policy() for program in new.programs.values())
        desk.feed(ConfigReloaded(policies, new.supervisor.shutdown_timeout, changes.remade, by, changes.noted))
        self._watch_memory(new)
        desk.reloaded()

    def _watch_memory(self, new: Config) -> None:
        desk = self._desk
        if desk.memory is not None:
            desk.memory.close()
        desk.memory = memory_watch(new, desk.loop, desk.running, desk.feed)
        if desk.memory is not None:
            for slot, _ in desk.running.values():
                desk.memory.started(slot)


def not_reloaded(error: MinisupError, by: str) -> NotReloaded:
    """The fact that a reload was refused."""
    return NotReloaded(str(error).removeprefix("cannot reload: "), by)


def _ending() -> MinisupError:
    return MinisupError("cannot reload: minisup is shutting down; the next `minisup up` reads the new configuration")


def document(changes: ReloadPlan, *, applied: bool) -> Mapping[str, object]:
    """The plan as the control socket gives it."""
    return {"applied": applied, "changes": [_change(change) for change in changes.changes]}


def _change(change: Change) -> Mapping[str, object]:
    name = {ReloadEffect.LIVE: "live", ReloadEffect.MINISUP: "restart of minisup"}.get(
        change.effect, change.effect.name.lower()
    )
    return {
        "program": change.program or None,
        "key": change.key or None,
        "old": change.old,
        "new": change.new,
        "effect": name.replace("_", " "),
        "words": change.effect.value,
    }
