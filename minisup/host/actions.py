"""What the core asks for, carried out: one function for each kind of action. The order is the core's."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from minisup.config.schema import Config
from minisup.core.facts import ShutdownStep
from minisup.core.fleet import Fleet
from minisup.core.messages import (
    Arm,
    Credit,
    Deliver,
    Event,
    Forget,
    Halt,
    HoldFiles,
    Measure,
    Measured,
    Note,
    Record,
    Remember,
    Resize,
    Settle,
    Signal,
    SignalLeftovers,
    Spawn,
    SpawnFailed,
    Started,
)
from minisup.core.policy.timers import Timers
from minisup.history.base import Book
from minisup.host.integrations.hooks import Hooks
from minisup.host.integrations.sd_notify import SdNotifier
from minisup.host.loop import Loop
from minisup.host.output.log import OwnLog
from minisup.host.output.outputs import Output
from minisup.host.output.pump import Pump
from minisup.host.process.kill import Sender
from minisup.host.process.leftovers import LeftoverSessions
from minisup.host.process.memory import MemoryWatch
from minisup.host.process.reap import Reaped
from minisup.host.requests.run_once import Extras
from minisup.host.start.helper import Helpers
from minisup.host.start.launcher import Launcher
from minisup.host.start.recipes import Recipes
from minisup.host.state.schedule_state import Served
from minisup.host.state.statedir import StateDir
from minisup.host.watch.held_files import Lookout

if TYPE_CHECKING:
    from minisup.host.integrations.prober import Prober
    from minisup.host.integrations.protection import Protection
    from minisup.host.source.consumers import Sources


class ActionsHost(Protocol):
    """What the duties need of the supervisor."""

    code: int | None
    config: Config
    console: OwnLog
    extras: Extras
    fleet: Fleet
    helpers: Helpers
    history: Book
    hooks: Hooks
    launcher: Launcher
    leftovers: LeftoverSessions
    lookout: Lookout
    loop: Loop
    memory: MemoryWatch | None
    notifier: SdNotifier
    output: Output
    prober: "Prober | None"
    protection: "Protection | None"
    pump: Pump
    recipes: Recipes
    running: dict[int, tuple[str, int]]
    sender: Sender
    served: Served
    state: StateDir
    timers: Timers

    @property
    def has_sources(self) -> bool:
        """Whether a program has or had a source."""
        ...

    def sources(self) -> "Sources":
        """The sources, made when they are first needed."""
        ...

    def feed(self, event: Event) -> None:
        """Give one event to the core."""
        ...


def spawn(desk: ActionsHost, action: Spawn) -> None:
    """Start a run, and tell the core how that went, unless that has still to turn out."""
    desk.state.reserve(action.run)
    answer: Started | SpawnFailed | None
    try:
        answer = desk.launcher.start(action)
    except Exception as error:  # noqa: BLE001 - a slot whose start nobody answers would wait for ever
        desk.console.defect(error)
        answer = SpawnFailed(action.slot, action.run, "internal error of minisup", scarce=True)
    if answer is not None:
        answered(desk, answer)


def answered(desk: ActionsHost, answer: Started | SpawnFailed) -> None:
    """Tell the core how a start went."""
    if type(answer) is Started:
        desk.running[answer.pid] = (answer.slot, answer.run)
        if desk.memory is not None or desk.protection is not None:
            look_after(desk, answer.slot)
        if desk.console.detailed:
            desk.output.tell_start(answer)
    desk.feed(answer)


def arrived(desk: ActionsHost, answer: Started | SpawnFailed, pid: int, signals: Sequence[Signal]) -> None:
    """A start that nobody waited for is over: now the run gets what it was sent meanwhile."""
    if type(answer) is SpawnFailed:
        desk.helpers[pid] = _no_run
    answered(desk, answer)
    for sent in signals:
        signal(desk, sent)


def _no_run(_ended: Reaped) -> None:
    """Such a child has nothing to tell."""


def signal(desk: ActionsHost, action: Signal) -> None:
    """Signal a run."""
    slot = desk.fleet.slots.get(action.slot)
    if slot is None or slot.run is None or slot.run.id != action.run:  # it could not be started after all
        return
    if slot.run.pid:
        desk.sender.send(slot.run.pid, (action.slot, action.run), action.signal, action.scope, wake=action.wake)
    else:
        desk.launcher.send(action)


def signal_leftovers(desk: ActionsHost, action: SignalLeftovers) -> None:
    """Signal what an ended run left behind."""
    desk.leftovers.signal(action.run, action.signal)


def arm(desk: ActionsHost, action: Arm) -> None:
    """Wake the core then."""
    desk.timers.arm(action.key, action.generation, action.due)


def watch(desk: ActionsHost, action: HoldFiles) -> None:
    """Look at the files that a held program needs, or no longer."""
    desk.lookout.watch(action.program, action.on)


def credit(desk: ActionsHost, action: Credit) -> None:
    """A source may give so many messages."""
    desk.sources().allow(action.program, action.messages)


def deliver(desk: ActionsHost, action: Deliver) -> None:
    """A run that is ready gets its message."""
    desk.sources().deliver(action)


def settle(desk: ActionsHost, action: Settle) -> None:
    """A queue is told what became of a message."""
    desk.sources().settle(action)


def measure(desk: ActionsHost, action: Measure) -> None:
    """Ask how much work waits."""
    program = desk.config.programs.get(action.program)
    if program is not None and program.source is not None:
        measured = desk.sources().measured(action.program)
        desk.feed(measured or Measured(action.program, None, "the source has not begun"))
        return
    if desk.prober is None:
        from minisup.host.integrations.prober import Prober  # noqa: PLC0415 - only who scales by a probe needs it

        desk.prober = Prober(desk.loop, desk.recipes, desk.launcher.spawner, desk.helpers, desk.feed)
    desk.prober.measure(desk.config, action.program)


def resize(desk: ActionsHost, action: Resize) -> None:
    """Tell runs from now on how many slots there are."""
    desk.recipes.resize(action.program, action.numprocs)


def forget(desk: ActionsHost, action: Forget) -> None:
    """A slot is gone."""
    desk.pump.forget(action.slot)


def remember(desk: ActionsHost, action: Remember) -> None:
    """Keep the times of a schedule for the next minisup."""
    desk.served.remember(action)


def record(desk: ActionsHost, record: Record) -> None:
    """A run has ended: a row of the history."""
    desk.history.add(record)
    if desk.protection is not None:
        desk.protection.ended(record)
    if desk.console.detailed:
        desk.output.tell_end(record)


def note(desk: ActionsHost, action: Note) -> None:
    """Something has happened: tell whoever listens."""
    if desk.has_sources and type(action.fact) is ShutdownStep:
        desk.sources().stop(action.fact.within)
    desk.notifier.take(action.fact)
    desk.extras.take(action.fact)
    desk.console.tell(action.fact)
    desk.hooks.take(action.fact)


def halt(desk: ActionsHost, action: Halt) -> None:
    """All is over; hooks under way may end."""
    desk.code = action.code
    shutdown = desk.fleet.shutdown
    if shutdown is not None and shutdown.step == 1:
        desk.hooks.linger(shutdown.begun + shutdown.span)
    if shutdown is not None and desk.has_sources:
        desk.sources().linger(shutdown.begun + shutdown.span)


def look_after(desk: ActionsHost, slot: str) -> None:
    """Whoever watches runs watches this one."""
    if desk.memory is not None:
        desk.memory.started(slot)
    if desk.protection is not None:
        desk.protection.started(slot)


DUTIES: dict[type, Callable[[Any, Any], None]] = {
    Arm: arm,
    Credit: credit,
    Deliver: deliver,
    Forget: forget,
    Halt: halt,
    Measure: measure,
    Note: note,
    Record: record,
    Remember: remember,
    Resize: resize,
    Settle: settle,
    Signal: signal,
    SignalLeftovers: signal_leftovers,
    Spawn: spawn,
    HoldFiles: watch,
}
