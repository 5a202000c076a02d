"""Patterns that name files: what they may say, which files they name now, and where a change of that would show.

`*`, `?` and `[...]` stand for part of a name, a `**` between slashes for any number of directories. As in a shell they
do not stand for the dot that a hidden name begins with. `**` does not go into directories that are links.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

MOST_DIRECTORIES: Final = 20_000
"""Directories that one look goes into; above that a pattern is not meant as it stands."""

_MOST_LINKS: Final = 20
_WILD: Final = re.compile(r"[*?[]")
_ESCAPED: Final = re.compile(r"\[([*?[])\]")
_SET: Final = re.compile(r"\[!?\]?[^\]]*\]")
_TOLD_OF_NOTHING: Final = ("/proc", "/sys")

Stamp = tuple[int, int, int, int]
"""What tells one state of a file from another: device, inode, size, time of the last change in nanoseconds."""

Files = dict[str, Stamp]
"""Files by path."""


class DirectoryEntry(NamedTuple):
    """What a directory holds under a name."""

    name: str
    path: str
    is_directory: bool  # itself, not by a link
    is_link: bool


def escaped(path: str) -> str:
    """The pattern that names `path` and nothing else."""
    return _WILD.sub(r"[\g<0>]", path)


def unfit(pattern: str) -> str:
    """Why a pattern cannot be meant, and what to write instead; empty: it can."""
    parts = pattern.split("/")
    if not pattern:
        return "the pattern is empty"
    if pattern.startswith("~"):
        return "~ is not filled in; write ${HOME}"
    if parts[-1] in {"", ".", ".."}:
        return f"only files are watched, and this names a directory; write {pattern.rstrip('/.') or ''}/**"
    if any("**" in part and part != "**" for part in parts):
        wrong = next(part for part in parts if "**" in part and part != "**")
        return f"** stands alone between two slashes; write {wrong.replace('**', '**/*', 1)}"
    if any("[" in _SET.sub("", part) for part in parts):
        return "the [ is not closed; for the character itself write [[]"
    if any(pattern == place or pattern.startswith(f"{place}/") for place in _TOLD_OF_NOTHING):
        return f"nothing tells of changes below {'/'.join(parts[:2])}"
    return ""


class Glance:
    """One look at the files that patterns name: each pattern and each directory is looked at once.

    `directories` are those in which a change may matter, with their device and inode: whoever waits for changes waits
    there. `listings` are those of them in which any name may matter. `turns` are the paths on the way that may become
    something else: names of the patterns, links. `folders` are directories where a pattern without wildcards ends.
    `times` are the wall-clock seconds since which a file is what and where it is, as far as its file system knows.
    `full`: there were more directories than anybody means.
    """

    def __init__(self) -> None:
        self.directories: dict[str, tuple[int, int]] = {}
        self.listings: set[str] = set()
        self.turns: set[str] = set()
        self.folders: set[str] = set()
        self.times: dict[str, float] = {}
        self.full = False
        self._files: dict[str, Files] = {}
        self._listed: dict[str, list[DirectoryEntry]] = {}

    def at(self, pattern: str) -> Files:
        """The files that an absolute pattern names now."""
        found = self._files.get(pattern)
        if found is None:
            found = self._files[pattern] = {}
            parts = tuple(part for part in pattern.split("/") if part not in {"", "."})
            self._search(parts, found)
        return found

    def close(self) -> None:
        """Forget what was only needed to look."""
        self._listed.clear()

    def _search(self, parts: tuple[str, ...], found: Files) -> None:
        todo = [("/", parts)]
        seen: set[tuple[str, int]] = set()
        while todo:
            directory, left = todo.pop()
            if (directory, len(left)) not in seen and self._enter(directory):
                seen.add((directory, len(left)))
                todo += self._step(directory, left, found)

    def _step(self, directory: str, left: tuple[str, ...], found: Files) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The directories to go on with, and what is left of the pattern there."""
        part, rest = left[0], left[1:]
        plain = literal(part)
        if part == "**":
            yield from self._step_anywhere(directory, left, found)
        elif plain is not None:
            path = os.path.join(directory, plain)
            is_link = self._turn(path)
            if rest:
                yield path, rest
            else:
                self._take(path, is_link, found, named=True)
        else:
            for entry in filter(lambda entry: matcher(part)(entry.name), self._list(directory)):
                if entry.is_link:
                    self._turn(entry.path)
                if not rest:
                    self._take(entry.path, entry.is_link, found)
                elif entry.is_directory or entry.is_link:
                    yield entry.path, rest

    def _step_anywhere(
        self, directory: str, left: tuple[str, ...], found: Files
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """As `_step`, at a `**`."""
        if len(left) > 1:
            yield directory, left[1:]
        for entry in self._list(directory):
            if entry.name.startswith("."):
                continue
            if entry.is_directory:
                yield entry.path, left
            elif len(left) == 1:
                self._take(entry.path, entry.is_link, found)

    def _take(self, path: str, is_link: bool, found: Files, *, named: bool = False) -> None:
        try:
            seen = os.stat(path)
        except OSError:
            return
        if is_link:
            self._turn(path)
        if not stat.S_ISDIR(seen.st_mode):
            self.times[path] = max(seen.st_mtime, seen.st_ctime)
            found[path] = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)
        elif named:
            self.folders.add(path)

    def _enter(self, directory: str) -> bool:
        """Whether `directory` can be gone into; it is one where changes matter."""
        if directory in self.directories:
            return True
        if len(self.directories) >= MOST_DIRECTORIES:
            self.full = True
            return False
        try:
            seen = os.stat(directory)
        except OSError:
            return False
        if not stat.S_ISDIR(seen.st_mode):
            return False
        self.directories[directory] = (seen.st_dev, seen.st_ino)
        return True

    def _list(self, directory: str) -> list[DirectoryEntry]:
        entries = self._listed.get(directory)
        if entries is None:
            try:
                with os.scandir(directory) as found:
                    entries = [
                        DirectoryEntry(entry.name, entry.path, entry.is_dir(follow_symlinks=False), entry.is_symlink())
                        for entry in found
                    ]
            except OSError:  # it went away, or is not for us to read
                entries = []
            self._listed[directory] = entries
            self.listings.add(directory)
        return entries

    def _turn(self, path: str, links: int = 0) -> bool:
        """Note a path that may become something else, and where it leads if it is a link; whether it is one."""
        self.turns.add(path)
        try:
            target = os.readlink(path)
        except OSError:
            return False
        at = "/" if target.startswith("/") else os.path.dirname(path)
        for part in target.split("/") if links < _MOST_LINKS else ():
            if part not in {"", "."} and self._enter(at):
                at = os.path.join(at, part)
                self._turn(at, links + 1)
        return True


