"""Commands that were written for a shell: the words of those that do without one, `sh -c` for the others."""

import re
import shlex
from typing import Final, NamedTuple

from minisup.convert.templates import escaped

_SPECIAL: Final = re.compile(r"[$`&|;<>()*?\[\]~#!{}\n]|^\s*[A-Za-z_][A-Za-z0-9_]*=")
_SEVERAL: Final = re.compile(r"[|;\n()`]|(?<!\$)\{|(?<![<>])&(?!>)")
_ASSIGNED: Final = re.compile(r"^\s*[A-Za-z_][A-Za-z0-9_]*=")


class ShellCommand(NamedTuple):
    """`command` as minisup reads it; whether it is run by a shell, and whether that shell stays (`many`)."""

    command: str | list[str]
    by_shell: bool = False
    many: bool = False


def command_of(text: str, shell: str = "sh", before: str = "") -> ShellCommand:
    """The command `text` of a shell. A simple one replaces its shell (`exec`), so that signals reach it.

    `before`: what the shell does first, as minisup reads it.
    """
    if not before and not _SPECIAL.search(text):
        try:
            words = shlex.split(text)
        except ValueError:
            words = []
        if words:
            return ShellCommand(text.strip())
    many = _SEVERAL.search(text) is not None
    if not many:
        text = f"exec {'env ' if _ASSIGNED.match(text) else ''}{text.strip()}"
    return ShellCommand([shell, "-c", before + escaped(text)], by_shell=True, many=many)
