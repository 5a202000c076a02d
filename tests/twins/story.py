"""What was told in a world, made comparable: by whom it is about, in order, without instants, durations and run ids."""

import re
from collections import defaultdict
from collections.abc import Iterable

Story = dict[str, list[str]]
"""Lines by the slot or program that they are about; under "" those about minisup itself."""

SMOOTHED = (
    (re.compile(r"\brun[ =]\d+"), "run"),
    (re.compile(r"\b\d+\.\d+\b"), "_"),
    (re.compile(r" by=.*?(?= \w+=|$)"), ""),  # who asked
    (re.compile(r" cause=.*?(?= next_in=|$)"), " cause"),  # the system's words
    (re.compile(r"unstartable \(.*\)"), "unstartable"),
)
FACT_ABOUT = re.compile(r"fact: .*?\b(?:slot|program)=(\S+)")
SLOT = re.compile(r"\S+:\d+(?= )")
FILES = re.compile(r"\S+(?= files )")


def story(lines: Iterable[str]) -> Story:
    """The lines of a `sim_telling.Teller` as a story; what `show` adds is left out."""
    told: Story = defaultdict(list)
    for line in lines:
        text = line.strip().partition(" ")[2]
        for pattern, plain in SMOOTHED:
            text = pattern.sub(plain, text)
        told[about(text)].append(text)
    return told


def about(line: str) -> str:
    """Whom a line is about; empty: minisup itself."""
    if fact := FACT_ABOUT.match(line):
        return fact[1]
    named = SLOT.match(line) or FILES.match(line)
    return named[0] if named else ""


def holds(told: Story, expected: Story) -> bool:
    """Whether everything that was expected has been told, and perhaps more."""
    return all(len(told.get(whom, ())) >= len(lines) for whom, lines in expected.items())


def difference(told: Story, expected: Story) -> str:
    """Where two stories part, to be read; empty if they do not."""
    parts = []
    for whom in sorted(told.keys() | expected.keys()):
        one, other = expected.get(whom, []), told.get(whom, [])
        if one != other:
            same = next(
                (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
            )
            parts.append(f"{whom or 'minisup'}, after {same} equal lines: simulated {one[same:]}, real {other[same:]}")
    return "\n".join(parts)
