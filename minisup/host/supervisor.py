"""Between the core and the system: feeds what happened to `Fleet.step` and carries out what it answers.

The order of a turn: wait; signals; exits; timers; pipes, clients and posted calls. Each part is bounded, and a signal
is looked at between any two runs.
"""

import os
import random
import signal
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from minisup import narrate
from minisup.config.keys.supervisor_table import Platform
from minisup.config.schema import Config
from minisup.control.server import Server, open_server
from minisup.core.fleet import Fleet
from minisup.core.messages import (
    Action,
    Booted,
    Changed,
    Due,
    Event,
    OperatorAsked,
    OutputDrained,
    RunSurvived,
    ShutdownAsked,
    Spawn,
)
from minisup.core.policy.timers import Timers
from minisup.errors import TakenError
from minisup.host.actions import DUTIES, arrived, look_after
from minisup.host.clock import Clock
from minisup.host.exits import Exits
from minisup.host.integrations.hooks import Hooks
from minisup.host.integrations.sd_notify import SdNotifier
from minisup.host.loop import TURN, Loop
from minisup.host.output.output_rules import Verdicts
from minisup.host.output.outputs import Output
from minisup.host.process import leftovers
from minisup.host.process.kill import Sender
from minisup.host.process.memory import memory_watch
from minisup.host.process.processes import HELPER
from minisup.host.process.run_record import Running
from minisup.host.process.survivors import Survivors
from minisup.host.requests.reload import Reloading, Reread
from minisup.host.requests.run_once import Extras
from minisup.host.requests.verbs import ControlHandler
from minisup.host.requests.waits import Waits
from minisup.host.signals import SignalRequest, Signals
from minisup.host.start.helper import Helpers
from minisup.host.start.launcher import Launcher
from minisup.host.start.recipe import Recipe, fingerprint, last_change, needed_paths
from minisup.host.start.recipes import Recipes
from minisup.host.start.stopped import StartWatch
from minisup.host.state.open_state import nothing_kept, open_state
from minisup.host.state.schedule_state import Served
from minisup.host.state.upkeep import Upkeep
from minisup.host.wallclock import WallClock, wall_clock_for
from minisup.host.watch.held_files import FilesState, Lookout
from minisup.host.watch.watching import Watching

if TYPE_CHECKING:
    from minisup.host.integrations.prober import Prober
    from minisup.host.integrations.protection import Protection
    from minisup.host.source.consumers import Sources

FLUSH = 1.0
"""Seconds that the console gets at the end to take what was printed."""

LEAST_FLUSH = 0.1
"""Seconds of that in any case."""

LEAVING = 0.15
"""Seconds that the interpreter takes to end, on a busy machine."""

LAST_GRACE = 1.0
"""Seconds that strangers get between the shutdown's signal and SIGKILL when all runs have ended before."""

PAUSE = 0.05
"""Seconds after a defect of minisup, so that one that repeats does not take the processor."""


