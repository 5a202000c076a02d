"""When a cron expression is due, in a time zone: cronsim's arithmetic on zoneinfo's zones.

Times that the clock skips or repeats when daylight saving begins or ends:

- An expression whose hour is `*` follows time as it passes: nothing is skipped, and in the hour that comes twice it is
  due twice as often by the local clock, as often by any other.
- All others follow the local clock. What falls into the hour that is left out is due once, when that hour would have
  begun; what falls into the hour that comes twice is due the first time only.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from itertools import islice
from typing import Final

LOCAL: Final = "/etc/localtime"
NEVER: Final = 50 * 366 * 86400.0
_WHOLE: Final = {0: "0-59", 1: "0-23"}


class ZoneError(ValueError):
    """The machine does not know a zone; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Cron:
    """The calendar of a cron expression. `zone` empty: the system's."""

    text: str
    zone: str = ""

    def __str__(self) -> str:
        return f"{self.text} {self.zone or 'local time'}"

    def next_after(self, wall: float) -> float:
        """The first time that is due after `wall`; both in seconds since 1970."""
        from cronsim import CronSim  # noqa: PLC0415 - only for a program that has a calendar

        zone = find_zone(self.zone)
        for moment in islice(CronSim(local_text(self.text), datetime.fromtimestamp(wall, zone)), 200):
            due = moment.timestamp()
            if due > wall:  # in the second of two equal hours it begins with the times of the first
                return due
        return wall + NEVER

    def upcoming(self, wall: float) -> Iterator[datetime]:
        """The times after `wall`, as the zone's clock shows them."""
        while True:
            wall = self.next_after(wall)
            yield datetime.fromtimestamp(wall, find_zone(self.zone))


def local_text(text: str) -> str:
    """The expression with `*/5` as `0-59/5`, unless its hour is `*`: cronsim goes by the passing of time for a star."""
    words = text.split()
    if words[1] == "*":
        return text
    for place, whole in _WHOLE.items():
        items = (whole + item[1:] if item.startswith("*") else item for item in words[place].split(","))
        words[place] = ",".join(items)
    return " ".join(words)


def never_due(text: str) -> bool:
    """Whether no day can fit the expression: the 30th of February."""
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - as above

    try:
        next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        return True
    return False


@lru_cache(maxsize=256)
def find_zone(name: str) -> tzinfo:
    """The zone with this name; empty: the system's, from TZ or /etc/localtime. Raises ZoneError."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones  # noqa: PLC0415 - as above

    wanted = name or os.environ.get("TZ", "").removeprefix(":")
    if wanted in {"UTC", "Etc/UTC"}:
        return UTC
    try:
        if wanted:
            return ZoneInfo(wanted)
        with open(LOCAL, "rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except FileNotFoundError:
        return UTC  # no /etc/localtime: the C library says UTC, too
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if not available_timezones():
            raise ZoneError(
                "this machine has no time zones: install the package tzdata (Debian and Alpine: tzdata; or pip install "
                "tzdata)"
            ) from None
        raise ZoneError('it is not a time zone that this machine knows; write a name as "Asia/Tokyo"') from None
