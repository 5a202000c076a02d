"""From the bytes that a terminal sends to the names of keys."""

from collections.abc import Sequence
from typing import Final

SEQUENCES: Final = {
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[B": "down",
    b"\x1bOB": "down",
    b"\x1b[5~": "page up",
    b"\x1b[6~": "page down",
    b"\x1b[H": "home",
    b"\x1b[1~": "home",
    b"\x1bOH": "home",
    b"\x1b[F": "end",
    b"\x1b[4~": "end",
    b"\x1bOF": "end",
    b"\r": "enter",
    b"\n": "enter",
    b"\x7f": "backspace",
    b"\x08": "backspace",
    b"\x03": "ctrl-c",
    b"\x04": "ctrl-d",
    b"\x0c": "ctrl-l",
    b"\t": "tab",
}
_LONGEST: Final = 16


FLOW: Final = 0.05
"""Seconds between two parts of one burst: nobody types as fast on purpose."""


class Hands:
    """Tells keys of somebody who looks at the screen from those of a burst: pasted, or typed while nothing was drawn.

    One key again and again is no burst: it is held down.
    """

    def __init__(self) -> None:
        self._burst = float("-inf")

    def are_blind(self, keys: Sequence[str], now: float) -> bool:
        """Whether keys that were read at once, at `now` (monotonic), were typed without a look."""
        if len(set(keys)) > 1 or (keys and now - self._burst < FLOW):
            self._burst = now
            return True
        return False


def decode(data: bytes) -> list[str]:
    """The keys in what was read at once: names as above, printable characters as they are; the rest is left out.

    A lone escape is the key of that name: a terminal sends its sequences in one piece.
    """
    keys: list[str] = []
    while data:
        name, size = _first(data)
        if name:
            keys.append(name)
        data = data[size:]
    return keys


def _first(data: bytes) -> tuple[str, int]:
    for sequence, name in SEQUENCES.items():
        if data.startswith(sequence):
            return name, len(sequence)
    if data[:1] == b"\x1b":
        return _escape(data)
    for size in range(1, 5):
        try:
            character = data[:size].decode()
        except UnicodeDecodeError:
            continue
        return (character if character.isprintable() else ""), size
    return "", 1


def _escape(data: bytes) -> tuple[str, int]:
    """An escape alone, or a sequence that means nothing here."""
    if data[1:2] not in {b"[", b"O"}:
        return "esc", 1
    for size in range(3, min(len(data), _LONGEST) + 1):
        if 0x40 <= data[size - 1] <= 0x7E:  # noqa: PLR2004 - what ends a control sequence (ECMA-48)
            return "", size
    return "", min(len(data), _LONGEST)
