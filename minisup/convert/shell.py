"""Commands that were written for a shell: the words of those that do without one, `sh -c` for the others."""

import re
import shlex
from typing import Final, NamedTuple

from minisup.convert.templates import escaped

_QUOTED: Final = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.""", re.DOTALL)
_SPECIAL: Final = re.compile(r"[$`&|;<>()*?\[\]~#!{}\n]|^\s*[A-Za-z_][A-Za-z0-9_]*=")
_SEVERAL: Final = re.compile(r"[|;\n()`]|(?<!\$)\{|(?<![<>])&(?!>)")
_ASSIGNED: Final = re.compile(r"^\s*[A-Za-z_][A-Za-z0-9_]*=")


_CHANGE: Final = re.compile(r"""\s*cd\s+(['"]?)(/[A-Za-z0-9_./@:+-]*)\1\s*&&(.*)""", re.DOTALL)
_ALTERNATIVE: Final = re.compile(r"\|\||[;\n(){}]|(?<![<>&])&(?![>&])")


class ShellCommand(NamedTuple):
    """`command` as minisup reads it; whether it is run by a shell, and whether that shell stays (`many`)."""

    command: str | list[str]
    by_shell: bool = False
    many: bool = False


def command_of(text: str, shell: str = "sh", before: str = "") -> ShellCommand:
    """The command `text` of a shell. A simple one replaces its shell (`exec`), so that signals reach it.

    `before`: what the shell does first, as minisup reads it.
    """
    bare = _QUOTED.sub(_of_quoted, text)
    if not before and not _SPECIAL.search(bare):
        try:
            words = shlex.split(text)
        except ValueError:
            words = []
        if words:
            return ShellCommand(escaped(text.strip()))
    many = _SEVERAL.search(bare) is not None
    if not many:
        text = f"exec {'env ' if _ASSIGNED.match(text) else ''}{text.strip()}"
    return ShellCommand([shell, "-c", before + escaped(text)], by_shell=True, many=many)


def without_cd(text: str) -> tuple[str, str]:
    """The directory and the rest of `cd DIRECTORY && rest`; an empty directory: it is no such command.

    It is none either where something would run although the directory is not there: `cd a && b || c`.
    """
    match = _CHANGE.fullmatch(text)
    if not match or not match[3].strip() or _ALTERNATIVE.search(_QUOTED.sub("_", match[3])):
        return "", text
    return match[2], match[3].strip()


def _of_quoted(match: re.Match[str]) -> str:
    """What is special to a shell in quoted text."""
    return "$" if match[0].startswith('"') and re.search(r"[$`]", match[0]) else "_"
