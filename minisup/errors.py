"""What can go wrong for a user, one class for each thing that the user can do about it, with its exit code."""

from collections.abc import Sequence


class MinisupError(Exception):
    """Something the user can act on. The text says what happened, where, and what to do next."""

    exit_code = 1


class UsageError(MinisupError):
    """The command line makes no sense: correct it."""

    exit_code = 2


class NotReachableError(MinisupError):
    """No minisup answers at the socket: start one, or name another socket."""

    exit_code = 3


class NoSuchTargetError(MinisupError):
    """No program or slot has that name."""

    exit_code = 4

    def __init__(self, message: str, targets: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message)
        self.targets = tuple(targets)
        self.hint = hint


class TakenError(MinisupError):
    """The socket or the state directory belongs to another minisup, or the socket cannot be made."""

    exit_code = 73


class GivenUpError(MinisupError):
    """A program was given up and its policy says that minisup then exits."""

    exit_code = 75


class ConfigError(MinisupError):
    """The configuration has problems; `problems` lists all of them.

    `looked_at` are patterns for the files that decided about it, also for those that are not there.
    """

    exit_code = 78

    def __init__(self, message: str, problems: Sequence["Problem"] = (), looked_at: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)
        self.looked_at = tuple(looked_at)


class Problem:
    """One problem of a configuration: file, line (0: none), key path and sentence."""

    __slots__ = ("file", "key", "line", "message")

    def __init__(self, file: str, line: int, key: str, message: str) -> None:
        self.file = file
        self.line = line
        self.key = key
        self.message = message

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}  {self.key}  {self.message}" if self.key else f"{where}  {self.message}"


NO_PROGRAM = (
    "cannot judge by --max-age without a program: some may rest for long; name those that may not, or `all`: "
    "minisup health email --max-age 5m"
)
"""What `health` says, here and there."""
