"""Where a command finds the history, and which rows its targets mean.

A running minisup says where its database is, or tells the runs that it has in memory. When none answers, the database
is in the state directory of the configuration.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager

from minisup.cli.connect import client
from minisup.cli.output import complain
from minisup.errors import ConfigError, MinisupError, NoSuchTargetError, NotReachableError
from minisup.history import FILE
from minisup.history.reading import HistoryError, Wanted, in_memory, open_file, programs, select, slots, unreadable
from minisup.target_match import is_pattern, means_program, means_slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    from minisup.config.schema import Config
    from minisup.history.reading import Place


class HistorySource:
    """The history that the global options mean; to be used with `with`. Raises HistoryError when there is none."""

    def __init__(self, config: str | None, socket: str | None) -> None:
        self._config = config
        self._minisup = client(config, socket)
        self.file, runs = self._found()
        self.database = in_memory(runs) if self.file is None else open_file(self.file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()
        self._minisup.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What SQLite may say while rows are read, as a HistoryError."""
        try:
            yield
        except sqlite3.Error as error:
            raise unreadable(self.file or "in memory", error) from None

    def places(self, targets: Sequence[str]) -> tuple[Place, ...] | None:
        """What the targets mean, among the programs that have rows; None: everything.

        Raises NoSuchTargetError for a target that means nothing here and nothing to minisup either.
        """
        if not targets or "all" in targets:
            return None
        known = programs(self.database)
        found: list[Place] = []
        for target in targets:
            matched = self._members(target) if target.startswith("@") else list(self._matching(target, known))
            if not matched:
                self._must_know(target)
            found += matched
        return tuple(dict.fromkeys(found))

    def _matching(self, target: str, known: Sequence[str]) -> Iterator[Place]:
        whole = [name for name in known if means_program(target, name, ())]
        if whole:
            yield from ((name, None) for name in whole)
            return
        program, _, slot = target.rpartition(":")
        for name in known:
            if name == program and slot.isdecimal():
                yield name, int(slot)
            elif is_pattern(target):
                numbers = slots(self.database, name)
                yield from ((name, number) for number in numbers if means_slot(target, f"{name}:{number}"))

    def _members(self, target: str) -> list[Place]:
        """The programs of a group: minisup knows them, or the configuration does."""
        try:
            return [(program["name"], None) for program in self._minisup.status(target)["programs"]]
        except NotReachableError:
            members = [name for name, program in self._configured().programs.items() if target[1:] in program.groups]
        if not members:
            raise NoSuchTargetError(f"cannot find {target}: no program has that in its `groups`; name one", [target])
        return [(name, None) for name in members]

    def _must_know(self, target: str) -> None:
        """A target without rows is either new or a mistake."""
        try:
            self._minisup.status(target)
        except NotReachableError:
            names = programs(self.database)
            try:
                names += list(self._configured().programs)
            except ConfigError:
                pass
            if not any(means_program(target.partition(":")[0], name, ()) for name in names):
                from minisup.config.text.wording import named, near_names  # noqa: PLC0415 -- a mistake

                here = programs(self.database)
                hint = near_names(target, dict.fromkeys(names)) or f"programs in the history: {named(here) or 'none'}"
                raise NoSuchTargetError(f"cannot find {target}: it has no runs here; {hint}", [target], hint) from None

    def _found(self) -> tuple[str | None, list[dict[str, object]]]:
        try:
            answer = self._minisup.history()
        except NotReachableError as error:
            expected = self._expected()
            if not os.path.exists(expected):
                raise _nothing(expected, error) from None
            return expected, []
        path: str | None = answer["file"]
        if path is not None and not os.path.exists(path):
            complain(f"no run has ended yet: there is no {path} (another container? ask there)")
            path = None
        return path, answer["runs"]

    def _expected(self) -> str:
        from minisup.host.state.statedir import default_path, main_file, path_for  # noqa: PLC0415 -- only while no minisup runs

        environ = os.environ
        try:
            config = self._configured()
        except ConfigError:
            if self._config:
                raise
            return os.path.join(default_path(environ), FILE)
        return os.path.join(path_for(config.supervisor.state_dir, main_file(config.files, environ), environ), FILE)

    def _configured(self) -> Config:
        from minisup.config.load import find_config, load  # noqa: PLC0415 -- only while no minisup runs

        return load(find_config(self._config, os.environ), os.environ)


def output_of_run(config: str | None, socket: str | None, run: int, lines: int) -> list[dict[str, object]]:
    """The last lines that a run has printed, as `logs` has them: which stream they came from is not known any more.

    Raises MinisupError if the history does not know the run, and says so if it does, but not what it printed.
    """
    with HistorySource(config, socket) as past, past.reading():
        row = next(select(past.database, Wanted(run=run)), None)
    if row is None:
        raise MinisupError(
            f"cannot find run {run}: it is in progress and has printed nothing, or too old, or never was\n"
            "  `minisup history` lists the runs that are known"
        )
    if row.output is None:
        complain(
            f"no output of run {run} ({row.slot_name}, {row.outcome}): it printed nothing, or it was not kept "
            "(supervisor.history.output)"
        )
        return []
    stamped = {"slot": row.slot_name, "run": run, "stream": None, "timestamp": None}
    texts = row.output.removesuffix("\n").split("\n")
    return [{**stamped, "text": text} for text in texts[-lines:]]


def _nothing(path: str, error: NotReachableError) -> HistoryError:
    return HistoryError(
        f"cannot find a history: there is no {path}, and {str(error).splitlines()[0]}\n"
        "  nothing has run yet, or its state_dir is elsewhere: name the configuration with -c FILE"
    )
