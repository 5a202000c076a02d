"""Files of `KEY=VALUE` lines. No value is ever part of a message: such files hold secrets."""

import os
import re
from collections.abc import Sequence
from typing import Final

from minisup.config.problems import Report, show
from minisup.errors import Problem

_NAME: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*")
_OPEN: Final = re.compile(_NAME.pattern + r"""(?P<quote>["'])(?:\\.|(?!(?P=quote)).)*""")
_SINGLE: Final = re.compile(r"'([^']*)'\s*(?:#.*)?")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "`": "`"}
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")

LONGEST: Final = 1000
"""Lines that a quoted value may go over, to be told as one."""


def read_variables(raw: bytes, path: str, key: str, report: Report) -> dict[str, str]:
    r"""The variables of a file, the last of a name winning; what is wrong with it goes to `report` under `key`.

    Blank lines and lines that begin with `#` are skipped, `export` before a name is allowed. A value may be in single
    quotes (nothing is special) or double quotes (`\n`, `\"`, `\\`, `\$`); without quotes it ends at ` #`.
    `${...}` is not filled in.
    """
    out: dict[str, str] = {}
    lines = os.fsdecode(raw).removeprefix("\ufeff").splitlines()
    number = 0
    while number < len(lines):
        number, first = number + 1, number
        text = lines[first].strip()
        if not text or text.startswith("#"):
            continue
        try:
            name, value = _parse(text)
        except ValueError as error:
            number, said = _whole(lines, first, str(error))
            report.problems.append(Problem(path, first + 1, key, said))
        else:
            out[name] = value
    return out


def _whole(lines: Sequence[str], first: int, said: str) -> tuple[int, str]:
    """Where the lines after a value that cannot be read begin, and what is to be said of it: several lines are one
    problem.
    """
    begun = _OPEN.fullmatch(lines[first].strip())
    last = _end_of_quote(lines, first, begun["quote"]) if begun else None
    if begun is None or last is None:
        return first + 1, said
    many = last - first + 1
    return last + 1, (
        f"the value of {begun[1]} goes over {many} lines; write it in one, in double quotes, with \\n for each new line"
    )


def _end_of_quote(lines: Sequence[str], first: int, quote: str) -> int | None:
    """The line that closes a quote, unless another variable begins before."""
    for place in range(first + 1, min(len(lines), first + LONGEST)):
        match = _NAME.match(lines[place].strip())
        if match and lines[place].strip()[match.end() :][:1] in {"'", '"'}:
            return None
        if quote in lines[place]:
            return place
    return None


def _parse(line: str) -> tuple[str, str]:
    match = _NAME.match(line)
    if not match:
        raise ValueError("expected NAME=VALUE")
    name, value = match[1], line[match.end() :]
    if "\0" in value:
        raise ValueError(f"the value of {show(name)} holds the character NUL")
    if value[:1] in {"'", '"'}:
        quoted = (_SINGLE if value[0] == "'" else _DOUBLE).fullmatch(value)
        if not quoted:
            raise ValueError(f"the value of {name} has a quote that is not closed, or text after it")
        return name, quoted[1] if value[0] == "'" else _ESCAPE.sub(_unescaped, quoted[1])
    return name, _COMMENT.sub("", value, count=1).rstrip()


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[1], match[0])
