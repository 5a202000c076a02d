"""Whether a command and a shell have been mixed up."""

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from minisup.check.lints.shells import ASSIGNS, BUILTINS, CLEVER, is_replaced, last_command
from minisup.check.lints.subject import Found, Subject
from minisup.check.lints.words import shell_text
from minisup.check.phrases import short, span
from minisup.config.schema import ProgramTable
from minisup.config.text.interpolate import names_in
from minisup.config.text.masking import mask
from minisup.config.text.wording import show
from minisup.core.model import Scope
from minisup.escapes import visible

_OPERATOR: Final = re.compile(r"&&|\|\||[|&;]|[0-9]*>>?(&[0-9-]|[\w./-]*)|<|<[\w./-]+")
_VARIABLE: Final = re.compile(r"(?:[^$]*[=:/])?(?:\$[A-Za-z_]\w*)(?:[/:][^$]*)?")
"""`$QUEUE`, `--queue=$queue`, `$HOME/bin`, `--path=$HOME/x`."""
_HOME: Final = re.compile(r"(?:.*[=:])?~(?:/.*)?")
"""`~/bin/work`, `--path=~/data`."""
_TRAILING: Final = re.compile(r"[^\s\\;]+;")
"""`work;`: the semicolon that ends a line of a shell."""

_HALVED: Final = re.compile(r"(?<!\$)\$\$(?![$\w{(@#?*!-])")
"""`$$` where no `$NAME`, `$(...)` or `$1` of the shell can be meant."""

_WAITED_FOR: Final = frozenset({"INT"})
"""Signals after which a shell waits until its command has ended: dash and bash, while they wait for one."""

_IN_A_SHELL: Final = 'command = ["sh", "-c", "..."] with exec before the last command'


def shell_stays(subject: Subject) -> Iterator[Found]:
    """`sh -c "cd app && work"`: the shell waits beside the command, and takes the signal that was meant for it."""
    for name, program in subject.programs():
        argv = program.for_slot(0, hide=True).argv
        text = shell_text(argv)
        last = "" if text is None else last_command(text)
        if text is None or not last or (os.path.basename(argv[0]) in CLEVER and is_replaced(text, last)):
            continue
        first = _first(last)
        message = f"the shell is not replaced by its last command: {_reached(program, first)}"
        yield Found(message, f"exec {first} ... in the shell's text", name, "command")


def script_stays(subject: Subject) -> Iterator[Found]:
    """`./start.sh`, which ends with `php serve.php`: the same, in a file."""
    for name, script in (subject.around.scripts or {}).items():
        first = visible(_first(script.last))
        reached = _reached(subject.config.programs[name], first)
        message = f"the shell of {visible(script.path)} is not replaced by its last command: {reached}"
        yield Found(message, f"exec {first} ... in {visible(script.path)}", name, "command")


def _first(last: str) -> str:
    """The first word of a command, as far as it is known: what is in quotes has been left out."""
    return last.split(maxsplit=1)[0].replace("''", '"..."')


def _reached(program: ProgramTable, first: str) -> str:
    """What a stop comes to. Shells die of most signals at once; of INT they do not while their command goes on."""
    signal, scope = short(program.stop.signal), program.stop.scope
    if signal in _WAITED_FOR:
        stays = f"the shell alone, which waits for {first}: SIGKILL after {span(program.stop.timeout)}"
        return f"SIG{signal} reaches {stays}" if scope is Scope.LEADER else f"it waits beside {first} in each slot"
    if scope is Scope.LEADER:
        return f"SIG{signal} ends the shell, then {first} gets it as what the run left; how {first} ends is not seen"
    return f"it waits beside {first} in each slot, and dies of SIG{signal} before {first} has ended"


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
    if ASSIGNS.fullmatch(words[0]):
        name, _, value = words[0].partition("=")
        return f"{name}={mask(name, value)}"
    if words[0] in BUILTINS or any(rule.fullmatch(words[0]) for rule in (_VARIABLE, _HOME, _TRAILING)):
        return words[0]
    for before, word in pairwise(words):
        if re.fullmatch("-[a-z]*c|-exec|-e|-r", before) or "-exec" in words:
            return None
        if any(rule.fullmatch(word) for rule in (_OPERATOR, _VARIABLE, _HOME, _TRAILING)):
            return word
    return None


def dollars_are_halved(subject: Subject) -> Iterator[Found]:
    """`sh -c "echo $$ > pid"`: minisup makes one `$` of two, so that `$$NAME` can be written for the shell's own."""
    for name, program in subject.programs():
        text = shell_text(program.command)
        if text is not None and _HALVED.search(text):
            message = "$$ is $ in this file, and the shell gets a lone $ where its own number may be meant"
            yield Found(message, "$$$$ for the number of the shell", name, "command")


def _fate(odd: str, words: tuple[str, ...]) -> str:
    if odd in BUILTINS or ASSIGNS.fullmatch(odd):
        return "there is hardly a program of that name"
    if _VARIABLE.fullmatch(odd) and odd == words[0]:
        return "there is hardly a program of that name; ${NAME} is filled in without a shell"
    if _HOME.fullmatch(odd):
        return "~ is a directory of that name; ${HOME} is filled in without a shell"
    if _VARIABLE.fullmatch(odd):
        return f"{show(words[0])} gets it as it is; ${{NAME}} is filled in without a shell"
    return f"{show(words[0])} gets it as an argument"
