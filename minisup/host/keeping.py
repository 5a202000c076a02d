"""The state directory and what is kept in it, opened together."""

import os
from collections.abc import Callable

from minisup.config.supervisor_table import Supervisor as Options
from minisup.history.book import Book, Say
from minisup.history.opening import open_book
from minisup.host.clock import Clock
from minisup.host.statedir import StateDir, default_path


def nothing_kept() -> tuple[StateDir, Book]:
    """What there is before `open_state`."""
    return StateDir(None), Book()


def open_state(
    options: Options,
    tail: Callable[[str, int, int], bytes],
    clock: Clock,
    say: Say,
    post: Callable[[Callable[[], None]], None],
) -> tuple[StateDir, Book]:
    """The directory that the configuration names, and the history in it; both in memory, and one warning, without."""
    state, warning = StateDir.open(options.state_dir or default_path(os.environ))
    if warning:
        say(warning, "warning")
    return state, open_book(state.path, options.history, tail, clock, say, post)
