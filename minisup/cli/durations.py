"""Durations on the command line: what the configuration file takes, too."""

from __future__ import annotations

from minisup.errors import UsageError

_FACTORS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
MOST_DIGITS = 18
"""As in the configuration file: Python refuses to read numbers of thousands of digits."""


def seconds(text: str, option: str) -> float:
    """Seconds in `"300ms"`, `"1s"`, `"5m"`, `"2h"`, `"1m30s"` or `"90"`. Raises UsageError that names the option."""
    number = text.rstrip("msh")
    factor = _FACTORS.get(text[len(number) :] or "s")
    if factor is not None and number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS:
        return int(number) * factor
    from minisup.config.units import parse_duration  # noqa: PLC0415 -- the rare forms; `health` is in a hurry

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f'cannot read {option}: "{text}" {error}') from None
