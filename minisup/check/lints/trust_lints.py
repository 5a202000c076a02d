"""Who else decides about what minisup runs: whoever may change its files, or talk to it."""

import stat
from collections.abc import Iterator

from minisup.check.lints.subject import Found, Others, Subject


def configuration_is_open_to_others(subject: Subject) -> Iterator[Found]:
    """A file of the configuration that somebody else may change."""
    others = _known(subject)
    for file, who in others.files.items():
        fix = "let root own the file, and nobody else write to it; or MINISUP_TRUST, where minisup is started"
        yield Found(
            f"{who} may change this file, and so decide what minisup runs{_as_root(others)}", fix, key="file", unit=file
        )


def env_file_is_open_to_others(subject: Subject) -> Iterator[Found]:
    """An `env_file` that somebody else may change: variables as LD_PRELOAD are code."""
    for program, (file, who) in _known(subject).env_files.items():
        message = (
            f"{who} may change {file}, and so run code of their own as this program: variables as LD_PRELOAD are code"
        )
        yield Found(message, f"chmod go-w {file}, and let root or the program's user own it", program, "env_file")


def socket_is_open_to_all(subject: Subject) -> Iterator[Found]:
    """A control socket for everybody."""
    mode = subject.config.supervisor.socket_mode
    if mode & stat.S_IWOTH:
        message = f"socket_mode {mode:04o} lets every user of the machine stop, start and signal what minisup runs"
        yield Found(message, 'socket_mode = "0660" and socket_group = "a group of those who may"', key="socket_mode")


def command_is_open_to_others(subject: Subject) -> Iterator[Found]:
    """A program of root whose command or script somebody else may change."""
    for program, (file, who) in _known(subject).commands.items():
        fix = 'user = "the user whose file it is", or let root own the file and its directories'
        yield Found(f"{who} may change {file}, which runs as root", fix, program, "command")


def directory_is_open_to_others(subject: Subject) -> Iterator[Found]:
    """A directory on the way to the configuration in which somebody else may put another file in its place."""
    for directory, (file, who) in _known(subject).directories.items():
        message = f"{who} may write to {directory}, and so put a configuration of their own in the place of this one"
        yield Found(message, f"chmod go-w {directory}, and let root own it", key="file", unit=file)


def _known(subject: Subject) -> Others:
    return subject.around.others or Others()


def _as_root(others: Others) -> str:
    return " as root" if others.as_root else ""
