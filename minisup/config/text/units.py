"""Durations, sizes and rates: how they are written in the file, and how sentences show them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from minisup.core.model import Seconds  # `minisup status` shows durations and does without the model

LONGEST: Final[Seconds] = 10 * 365 * 86400.0
"""Ten years. A longer duration is a mistake, and would not survive the arithmetic of a timer."""

LARGEST: Final = 2**62
"""Bytes. Far above any file or memory, and within every system call."""

_SECONDS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_BYTES: Final = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_BINARY: Final = (("KiB", 2**10), ("MiB", 2**20), ("GiB", 2**30), ("TiB", 2**40))
_NUMBER: Final = r"([0-9]{1,18}(?:\.[0-9]{1,18})?)"
_DURATION_PART: Final = re.compile(_NUMBER + r"(ms|[smhd])")
_PLAIN: Final = re.compile(_NUMBER)
_SIZE: Final = _NUMBER + r"\s?([A-Za-z]{1,3})"
_RATE: Final = _NUMBER + r"/([smhd])"
_NEARLY_DURATION: Final = _NUMBER + r"\s*([A-Za-z]+)"
"""Compiled when they are first used: `minisup health --max-age 5m` is in a hurry and needs none of them."""


def parse_duration(text: str) -> Seconds:
    """Seconds in `"300ms"`, `"1s"`, `"5m"`, `"2h"`, `"30d"`, `"1m30s"` or `"1.5"`.

    ValueError: not a duration; the text says what to write.
    """
    if _PLAIN.fullmatch(text):
        return float(text)
    total, last, end = 0.0, float("inf"), 0
    while part := _DURATION_PART.match(text, end):
        unit = _SECONDS[part[2]]
        if unit >= last:
            break
        total, last, end = total + float(part[1]) * unit, unit, part.end()
    if end == 0 or end != len(text):
        raise ValueError(f"is not a duration; write {_better_duration(text)}")
    return total


def _better_duration(text: str) -> str:
    nearly = re.fullmatch(_NEARLY_DURATION, text.strip())
    if nearly:
        word = nearly[2].lower()
        unit = "ms" if word.startswith(("ms", "milli")) else word[0]
        if unit in _SECONDS:
            seconds = float(nearly[1]) * _SECONDS[unit]
            return f'"{nearly[1]}{unit}" or {seconds:.15g}'
    return '"5m" or 300'


def parse_size(text: str) -> int:
    """Bytes in `"256MiB"`, `"10MB"`, `"512"`. ValueError: not a size; the text says what to write."""
    if _PLAIN.fullmatch(text) and "." not in text:
        return int(text)
    match = re.fullmatch(_SIZE, text)
    factor = _BYTES.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError('is not a size; write "256MiB", "10MB" or a number of bytes')
    return round(float(match[1]) * factor) if "." in match[1] else int(match[1]) * factor


def parse_rate(text: str) -> float:
    """Starts a second in `"20/s"`, `"60/m"`, `"100/h"`. ValueError: not a rate; the text says what to write."""
    match = re.fullmatch(_RATE, text)
    if not match:
        raise ValueError('is not a rate; write "20/s" or "60/m"')
    return float(match[1]) / _SECONDS[match[2]]


def format_duration(seconds: Seconds) -> str:
    """A duration in a sentence: `0.21 s`, `4.2 s`, `41 s`, `2 m 10 s`, `17 m`, `3 h 5 m`, `2 d 4 h`."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if round(seconds, 1) < 60:  # noqa: PLR2004 - a minute
        return _format_seconds(seconds)
    if seconds < 9.99 * 60 + 0.1:
        minutes, rest = divmod(round(seconds), 60)
        return _two(minutes, "m", rest, "s")
    if round(seconds / 60) < 60:  # noqa: PLR2004 - an hour
        return f"{round(seconds / 60)} m"
    if round(seconds / 60) < 24 * 60:
        hours, rest = divmod(round(seconds / 60), 60)
        return _two(hours, "h", rest, "m")
    days, rest = divmod(round(seconds / 3600), 24)
    return _two(days, "d", rest, "h")


def _format_seconds(seconds: Seconds) -> str:
    for below, digits in ((0.01, 4), (0.1, 3), (1.0, 2), (9.95, 1)):
        if seconds < below:
            return f"{round(seconds, digits):g} s"
    return f"{round(seconds)} s"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def write_duration(seconds: Seconds) -> str:
    """A duration as one would write it in the file: `300ms`, `60s`, `5m`, `2h`."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("m", 60.0)):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    if 0 < seconds < 1 and round(seconds, 3) == seconds:
        return f"{round(seconds * 1000)}ms"
    return f"{seconds:.15g}s"


def format_size(count: int) -> str:
    """A number of bytes in a sentence: `512 B`, `8 KiB`, `1.5 MiB`."""
    if count < 1024:  # noqa: PLR2004 - a KiB
        return f"{count} B"
    unit, size = next((pair for pair in _BINARY if count < 1023.95 * pair[1]), _BINARY[-1])
    return f"{count / size:.1f}".removesuffix(".0") + f" {unit}"


def format_rate(per_second: float) -> str:
    """A rate in a sentence: `20/s`, `4/m`, `30/h`."""
    for unit, size in (("s", 1.0), ("m", 60.0)):
        if per_second * size >= 1:
            return f"{per_second * size:.3g}/{unit}"
    return f"{per_second * 3600:.3g}/h"
