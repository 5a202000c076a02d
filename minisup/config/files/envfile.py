"""Files of `KEY=VALUE` lines. No value is ever part of a message: such files hold secrets."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from minisup.config.files.problems import ProblemReport
from minisup.config.text.masking import mask
from minisup.config.text.wording import show
from minisup.errors import Problem

_NAME: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*")
_OPEN: Final = re.compile(_NAME.pattern + r"""(?P<quote>["'])(?:\\.|(?!(?P=quote)).)*""")
_SINGLE: Final = re.compile(r"'([^']*)'\s*(?:#.*)?")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "`": "`"}
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")
_VARIABLE: Final = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
_SPECIAL: Final = re.compile(rf"\\(?P<escape>.)|{_VARIABLE.pattern}")

LONGEST: Final = 1000
"""Lines that a quoted value may go over, to be told as one."""


class EnvFile(NamedTuple):
    """The variables of a file, and the same where the secrets that were filled in are masked."""

    values: dict[str, str]
    shown: dict[str, str]


def read_variables(raw: bytes, path: str, key: str, report: ProblemReport, known: Mapping[str, str]) -> EnvFile:
    r"""The variables of a file, the last of a name winning; what is wrong with it goes to `report` under `key`.

    Blank lines and lines that begin with `#` are skipped, `export` before a name is allowed. A value may be in single
    quotes (nothing is special) or double quotes (`\n`, `\"`, `\\`, `\$`); without quotes it ends at ` #`.
    `${NAME}` and `${NAME:-default}` are filled in, except in single quotes and behind a backslash in double quotes: by
    a line above, else by `known`. As in a shell, an empty value is unset for `:-`. Any other `$` is just a `$`: what
    reads such files elsewhere does not agree on `$NAME`, and passwords have it.
    """
    file = EnvFile({}, {})
    lines = os.fsdecode(raw).removeprefix("\ufeff").splitlines()
    number = 0
    while number < len(lines):
        number, first = number + 1, number
        text = lines[first].strip()
        if not text or text.startswith("#"):
            continue
        try:
            name, value = _parse(text)
            filled = _filled(name, value, file.values, known)
            file.shown[name] = _filled(name, value, file.shown, known, hide=True)
            file.values[name] = filled
        except ValueError as error:
            number, said = _whole(lines, first, str(error))
            report.problems.append(Problem(path, first + 1, key, said))
    return file


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


class _Value(NamedTuple):
    """What stands in a file: its text, and the quote around it (empty: none)."""

    text: str
    quote: str


def _parse(line: str) -> tuple[str, _Value]:
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
        return name, _Value(quoted[1], value[0])
    return name, _Value(_COMMENT.sub("", value, count=1).rstrip(), "")


def _filled(name: str, value: _Value, above: Mapping[str, str], known: Mapping[str, str], *, hide: bool = False) -> str:
    """The value with its escapes and variables replaced. `hide`: what secret variables stand for is masked."""

    def one(match: re.Match[str]) -> str:
        if match.groupdict().get("escape"):
            return _ESCAPED.get(match["escape"], match[0])
        asked, default = match["name"], match["default"]
        found = above.get(asked, known.get(asked))
        if found is None and default is None:
            raise ValueError(
                f"the value of {name} names {asked}, which is not set; set it above, or write ${{{asked}:-}} for "
                f"nothing, or single quotes for the text itself"
            )
        chosen = default if default is not None and not found else found
        return mask(asked, chosen or "") if hide and chosen is found else chosen or ""

    if value.quote == "'":
        return value.text
    return (_SPECIAL if value.quote else _VARIABLE).sub(one, value.text)
