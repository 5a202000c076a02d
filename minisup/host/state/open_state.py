"""The state directory and what is kept in it, opened together.

Rule 1: never two runs in one slot. Where the record of the runs in progress cannot be ours and says that some go on,
minisup does not start.
Rule 2: the state of one configuration does not meet another's, or it is said.
"""

import os
import stat
from collections.abc import Callable, Collection

from minisup.config.schema import Config
from minisup.errors import TakenError
from minisup.history.base import Book, Say
from minisup.history.opening import open_book
from minisup.host.clock import Clock
from minisup.host.process import run_record
from minisup.host.process.survivors import Survivor, identify
from minisup.host.state.statedir import (
    LockedError,
    StateDir,
    default_path,
    is_another,
    main_file,
    path_beside,
)
from minisup.narrate import count
from minisup.path_trust import check_way

MEMORY = "state is kept in memory"
NAME_ANOTHER = "supervisor.state_dir names another place"


def nothing_kept() -> tuple[StateDir, Book]:
    """What there is before `open_state`."""
    return StateDir(None), Book()


def open_state(
    config: Config,
    tail: Callable[[str, int, int], bytes],
    clock: Clock,
    say: Say,
    post: Callable[[Callable[[], None]], None],
) -> tuple[StateDir, Book]:
    """The directory that the configuration names, and the history in it; both in memory, and one warning, without.

    Raises TakenError when the directory is another minisup's, and without it two runs could be in one slot.
    """
    state = _state(config, say)
    return state, open_book(state.path, config.supervisor.history, tail, clock, say, post)


def _state(config: Config, say: Say) -> StateDir:
    named, own = config.supervisor.state_dir, main_file(config.files, os.environ)
    path = named or default_path(os.environ)
    try:
        state = _named(path, own, say) if named else _usual(path, own, config.programs, say)
        return state.claim(own)
    except LockedError as error:
        if named:
            raise TakenError(_belongs(error)) from None
        _refuse_second_runs(error.path, f"another process (pid {error.holder.pid}) holds {error.path}/lock")
        say(f"{MEMORY}: {error.path} belongs to another minisup; {NAME_ANOTHER}", "warning")
    except OSError as error:
        reason = error.strerror or str(error)
        _refuse_second_runs(path, reason)
        say(f"{MEMORY}: cannot use {path}: {reason}", "warning")
    return StateDir(None)


def _named(path: str, own: str, say: Say) -> StateDir:
    state = StateDir.take(path)
    if is_another(state.earlier, own):
        say(f"{path} holds the state of {state.earlier}: its run ids and its history go on here", "warning")
    return state


def _usual(path: str, own: str, programs: Collection[str], say: Say) -> StateDir:
    """The usual directory, or the one beside it for whoever is not the first configuration."""
    try:
        state = StateDir.take(path)
        first = state.earlier
    except LockedError as error:
        first = error.holder.config
        if not is_another(first, own):
            raise
    else:
        if not is_another(first, own):
            return state
        goes_on = [run for run in _going_on(path) if run.slot.rpartition(":")[0] in programs]
        state.leave()
        if goes_on:
            raise TakenError(_stray(first, goes_on))
    beside = StateDir.take(path_beside(path, own))
    level = "info" if beside.earlier else "warning"
    say(f"state is kept in {beside.path}: {path} is that of {first}; {NAME_ANOTHER}", level)
    return beside


def _refuse_second_runs(path: str, reason: str) -> None:
    """Raises TakenError if runs go on that are in the record of this directory, which cannot be ours."""
    runs = _going_on(path)
    if runs:
        raise TakenError(
            f"cannot start: {_which(runs)} in {path}, and that cannot be used: {reason}\n"
            "  a second run could start beside each of them: stop the minisup that runs them, or mend the directory; "
            f"{NAME_ANOTHER}"
        )


def _going_on(path: str) -> list[Survivor]:
    """The runs in progress in the record of a directory; none where others could have written it."""
    try:
        check_way(path)
        found = os.stat(path)
        past = run_record.read(f"{path}/running")
    except (OSError, ValueError):
        return []
    trusted = found.st_uid in (0, os.geteuid()) and not found.st_mode & stat.S_IWOTH
    return identify(past)[0] if past is not None and trusted else []


def _belongs(error: LockedError) -> str:
    return (
        f"cannot start: the state directory {error.path} belongs to another minisup (pid {error.holder.pid})\n"
        "  a second one would run every program twice: stop the other, or name another directory: supervisor.state_dir"
    )


def _stray(other: str, runs: list[Survivor]) -> str:
    return (
        f"cannot start: {_which(runs)} of {other}, and no minisup looks after them\n"
        f"  they have the names of programs here: start minisup with {other} again, end them, or name a directory for "
        "this configuration: supervisor.state_dir"
    )


def _which(runs: list[Survivor]) -> str:
    first = f"{runs[0].slot} pid {runs[0].pid}"
    return f"{count(len(runs), 'run')} ({first}{' ...' if runs[1:] else ''}) still going on"
