"""The options of `minisup simulate`, read: moments, spans, durations. Each error says what to write instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from minisup.config.text.units import format_duration, parse_duration
from minisup.errors import UsageError
from minisup.sim.run_times import Exponential, Fixed, Lognormal, Uniform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from minisup.sim.run_times import Durations

T = TypeVar("T")

DAY: Final = 86_400.0
LONGEST: Final = 366 * DAY
LEAD: Final = 6
"""A time that is shorter than a day begins so that a sixth of it is over at the first moment that is named."""

_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_CALL: Final = re.compile(r"([a-z]+)\((.*)\)")
_FORMS: Final = 'write "2s", "1s-5s", "lognormal(2s, 0.5)" or "exponential(2s)"'
_RATES: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": DAY}


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of day (`clock`) or so many seconds from the start; `daily`: on every day."""

    seconds: float
    clock: bool = False
    daily: bool = False


class During(NamedTuple):
    """From a moment on for so many seconds."""

    moment: Moment
    seconds: float


class Many(NamedTuple):
    """So many messages at a moment."""

    moment: Moment
    messages: int


class Share(NamedTuple):
    """Arrivals as a part of what a program can do."""

    part: float


def during(text: str) -> During:
    """`10:00+45s`: a moment and how long it lasts."""
    moment, plus, lasts = text.partition("+")
    if not plus:
        raise ValueError('write a moment and how long it lasts: "10:00+45s"')
    seconds = _duration(lasts)
    if seconds <= 0:
        raise ValueError('it lasts no time; write a moment and how long it lasts: "10:00+45s"')
    return During(moment_of(moment), seconds)


def many(text: str) -> Many:
    """`12:00+500`: a moment and how many messages come."""
    moment, _, count = text.partition("+")
    if not (count.isascii() and count.isdigit() and int(count[:9]) > 0 and len(count) <= 7):  # noqa: PLR2004 -- ten millions
        raise ValueError('write a moment and a number of messages: "12:00+500"')
    return Many(moment_of(moment), int(count))


def moment_of(text: str) -> Moment:
    """`10:00`, `10:00:30`, `daily 10:00`, or `90m` from the start."""
    plain = text.strip()
    daily = plain.startswith("daily ")
    plain = plain.removeprefix("daily ").strip()
    clock = _CLOCK.fullmatch(plain)
    if clock:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        if hours < 24 and minutes < 60 and seconds < 60:  # noqa: PLR2004 -- a day
            return Moment(hours * 3600.0 + minutes * 60.0 + seconds, clock=True, daily=daily)
    elif not daily and plain:
        try:
            return Moment(parse_duration(plain))
        except ValueError:
            pass
    raise ValueError(f'"{text.strip()}" is no moment; write "10:00", "daily 10:00", or "90m" from the start')


def share(text: str) -> float:
    """`0.2` or `20%`, from 0 to 1."""
    try:
        value = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ValueError('write a share from 0 to 1, as "0.2" or "20%"')
    return value


def arrivals(text: str) -> float | Share:
    """`2/s`, `90/m`, `100/h`; or `50%` of what the program can do."""
    if text.endswith("%"):
        try:
            part = float(text.removesuffix("%")) / 100.0
        except ValueError:
            part = -1.0
        if 0.0 <= part <= 10.0:  # noqa: PLR2004 -- ten times as much as it can do is enough
            return Share(part)
    number, _, unit = text.partition("/")
    try:
        rate = float(number) / _RATES[unit]
    except (ValueError, KeyError):
        rate = -1.0
    if not 0.0 <= rate <= 10_000.0:  # noqa: PLR2004 -- more would not be simulated in any time
        raise ValueError(
            'write messages a second, minute or hour, as "2/s", "90/m"; or "50%" of what the program can do'
        )
    return rate


def durations(text: str) -> Durations:
    """`2s`, `1s-5s`, `uniform(1s, 5s)`, `lognormal(2s, 0.5)`, `exponential(2s)`."""
    plain = text.strip()
    call = _CALL.fullmatch(plain)
    if call:
        return _by_chance(call[1], [word.strip() for word in call[2].split(",")])
    low, dash, high = plain.partition("-")
    return _uniform(low, high) if dash else Fixed(_positive(plain))


