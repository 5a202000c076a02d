"""How wide text is on a terminal: letters of Chinese, Japanese and Korean and most emoji take two cells, marks none.

For whoever prints without rich. All other layout counts with `len`, which is right for names and numbers alone.
"""

from __future__ import annotations

import unicodedata

_WIDE = frozenset("WF")
_MARKS = frozenset({"Mn", "Me", "Cf"})
_JOINED = "\u200d\ufe0f"
"""What makes one sign of two: a joiner, and the variant of a sign as a picture."""


def width(text: str) -> int:
    """The cells that a line takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def cut(text: str, cells: int, end: str = "…") -> str:
    """The beginning of a line in at most so many cells; `end` says that there was more."""
    if width(text) <= cells:
        return text
    kept = _first(text, cells - len(end))
    return kept + end if kept or len(end) <= cells else end[: max(0, cells)]


def cut_inside(text: str, cells: int, mark: str = "…") -> str:
    """The two ends of a name in at most so many cells: what tells long names apart is mostly at their end."""
    room = cells - len(mark)
    if width(text) <= cells:
        return text
    if room < 4:  # noqa: PLR2004 -- less than two letters on each side tell nothing
        return cut(text, cells, mark)
    tail = _first(text[::-1], room // 2)[::-1]
    return _first(text, room - width(tail)) + mark + tail


def padded(text: str, cells: int, *, right: bool = False) -> str:
    """The line with spaces to so many cells, before it if it stands to the `right`."""
    space = " " * (cells - width(text))
    return space + text if right else text + space


def wrapped(text: str, cells: int, indent: str = "") -> list[str]:
    """The line on as many lines as it needs, those after the first behind `indent`; long words are cut, none is lost.

    Spaces at the beginning of the text stay. A line of wide letters has no spaces: it may be cut before any of them.
    """
    lines, rest, before = [], text.rstrip(), ""
    cells = max(cells, len(indent) + 2)
    while len(part := _first(rest, cells - len(before))) < len(rest):
        place = _break(rest, max(1, len(part)), len(rest) - len(rest.lstrip()))
        lines.append(before + rest[:place].rstrip())
        rest, before = rest[place:].lstrip(), indent
    return [*lines, before + rest] if rest or not lines else lines


def _break(text: str, most: int, start: int) -> int:
    """Where a line of at most so many letters ends: after its last space, at a wide letter, else in the word."""
    for place in range(most, start, -1):
        if text[place] == " " or text[place - 1] == " " or _is_free(text, place):
            return place
    return most


def _is_free(text: str, place: int) -> bool:
    """Whether a line may end before this letter although there is no space: not before a mark, or a full stop."""
    return _width(text[place]) == 2 and unicodedata.category(text[place])[0] != "P"  # noqa: PLR2004 -- a wide one


def _first(text: str, cells: int) -> str:
    """As many letters as there is room for, with the marks that belong to them."""
    taken = 0
    for place, letter in enumerate(text):
        taken += _width(letter)
        if taken > cells:
            return text[:place]
    return text


def _width(letter: str) -> int:
    if letter < "\u0300":
        return 1
    if letter in _JOINED or unicodedata.category(letter) in _MARKS:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in _WIDE else 1
