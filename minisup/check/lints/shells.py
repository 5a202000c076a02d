"""What a shell does with the last command of a text: dash 0.5.12 and bash 5.2, as tried.

dash never lets it take the shell's place without `exec`. bash does in the text of `-c`, if the last line is no mixture
of `;` and `&&`, nothing is redirected and no line follows; in a script it never does.
"""

import re
import shlex
from typing import Final

CLEVER: Final = frozenset({"bash", "zsh"})
"""Shells that mostly are replaced without `exec` in the text of `-c`."""

ASSIGNS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*")
BUILTINS: Final = frozenset({"cd", "export", "source", ".", "ulimit", "trap", "while", "for", "if", "until", "exec"})

_LOOP: Final = re.compile(r"\b(while|until|for)\b.*\bdo\b", re.DOTALL)
_NEXT: Final = re.compile(r"&&|\|\||;|\n")
_STAYS: Final = re.compile(r"(?<!\|)\|(?!\|)|(?<![&<>])&(?![&>])|[(){}`]|\b(if|case|trap|wait)\b")
_REDIRECTS: Final = re.compile(r"[<>]")
_MIXED: Final = re.compile(r";.*(&&|\|\|)")
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#[^\n]*")
_SHORT: Final = frozenset({"echo", "printf", "exit", "true", "false", ":", "test", "[", "wait", "eval", "kill"})
_CLOSES: Final = frozenset({"done", "fi", "esac", "return", "shift", "set", "unset", "readonly", "local", "alias"})


def last_command(text: str) -> str:
    """The last command in a shell's text, if `exec` could let it replace the shell; empty: it does, or cannot."""
    try:
        shlex.split(text)
    except ValueError:
        return ""
    plain = _COMMENT.sub("", _without_quotes(text))
    commands = [part.strip() for part in _NEXT.split(plain) if part.strip()]
    if not commands or _LOOP.search(plain) or _STAYS.search(plain):
        return ""
    words = [word for word in commands[-1].split() if not ASSIGNS.fullmatch(word)]
    return "" if not words or words[0] in BUILTINS | _SHORT | _CLOSES else " ".join(words)


def is_replaced(text: str, last: str) -> bool:
    """Whether a clever shell lets its last command take its place by itself."""
    line = _COMMENT.sub("", _without_quotes(text).removesuffix("\n").rpartition("\n")[2])
    return bool(line.strip()) and not _REDIRECTS.search(last) and not _MIXED.search(line)


def last_of_script(text: str) -> str:
    """The same of a script: of its last line, unless that is the end of something, or the script has a trap."""
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and line.lstrip()[0] != "#"]
    if not lines or re.search(r"\btrap\b", text):
        return ""
    last = lines[-1]
    words = last_command(last).split()
    is_inside = last[0].isspace() or re.search(rf"<<-?\s*['\"]?{re.escape(last.strip())}\b", text)
    is_function = words and re.search(rf"^\s*(function\s+)?{re.escape(words[0])}\s*(\(\)|\{{)", text, re.MULTILINE)
    return "" if is_inside or is_function else " ".join(words)


def _without_quotes(text: str) -> str:
    """The text with what is in quotes left out: operators in there are none."""
    return re.sub(r"'[^']*'|\"(\\.|[^\"\\])*\"", "''", text, flags=re.DOTALL)