def _by_chance(name: str, words: list[str]) -> Durations:
    match name, words:
        case "uniform", [low, high]:
            return _uniform(low, high)
        case "exponential", [mean]:
            return Exponential(_positive(mean))
        case "lognormal", [median, sigma]:
            return Lognormal(_positive(median), _sigma(sigma))
        case _:
            raise ValueError(_FORMS)


def _sigma(text: str) -> float:
    try:
        sigma = float(text)
    except ValueError:
        sigma = -1.0
    if not 0.0 <= sigma <= 3.0:  # noqa: PLR2004 -- beyond, single runs take weeks
        raise ValueError(f'"{text}" is no sigma from 0 to 3: 0.5 means that two thirds are within a factor of 1.65')
    return sigma


def _uniform(low: str, high: str) -> Durations:
    least, most = _positive(low), _positive(high)
    if least > most:
        raise ValueError(f'{low} is more than {high}; write the shorter one first, as "1s-5s"')
    return Uniform(least, most)


def length(text: str) -> float:
    """How long it is simulated: more than nothing, at most a year."""
    seconds = _duration(text)
    if not 0 < seconds <= LONGEST:
        raise ValueError('write a time of at most a year, as "30m" or "7d"')
    return seconds


def _positive(text: str) -> float:
    seconds = _duration(text)
    if seconds <= 0:
        raise ValueError(f'"{text}" is no time; {_FORMS}')
    return seconds


def _duration(text: str) -> float:
    try:
        return parse_duration(text.strip())
    except ValueError as error:
        raise ValueError(f'"{text.strip()}" {error}') from None


def read(option: str, text: str, what: Callable[[str], T], value: str | None = None) -> T:
    """The value of an option that was given as `text`; of a part of it, `value`. Raises UsageError that names both."""
    try:
        return what(text if value is None else value)
    except ValueError as error:
        raise UsageError(f"cannot read {option} {text!r}: {error}") from None


def named(
    option: str, texts: Sequence[str], what: Callable[[str], T], programs: Sequence[str], meant: Sequence[str]
) -> dict[str, list[T]]:
    """The values of an option by program: `2s` is of all that are `meant`, `email=2s` of one, and comes last.

    Raises UsageError.
    """
    found: dict[str, list[T]] = {name: [] for name in programs}
    for text in sorted(texts, key=lambda text: "=" in text):
        name, equals, value = text.partition("=")
        if equals and name not in found:
            known = ", ".join(programs)
            raise UsageError(f"cannot read {option} {text!r}: {name} is not simulated; programs that are: {known}")
        made = read(option, text, what, value if equals else text)
        for program in [name] if equals else meant:
            found[program].append(made)
    return found


def begin(moments: Sequence[Moment], seconds: float) -> float:
    """The time of day at the start: midnight; of less than a day, before the first time of day that is named."""
    clocks = [moment.seconds for moment in moments if moment.clock]
    if seconds >= DAY or not clocks:
        return 0.0
    return (min(clocks) - round(seconds / LEAD / 60.0) * 60.0) % DAY


def instants(option: str, moment: Moment, start: float, seconds: float) -> list[float]:
    """When a moment comes, in seconds from the start. Raises UsageError if it does not."""
    first = (moment.seconds - start) % DAY if moment.clock else moment.seconds
    if moment.daily:
        count = max(0, int((seconds - first) // DAY) + 1)
        if count:
            return [first + number * DAY for number in range(count)]
    elif first < seconds:
        return [first]
    where = f"{clock_time(moment.seconds)}" if moment.clock else f"{format_duration(moment.seconds)} after the start"
    raise UsageError(
        f"cannot simulate {option} at {where}: the time is {format_duration(seconds)} from {clock_time(start)}; "
        "make --for longer, or name a moment within it"
    )


def clock_time(seconds: float) -> str:
    """`10:00`, `10:00:30`; with the number of the day from the second on: `day 2 10:00`."""
    day, rest = divmod(round(seconds), int(DAY))
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{hours:02}:{minutes:02}" + (f":{rest:02}" if rest else "")
    return f"day {day + 1} {text}" if day else text
