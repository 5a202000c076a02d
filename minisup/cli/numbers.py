"""Whole numbers of the command line, refused in plain words."""

from __future__ import annotations

from minisup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 18
"""Digits; no number here has as many."""


def whole(text: str, option: str, least: int = 0, most: int | None = None) -> int:
    """The number in the text. Raises UsageError when it is none, or not from `least` to `most`."""
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST else None
    if number is None or number < least or (most is not None and number > most):
        bounds = f"from {least} to {most:,}" if most is not None else f"of at least {least}" if least else ""
        what = f"a whole number {bounds}".rstrip()
        raise UsageError(f'cannot read {option}: "{text}" is not {what}; write {max(20 if most is None else 2, least)}')
    return number


def whole_number(option: str, least: int = 0, most: int | None = None) -> Callable[[str], int]:
    """`whole` for one option, as a declaration takes it."""
    return lambda text: whole(str(text), option, least, most)
