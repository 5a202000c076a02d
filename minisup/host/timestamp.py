"""The time as every line of minisup has it: UTC, ISO 8601, milliseconds."""

from time import gmtime, strftime

_second = ""
_at = -1


def stamp(wall: float) -> str:
    """`2026-11-22T10:00:00.123Z` for seconds since 1970. The last second's text is kept: lines come in company."""
    global _second, _at
    whole = int(wall)
    if whole != _at:
        _second, _at = strftime("%Y-%m-%dT%H:%M:%S", gmtime(whole)), whole
    milliseconds = min(999, int((wall - whole) * 1000 + 0.001))  # a microsecond, for what a float cannot say exactly
    return f"{_second}.{milliseconds:03d}Z"
