"""From the core's wish for a run to its process, or to the reason why there is none."""

import errno
from typing import Final

from minisup.core.messages import Spawn, SpawnFailed, Started
from minisup.host.pump import Pipes, Pump
from minisup.host.recipes import Recipes
from minisup.host.running import Running
from minisup.host.spawn import Spawner, SpawnError

SCARCE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
"""What a pipe may lack for the moment."""


class Launcher:
    """Starts runs: pipes first, then the process, each given back if the next fails."""

    def __init__(self, recipes: Recipes, pump: Pump, record: Running) -> None:
        self._recipes = recipes
        self._record = record
        self._pump = pump
        self.spawner = Spawner()

    def start(self, wish: Spawn) -> Started | SpawnFailed:
        """Start the run; never raises for what a user or the machine can do wrong."""
        slot, run, failures = wish
        pipes = None
        try:
            pipes = self._pump.open(slot, run, self._recipes.outlet_of(slot))
            out, err = (1, 2) if pipes is None else (pipes.stdout_fd, pipes.stderr_fd)
            recipe = self._recipes.of(slot)
            self._record.intend(slot, run)
            pid = self.spawner.spawn(recipe, run, failures, out, err, lambda pid: self._record.started(slot, pid))
        except SpawnError as error:
            self._record.ended(slot)
            return self._failed(wish, pipes, error.cause, scarce=error.scarce)
        except OSError as error:
            words = (error.strerror or str(error)).lower()
            return self._failed(wish, pipes, f"cannot make a pipe: {words}", scarce=error.errno in SCARCE)
        except ValueError as error:
            return self._failed(wish, pipes, str(error), scarce=False)
        self._record.started(slot, pid)
        if pipes is not None:
            self._pump.started(pipes)
        return Started(slot, run, pid)

    def _failed(self, wish: Spawn, pipes: Pipes | None, cause: str, *, scarce: bool) -> SpawnFailed:
        if pipes is not None:
            self._pump.abandon(pipes)
        return SpawnFailed(wish.slot, wish.run, cause, scarce)
