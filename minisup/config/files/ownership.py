"""Who may change a file beside root and minisup itself: they decide what minisup runs, and it is often root.

As sudo and logrotate do, minisup that is root does not take a configuration from them, unless MINISUP_TRUST names them
(docs/decisions/0023-files-of-others.md).
"""

import os
import stat
from collections.abc import Iterator
from typing import Final, NamedTuple

VARIABLE: Final = "MINISUP_TRUST"
EVERYBODY: Final = "everybody"

ALL: Final = "all"


class Trust(NamedTuple):
    """Whose files count as one's own: users and groups by number. `all`: everybody's."""

    uids: frozenset[int]
    gids: frozenset[int]
    all: bool = False


class Stranger(NamedTuple):
    """Somebody who may change a file: in words, why, what would end that, and how MINISUP_TRUST names them."""

    who: str
    why: str
    cure: str
    name: str


def stranger(seen: os.stat_result, trust: Trust) -> Stranger | None:
    """Who else may change what was seen; None: nobody. What lies in a sticky directory is its owner's."""
    if trust.all:
        return None
    if seen.st_uid not in trust.uids:
        who = _user(seen.st_uid)
        return Stranger(who, f"it belongs to {who}", "chown it to root", who)
    if stat.S_ISDIR(seen.st_mode) and seen.st_mode & stat.S_ISVTX:
        return None
    if seen.st_mode & stat.S_IWOTH:
        return Stranger(EVERYBODY, "everybody may write to it", "chmod o-w it", ALL)
    if seen.st_mode & stat.S_IWGRP and seen.st_gid not in trust.gids:
        group = _group(seen.st_gid)
        return Stranger(f"the group {group}", f"the group {group} may write to it", "chmod g-w it", f"@{group}")
    return None


def stranger_above(path: str, trust: Trust) -> tuple[str, Stranger] | None:
    """The first directory on the way to `path` in which others may put something else in its place, and who may."""
    for directory in _directories(path):
        try:
            found = stranger(os.stat(directory), trust)
        except OSError:
            continue
        if found is not None:
            return directory, found
    return None


def _directories(path: str) -> Iterator[str]:
    """The directories on the way, as it is written and as its links lead."""
    for whole in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))):
        parts = whole.split("/")[:-1]
        for end in range(1, len(parts) + 1):
            yield "/".join(parts[:end]) or "/"


def _user(uid: int) -> str:
    import pwd  # noqa: PLC0415 - only for who has such a file

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    import grp  # noqa: PLC0415 - as above

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
