"""How to start the runs of a slot: everything that can be worked out before the first of them, once."""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from minisup.host.start.environment import Account, changes_identity, executables
from minisup.host.start.rlimits import RunLimits

Fingerprint = tuple[tuple[int, ...] | None, ...]
"""What `fingerprint` saw. To be compared, not read."""


@dataclass(slots=True)
class Recipe:
    """One slot's command and world, in the form in which the system wants them. Built by `recipe`, used by `Spawner`.

    The last two entries of `environment` belong to the run: the spawner writes them in place, each time.
    """

    argv: list[bytes]
    executables: tuple[bytes, ...]
    environment: list[bytes]
    directory: bytes | None
    umask: int
    account: Account | None
    """Set only when the ids differ from minisup's own."""
    limits: RunLimits | None = None


class RunInput(NamedTuple):
    """What a start needs beside the slot's recipe: its stdin (None: nothing to read), and variables."""

    stdin: int | None
    variables: tuple[bytes, ...]


def recipe(
    argv: Sequence[str],
    environment: Iterable[bytes],
    *,
    directory: str | None = None,
    umask: int | None = None,
    account: Account | None = None,
    limits: RunLimits | None = None,
) -> Recipe:
    """Prepare `argv` (not empty) for spawning in `environment`, which `child_environment` made.

    `directory` None: the one that minisup is in; `umask` None: minisup's own. ValueError, with a sentence, for a NUL
    byte: the system cannot carry one.
    """
    words = [os.fsencode(word) for word in argv]
    variables = list(environment)
    place = None if directory is None else os.fsencode(directory)
    for text in (*words, *variables, place or b""):
        if b"\0" in text:
            raise ValueError(f"a NUL byte cannot be passed to a command, but {_shown(text)} holds one")
    return Recipe(
        argv=words,
        executables=executables(words[0], variables),
        environment=[*variables, b"MINISUP_RUN_ID=0", b"MINISUP_FAILURES=0"],
        directory=place,
        umask=-1 if umask is None else umask,
        account=account if changes_identity(account) else None,
        limits=limits,
    )


def helper_recipe(argv: Sequence[str], environment: Mapping[str, str], directory: str) -> Recipe:
    """Prepare a command that is no run: nothing in its environment says that it is one. ValueError as for `recipe`."""
    made = recipe(argv, [os.fsencode(f"{name}={value}") for name, value in environment.items()], directory=directory)
    del made.environment[-2:]
    return made


def needed_paths(recipe: Recipe) -> tuple[str, ...]:
    """Where a change may cure a start that failed: the directory, the command's candidates, the files that it names.

    The files are those that exist now, among the command's words and behind the `=` of its options.
    """
    named = [part for word in recipe.argv[1:] for part in (word, word.partition(b"=")[2]) if part]
    places = [located(recipe, name) for name in recipe.executables]
    places += [place for place in (located(recipe, name) for name in named) if os.path.isfile(place)]
    if recipe.directory is not None:
        places.insert(0, recipe.directory)
    return tuple(dict.fromkeys(os.fsdecode(place) for place in places))


def fingerprint(paths: Iterable[str]) -> Fingerprint:
    """What the files look like now; differs from an earlier answer when one appeared, vanished or was changed.

    Of a directory only its identity and its permissions count: its times change whenever a file is made in it.
    """
    return tuple(_look(path) for path in paths)


def last_change(paths: Iterable[str]) -> float:
    """When the last of these files was changed, moved here or made (wall clock); 0: there is none."""
    return max((seen.st_ctime for path in paths if (seen := _stat(path)) and not stat.S_ISDIR(seen.st_mode)), default=0)


def located(recipe: Recipe, name: bytes) -> bytes:
    """`name` as the child would find it: from its directory."""
    return os.path.join(recipe.directory or b"", name)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


def _look(path: str) -> tuple[int, ...] | None:
    seen = _stat(path)
    if seen is None:
        return None
    permissions = (seen.st_dev, seen.st_ino, seen.st_mode, seen.st_uid, seen.st_gid)
    if stat.S_ISDIR(seen.st_mode):
        return permissions
    return (seen.st_mtime_ns, seen.st_size, *permissions)


def _shown(text: bytes) -> str:
    name, equals, _ = text.partition(b"=")
    return ascii(os.fsdecode(name if equals else text))


def with_message(recipe: Recipe, given: RunInput) -> Recipe:
    """The slot's recipe for this run alone."""
    environment = [*given.variables, *recipe.environment]  # the spawner writes into the last two of it
    return Recipe(
        recipe.argv, recipe.executables, environment, recipe.directory, recipe.umask, recipe.account, recipe.limits
    )
