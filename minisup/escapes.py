r"""Text from somebody else on a terminal: what would move the cursor or forge a line is written out.

It looks as in Python's strings: `\x1b`, `\r`, `\u202e`. Tabs and letters of all scripts stay.
"""

import re
from typing import Final

RESET: Final = "\x1b[0m"

_CONTROL: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_ORDER: Final = "\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""What turns the order of letters round, or ends a line for some."""

_UNSEEN: Final = re.compile(f"[{_CONTROL}{_ORDER}]|\n(?!  )")
_COLOUR: Final = re.compile(r"(\x1b\[[0-9;:]*m)")


def visible(text: str) -> str:
    """`text` with everything in it that is a command to a terminal written out.

    A line break stays where an indented line follows: nobody takes that for a line of its own.
    """
    return text if text.isprintable() else _UNSEEN.sub(_written_out, text)


def visible_but_colours(line: str) -> str:
    """A line of a job for a terminal: as `visible`, but colours (SGR) work, and end with the line.

    A carriage return at the very end is dropped: it changes nothing there.
    """
    if line.isprintable():
        return line
    pieces = _COLOUR.split(line.removesuffix("\r"))
    pieces[::2] = map(visible, pieces[::2])  # the others are colours
    return "".join(pieces) + (RESET if len(pieces) > 1 else "")


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
