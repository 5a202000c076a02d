"""Whether a command and a shell have been mixed up."""

import os
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from minisup.check.lints.subject import Found, Subject
from minisup.check.lints.words import shell_text
from minisup.check.phrases import short
from minisup.config.text.interpolate import names_in
from minisup.config.text.masking import mask
from minisup.config.text.wording import show
from minisup.core.model import Scope

_LOOP: Final = re.compile(r"\b(while|until|for)\b.*\bdo\b", re.DOTALL)
_NEXT: Final = re.compile(r"&&|\|\||;|\n")
_STAYS: Final = re.compile(r"(?<!\|)\|(?!\|)|(?<![&<>])&(?![&>])|[(){}`]|\b(if|case|trap|wait)\b")
_ASSIGNS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*")
_OPERATOR: Final = re.compile(r"&&|\|\||[|&;]|[0-9]*>>?(&[0-9-]|[\w./-]*)|<|<[\w./-]+")
_VARIABLE: Final = re.compile(r"(?:.*=)?\$[A-Z_][A-Z0-9_]*")
_HOME: Final = re.compile(r"(?:.*[=:])?~(?:/.*)?")
"""`~/bin/work`, `--path=~/data`."""
_TRAILING: Final = re.compile(r"[^\s\\;]+;")
"""`work;`: the semicolon that ends a line of a shell."""

_REDIRECTS: Final = re.compile(r"[<>]")
_HALVED: Final = re.compile(r"(?<!\$)\$\$(?![$\w{(@#?*!-])")
"""`$$` where no `$NAME`, `$(...)` or `$1` of the shell can be meant."""

_IN_A_SHELL: Final = 'command = ["sh", "-c", "..."] with exec before the last command'

_CLEVER: Final = frozenset({"bash", "zsh"})
"""Shells that mostly are replaced without `exec`, unless the command is redirected (bash 5.2; dash 0.5.12 never is)."""

_SHORT: Final = frozenset({"echo", "printf", "exit", "true", "false", ":", "test", "[", "wait", "eval", "kill"})
_BUILTINS: Final = frozenset({"cd", "export", "source", ".", "ulimit", "trap", "while", "for", "if", "until", "exec"})


def shell_stays(subject: Subject) -> Iterator[Found]:
    """`sh -c "cd app && work"`: the shell waits beside the command, and the signal may reach the shell alone."""
    for name, program in subject.programs():
        argv = program.for_slot(0, hide=True).argv
        text = shell_text(argv)
        last = "" if text is None else _last_command(text)
        if not last or (os.path.basename(argv[0]) in _CLEVER and not _REDIRECTS.search(last)):
            continue
        first, signal = last.split()[0], short(program.stop.signal)
        reached = (
            f"SIG{signal} reaches the shell alone (stop.scope = leader), and {first} does not know of it"
            if program.stop.scope is Scope.LEADER
            else f"it waits beside {first} in each slot, and dies of SIG{signal} before {first} has ended"
        )
        message = f"the shell is not replaced by its last command: {reached}"
        yield Found(message, f"exec {first} ... in the shell's text", name, "command")


def _last_command(text: str) -> str:
    """The last command in a shell's text, if `exec` could let it replace the shell; empty: it does, or cannot."""
    try:
        shlex.split(text)
    except ValueError:
        return ""
    plain = _without_quotes(text)
    commands = [part.strip() for part in _NEXT.split(plain) if part.strip()]
    if not commands or _LOOP.search(plain) or _STAYS.search(plain):
        return ""
    words = [word for word in commands[-1].split() if not _ASSIGNS.fullmatch(word)]
    return "" if not words or words[0] in _BUILTINS | _SHORT else " ".join(words)


def _without_quotes(text: str) -> str:
    """The text with what is in quotes left out: operators in there are none."""
    return re.sub(r"'[^']*'|\"(\\.|[^\"\\])*\"", "''", text, flags=re.DOTALL)


def shell_is_missing(subject: Subject) -> Iterator[Found]:
    """`command = "cd app && work > log"`: no shell reads it, and the words go to the program as they are."""
    for name, program in subject.programs():
        odd = _shell_word(program.command)
        if odd is None:
            continue
        message = f"{show(odd)} is for a shell, and none runs: {_fate(odd, program.command)}"
        yield Found(message, _IN_A_SHELL, name, "command")


def variable_is_not_split(subject: Subject) -> Iterator[Found]:
    """`command = "${CMD}"` with `CMD="php work.php"`: one word stays one word, and no program has that name."""
    for name, program in subject.programs():
        template = program.command[0]
        filled = program.for_slot(0).argv[0]
        if "$" not in template or not re.search(r"\s", filled.strip()) or os.path.exists(filled):
            continue
        shown = program.for_slot(0, hide=True).argv[0]
        message = f"{show(template)} is {show(shown)}, one word: a variable is filled in after the command is split"
        alone = [name for name in names_in(template) if program.command == (f"${{{name}}}",) and not program.clear_env]
        fix = f'command = ["sh", "-c", "exec ${alone[0]}"], which splits it' if alone else _IN_A_SHELL
        yield Found(message, fix, name, "command")


def _shell_word(words: tuple[str, ...]) -> str | None:
    """The first word that only a shell understands; what another program's `-c` or `-exec` gets is its own affair."""
    if _ASSIGNS.fullmatch(words[0]):
        name, _, value = words[0].partition("=")
        return f"{name}={mask(name, value)}"
    if words[0] in _BUILTINS or _HOME.fullmatch(words[0]):
        return words[0]
    for before, word in pairwise(words):
        if re.fullmatch("-[a-z]*c|-exec|-e|-r", before) or "-exec" in words:
            return None
        if any(rule.fullmatch(word) for rule in (_OPERATOR, _VARIABLE, _HOME)):
            return word
    return words[-1] if _TRAILING.fullmatch(words[-1]) else None


def dollars_are_halved(subject: Subject) -> Iterator[Found]:
    """`sh -c "echo $$ > pid"`: minisup makes one `$` of two, so that `$$NAME` can be written for the shell's own."""
    for name, program in subject.programs():
        text = shell_text(program.command)
        if text is not None and _HALVED.search(text):
            message = "$$ is $ in this file, and the shell gets a lone $ where its own number may be meant"
            yield Found(message, "$$$$ for the number of the shell", name, "command")


def _fate(odd: str, words: tuple[str, ...]) -> str:
    if odd in _BUILTINS or _ASSIGNS.fullmatch(odd):
        return "there is hardly a program of that name"
    if _HOME.fullmatch(odd):
        return "~ is a directory of that name; ${HOME} is filled in without a shell"
    if _VARIABLE.fullmatch(odd):
        return f"{show(words[0])} gets it as it is; ${{NAME}} is filled in without a shell"
    return f"{show(words[0])} gets it as an argument"
