"""Numbers as rows of bars: eight heights in Unicode, four in ASCII."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCKS = " ▁▂▃▄▅▆▇█"
ASCII_BLOCKS = " .:=#"


def bars(numbers: Sequence[float], rows: int = 1, *, unicode: bool = True) -> list[str]:
    """A column for each number, `rows` lines high, the highest line first. Only 0 is empty."""
    blocks = BLOCKS if unicode else ASCII_BLOCKS
    levels = len(blocks) - 1
    heights = _heights(numbers, levels * rows)
    return [
        "".join(blocks[max(0, min(levels, height - row * levels))] for height in heights)
        for row in range(rows - 1, -1, -1)
    ]


def squeezed(numbers: Sequence[float], width: int) -> list[float]:
    """At most `width` sums of neighbours, equally many in each: the most columns that divide the numbers evenly."""
    if width < 1 or not numbers:
        return []
    columns = next(count for count in range(min(width, len(numbers)), 0, -1) if len(numbers) % count == 0)
    size = len(numbers) // columns
    return [sum(numbers[start : start + size]) for start in range(0, len(numbers), size)]


def _heights(numbers: Sequence[float], highest: int) -> list[int]:
    top = max(numbers, default=0)
    return [max(1, round(number / top * highest)) if number > 0 else 0 for number in numbers]
