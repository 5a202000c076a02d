"""Text with variables in it, while it is on its way from `%(ENV_X)s` to `${X}`.

On the way a variable is a word of letters and digits, so that whatever splits text into words leaves it whole.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

_PERCENT: Final = re.compile(r"%\(([^()]*)\)([-#0 +]*)([0-9]{0,3})((?:\.[0-9]{0,3})?)[hlL]?([a-zA-Z])")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_TYPES: Final = "sdiu"


class Variable(NamedTuple):
    """A variable of minisup. `digits`: how many its value has, 0 if that is not known.

    `loose`: where no format fits, the plain value does, too.
    """

    name: str
    digits: int = 0
    loose: bool = False


class PercentError(ValueError):
    """An expansion that cannot be: the text says why."""


class FormatError(PercentError):
    """A format such as `%(process_num)03d`, which a variable cannot have."""


class Refs:
    """The variables of one import. `corpus`: all of its text, which none of their words may occur in."""

    __slots__ = ("_mark", "_names", "_pattern")

    def __init__(self, corpus: str) -> None:
        mark = "Var"
        while mark in corpus:
            mark += "r"
        self._mark = mark
        self._names: list[str] = []
        self._pattern = re.compile(f"{mark}([0-9]+)_")

    def ref(self, name: str) -> str:
        """The word that stands for the variable."""
        if name not in self._names:
            self._names.append(name)
        return f"{self._mark}{self._names.index(name)}_"

    def has(self, text: str) -> bool:
        """Whether there is a variable in `text`."""
        return self._pattern.search(text) is not None

    def names(self, text: str) -> set[str]:
        """The variables in `text`."""
        return set(self.names_in_order(text))

    def names_in_order(self, text: str) -> list[str]:
        """The variables in `text`, as they stand there."""
        return [self._names[int(number)] for number in self._pattern.findall(text)]

    def parts(self, text: str) -> list[tuple[str, str]]:
        """`text` as pairs: some text (or none), and the variable behind it (empty behind the last)."""
        found = [*self._pattern.split(text), ""]
        return [(found[at], self._names[int(found[at + 1])] if found[at + 1] else "") for at in range(0, len(found), 2)]

    def is_whole(self, text: str) -> bool:
        """Whether `text` is nothing but variables."""
        return bool(text) and not self._pattern.sub("", text)

    def shown(self, text: str) -> str:
        """`text` for a sentence: no word that was made up for a variable is in it."""
        return self._pattern.sub(lambda match: f"${{{self._names[int(match[1])]}}}", text)

    def finish(self, text: str) -> str:
        """`text` as minisup reads it: variables as `${NAME}`, and a `$` that would be special as `$$`."""
        parts = self._pattern.split(text)
        out = ""
        for number, part in enumerate(parts):
            out += f"${{{self._names[int(part)]}}}" if number % 2 else escaped(part, more=number < len(parts) - 1)
        return out


def escaped(text: str, *, more: bool = False) -> str:
    """`text` for a place where minisup fills in variables, so that it stays as it is. `more`: a `${` comes next."""
    special = "${" in text or "$$" in text or (more and text.endswith("$"))
    return text.replace("$", "$$") if special else text


def is_variable_name(text: str) -> bool:
    """Whether `${text}` can be written."""
    return _NAME.fullmatch(text) is not None


def expand(text: str, lookup: Callable[[str], str | int | Variable], refs: Refs) -> str:
    """`text` with its `%(...)s` filled in: by what `lookup` knows now, or by the word of a variable.

    PercentError: not a format, or a name that `lookup` does not know. FormatError: one that a variable cannot have.
    """
    out: list[str] = []
    at = 0
    while (found := text.find("%", at)) >= 0:
        out.append(text[at:found])
        if text.startswith("%%", found):
            out.append("%")
            at = found + 2
            continue
        match = _PERCENT.match(text, found)
        if not match:
            raise PercentError("a % is neither %% nor the beginning of an expansion such as %(program_name)s")
        out.append(_filled(match, lookup(match[1]), refs))
        at = match.end()
    return "".join(out) + text[at:]


def _filled(match: re.Match[str], value: str | int | Variable, refs: Refs) -> str:
    if isinstance(value, Variable):
        return _zeros(match, value) + refs.ref(value.name)
    try:
        return match[0] % {match[1]: value}
    except (ValueError, TypeError, OverflowError) as error:
        raise PercentError(f"{match[0]} cannot be filled in: {error}") from None


def _zeros(match: re.Match[str], variable: Variable) -> str:
    """The zeros before a variable that a width asks for."""
    flags, width, precision, letter = match[2], int(match[3] or 0), match[4], match[5]
    if letter in _PLAIN_TYPES and not precision and width <= 1:
        return ""
    if variable.digits and letter in "diu" and not precision and flags == "0":
        return "0" * (width - variable.digits)
    if variable.loose:
        return ""
    raise FormatError(f"{match[0]} has a format that ${{{variable.name}}} cannot have")
