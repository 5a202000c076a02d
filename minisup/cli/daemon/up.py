"""`minisup up`: the one command that becomes the daemon, so nothing is imported here that it does not need."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from minisup.cli.argv import Words
    from minisup.config.schema import Config

OPTIONS: dict[str, str] = {}
FLAGS = {"--exit-when-done": "exit_when_done", "--watch": "watch"}


def from_words(words: Words) -> int:
    """`minisup up` as it stands on the command line."""
    named = words.options
    whole = "exit_when_done" in words.flags
    watch = "watch" in words.flags
    return up(named.get("config"), named.get("socket"), words.targets, exit_when_done=whole, watch=watch)


def up(
    config: str | None, socket: str | None, targets: Sequence[str], *, exit_when_done: bool, watch: bool = False
) -> int:
    """Run in the foreground until a stop is asked for; the exit code. Raises MinisupError when it cannot start."""
    from minisup.host.signals import prepare  # noqa: PLC0415 -- before anything that takes time

    signals = prepare()
    from minisup.host.time_slice import ask_for_short_slice  # noqa: PLC0415 -- a daemon's wish alone

    ask_for_short_slice()
    from minisup.config.load import find_config, load  # noqa: PLC0415 -- errors of the command line come first

    path, environ = find_config(config, os.environ), dict(os.environ)
    named = socket or os.environ.get("MINISUP_SOCKET")
    loaded = load(path, environ, guarded=True)
    from minisup.config.files.workdir import current_directory  # noqa: PLC0415 -- the configuration has loaded it

    cwd = current_directory(environ, path)  # for good: the directory itself may be gone when a link leads elsewhere

    def read(looking: Callable[[str], None]) -> Config:
        return with_socket(load(path, environ, cwd, looking, guarded=True), named, cwd)

    from minisup.host.daemon import run  # noqa: PLC0415 -- a configuration with problems never needs it

    return run(with_socket(loaded, named, cwd), tuple(targets), exit_when_done, signals, reread=read, watch=watch)


def with_socket(config: Config, named: str | None, cwd: str) -> Config:
    """The configuration with the socket that the command line or the environment names from `cwd`, if one does."""
    if not named:
        return config
    from dataclasses import replace  # noqa: PLC0415 -- the configuration has loaded it

    from minisup.config.files.workdir import absolute  # noqa: PLC0415 -- as above

    return replace(config, supervisor=replace(config.supervisor, socket=absolute(named, cwd)))
