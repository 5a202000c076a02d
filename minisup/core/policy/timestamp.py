"""Instants as every line and document of minisup has them: UTC, ISO 8601, milliseconds. Made and read here alone."""

from datetime import UTC, datetime
from functools import lru_cache
from math import floor


def stamp(wall: float) -> str:
    """`2026-11-22T10:00:00.123Z` for seconds since 1970. The last second's text is kept: lines come in company."""
    whole = floor(wall)
    milliseconds = min(999, int((wall - whole) * 1000 + 0.001))  # a microsecond, for what a float cannot say exactly
    return f"{_second(whole)}.{milliseconds:03d}Z"


def stamp_second(wall: float) -> str:
    """`2026-11-22T10:00:00Z`: the second alone, as scenarios have it."""
    return f"{_second(floor(wall))}Z"


def seconds_of(text: str) -> float:
    """Seconds since 1970 of an instant in ISO 8601; without a zone it is local time. Raises ValueError."""
    return datetime.fromisoformat(text).timestamp()


def local_time(text: str) -> datetime:
    """The same instant as the clock on the wall shows it. Raises ValueError, OverflowError near the year 1."""
    return datetime.fromisoformat(text).astimezone()


@lru_cache(maxsize=1)
def _second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
