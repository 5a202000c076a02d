"""What a target (`email`, `email:1`, `em*`, `@mail`, `all`) means: the one place that decides it."""

from collections.abc import Collection
from fnmatch import fnmatchcase

LONGEST_TARGET = 1000
"""Characters; what is longer matches nothing, because the time to understand a pattern grows with its length."""


def means_program(target: str, name: str, groups: Collection[str]) -> bool:
    """Whether the target means all of a program that is in these groups."""
    if target.startswith("@"):
        return target[1:] in groups
    return target == "all" or _matches(target, name)


def means_slot(target: str, name: str) -> bool:
    """Whether the target means a slot by its own name; what means its program means it, too."""
    return _matches(target, name)


def is_pattern(target: str) -> bool:
    """Whether the target may mean more than what it names."""
    return any(sign in target for sign in "*?[")


def _matches(target: str, name: str) -> bool:
    return target == name or (len(target) <= LONGEST_TARGET and fnmatchcase(name, target))
