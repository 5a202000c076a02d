"""What kind of program a command is: one that runs for long, or one that does a piece of work and exits.

The rules, first match wins:

1. A word that ends it after one piece of work (`--once`, `--limit=1`, `--stop-when-empty` ...): a job.
2. A command that is known to run for long (php-fpm, nginx, `celery worker`, `artisan horizon` ...): a service.
3. A shell loop (`while true; do ...`): a service, because the loop is what runs.
4. A sign that it runs for long (`--nodaemon`, `--port`, `serve`, a name that ends in d ...): a service.

Nothing is said about any other command: whoever asks decides by what else it knows. The lists are in `known`.
"""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from minisup.convert.known_commands import (
    APPS,
    CLIENTS,
    CONSOLE_RUNS,
    CONSOLE_SIGNS,
    CONSOLES,
    DAEMON,
    ENDS,
    FOREGROUND,
    LISTENS,
    NO_DAEMON,
    NODE,
    ROLES,
    RUNS,
    SCRIPT_RUNNERS,
    SCRIPTS,
    SERVERS,
    SUBCOMMAND_SIGNS,
    VERSIONED,
    WITH_ARGUMENTS,
)
from minisup.convert.wrappers import is_interpreter, without_fronts

JOB: Final = "job"
SERVICE: Final = "service"
TASK: Final = "task"

LARAVEL_OUT_OF_MEMORY: Final = 12
"""The exit code with which `artisan queue:work` says that it has used up its memory and wants to be started again."""

_ONCE: Final = frozenset(
    {
        *("--once", "--limit=1", "--max-jobs=1", "--max-messages=1", "--stop-when-empty", "--burst", "--oneshot"),
        *("--stop-after-init", "--run-once", "--one-shot", "-oneshot", "--version", "--help"),
    }
)
_ONCE_PAIRS: Final = frozenset({("--limit", "1"), ("-l", "1"), ("--max-jobs", "1"), ("--max-messages", "1")})
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_SHELL_BEHIND: Final = frozenset({"su", "runuser", "flock"})
_LOOP: Final = re.compile(r"\b(while|until)\b.*\bdo\b|\bfor\s*\(\(", re.DOTALL)
_MORE: Final = re.compile(r"&&|\|\||;|\n")
_EXTENSION: Final = re.compile(r"\.(py|php|rb|pl|sh|js|mjs|cjs|ts|jar|phar)$")
_PART: Final = re.compile(r"[^A-Za-z0-9]+")
_FOLLOWS: Final = {
    ("tail", "-f"),
    ("tail", "-F"),
    ("sleep", "infinity"),
    ("ssh", "-N"),
    ("inotifywait", "-m"),
    ("php", "-S"),
}


_DIRECTORY: Final = frozenset({"--cwd", "--prefix", "-C", "--dir"})
"""Options of npm, yarn and pnpm with a directory behind them."""


class Judged(NamedTuple):
    """`kind` (empty: not known), why, and exit codes that ask for a fresh run."""

    kind: str
    why: str
    recycle: tuple[int, ...] = ()


UNKNOWN: Final = Judged("", "its command is none that is known to run for long")


def judge(words: Sequence[str]) -> Judged:
    """What is known of a command, by the rules of this module."""
    text = shell_text(words)
    if text is not None and _LOOP.search(text):
        return Judged(SERVICE, "it is a shell loop; minisup is the loop itself: the command inside would be a job")
    known = UNKNOWN
    for command in _commands(words, text):
        judged = _judge(command)
        if judged.kind:
            known = judged
    return known


def shell_text(words: Sequence[str]) -> str | None:
    """What `sh -c TEXT`, `su USER -c TEXT` or `flock FILE -c TEXT` runs, if that is what the words are."""
    name = os.path.basename(words[0]) if words else ""
    if name in _SHELLS or (name in _SHELL_BEHIND and "-c" in words):
        for number, word in enumerate(words[1:-1], 1):
            if word.startswith("-") and word.endswith("c"):
                return words[number + 1]
    return None


