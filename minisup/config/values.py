"""Single values: from what TOML or a variable holds to what the schema asks for."""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from minisup.config.files.globs import unfit
from minisup.config.keys.key_info import Key
from minisup.config.text import cron, units
from minisup.config.text.calendar import ZoneError, find_zone, never_due
from minisup.config.text.wording import did_you_mean, one_of

T = TypeVar("T")

HIGHEST_EXIT_CODE: Final = 255
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?")
_OCTAL: Final = re.compile(r"(0o)?[0-7]{1,5}")
_WARNING: Final = re.compile(r"MS[0-9]{3}(?![0-9A-Za-z])")
_IGNORED: Final = re.compile(r"MS[0-9]{3}:? \S.*")
NO_NAME: Final = "is not a name; a name begins with a letter, a digit or '_', and has these, '.' and '-', at most 100"
_LABEL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_TRUTH: Final[Mapping[str, bool]] = MappingProxyType(
    {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
)


class Unfit(ValueError):  # noqa: N818 - it is caught where it is raised and never reaches a user
    """A value is not what the schema asks for; the text is the message of the problem."""


class Value(NamedTuple):
    """A value with its variables filled in, how a sentence shows it, and whether it came from a variable."""

    plain: object
    shown: str
    filled: bool = False


def is_label(text: str) -> bool:
    """Whether `text` can be the name of a program or a group."""
    return _LABEL.fullmatch(text) is not None


def read_text(value: Value, _key: Key) -> str:
    """Text without NUL: no system call takes one."""
    if not isinstance(value.plain, str):
        hint = f'; write "{value.shown}"' if isinstance(value.plain, int | float) else ""
        raise Unfit(f"expected text, got {value.shown}{hint}")
    if "\0" in value.plain:
        raise Unfit("text cannot hold the character NUL")
    return value.plain


def read_ignore(value: Value, key: Key) -> str:
    """`MS104 the reason`, with or without a colon after the number."""
    text = " ".join(read_text(value, key).split())
    if not _WARNING.match(text):
        raise Unfit(f'expected the number of a warning and a reason, got {value.shown}; write "MS104 why it is fine"')
    if not _IGNORED.fullmatch(text):
        raise Unfit(f'{value.shown} needs a reason; write "{text.rstrip(":")} why it is fine"')
    return text


def read_bool(value: Value, _key: Key) -> bool:
    plain = value.plain
    if isinstance(plain, str) and value.filled:
        plain = _TRUTH.get(plain.lower())
    if not isinstance(plain, bool):
        raise Unfit(f"expected true or false, got {value.shown}")
    return plain


def read_int(value: Value, key: Key) -> int:
    plain = value.plain
    if isinstance(plain, str) and value.filled and _WHOLE.fullmatch(plain):
        plain = int(plain)
    if not isinstance(plain, int) or isinstance(plain, bool) or not _within(plain, key):
        raise Unfit(f"expected a whole number{_range(key)}, got {value.shown}")
    return plain


def read_float(value: Value, key: Key) -> float:
    plain = value.plain
    if isinstance(plain, str) and value.filled and _DECIMAL.fullmatch(plain):
        plain = float(plain)
    if not isinstance(plain, int | float) or isinstance(plain, bool) or not _within(plain, key):
        raise Unfit(f"expected a number{_range(key)}, got {value.shown}")
    return float(plain)


def read_duration(value: Value, key: Key) -> float:
    plain = value.plain
    if isinstance(plain, str):
        plain = _parsed(units.parse_duration, plain, value)
    if not isinstance(plain, int | float) or isinstance(plain, bool):
        raise Unfit(f'expected a duration as "5m" or 300, got {value.shown}')
    if not _within(plain, key) or not plain <= units.LONGEST:
        longest = "" if not plain > units.LONGEST else " and at most 10 years"
        raise Unfit(f"expected a duration{_range(key, ' s')}{longest}, got {value.shown}")
    return float(plain)


def read_size(value: Value, key: Key) -> int:
    plain = value.plain
    if isinstance(plain, str):
        plain = _parsed(units.parse_size, plain, value)
    if (
        not isinstance(plain, int)
        or isinstance(plain, bool)
        or not _within(plain, key)
        or not 0 <= plain <= units.LARGEST
    ):
        raise Unfit(f'expected a size{_range(key)} as "256MiB" or a number of bytes, got {value.shown}')
    return plain


def read_rate(value: Value, key: Key) -> float:
    if not isinstance(value.plain, str):
        raise Unfit(f'expected a rate as "20/s" or "60/m", got {value.shown}')
    rate = _parsed(units.parse_rate, value.plain, value)
    if not _within(rate, key):
        raise Unfit(f"expected a rate{_range(key, '/s')}, got {value.shown}")
    return rate


def _parsed(parse: Callable[[str], T], text: str, value: Value) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise Unfit(f"{value.shown} {error}") from None


def read_mode(value: Value, key: Key) -> int:
    plain = value.plain
    mode = int(plain, 8) if isinstance(plain, str) and _OCTAL.fullmatch(plain) else -1
    if not _within(mode, key):
        raise Unfit(f'expected octal digits in quotes, as "022" or "0600", got {value.shown}')
    return mode


def read_label(value: Value, key: Key) -> str:
    text = read_text(value, key)
    if not is_label(text):
        raise Unfit(f"{value.shown} {NO_NAME}")
    return text


def read_path(value: Value, key: Key) -> str:
    text = read_text(value, key)
    if not text:
        raise Unfit("the path is empty")
    return text


def read_glob(value: Value, key: Key) -> str:
    text = read_text(value, key)
    wrong = unfit(text)
    if wrong:
        raise Unfit(f"{value.shown} names no files: {wrong}")
    return text


def read_pattern(value: Value, key: Key) -> str:
    text = read_text(value, key)
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unfit(f"{value.shown} is not a regular expression: {error}") from None
    return text


def read_signal(value: Value, _key: Key) -> str:
    """The signal's name as `SIGTERM`."""
    from signal import SIGCONT, SIGSTOP, Signals  # noqa: PLC0415 - most files do not name one

    plain, near = value.plain, ""
    names = {member.name.removeprefix("SIG"): member for member in Signals}
    if isinstance(plain, str) and not plain.isdecimal():
        word = plain.upper().removeprefix("SIG")
        found = names.get(word)
        near = "" if found else did_you_mean(word, names)
    else:
        numbers = {str(int(member)): member for member in Signals} | {int(member): member for member in Signals}
        found = None if isinstance(plain, bool) or not isinstance(plain, int | str) else numbers.get(plain)
    if found is None:
        raise Unfit(f'expected a signal as "TERM", got {value.shown}{near}')
    if found in {SIGSTOP, SIGCONT}:
        raise Unfit(f"{found.name} does not end a process")
    return found.name


def read_exit_code(value: Value, _key: Key) -> int:
    plain = value.plain
    if isinstance(plain, str) and value.filled and _WHOLE.fullmatch(plain):
        plain = int(plain)
    if not isinstance(plain, int) or isinstance(plain, bool) or not 0 <= plain <= HIGHEST_EXIT_CODE:
        raise Unfit(f"expected an exit code from 0 to 255, got {value.shown}")
    return plain


def read_cron(value: Value, key: Key) -> str:
    text = read_text(value, key)
    wrong = cron.fault(text)
    if wrong:
        raise Unfit(f"{value.shown} is not a cron expression: {wrong}")
    if never_due(text):
        raise Unfit(f"{value.shown} is never due: no month has such a day")
    return text


def read_zone(value: Value, key: Key) -> str:
    text = read_text(value, key)
    try:
        find_zone(text or "-")
    except ZoneError as error:
        raise Unfit(f"{value.shown}: {error}") from None
    return text


def read_choice(kind: type[Enum], value: Value) -> Enum:
    """The member of `kind` with this value."""
    words = [str(member.value) for member in kind]
    if isinstance(value.plain, str) and value.plain in words:
        return kind(value.plain)
    near = did_you_mean(value.plain, words) if isinstance(value.plain, str) else ""
    raise Unfit(f"expected {one_of(words)}, got {value.shown}{near}")


def _within(number: float, key: Key) -> bool:
    """Whether `number` is in the range of `key`. A NaN is in no range, not even where there are no limits."""
    return (
        number - number == 0  # false for NaN and the infinities
        and (key.low is None or number >= key.low)
        and (key.above is None or number > key.above)
        and (key.high is None or number <= key.high)
    )


def _range(key: Key, unit: str = "") -> str:
    low = "" if key.low is None else f"{key.low:g}"
    high = "" if key.high is None else f"{key.high:.12g}{unit}"
    if low and high:
        return f" from {low} to {high}"
    if key.above is not None:
        return f" > {key.above:g}{unit if key.above else ''}" + (f" and <= {high}" if high else "")
    return f" >= {low}{unit if key.low else ''}" if low else ""


READERS: Final[Mapping[object, Callable[[Value, Key], object]]] = MappingProxyType(
    {
        str: read_text,
        bool: read_bool,
        int: read_int,
        float: read_float,
        "seconds": read_duration,
        "size": read_size,
        "rate": read_rate,
        "mode": read_mode,
        "label": read_label,
        "path": read_path,
        "glob": read_glob,
        "pattern": read_pattern,
        "signal": read_signal,
        "warning and why": read_ignore,
        "cron": read_cron,
        "zone": read_zone,
    }
)
"""How each plain type and each marked type of the schema is read."""
