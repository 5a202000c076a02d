"""Commands whose words are known only when their variables are filled in: supervisord fills them in before it splits.

A variable of minisup stays one word. Where one stands alone, between spaces and outside quotes, its value may be
several words, or none: then a shell splits it.
"""

import re
import shlex
from collections.abc import Sequence
from typing import Final, NamedTuple

from minisup.convert.templates import Refs, escaped

_OURS: Final = "MINISUP_"
_NAME_GOES_ON: Final = re.compile(r"[A-Za-z0-9_]")
_SPECIAL_IN_QUOTES: Final = '"\\'


class Piece(NamedTuple):
    """Part of a word. `quoted`: it stood in quotes or behind a backslash."""

    text: str
    quoted: bool


def pieces_of(text: str) -> list[list[Piece]]:
    """The words of `text`, each in pieces; joined they are those of `shlex.split`. ValueError: a quote is open."""
    words: list[list[Piece]] = []
    word: list[Piece] | None = None
    at = 0
    while at < len(text):
        if text[at].isspace():
            word = None
            at += 1
            continue
        if word is None:
            words.append(word := [])
        piece, at = _piece(text, at)
        if word and word[-1].quoted == piece.quoted:
            piece = Piece(word.pop().text + piece.text, piece.quoted)
        word.append(piece)
    return words


def _piece(text: str, at: int) -> tuple[Piece, int]:
    """The piece that begins at `at`, and where the next one does."""
    mark = text[at]
    if mark == "\\":
        if at + 1 == len(text):
            raise ValueError("No escaped character")
        return Piece(text[at + 1], True), at + 2
    if mark == "'":
        end = text.find("'", at + 1)
        if end < 0:
            raise ValueError("No closing quotation")
        return Piece(text[at + 1 : end], True), end + 1
    return _double_quoted(text, at + 1) if mark == '"' else (Piece(mark, False), at + 1)


def _double_quoted(text: str, at: int) -> tuple[Piece, int]:
    inside = ""
    while at < len(text) and text[at] != '"':
        if text[at] == "\\" and text[at + 1 : at + 2] and text[at + 1] in _SPECIAL_IN_QUOTES:
            at += 1
        inside += text[at]
        at += 1
    if at == len(text):
        raise ValueError("No closing quotation")
    return Piece(inside, True), at + 1


def split_later(words: Sequence[Sequence[Piece]], refs: Refs) -> list[str]:
    """The variables that are words of their own: only their values say how many words they are."""
    found: list[str] = []
    for word in words:
        if len(word) == 1 and not word[0].quoted and refs.is_whole(word[0].text):
            found += [name for name in refs.names_in_order(word[0].text) if not _is_one_word(name)]
    return list(dict.fromkeys(found))


def _is_one_word(name: str) -> bool:
    return name.startswith(_OURS) or name == "HOSTNAME"


def for_a_shell(words: Sequence[Sequence[Piece]], refs: Refs) -> list[str]:
    """The command by way of a shell that splits its variables and does nothing else: `-f`, no pattern names files."""
    text = " ".join("".join(_shell_text(word, refs)) or "''" for word in words)
    return ["sh", "-fc", escaped(f"exec {text}")]


def _shell_text(word: Sequence[Piece], refs: Refs) -> list[str]:
    out: list[str] = []
    for piece in word:
        for text, name in refs.parts(piece.text):
            if text:
                out.append(_joined(out, shlex.quote(text)))
            if name:
                out.append(f'"${name}"' if piece.quoted else f"${name}")
    return out


def _joined(before: list[str], text: str) -> str:
    """`text` so that the name of a variable before it ends where it does."""
    bare = bool(before) and before[-1].startswith("$")
    return f'""{text}' if bare and _NAME_GOES_ON.match(text) else text