def _commands(words: Sequence[str], text: str | None) -> Iterator[list[str]]:
    """The commands that run: of a shell's text each, without what stands before it."""
    for part in [words] if text is None else map(_split, _MORE.split(text)):
        rest = without_fronts(part)
        inner = shell_text(rest) if rest is not part else None
        yield from [rest] if inner is None or text is not None else _commands(rest, inner)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _judge(words: Sequence[str]) -> Judged:
    once = next((word for word in words if word in _ONCE), "") or next(
        (" ".join(pair) for pair in pairwise(words) if pair in _ONCE_PAIRS), ""
    )
    if once:
        return Judged(JOB, f"{once} ends it after the work that is there")
    if not words:
        return UNKNOWN
    names = [os.path.basename(word) for word in words]
    name = _long_runner(names) or _console(names, words)
    if name:
        recycle = (LARAVEL_OUT_OF_MEMORY,) if name == "queue:work" else ()
        return Judged(SERVICE, f"{name} is known to run for long", recycle)
    sign = _sign(names, words)
    return Judged(SERVICE, f"{sign} is a sign that it runs for long") if sign else UNKNOWN


# --- what is known ----------------------------------------------------------------------------------------------------


def _long_runner(names: Sequence[str]) -> str:
    """The words by which the command is known to run for long, or nothing."""
    first, *others = names
    module = first.partition(".")[0]
    if first in SERVERS or VERSIONED.fullmatch(first) or (module in SERVERS and not _EXTENSION.search(first)):
        return "" if first == "php-cgi" and "-b" not in others else first
    for name, subcommands in ((first, RUNS.get(first, frozenset())), (module, RUNS.get(module, frozenset()))):
        found = next((word for word in others if word in subcommands), "")
        if found:
            return f"{name} {found}"
    if first in WITH_ARGUMENTS and others:
        return first
    if first == "dotnet" and any(word.endswith(".dll") for word in others):
        return first
    return _package_script(names) or _node(names) or _follows(names)


def _console(names: Sequence[str], words: Sequence[str]) -> str:
    """What the console of a framework runs: `artisan horizon`, `yii queue/listen`."""
    asked = _asked_of_console(names, words)
    return asked if asked in CONSOLE_RUNS else ""


def _asked_of_console(names: Sequence[str], words: Sequence[str]) -> str:
    return next((two for one, two in zip(names, words[1:], strict=False) if one in CONSOLES), "")


def _package_script(names: Sequence[str]) -> str:
    """`npm start`, `npm run serve`, `yarn worker:mail`."""
    if names[0] not in SCRIPT_RUNNERS:
        return ""
    rest = [two for one, two in pairwise(names) if one not in _DIRECTORY and not two.startswith("-")]
    script = next((name for name in rest if name not in {"run", "run-script"}), "")
    return f"{names[0]} {script}" if SCRIPTS.fullmatch(script) else ""


def _node(names: Sequence[str]) -> str:
    """A program of node, which waits for events, unless its name says that it ends."""
    if names[0] not in NODE:
        return ""
    script = next((name for name in names[1:] if not name.startswith("-") and name != "run"), "")
    ends = not script or ENDS.intersection(_parts(script))
    return "" if ends else f"{names[0]} {script}"


def _follows(names: Sequence[str]) -> str:
    for word in names[1:3]:
        if (names[0], word) in _FOLLOWS:
            return f"{names[0]} {word}"
    return ""


# --- signs ------------------------------------------------------------------------------------------------------------


def _sign(names: Sequence[str], words: Sequence[str]) -> str:
    """The word that is a sign of a command that runs for long, or nothing."""
    first, others = names[0], words[1:]
    if first in CLIENTS:
        return ""
    asked = _asked_of_console(names, words)
    if asked:
        return asked if CONSOLE_SIGNS.search(asked) else _listens(others)
    if _runs_for_long(first):
        return first
    if DAEMON.fullmatch(first) is not None and NO_DAEMON.fullmatch(first) is None:
        return f"the d at the end of {first}"
    found = next((word for word in others if word in FOREGROUND), "") or _listens(others)
    return found or next((word for word in others[:2] if word in SUBCOMMAND_SIGNS), "")


def _listens(words: Sequence[str]) -> str:
    return next((word for word in words if LISTENS.fullmatch(word)), "")


def _runs_for_long(name: str) -> bool:
    """Whether the name of a command or script says it: `mail-worker`, `ws_server.py`."""
    parts = _parts(name)
    if not parts or ENDS.intersection(parts) or is_interpreter(name):
        return False
    return parts[-1] in ROLES or (parts[-1] in APPS and name.endswith((".py", ".rb")))


def _parts(name: str) -> list[str]:
    """The words of a name without its extension."""
    return [part for part in _PART.split(_EXTENSION.sub("", name).lower()) if part]
