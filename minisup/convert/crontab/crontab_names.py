"""A name for each line of a crontab, from what it runs: `schedule:run` of `cd /srv && php artisan schedule:run`."""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from minisup.convert.command_kind import shell_text
from minisup.convert.known_commands import CONSOLES, NODE, words
from minisup.convert.wrappers import without_fronts

_PUNCTUATION: Final = frozenset("();<>|&")
_REDIRECTION: Final = frozenset("<>")
_EXTENSION: Final = re.compile(r"\.(sh|bash|php|py|pl|rb|js|ts|jar|phar)$")
_TELLING: Final = re.compile(r"[A-Za-z]")
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_:.-]*")
_BEFORE: Final = words(
    """
    cd test [ [[ export sleep source . umask ulimit set true false exit if then else fi for while do done mkdir date
    printf kill trap unset command
    """
)
"""Commands that only prepare what the line is about."""

_KEYWORDS: Final = words("if then else elif do while until time { } !")

_WITH_SUBCOMMANDS: Final = CONSOLES | words(
    """
    acme.sh airflow aws az borg celery certbot composer docker docker-compose drush flask gcloud git kubectl mix npm
    pnpm restic service systemctl wp yarn
    """
)
_GENERIC: Final = words("cron index run main start script cli job console exec update")
"""Names of scripts that say something only with their directory."""

_COMMON: Final = words(
    """
    bin sbin scripts script www html htdocs src app public current local usr opt var srv home etc cron tmp releases
    httpdocs public_html lib libexec crons jobs
    """
)
"""Directories that say nothing."""

_DEEPEST: Final = 3


def name_of(command: str) -> str:
    """A name from the words that say the most; `job` if none does."""
    return (next(_names(command, 0), "") or _any_word(command) or "job").lower()


def _names(text: str, depth: int) -> Iterator[str]:
    here = ""
    for given in _commands(text):
        rest = without_fronts(given)
        inner = shell_text(rest) or shell_text(given)
        if inner is not None and depth < _DEEPEST:
            yield from _names(inner, depth + 1)
        elif rest[:1] == ["cd"]:
            here = rest[-1]
        elif rest and os.path.basename(rest[0]) not in _BEFORE:
            found = _name(rest, here)
            if _TELLING.search(found) and "$" not in found:
                yield found


def _commands(text: str) -> Iterator[list[str]]:
    """The simple commands of a shell's text, without what only a shell needs."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        tokens = list(lexer)
    except ValueError:
        tokens = text.split()
    command: list[str] = []
    target = False
    for token in tokens:
        if target:
            target = False
        elif _PUNCTUATION.issuperset(token):
            target = bool(_REDIRECTION.intersection(token))
            if not target:
                yield command
                command = []
            elif command[-1:] in (["1"], ["2"]):
                command.pop()
        elif command or token not in _KEYWORDS:
            command.append(token)
    yield command


def _name(words: Sequence[str], here: str) -> str:
    path = os.path.normpath(os.path.join(here, words[0]))
    name = os.path.basename(path)
    asked = [word for word in words[1:] if not word.startswith("-")]
    if name in {"run-parts", *NODE} and asked:
        return _EXTENSION.sub("", os.path.basename(asked[0].rstrip("/")))
    if name in {"curl", "wget"}:
        return _of_address(name, asked)
    if name in _WITH_SUBCOMMANDS and asked:
        return _of_subcommand(name, asked)
    first, above = _EXTENSION.sub("", name), os.path.basename(os.path.dirname(path))
    if first.lower() in _GENERIC and _PLAIN.fullmatch(above) and above not in _COMMON:
        return f"{above}-{first}"
    return first


def _of_subcommand(command: str, asked: Sequence[str]) -> str:
    asked = [word for word in asked if word not in {"run", "exec"} or command in {"git", "docker"}] or list(asked)
    told = os.path.basename(asked[0]) if _PLAIN.fullmatch(asked[0]) or "/" in asked[0] else ""
    return (told if command in CONSOLES else f"{command}-{told}") if told else command


def _of_address(command: str, asked: Sequence[str]) -> str:
    address = next((word for word in asked if "://" in word), "")
    host, _, path = address.partition("://")[2].partition("?")[0].partition("/")
    last = _EXTENSION.sub("", os.path.basename(path.rstrip("/")))
    return last if last.lower() not in {"", *_GENERIC} else f"{host or command}-{last}".strip("-")


def _any_word(command: str) -> str:
    """The last resort: a word with letters in it that is no directory and no option."""
    words = [os.path.basename(word.rstrip("/")) for word in command.split()]
    return next((word for word in words if _PLAIN.fullmatch(word) and word not in _BEFORE | _COMMON), "")