def literal(part: str) -> str | None:
    """The name that a part of a pattern stands for; None: it may stand for several."""
    return None if _WILD.search(_ESCAPED.sub("", part)) else _ESCAPED.sub(r"\1", part)


@lru_cache(maxsize=256)
def matcher(part: str) -> Callable[[str], object]:
    """Tells whether a name fits a part of a pattern."""
    import fnmatch  # noqa: PLC0415 - only for a configuration that uses wildcards

    hidden = "" if part.startswith(".") else r"(?!\.)"
    return re.compile(hidden + fnmatch.translate(part)).match


def absent(pattern: str) -> str:
    """The first directory on the fixed way of an absolute pattern that is not there; empty: all are."""
    at = "/"
    for part in pattern.split("/")[:-1]:
        plain = literal(part)
        if plain is None:
            break
        at = os.path.join(at, plain)
        if not os.path.isdir(at):
            return at
    return ""


def could_name(patterns: Sequence[str]) -> "re.Pattern[str]":
    """What the last part of a path fits, if one of these patterns could name it."""
    import fnmatch  # noqa: PLC0415 - as above

    ends = dict.fromkeys(pattern.rpartition("/")[2] for pattern in patterns)
    return re.compile("|".join(fnmatch.translate("*" if end == "**" else end) for end in ends) or r"(?!)")
