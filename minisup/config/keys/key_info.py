"""What is known about a key of the file: the type that it is written in, its meaning, the values it may have."""

from collections.abc import Mapping
from dataclasses import Field, fields
from enum import StrEnum
from typing import Annotated, Any, Final, NamedTuple

Size = Annotated[int, "size"]
"""Bytes; in the file also `"256MiB"`, `"10MB"`."""


Rate = Annotated[float, "rate"]
"""Starts a second; in the file `"20/s"`, `"60/m"`."""


Mode = Annotated[int, "mode"]
"""Permission bits; in the file octal digits in quotes, `"0600"`."""


FilePath = Annotated[str, "path"]
"""A path; in the file it may be relative to the file's own directory."""


Glob = Annotated[str, "glob"]
"""A pattern that names files; in the file it may be relative to the file's own directory."""


Label = Annotated[str, "label"]
"""A name of a program or a group: letters, digits, `.`, `_`, `-`."""


Pattern = Annotated[str, "pattern"]
"""A regular expression."""


SignalName = Annotated[str, "signal"]
"""A signal by name, as `SIGTERM`; in the file also `"TERM"` or its number."""


Ignore = Annotated[str, "warning and why"]
"""A warning of `check` that is not wanted, and the reason: `"MS104 the jobs are idempotent"`."""


Cron = Annotated[str, "cron"]
"""Five cron fields: minute, hour, day of month, month, day of week."""


Zone = Annotated[str, "zone"]
"""A time zone by name, as `Asia/Tokyo`."""


Command = Annotated[tuple[str, ...], "command"]
"""Words of a command; in the file also a string, split as a shell does. Variables are filled in for each slot."""


SlotPath = Annotated[str, "slot path"]
"""A path in which variables are filled in for each slot."""


Environment = Annotated[Mapping[str, str], "environment"]
"""Variables of an environment: names and text."""


class Reload(StrEnum):
    """When a changed value counts after a reload. The values are what the reference says."""

    NOW = "at once"
    NEXT_RUN = "next run"
    NEW_MINISUP = "new minisup"


NOW: Final = Reload.NOW
"""It decides about runs: pace, retries, stop."""

NEXT_RUN: Final = Reload.NEXT_RUN
"""It makes runs: command, user, output. A service gets its next run by a restart."""

NEW_MINISUP: Final = Reload.NEW_MINISUP
"""Only another `minisup up` takes it over."""


class Key(NamedTuple):
    """What is known about a key beside its type: its meaning, and the values it may have.

    `reload` is said for the keys of `[supervisor]` and `[program.NAME]`; those of the tables in them share it.
    """

    doc: str
    low: float | None = None
    above: float | None = None
    high: float | None = None
    default: str = ""  # in words, where it depends on other keys
    hint: object = None  # the type in the file, where the record of the core has a plainer one
    reload: Reload | None = None


def says(key: Key, reload: Reload | None = None) -> Mapping[str, Key]:
    """The metadata of a dataclass field that is a key of the file."""
    return {"key": key if reload is None else key._replace(reload=reload)}


def declared(table: type) -> Mapping[str, Reload]:
    """The keys of a table and what a reload does with each. Raises TypeError for a key that does not say it."""
    return {item.name: _reload_of(table, item) for item in fields(table) if "key" in item.metadata}


def _reload_of(table: type, item: "Field[Any]") -> Reload:
    reload = item.metadata["key"].reload
    if not isinstance(reload, Reload):
        raise TypeError(f"{table.__name__}.{item.name} does not say what a reload does with it: says(Key(...), NOW)")
    return reload
