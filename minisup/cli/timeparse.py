"""Times on the command line: durations as the configuration has them; moments, as how long ago or as a date."""

from __future__ import annotations

import time

from minisup.errors import UsageError

FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
CLOCKS = ("%H:%M", "%H:%M:%S")


def seconds(text: str, option: str) -> float:
    """Seconds in `"300ms"`, `"1s"`, `"5m"`, `"2h"`, `"1m30s"` or `"90"`. Raises UsageError that names the option."""
    from minisup.config.text.units import parse_duration  # noqa: PLC0415 -- `health` without --max-age has none

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f'cannot read {option}: "{text}" {error}') from None


def moment(text: str, option: str, now: float) -> float:
    """Seconds since 1970 of `"1h"` (an hour before `now`), `"2026-11-22"`, `"2026-11-22T10:00"`, `"10:00"` (today).

    Local time, or UTC with a `Z` at the end. Raises UsageError that names the option.
    """
    plain = text.removesuffix("Z")
    at = _clock(plain, now) or _date(plain)
    if at is not None:
        from calendar import timegm  # noqa: PLC0415 -- durations are what is usual

        try:
            return float(timegm(at)) if text.endswith("Z") else time.mktime(at)
        except (OverflowError, ValueError):
            raise UsageError(f'cannot read {option}: "{text}" is out of range; write a date since 1970') from None
    try:
        return now - seconds(text, option)
    except UsageError:
        raise UsageError(
            f'cannot read {option}: "{text}" is no moment; write "1h" (an hour ago), "10:00" or "2026-11-22T10:00"'
        ) from None


def _date(text: str) -> time.struct_time | None:
    for form in FORMS if "-" in text else ():
        try:
            return time.strptime(text, form)
        except ValueError:
            pass
    return None


def _clock(text: str, now: float) -> time.struct_time | None:
    for form in CLOCKS if ":" in text and "-" not in text else ():
        try:
            at = time.strptime(text, form)
        except ValueError:
            continue
        today = time.localtime(now)
        day = (today.tm_year, today.tm_mon, today.tm_mday, at.tm_hour, at.tm_min, at.tm_sec, 0, 0, -1)
        return time.struct_time(day)
    return None
