"""The command line as far as it can be read without the declarations: what `up` and `health` need in their daily use.

Whatever is unusual (`--help`, an unknown option, a missing value) is None here, and `cli.line` says the rest.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GLOBAL_OPTIONS = {"-c": "config", "--config": "config", "-s": "socket", "--socket": "socket"}
"""Options that every command takes, before its name or after; each has a value."""

LATER_COMMANDS = ("upgrade", "export", "web")
"""Commands that are promised and not there yet: the error says so."""


class Words:
    """A command line, read: the command, its options by name, and its targets."""

    __slots__ = ("command", "flags", "options", "targets")

    def __init__(self) -> None:
        self.command = ""
        self.options: dict[str, str] = {}
        self.flags: set[str] = set()
        self.targets: list[str] = []


def command_of(argv: Sequence[str]) -> str:
    """The first word that is neither an option nor the value of a global one; empty if there is none."""
    words = iter(argv)
    for word in words:
        if word in GLOBAL_OPTIONS:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def read(argv: Sequence[str], options: Mapping[str, str], flags: Mapping[str, str]) -> Words | None:
    """The words of a command with these options (with a value) and flags (without), each named by what it is called.

    None: this needs a full parser.
    """
    known = {**GLOBAL_OPTIONS, **options}
    found = Words()
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            if found.command:
                found.targets.append(word)
            else:
                found.command = word
        elif word in known:
            given = next(words, "")
            if not given or given.startswith("-"):
                return None
            found.options[known[word]] = given
        elif word in flags:
            found.flags.add(flags[word])
        elif equals and value and name.startswith("--") and name in known:
            found.options[known[name]] = value
        elif word[:2] in GLOBAL_OPTIONS and not word.startswith("--"):
            found.options[known[word[:2]]] = word[2:]
        else:
            return None
    return found
