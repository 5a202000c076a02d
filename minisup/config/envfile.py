"""Files of `KEY=VALUE` lines. No value is ever part of a message: such files hold secrets."""

import os
import re
from typing import Final

from minisup.config.problems import Report, show
from minisup.config.sources import read_bytes
from minisup.errors import Problem

_NAME: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*")
_SINGLE: Final = re.compile(r"'([^']*)'\s*(?:#.*)?")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "`": "`"}
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")


def read_env_file(path: str, key: str, report: Report) -> dict[str, str]:
    r"""The variables of the file, the last of a name winning; what is wrong with it goes to `report` under `key`.

    Blank lines and lines that begin with `#` are skipped, `export` before a name is allowed. A value may be in single
    quotes (nothing is special) or double quotes (`\n`, `\"`, `\\`, `\$`); without quotes it ends at ` #`.
    `${...}` is not filled in.
    """
    raw = read_bytes(path, report, key)
    out: dict[str, str] = {}
    for number, line in enumerate(os.fsdecode(raw or b"").removeprefix("\ufeff").splitlines(), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            try:
                name, value = _parse(text)
            except ValueError as error:
                report.problems.append(Problem(path, number, key, str(error)))
            else:
                out[name] = value
    return out


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
