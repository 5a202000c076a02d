"""How the parameters of a request are read: one function for each kind of value."""

from collections.abc import Callable, Mapping
from signal import Signals
from typing import Final, NamedTuple, Protocol


class Parameter(NamedTuple):
    """One named parameter. None and "left out" mean `default`; `required` refuses both."""

    kind: Callable[[object], object]
    default: object = None
    required: bool = False
    example: str = '["email"] or "all"'

    def read(self, name: str, value: object) -> object:
        """The value as the handler gets it. Raises ValueError with a sentence that names the parameter."""
        if value is None:
            if self.required:
                raise ValueError(f"{name} is required, such as {self.example}")
            return self.default
        try:
            return self.kind(value)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None


def targets(value: object) -> tuple[str, ...]:
    """A list of names, or one name as a string."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and _plain(name) for name in names):
        raise ValueError('must be a list of names such as ["email", "sms:1", "@mail"]')
    return tuple(names)


def some_targets(value: object) -> tuple[str, ...]:
    """As `targets`, but naming nothing is refused: nobody stops everything by leaving a list empty."""
    names = targets(value)
    if not names:
        raise ValueError('must name something, such as ["email"] or "all"')
    return names


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 -- one kind of error for all wrong values
    return value


def seconds(value: object) -> float:
    """A duration in seconds, not negative and finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST:
        raise ValueError(f"must be a number of seconds from 0 to {LONGEST}")
    return float(value)


def whole(value: object) -> int:
    """A whole number, not negative."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise ValueError("must be a whole number, 0 or more")
    return value


def one_target(value: object) -> str:
    """One name, of programs."""
    if not isinstance(value, str) or not value or not _plain(value):
        raise ValueError('must be the name of a program, such as "email"')
    return value


def slots(value: object) -> int:
    """A number of slots."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_SLOTS:
        raise ValueError(f"must be a whole number from 0 to {MOST_SLOTS:,}")
    return value


def signal_name(value: object) -> str:
    """A signal as `SIGTERM`, from "TERM", "SIGTERM", 15 or "15"."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        value = int(value)
    name = f"SIG{value.upper().removeprefix('SIG')}" if isinstance(value, str) else ""
    known = [member.name for member in Signals if member.name == name or int(member) == value]
    if not known or isinstance(value, bool):
        raise ValueError('must be a signal such as "TERM", "SIGTERM" or 15; `kill -l` lists them')
    return known[0]


LONGEST: Final = 1_000_000_000
LARGEST: Final = (1 << 63) - 1
MOST_SLOTS: Final = 10_000
_DIGITS: Final = 3


class Method(Protocol):
    """What the control socket has to know of a method. `host/requests/verbs.py` declares them all."""

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """By name."""
        ...

    @property
    def is_long(self) -> bool:
        """Whether its reply may be long: it is refused while much waits for clients that do not read."""
        ...


def _plain(name: str) -> bool:
    # A lone surrogate is legal JSON, but no text that could be written to a log.
    return not any("\ud800" <= character <= "\udfff" for character in name)
