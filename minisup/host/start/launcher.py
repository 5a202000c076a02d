"""From the core's wish for a run to its process, or to the reason why there is none."""

import errno
import os
from collections.abc import Callable, Collection
from signal import SIGKILL
from typing import Final, NamedTuple, Protocol

from minisup.core.messages import Signal, Spawn, SpawnFailed, Started
from minisup.host.loop import Loop
from minisup.host.output.pump import Pipes, Pump
from minisup.host.process import processes
from minisup.host.process.run_record import Running
from minisup.host.start.as_user import Forked
from minisup.host.start.recipe import Recipe, RunInput, with_message
from minisup.host.start.recipes import Recipes
from minisup.host.start.spawn import Spawner, SpawnError, refused
from minisup.host.start.starting import Starts

SCARCE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
"""What a pipe may lack for the moment."""

Answered = Callable[[Started | SpawnFailed, int, list[Signal]], None]
"""Told how the start of a process came out, its pid, and what it was sent meanwhile and has still to get."""


class Starting(NamedTuple):
    """A run whose process is on its way to its command; `signals` are what it is to get when it has started."""

    wish: Spawn
    pid: int
    pipes: Pipes | None
    recipe: Recipe
    signals: list[Signal]


class Messages(Protocol):
    """Who knows the messages that runs are to get."""

    def prepare(self, wish: Spawn, recipe: Recipe) -> RunInput:
        """What the run needs to get its message. Raises OSError."""
        ...

    def begun(self, wish: Spawn, given: RunInput) -> None:
        """The process exists, or there is none."""
        ...

    def ended(self, run: int) -> bool:
        """The run has ended, or never was."""
        ...


class Launcher:
    """Starts runs: pipes first, then the process, each given back if the next fails."""

    def __init__(self, loop: Loop, recipes: Recipes, pump: Pump, record: Running, answered: Answered) -> None:
        self._recipes = recipes
        self._record = record
        self._pump = pump
        self._answered = answered
        self._starts = Starts(loop)
        self._starting: dict[int, Starting] = {}  # by pid
        self.spawner = Spawner()
        self.messages: Messages | None = None  # while a program has a source

    def start(self, wish: Spawn) -> Started | SpawnFailed | None:
        """Start the run; None: its process is on its way, and `answered` will be told.

        Never raises for what a user or the machine can do wrong.
        """
        slot, run, failures, message, ready = wish
        pipes = given = None
        what = "make a pipe"
        try:
            pipes = self._pump.open(slot, run, self._recipes.outlet_of(slot))
            out, err = (1, 2) if pipes is None else (pipes.stdout_fd, pipes.stderr_fd)
            recipe = self._recipes.of(slot)
            if (message or ready) and self.messages is not None:
                what = "hand over the message"
                given = self.messages.prepare(wish, recipe)
                recipe = with_message(recipe, given)
            self._record.intend(slot, run)
            pid = self.spawner.spawn(
                recipe,
                run,
                failures,
                out,
                err,
                lambda pid: self._record.started(slot, pid),
                stdin_fd=None if given is None else given.stdin,
            )
        except SpawnError as error:
            self._record.ended(slot)
            return self._failed(wish, pipes, error.cause, scarce=error.scarce)
        except OSError as error:
            words = (error.strerror or str(error)).lower()
            return self._failed(wish, pipes, f"cannot {what}: {words}", scarce=error.errno in SCARCE)
        except ValueError as error:
            return self._failed(wish, pipes, str(error), scarce=False)
        finally:
            if given is not None and self.messages is not None:
                self.messages.begun(wish, given)
        if type(pid) is Forked:
            self._wait_for(pid, wish, pipes, recipe)
            return None
        assert type(pid) is int
        return self._begun(wish, pid, pipes)

    # --- processes on their way ---------------------------------------------------------------------------------------

    def is_on_its_way(self, pid: int) -> bool:
        """Whether this is such a process."""
        return pid in self._starting

    @property
    def starting(self) -> Collection[Starting]:
        """The runs whose processes are on their way."""
        return self._starting.values()

    def ended(self, pid: int) -> None:
        """A child has been reaped: if it was on its way, `answered` is told now. Nobody signals it any more."""
        start = self._starting.get(pid)
        if start is not None:
            start.signals.clear()
            self._starts.ended(pid)

    def send(self, signal: Signal) -> None:
        """A run that is starting gets the signal when it has started, SIGKILL at once."""
        for start in self._starting.values():
            if start.wish.run == signal.run:
                start.signals.append(signal)
                if signal.signal == "SIGKILL":
                    for group in (True, False):  # by its pid, too: it may not have a group of its own yet
                        processes.signal_run(start.pid, SIGKILL, group=group)

    def _wait_for(self, forked: Forked, wish: Spawn, pipes: Pipes | None, recipe: Recipe) -> None:
        start = self._starting[forked.pid] = Starting(wish, forked.pid, pipes, recipe, [])
        self._starts.add(forked, lambda report, killed: self._arrived(start, report, killed))

    def _arrived(self, start: Starting, report: bytes, killed: str) -> None:
        wish, pid, pipes, recipe, signals = start
        del self._starting[pid]
        answer: Started | SpawnFailed
        if report:
            error = refused(recipe, report)
            self._record.ended(wish.slot)
            answer = self._failed(wish, pipes, error.cause, scarce=error.scarce)
        elif killed:
            self._record.ended(wish.slot)
            answer = self._failed(wish, pipes, f"cannot start {os.fsdecode(recipe.argv[0])}: {killed}", scarce=False)
        else:
            answer = self._begun(wish, pid, pipes)
        self._answered(answer, pid, signals)

    def _begun(self, wish: Spawn, pid: int, pipes: Pipes | None) -> Started:
        self._record.started(wish.slot, pid)
        if pipes is not None:
            self._pump.started(pipes)
        return Started(wish.slot, wish.run, pid)

    def _failed(self, wish: Spawn, pipes: Pipes | None, cause: str, *, scarce: bool) -> SpawnFailed:
        if pipes is not None:
            self._pump.abandon(pipes)
        if self.messages is not None:
            self.messages.ended(wish.run)
        return SpawnFailed(wish.slot, wish.run, self._recipes.concealed(cause), scarce)
