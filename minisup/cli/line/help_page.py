"""What `--help` prints: usage, paragraphs, and lists in two columns, as wide as the terminal and at most 98 columns."""

from __future__ import annotations

import os
import textwrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minisup.cli.line.declare import Declared

USUAL, LEAST, MOST = 80, 52, 100
"""Columns, of which two stay empty."""

MOST_LEFT = 30
"""Columns of the left column; what is longer has a line of its own."""

AS_IT_IS = "\b"
"""A paragraph that begins with this line is not filled."""


def page(usage: str, text: str, lists: Sequence[tuple[str, Sequence[tuple[str, str]]]], end: str = "") -> str:
    """The whole page; lists without rows are left out."""
    width = columns() - 2
    blocks = [f"Usage: {usage}", paragraphs(text, width)]
    blocks += ["\n".join([f"{title}:", *_two_columns(rows, width)]) for title, rows in lists if rows]
    return "\n\n".join([*blocks, *([paragraphs(end, width)] if end else [])])


def columns() -> int:
    """The width to write for: $COLUMNS, else that of the terminal."""
    asked = os.environ.get("COLUMNS", "")
    width = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= len(str(MOST)) + 1 else 0
    if not width:
        try:
            width = os.get_terminal_size(1).columns
        except OSError:
            width = 0
    return min(max(width or USUAL, LEAST), MOST)


def paragraphs(text: str, width: int) -> str:
    """Filled paragraphs, indented by two."""
    return "\n\n".join(_paragraph(part, width) for part in textwrap.dedent(_even(text)).strip("\n").split("\n\n"))


def argument_rows(known: Sequence[Declared]) -> list[tuple[str, str]]:
    """The arguments of a command and what they mean."""
    return [
        (one.said.metavar, f"{one.said.help}{'  [required]' * one.is_required}") for one in known if not one.is_option
    ]


def option_rows(known: Sequence[Declared]) -> list[tuple[str, str]]:
    """The options of a command and what they do."""
    return [(_names(one), f"{one.said.help}{_default(one)}") for one in known if one.is_option]


def _names(one: Declared) -> str:
    yes = ", ".join(sorted(one.yes, key=lambda name: name.startswith("--")))
    names = f"{yes} / {', '.join(one.no)}" if one.no else yes
    return names if one.is_flag else f"{names} {one.said.metavar}"


def _default(one: Declared) -> str:
    if not one.said.show_default:
        return ""
    names = one.yes if one.default else one.no
    return f"  [default: {names[0].lstrip('-') if one.is_flag else one.default}]"


def _even(text: str) -> str:
    """A docstring with its first line indented as the others."""
    first, newline, rest = text.partition("\n")
    return f"{first.strip()}{newline}{textwrap.dedent(rest)}".rstrip()


def _paragraph(text: str, width: int) -> str:
    first, _, rest = text.partition("\n")
    if first == AS_IT_IS:
        return textwrap.indent(rest, "  ")
    return _fill(text, width, "  ")


def _two_columns(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    left = min(max(len(name) for name, _ in rows), MOST_LEFT) + 2
    for name, text in rows:
        lines = _fill(text, width - left - 2, "").split("\n")
        if len(name) > left - 2:
            yield f"  {name}"
        else:
            yield f"  {name:{left}}{lines.pop(0)}".rstrip()
        for line in lines:
            yield f"{'':{left + 2}}{line}"


def _fill(text: str, width: int, indent: str) -> str:
    plain = text.replace("\n", " ")
    return textwrap.fill(plain, max(width, 11), initial_indent=indent, subsequent_indent=indent)
