"""Where UTF-8 may be cut without dividing a character. Bytes that are no UTF-8 may be cut anywhere."""

from typing import Final

_LONGEST: Final = 4
"""Bytes of a character at most."""


def cut_before(data: bytes | bytearray, size: int) -> int:
    """How many of the first `size` bytes can stand alone; `size` itself if `data` is not longer."""
    if size >= len(data):
        return size
    for back in range(_LONGEST):
        if back <= size and not _goes_on(data[size - back]):
            return size - back
    return size


def cut_after(data: bytes | bytearray, start: int) -> int:
    """From which byte on, `start` or one just after it, the rest can stand alone."""
    for at in range(start, start + _LONGEST):
        if at >= len(data) or not _goes_on(data[at]):
            return at
    return start


def last_lines(data: bytes, limit: int) -> bytes:
    """The last lines of `data`, at most `limit` bytes; of a line that is longer than that its end."""
    if len(data) <= limit:
        return data
    begin = len(data) - limit
    # From the beginning of a line on: half a line would mislead.
    newline = data.find(b"\n", begin - 1, -1)
    return data[newline + 1 :] if newline >= 0 else data[cut_after(data, begin) :]


def _goes_on(byte: int) -> bool:
    """Whether a byte is not the first one of its character: 10xxxxxx."""
    return byte & 0xC0 == 0x80  # noqa: PLR2004 - see above
