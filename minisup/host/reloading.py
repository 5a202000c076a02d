"""Another configuration for a minisup that runs: read, planned, taken over. A bad one changes nothing."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from minisup.config.plan import Change, Effect, Plan, plan, taken_over
from minisup.config.schema import Config
from minisup.core.facts import NotReloaded
from minisup.core.fleet import Fleet
from minisup.core.messages import Event, Reloaded
from minisup.errors import MinisupError
from minisup.host.hooks import Hooks
from minisup.host.log import OwnLog
from minisup.host.loop import Loop
from minisup.host.memory import MemoryWatch, memory_watch
from minisup.host.notify import Notifier
from minisup.host.recipes import Recipes
from minisup.host.verdict import Verdicts

if TYPE_CHECKING:
    from minisup.host.prober import Prober

Reread = Callable[[], Config]
"""Reads the configuration again, as `up` read it; raises ConfigError."""


class Desk(Protocol):
    """What a reload needs of the supervisor."""

    config: Config
    fleet: Fleet
    loop: Loop
    recipes: Recipes
    hooks: Hooks
    console: OwnLog
    running: dict[int, tuple[str, int]]
    memory: MemoryWatch | None
    notifier: Notifier
    verdicts: Verdicts
    prober: "Prober | None"

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

    def __init__(self, desk: Desk, reread: Reread) -> None:
        self._desk = desk
        self._reread = reread

    def plan(self) -> Plan:
        """What a reload would change. Raises ConfigError with all problems of the new configuration."""
        return plan(self._desk.config, self._reread())

    def apply(self, by: str) -> Plan:
        """Take the new configuration over; returns what has changed. Raises MinisupError when nothing was."""
        desk = self._desk
        if desk.fleet.shutdown is not None:
            raise MinisupError(
                "cannot reload: minisup is shutting down; the next `minisup up` reads the new configuration"
            )
        desk.notifier.reloading()
        try:
            return self._take_over(self._reread(), by)
        finally:
            desk.notifier.ready_again()

    def _take_over(self, read: Config, by: str) -> Plan:
        desk = self._desk
        changes = plan(desk.config, read)
        new = desk.config = taken_over(desk.config, read)
        desk.recipes.reload(new)
        desk.verdicts.read(new)
        if desk.prober is not None:  # what it has not answered yet, the core no longer waits for
            desk.prober.close()
        desk.console.configure(new.supervisor.log)
        desk.hooks.configure(new)
        desk.watch_wall_clock(new)
        policies = tuple(program.policy() for program in new.programs.values())
        desk.feed(Reloaded(policies, new.supervisor.shutdown_timeout, changes.remade, by, changes.noted))
        self._watch_memory(new)
        desk.reloaded()
        return changes

    def try_to_apply(self, by: str) -> None:
        """As `apply`, for who cannot be answered: the log says what was wrong."""
        try:
            self.apply(by)
        except MinisupError as error:
            self._desk.console.tell(NotReloaded(str(error), by))

    def _watch_memory(self, new: Config) -> None:
        desk = self._desk
        if desk.memory is not None:
            desk.memory.close()
        desk.memory = memory_watch(new, desk.loop, desk.running, desk.feed)
        if desk.memory is not None:
            for slot, _ in desk.running.values():
                desk.memory.started(slot)


def document(changes: Plan, *, applied: bool) -> Mapping[str, object]:
    """The plan as the control socket gives it."""
    return {"applied": applied, "changes": [_change(change) for change in changes.changes]}


def _change(change: Change) -> Mapping[str, object]:
    name = {Effect.LIVE: "live", Effect.MINISUP: "restart of minisup"}.get(change.effect, change.effect.name.lower())
    return {
        "program": change.program or None,
        "key": change.key or None,
        "old": change.old,
        "new": change.new,
        "effect": name.replace("_", " "),
        "words": change.effect.value,
    }