class Supervisor:
    """One `minisup up`."""

    def __init__(
        self, config: Config, signals: Signals, clock: Clock, exit_when_done: bool, reread: Reread, watch: bool = False
    ) -> None:
        self.config = config
        self.signals = signals
        self.clock = clock
        self.now, self.wall = clock.monotonic, clock.wall
        self.begun = self.now()
        self.instance = os.urandom(2).hex()
        self.loop = Loop(clock)
        self.output = Output(self.loop, config.supervisor.log, self._drained)
        self.console, self.pump = self.output.log, self.output.pump
        self.extras = Extras(self.pump)
        self.warn = partial(self.console.say, level="warning")
        self.timers = Timers()
        self.running: dict[int, tuple[str, int]] = {}  # pid -> slot, run
        self.helpers: Helpers = {}
        self._sources: Sources | None = None  # while no program has or had a source
        self.prober: Prober | None = None  # while no program asks how much work waits
        self.todo: deque[Action] = deque()  # what an event asks for and is not yet carried out
        self._busy = False
        self.code: int | None = None
        self.server: Server | None = None
        self.state, self.history = nothing_kept()
        self.served = Served(None)
        self.upkeep = Upkeep(self.loop, self.console.say)
        self.wall_clock: WallClock | None = None  # watched while a schedule goes by it
        self.fleet = Fleet(
            [program.policy() for program in config.programs.values()],
            shutdown_timeout=config.supervisor.shutdown_timeout,
            uniform=random.uniform,
            exit_when_done=exit_when_done,
            now=self.begun,
        )
        self.waits = Waits(self.loop, self.fleet)
        self.notifier = SdNotifier(self.loop, os.environ, self.fleet, self.warn)
        self.record = Running()
        self.recipes = Recipes(config, self.record)
        self.launcher = Launcher(self.loop, self.recipes, self.pump, self.record, partial(arrived, self))
        self.launcher.spawner.watch = StartWatch(
            lambda pid: pid in self.running or pid in self.helpers or self.launcher.is_on_its_way(pid),
            lambda words: self.loop.post(partial(self.warn, words)),
        )
        self.hooks = Hooks(config, self.loop, self.launcher.spawner, self.helpers, self.console.tell, self.console.say)
        self.verdicts = Verdicts(config, self.pump, clock, self.console.tell)
        self.exits = Exits(self)
        self.survivors = Survivors(
            self.loop, self.running, self.record, self.exits.survivor_ended, self.console.say, self._uid_of
        )
        self.sender = Sender(self.running, self.survivors, self.feed)
        self.leftovers = leftovers.LeftoverSessions(
            self.loop, self._leaders, self._slot_running, self._is_wanted, self._uid_of, self.feed, self.survivors
        )
        self.memory = memory_watch(config, self.loop, self.running, self.feed)
        self.protection: Protection | None = None
        self.protect()
        self.reloading = Reloading(self, reread)
        self.watching = Watching(self, whole=watch)
        self.lookout = Lookout(self.loop, self._needed, lambda program: self.feed(Changed(program)))

    # --- life ---------------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Take the socket, then the state directory; raises TakenError when another minisup has one of them."""
        options = self.config.supervisor
        self.server = open_server(
            self.loop,
            ControlHandler(self),
            path=options.socket,
            mode=options.socket_mode,
            group=options.socket_gid,
            warn=self.warn,
            on_error=lambda sentence, _error: self.console.say(sentence, "error"),
        )
        try:
            self.state, self.history = open_state(
                self.config, self.pump.text, self.clock, self.console.say, self.loop.post
            )
        except TakenError:
            if self.server is not None:
                self.server.close()
            raise
        self.fleet.next_run = self.state.first_run()
        self.served = Served(self.state.path)
        self.signals.wake(self.loop.wake_write, self.loop.wake)

    def run(self, programs: tuple[str, ...]) -> int:
        """Bring up these programs (none: all that start by themselves) and serve until all is over; the exit code."""
        self.console.say(narrate.begins(self.fleet, self.server.path if self.server else None, self.history.file))
        self.watch_wall_clock(self.config)
        upkeep = partial(self.upkeep.begin, self.server, self.state, self.record, self.served, self.running)
        for step in (self._remember, self._take_over, upkeep, partial(self.feed, Booted(programs))):
            self.attempt(step)
        self.recount()  # what an earlier minisup left
        self.attempt(self.notifier.ready)
        self.attempt(self.watching.follow)
        while self.code is None or self.hooks.lingering or self._settling:
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - a defect of minisup must not cost anybody's jobs
                self.console.defect(error)
                signal.sigtimedwait((), PAUSE)
        return self._leave(self.code or 0)

    def attempt(self, step: Callable[[], object]) -> None:
        """One step of several that must all be tried: what goes wrong in it is told, and the next one follows."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - as it says
            self.console.defect(error)

    def recount(self) -> None:
        """Bring the numbers of leftovers up to date, if that can be."""
        self.attempt(self.leftovers.recount)

    def turn(self) -> None:
        """Wait once and handle what has come."""
        hurry = self.todo or self.signals.child_ended or self.signals.noted
        ready = self.loop.wait(self.begun if hurry else self.timers.next_due())
        if self.signals.noted:
            self.take_signals()
        if self.todo:
            self._carry_out(self.now() + TURN)
        else:
            if self.signals.child_ended:
                self.exits.take()
            self._take_timers()
        self.loop.serve(ready, self.now())
        self.sender.finish()
        if self.waits.pending or self.waits.postponed:
            self.waits.look(self.todo)
        if self.console.detailed:
            self.output.tell_changes(self.fleet)

    def feed(self, event: Event) -> None:
        """Give one event to the core and carry out what it answers; if that is much, the next turns go on with it."""
        if self.todo and not self._busy:
            self._carry_out(float("inf"))  # what an earlier event left
        self.todo += self.fleet.step(event, self.now())
        if not self._busy:  # else a duty feeds an event: what follows from that comes after what was asked before
            self._carry_out(self.now() + TURN)

    def _carry_out(self, until: float) -> None:
        todo, self._busy = self.todo, True
        try:
            while todo:
                action = todo.popleft()
                DUTIES[type(action)](self, action)
                if type(action) is Spawn and self.now() > until:
                    return
        finally:
            self._busy = False

    def ask(self, event: OperatorAsked, by: str) -> None:
        """A request of an operator, over the socket or by a signal."""
        if isinstance(event, ShutdownAsked):
            event = event._replace(by=by)
        else:
            self.console.say(f"{narrate.request(event)}, asked by {by}")
        self.attempt(partial(self.leftovers.recount, now=True))
        first = self.fleet.shutdown is None
        if self.code is not None:
            self.hooks.hurry()
        self.feed(event)
        self.attempt(self.leftovers.watch)
        if first and self.fleet.shutdown is not None:
            self.attempt(self.watching.close)
            self.attempt(partial(self.leftovers.signal_strangers, signal.SIGTERM))

    @property
    def has_sources(self) -> bool:
        """Whether a program has or had a source."""
        return self._sources is not None

    def sources(self) -> "Sources":
        """The sources, made when they are first needed: only who has one loads what they need."""
        if self._sources is None:
            from minisup.host.source.consumers import Sources  # noqa: PLC0415 - as it says

            self._sources = self.launcher.messages = Sources(self)
        return self._sources

    @property
    def _settling(self) -> bool:
        return self._sources is not None and self._sources.lingering

    def watch_wall_clock(self, config: Config) -> None:
        """Watch it from now on if a schedule of this configuration goes by it."""
        self.wall_clock = wall_clock_for(config, self.wall_clock, self.loop, self.clock, self.feed)

    # --- what comes in ------------------------------------------------------------------------------------------------

    def take_signals(self) -> None:
        """Act on the signals that minisup got."""
        for request, name in self.signals.take():
            if request is SignalRequest.SHUTDOWN:
                self.ask(ShutdownAsked(), name)
            elif request is SignalRequest.RELOAD:
                self.upkeep.look()
                self.reloading.try_to_apply(name)
            elif request is SignalRequest.REOPEN:
                self.upkeep.look()
                self.output.reopen(name)
            else:
                self.console.say(f"{name}: {request} is not supported yet; nothing was changed", "warning")

    def _take_timers(self) -> None:
        if self.wall_clock is not None:
            self.wall_clock.look()
        now = self.now()
        while (timer := self.timers.pop_due(now)) is not None:
            self.feed(Due(*timer))
            if self.now() > now + TURN:
                return

    # --- helpers ------------------------------------------------------------------------------------------------------

    def protect(self) -> None:
        """Protect the task from scale-in as the configuration says now."""
        if self.protection is None and self.config.supervisor.platform is not Platform.ECS:
            return
        from minisup.host.integrations.protection import renewed  # noqa: PLC0415 -- for tasks of ECS alone

        self.protection = renewed(
            self.protection, self.config, os.environ, self.loop, self.fleet, self.running, self.console.tell
        )

    def _leave(self, code: int) -> int:
        alone = not self.running and not self.launcher.starting
        ending = partial(self._end_all, alone=alone)
        for step in (self.watching.close, self.upkeep.close, self._leave_protection, ending, self.waits.finish):
            self.attempt(step)
        deadline = self._last_moment()
        self.attempt(self.history.finish)
        self.attempt(partial(self.output.finish, deadline))
        self.attempt(partial(self.history.wait, deadline))
        if self.protection is not None:
            self.attempt(partial(self.protection.finish, deadline))
        self.attempt(lambda: self.watching.wait(deadline - self.now()))
        self.attempt(partial(self.record.close, clean=alone))
        # Before the socket: whoever takes that finds the state free.
        self.attempt(partial(self.state.close, self.fleet.next_run - 1))
        if self.server is not None:
            self.attempt(self.server.close)
        return code

    def _leave_protection(self) -> None:
        if self.protection is not None:
            self.protection.leave()

    def _end_all(self, *, alone: bool) -> None:
        """Strangers get the grace that the shutdown has left for them; then nothing of ours lives on."""
        shutdown = self.fleet.shutdown
        if shutdown is not None and alone:
            until = min(shutdown.begun + LAST_GRACE, shutdown.halt_at)
            self.attempt(partial(self.exits.let_strangers_end, until))
        if self.prober is not None:
            self.attempt(self.prober.close)
        if self._sources is not None:
            self.attempt(self._sources.close)
        self.leftovers.kill_all()

    def _remember(self) -> None:
        for event in self.served.events():
            self.feed(event)

    def _take_over(self) -> None:
        """Go on with what an earlier minisup has left, each run for itself."""
        sourced = any(program.source is not None for program in self.config.programs.values())
        left = self.sources().open() if sourced else {}
        for event in self.survivors.take_over(self.state.path, self.fleet.slots, self.fleet.next_run):
            if type(event) is RunSurvived and left:
                event = self.sources().survived(event, left)  # noqa: PLW2901 - with its message
            self.attempt(partial(self.feed, event))
            if type(event) is RunSurvived:
                self.attempt(partial(look_after, self, event.slot))
        if left:
            self.sources().leave(left)

    def _last_moment(self) -> float:
        """Until when what minisup still has to tell may take: within the shutdown's limit, whoever does not listen."""
        now = self.now()
        if self.fleet.shutdown is None:
            return now + FLUSH
        killed = self.fleet.shutdown.begun + self.config.supervisor.shutdown_timeout
        return min(now + FLUSH, max(now + LEAST_FLUSH, killed - LEAVING))

    def reloaded(self) -> None:
        """Another configuration counts from now on."""
        self.upkeep.look()
        self.protect()
        self.watching.reloaded()

    def _drained(self, slot: str) -> None:
        self.feed(OutputDrained(slot))
        self.extras.drained()

    def _is_wanted(self, name: str) -> bool | None:
        slot = self.fleet.slots.get(name)
        return None if slot is None else slot.wanted

    def _uid_of(self, name: str) -> int:
        """Whom the runs of a slot run as."""
        program = self.config.programs.get(name.rpartition(":")[0])
        uid = None if program is None or program.identity is None else program.identity.uid
        return os.geteuid() if uid is None else uid

    def _slot_running(self, run: int) -> str | None:
        return next((slot for slot, number in self.running.values() if number == run), None)

    def _leaders(self) -> dict[int, int]:
        helpers = dict.fromkeys(self.helpers, HELPER)
        starting = {start.pid: start.wish.run for start in self.launcher.starting}
        return {**helpers, **starting, **{pid: run for pid, (_, run) in self.running.items()}}

    def _needed(self, program: str) -> Callable[[], FilesState]:
        return partial(_look, self.recipes.of(f"{program}:0"))


def _look(recipe: Recipe) -> FilesState:
    """In a thread: how what a start needs is."""
    paths = needed_paths(recipe)
    return FilesState(fingerprint(paths), last_change(paths))
