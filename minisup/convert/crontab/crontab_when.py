"""When a line of a crontab is due: the five fields, the words with `@`, and what single crons have beside them."""

import re
import zlib
from typing import Final, NamedTuple

from minisup.config.text import cron
from minisup.config.text.units import parse_duration
from minisup.config.text.wording import show

_ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@every_minute": "* * * * *",
}
_REBOOT: Final = "@reboot"
_EVERY: Final = "@every"
_FIELDS: Final = 5
_MOST_FIELDS: Final = 7
_NAMES: Final = "jan feb mar apr may jun jul aug sep oct nov dec sun mon tue wed thu fri sat"
_ITEM: Final = rf"(?:[*?]|[0-9]{{1,4}}|{'|'.join(_NAMES.split())})"
_FIELD: Final = re.compile(rf"{_ITEM}(?:[-,/#]{_ITEM})*[lw]?|[0-9]*~[0-9]*", re.IGNORECASE)
"""What is the field of some cron, though not of every one."""

_STEP: Final = re.compile(r"\*/([0-9]{1,2})")
_CHANCE: Final = re.compile(r"([0-9]*)~([0-9]*)")
_USUAL: Final = ((0, 59), (0, 23), (1, 28), (1, 12), (0, 6))
_HIGHEST: Final = (59, 23, 31, 12, 7)
_UNITS: Final = ("m", "h")
_FLAGS: Final = re.compile(r"((?:-[nqs]+\s+)+)(?=\S)")


class When(NamedTuple):
    """When a line is due: a `schedule`, or at boot; the rest of the line; and what else is to be said."""

    schedule: dict[str, str]
    at_boot: bool
    rest: str
    said: str = ""


def when(text: str) -> When:
    """When the line is due, and the rest of it. ValueError: it is not a schedule; the text says why."""
    if text.startswith("@"):
        return _named(*(*text.split(None, 1), "")[:2])
    quiet = text.startswith("-")
    words = text.removeprefix("-").split(None, _MOST_FIELDS)
    many = next((at for at, word in enumerate(words) if not _FIELD.fullmatch(word)), len(words))
    if many > _FIELDS:
        raise ValueError(_too_many(words[: min(many, _MOST_FIELDS)]))
    words = text.removeprefix("-").split(None, _FIELDS)
    fields, schedule, said = _by_chance(words[:_FIELDS], text)
    wrong = cron.fault(" ".join(fields))
    if wrong:
        raise ValueError(f"{show(' '.join(words[:_FIELDS]))} is not a schedule that minisup knows: {wrong}")
    sentences = [*said, *(["the - before it keeps it out of cron's log"] if quiet else [])]
    rest, flags = _without_flags(words[_FIELDS] if len(words) > _FIELDS else "")
    sentences += [f"{flags} is left out: it is for cron's log and mail"] if flags else []
    return When({"cron": " ".join(fields), **schedule}, at_boot=False, rest=rest, said="; ".join(sentences))


def _named(word: str, rest: str) -> When:
    name = word.lower()
    if name == _REBOOT:
        return When({}, at_boot=True, rest=rest)
    if name == _EVERY:
        length, command = (*rest.split(None, 1), "", "")[:2]
        try:
            parse_duration(length)
        except ValueError as error:
            raise ValueError(f"{_EVERY} {show(length)} {error}") from None
        return When({"every": length}, at_boot=False, rest=command)
    if name[1:].isdecimal() and int(name[1:9]) > 0:
        return When({"every": f"{int(name[1:9])}s"}, at_boot=False, rest=rest)
    if name not in _ALIASES:
        raise ValueError(f"{show(word)} is not known; there are {', '.join([*_ALIASES, _REBOOT])}")
    return When({"cron": _ALIASES[name]}, at_boot=False, rest=rest)


def _without_flags(rest: str) -> tuple[str, str]:
    """The command without the flags that some crons have before it, and these."""
    match = _FLAGS.match(rest)
    return (rest[match.end() :], " ".join(match[0].split())) if match else (rest, "")


# --- seconds and years ------------------------------------------------------------------------------------------------


def _too_many(words: list[str]) -> str:
    """What to write for six or seven fields: the first one is seconds, or the last one a year, or both."""
    head = f"{show(' '.join(words))} has {'six' if len(words) == _FIELDS + 1 else 'seven'} fields, and a crontab five"
    seconds = f"if the first one is seconds, write {_with_seconds(words[0], words[1:6])}"
    year = "if the last one is a year, leave it out"
    return f"{head}; {seconds}; {year}" if len(words) == _FIELDS + 1 else f"{head}: {seconds}; the last one is a year"


def _with_seconds(second: str, fields: list[str]) -> str:
    """The schedule of minisup for seconds and five fields."""
    step = _STEP.fullmatch(second)
    every = step[1].lstrip("0") if step else "1" if second == "*" else ""
    if every and set(fields) == {"*"}:
        return f'schedule = {{ every = "{every}s" }} into the TOML file'
    five = f'the other five, "{" ".join(fields)}"'
    if second.isdecimal():
        return five
    return f"{five}, which starts it once a minute, or schedule = {{ every = ... }} into the TOML file"


# --- times by chance --------------------------------------------------------------------------------------------------


def _by_chance(fields: list[str], text: str) -> tuple[list[str], dict[str, str], list[str]]:
    """The fields without `~`: a minute or hour by chance is a jitter, any other one is chosen here, by the line."""
    out, schedule, said = list(fields), {}, []
    for at, field in enumerate(fields):
        match = _CHANCE.fullmatch(field)
        if not match:
            continue
        low, high = (
            int(given[:4]) if given else usual for given, usual in zip(match.groups(), _USUAL[at], strict=True)
        )
        if not _USUAL[at][0] <= low <= high <= _HIGHEST[at]:
            continue  # the schedule says what is wrong
        if at == 0 or (at == 1 and "~" not in fields[0] and fields[0].isdecimal()):
            out[at] = str(low)
            schedule = {"jitter": f"{high - low}{_UNITS[at]}"} if high > low else {}
            said.append(f"{show(field)} is a time by chance: the same as jitter")
        else:
            out[at] = str(low + zlib.crc32(text.encode(errors="replace")) % (high - low + 1))
            said.append(f"{show(field)} is by chance: {out[at]} was chosen here")
    return out, schedule, said
