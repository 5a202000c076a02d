"""Which line of a TOML file a key stands on. `tomllib` does the parsing; this scans text that it accepts.

It scans first: `tomllib` takes minutes for a key of thousands of parts.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Final

Path = tuple[str | int, ...]
"""A key path: names of keys, numbers for the elements of lists."""

DEEPEST: Final = 32
"""Parts that a key may have. Of thousands, each with a path of its own, the memory would be full, and the time gone."""

_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_PART: Final = re.compile(r"""[ \t]*("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*(\.?)""")
_STEP: Final = re.compile(
    r'''"""(?:[^\\]|\\.)*?"""(?:"{0,2})'''
    r"""|\'\'\'.*?\'\'\'(?:\'{0,2})"""
    r'''|"(?:[^"\\\n]|\\.)*"'''
    r"""|'[^'\n]*'"""
    r"""|\#[^\n]*|[\[{]|[\]}]|\n|[^"'#\[\]{}\n]+|.""",
    re.DOTALL,
)


class DeepKeyError(ValueError):
    """A key has more than `DEEPEST` parts; `line` is where."""

    def __init__(self, line: int) -> None:
        super().__init__(f"a key of more than {DEEPEST} parts; this cannot be meant as configuration")
        self.line = line


class _Scan:
    __slots__ = ("arrays", "at", "counted", "line", "lines", "table", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.counted = 0
        self.table: Path = ()
        self.arrays: dict[Path, int] = {}
        self.lines: dict[Path, int] = {}

    def here(self) -> int:
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        return self.line

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if not match:
            return ""
        self.at = match.end()
        return match[0]

    def key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while match := _PART.match(self.text, self.at):
            self.at = match.end()
            parts.append(_unquoted(match[1]))
            if len(parts) > DEEPEST:
                raise DeepKeyError(self.here())
            if not match[2]:
                break
        return tuple(parts)

    def note(self, base: Path, key: tuple[str, ...], line: int) -> Path:
        path = base
        for part in key[:-1]:
            path = (*path, part)
            self.lines.setdefault(path, line)
            if path in self.arrays:
                path = (*path, self.arrays[path])
        path = (*path, *key[-1:])
        self.lines[path] = line
        return path

    def header(self) -> None:
        line = self.here()
        double = self.text.startswith("[[", self.at)
        self.at += 2 if double else 1
        path = self.note((), self.key(), line)
        if double:
            self.arrays[path] = self.arrays.get(path, -1) + 1
            path = (*path, self.arrays[path])
            self.lines[path] = line
        self.table = path
        self.at += 2 if double else 1

    def pair(self) -> None:
        line = self.here()
        key = self.key()
        if key:
            self.note(self.table, key, line)
        self.value()

    def value(self) -> None:
        depth = 0
        while step := self.skip(_STEP):
            if step in "[{":
                depth += 1
            elif step in "]}":
                depth -= 1
            elif step == "\n" and depth <= 0:
                return


def _unquoted(part: str) -> str:
    if part[0] not in "\"'":
        return part
    try:
        return str(tomllib.loads(f"k = {part}")["k"])
    except ValueError:
        return part


def find_lines(text: str) -> dict[Path, int]:
    """The line of each table and key, by path. Keys of inline tables are not listed: the table's line is theirs.

    Text that is not TOML gets some answer. DeepKeyError: a key is too long.
    """
    scan = _Scan(text)
    while True:
        scan.skip(_SPACE)
        if scan.at >= len(text):
            return scan.lines
        if text[scan.at] == "[":
            scan.header()
        else:
            scan.pair()


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """The line of `path` or of the nearest table around it; 0: none."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return 0


def printable(text: str) -> str:
    """`text` with control characters and undecodable bytes written as escapes."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def key_text(path: Path) -> str:
    """A key path as it is written: `program.email.stop.drain`, `exit.ok[1]`; on one line and printable."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            bare = part and all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in part)
            quoted = printable(part).replace('"', '\\"')
            out += ("." if out else "") + (part if bare else f'"{quoted}"')
    return out
