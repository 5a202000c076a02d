"""The recipe of each slot, made when its first run starts; what slots have in common is kept once."""

import os
from collections.abc import Sequence

from minisup.config.keys.tables import Limits
from minisup.config.schema import Config, Identity
from minisup.config.text.masking import conceal
from minisup.host.output.outlets import Outlet
from minisup.host.process.run_record import Running
from minisup.host.start.environment import Account, child_environment
from minisup.host.start.recipe import Recipe, recipe
from minisup.host.start.rlimits import RunLimits


class Recipes:
    """From the configuration's programs to what the spawner wants."""

    def __init__(self, config: Config, record: Running) -> None:
        self._config = config
        self._record = record
        self._inherited = dict(os.environ)
        self._recipes: dict[str, Recipe] = {}
        self._known: dict[bytes, bytes] = {}
        self._numprocs = {name: program.numprocs for name, program in config.programs.items()}
        self._alike: dict[Outlet, Outlet] = {}
        self._outlets: dict[str, Outlet] = {}

    def of(self, slot: str) -> Recipe:
        """The recipe of a slot."""
        made = self._recipes.get(slot)
        if made is None:
            made = self._recipes[slot] = self._make(slot)
        return made

    def reload(self, config: Config) -> None:
        """Every run that starts from now on is made as this configuration says. A scaled program keeps its number."""
        before, self._config = self._config, config
        for name, program in config.programs.items():
            old = before.programs.get(name)
            fixed = program.scale is None  # else the core says when another number counts
            if old is None or (fixed and old.numprocs != program.numprocs) or name not in self._numprocs:
                self._numprocs[name] = program.numprocs
        self._recipes.clear()
        self._outlets.clear()
        self._alike.clear()
        self._known.clear()

    def resize(self, program: str, numprocs: int) -> None:
        """The program has so many slots from now on: the next run of each is told."""
        self._numprocs[program] = numprocs
        for slot in [slot for slot in self._recipes if slot.rpartition(":")[0] == program]:
            del self._recipes[slot]
        for slot in [slot for slot in self._outlets if slot.rpartition(":")[0] == program]:
            del self._outlets[slot]

    def outlet_of(self, slot: str) -> Outlet:
        """Where the slot's output goes."""
        made = self._outlets.get(slot)
        if made is None:
            name, _, number = slot.rpartition(":")
            program = self._config.programs[name]
            log, paths = program.log, program.log_paths(int(number), self._numprocs[name])
            made = Outlet(str(log.to), str(log.format), str(log.stderr), log.time, *paths, log.rotation)
            self._outlets[slot] = made = self._alike.setdefault(made, made)
        return made

    def concealed(self, text: str) -> str:
        """`text` without the values of secret variables that the configuration has used."""
        return conceal(text, self._config.secrets)

    def _make(self, slot: str) -> Recipe:
        name, _, number = slot.rpartition(":")
        made = self._recipe(name, int(number))
        made.environment[:] = [self._known.setdefault(item, item) for item in made.environment]
        return made

    def of_probe(self, program: str, argv: Sequence[str]) -> Recipe:
        """How to run a probe's command, or our helper: as the program's user, in its directory and environment."""
        return self._recipe(program, 0, argv)

    def _recipe(self, name: str, number: int, argv: Sequence[str] | None = None) -> Recipe:
        program = self._config.programs[name]
        numprocs = self._numprocs[name]
        own = program.for_slot(number, numprocs)
        environment = child_environment(
            inherited={} if program.clear_env else self._inherited,
            account=account(program.identity),
            layers=(self._config.supervisor.environment, own.environment),
            program=name,
            slot=number,
            numprocs=numprocs,
            here=program.origin.here,
            state=self._record.state,
        )
        return recipe(
            own.argv if argv is None else argv,
            environment,
            directory=own.directory,
            umask=program.umask,
            account=account(program.identity),
            limits=run_limits(program.limits),
        )


def run_limits(limits: Limits | None) -> RunLimits | None:
    """The limits that the spawner sets; None: there are none."""
    if limits is None or (limits.nofile is None and limits.nice is None):
        return None
    return RunLimits(limits.nofile, limits.nice)


def account(identity: Identity | None) -> Account | None:
    """Who a program runs as, as the spawner wants it; None: as minisup itself."""
    if identity is None or (identity.uid is None and identity.gid is None):
        return None
    return Account(identity.name or None, identity.uid, identity.gid, identity.groups, identity.home or None)
