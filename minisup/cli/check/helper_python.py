"""Whether the users of programs may start the Python that asks for them: what `check` knows of this machine."""

import os
import stat
import sys
from collections.abc import Iterator
from typing import Final

import minisup
from minisup.check.lints.subject import ClosedPython
from minisup.config.schema import Config, Identity

_READ: Final = 4
_ENTER: Final = 1


def out_of_reach(config: Config) -> dict[str, ClosedPython]:
    """By program with a probe of ours: what of our Python its user may not read, enter or execute."""
    found: dict[str, ClosedPython] = {}
    for name, program in config.programs.items():
        identity, scale = program.identity, program.scale
        if scale is None or scale.probe is None or scale.probe.command is not None or identity is None:
            continue
        place = next((path for path, bits in needed() if not may(identity, path, bits)), None)
        if place is not None:
            who = identity.name or f"user {identity.uid}"
            found[name] = ClosedPython(scale.probe.kinds()[0], who, sys.executable, place)
    return found


def needed() -> Iterator[tuple[str, int]]:
    """What a helper of ours needs: paths, and whether to read or to enter (to execute) them."""
    for path, bits in ((sys.executable, _ENTER), (os.__file__, _READ), (minisup.__file__ or "", _READ)):
        for seen in dict.fromkeys((path, os.path.realpath(path))):  # a link leads through directories of its own
            yield from ((parent, _ENTER) for parent in parents(seen))
            yield seen, bits


def parents(path: str) -> list[str]:
    """The directories above a path, from the root down."""
    names = [name for name in os.path.dirname(path).split("/") if name]
    return ["/" + "/".join(names[:count]) for count in range(len(names) + 1)]


def may(identity: Identity, path: str, bits: int) -> bool:
    """Whether somebody may read or enter a path, by its mode. What is not there is no question of rights."""
    if not identity.uid:  # root, or minisup's own user, who has started this very Python
        return True
    try:
        seen = os.stat(path)
    except OSError:
        return True
    if seen.st_uid == identity.uid:
        return bool(stat.S_IMODE(seen.st_mode) & bits << 6)
    if seen.st_gid in {identity.gid, *(identity.groups or ())}:
        return bool(seen.st_mode & bits << 3)
    return bool(seen.st_mode & bits)
