"""Completion in bash, zsh and fish: the scripts, where they are put, and the answers to what they ask.

A script asks through the environment: `_MINISUP_COMPLETE` says how to answer, the line is in COMP_WORDS (bash) or in
`_MINISUP_COMPLETE_ARGS`. A shell must neither wait nor be told of errors: whatever goes wrong is nothing to offer.
"""

from __future__ import annotations

import os

from minisup.cli import output
from minisup.cli.commands import ENTRIES, INDEX, command, reader_of, reader_of_all
from minisup.cli.complete.offers import offers
from minisup.cli.line.word_reader import SortedWords, WordReader
from minisup.errors import MinisupError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minisup.cli.line.declare import Declared

LINE = "_MINISUP_COMPLETE_ARGS"
OLD_LINE = "_TYPER_COMPLETE_ARGS"
"""The same in scripts that were installed by the first minisups."""

BASH = """\
_minisup_completion() {
    local IFS=$'\\n'
    COMPREPLY=($(COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _MINISUP_COMPLETE=complete_bash "$1" 2>/dev/null))
}
complete -o default -F _minisup_completion minisup
"""

ZSH = """\
#compdef minisup
_minisup_completion() {
    eval "$(_MINISUP_COMPLETE=complete_zsh _MINISUP_COMPLETE_ARGS="${words[1,$CURRENT]}" minisup 2>/dev/null)"
}
compdef _minisup_completion minisup
"""

FISH = """\
function __minisup_complete
    set -l line (commandline -cp | string collect)
    set -l offered (env _MINISUP_COMPLETE=complete_fish _MINISUP_COMPLETE_ARGS="$line" minisup 2>/dev/null)
    if test (count $offered) -gt 0
        printf '%s\\n' $offered
    else
        __fish_complete_path (commandline -ct)
    end
end
complete --command minisup --no-files --arguments '(__minisup_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}

PLACES = {
    "bash": ".bash_completions/minisup.sh",
    "zsh": ".zfunc/_minisup",
    "fish": ".config/fish/completions/minisup.fish",
}
"""Where the scripts are put, below the home directory."""

STARTS = {
    "bash": (".bashrc", "source ~/.bash_completions/minisup.sh"),
    "zsh": (".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit"),
}
"""Shells that are told of the script in a file that they read when they start. fish looks for it."""

MOST_PARENTS = 10
"""Processes between this one and the shell."""


def answer(environ: Mapping[str, str]) -> int:
    """Print what the shell asks for: its script, or what may stand at the end of the line."""
    how, _, shell = environ.get("_MINISUP_COMPLETE", "").partition("_")
    if how in {"source", "show"} and shell in SCRIPTS:
        output.show(SCRIPTS[shell])
    elif how == "complete" and shell in SCRIPTS:
        try:
            output.show(_FORMS[shell](_offered(*_line(shell, environ))))
        except MinisupError:
            output.show(_FORMS[shell]([]))
    else:
        known = ", ".join(SCRIPTS)
        raise UsageError(f"cannot complete for _MINISUP_COMPLETE={how}_{shell}: write source_ and one of {known}")
    return 0


def script_of_this_shell() -> str:
    """The script for the shell that runs this. Raises MinisupError when there is none."""
    return SCRIPTS[_shell()]


def install() -> str:
    """Put the script where the shell looks for it, and say so. Raises MinisupError."""
    shell, home = _shell(), os.path.expanduser("~")
    path = os.path.join(home, PLACES[shell])
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(SCRIPTS[shell])
        if shell in STARTS:
            _tell(os.path.join(home, STARTS[shell][0]), STARTS[shell][1])
    except OSError as error:
        raise MinisupError(
            f"cannot install completion in {error.filename or path}: {error.strerror}; "
            "`minisup --show-completion` prints it, to put it elsewhere"
        ) from None
    return f"{shell} completion installed in {path}\nCompletion will take effect once you restart the terminal"


def _tell(path: str, line: str) -> None:
    """Add a line to a file, once."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except FileNotFoundError:
        text = ""
    if line not in text.splitlines():
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{'' if text.endswith(chr(10)) or not text else chr(10)}{line}\n")


def _shell() -> str:
    """The shell that runs this, else the one that the user logs in with. Raises MinisupError."""
    pid = os.getppid()
    for _ in range(MOST_PARENTS):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:
            break
        if name in SCRIPTS:
            return name
        pid = int(rest.split()[1])
    named = os.path.basename(os.environ.get("SHELL", ""))
    if named in SCRIPTS:
        return named
    known = ", ".join(SCRIPTS)
    raise MinisupError(
        f"cannot tell for which shell: none of {known} runs this\n"
        "  _MINISUP_COMPLETE=source_bash minisup prints the script of bash, source_zsh and source_fish the others"
    )


# --- what the shell has -----------------------------------------------------------------------------------------------


def _line(shell: str, environ: Mapping[str, str]) -> tuple[list[str], str, str]:
    """The words behind `minisup`, the one that is begun, and what of it the shell has cut off and wants not back."""
    if shell != "bash":
        text = environ.get(LINE, environ.get(OLD_LINE, ""))
        words = _split(text)[1:]
        begun = "" if not words or text[-1:].isspace() else words.pop()
        return words, begun, ""
    words, number = environ.get("COMP_WORDS", "").split(), environ.get("COMP_CWORD", "")
    at = int(number) if number.isdigit() and len(number) < 6 else 0  # noqa: PLR2004 -- no line has so many words
    begun = words[at] if at < len(words) else ""
    if begun == ":" and at > 0:  # bash ends a word at a colon, which is a word of its own
        return words[1 : at - 1], f"{words[at - 1]}:", f"{words[at - 1]}:"
    if at > 1 and words[at - 1 : at] == [":"]:
        before = f"{words[at - 2]}:"
        return words[1 : at - 2], before + begun, before
    return words[1:at], begun, ""


def _split(text: str) -> list[str]:
    import shlex  # noqa: PLC0415 -- only bash splits by itself

    try:
        return shlex.split(text)
    except ValueError:  # a quote that is still open
        return text.split()


def _offered(words: Sequence[str], begun: str, cut: str) -> list[tuple[str, str]]:
    reader = reader_of_all()
    found, missing = _sorted(reader, words)
    if missing is not None:
        return []
    if not found.rest:
        return _names_of(reader, begun) or [one for one in _commands() if one[0].startswith(begun)]
    config, socket = _globals(found)
    asked = reader_of(command(found.rest[0])) if found.rest[0] in ENTRIES else None
    if asked is None:
        return []
    behind, missing = _sorted(asked, found.rest[1:])
    config, socket = (late or early for late, early in zip(_globals(behind), (config, socket), strict=True))
    meant = missing or _place(asked, behind)
    if missing is None and begun.startswith("-"):
        return _names_of(asked, begun)
    if meant is None:
        return []
    if meant.choices:
        return [(choice, "") for choice in meant.choices if choice.startswith(begun)]
    known = offers(meant.said.complete, config, socket, begun) if meant.said.complete else []
    return [(word.removeprefix(cut), means) for word, means in known]


def _sorted(reader: WordReader, words: Sequence[str]) -> tuple[SortedWords, Declared | None]:
    """The words before the one that is begun, and the option whose value that is. Raises UsageError for nonsense."""
    found = reader.sort(words, open_end=True)
    return found, found.open


def _place(reader: WordReader, found: SortedWords) -> Declared | None:
    """The argument that comes next."""
    arguments = [one for one in reader.known if not one.is_option]
    last = arguments[-1:] if arguments and arguments[-1].is_many else []
    return next(iter([*arguments[len(found.plain) :], *last]), None)


def _names_of(reader: WordReader, begun: str) -> list[tuple[str, str]]:
    """The options that go on from what is begun: the long one of each, unless the short one is typed."""
    if not begun.startswith("-"):
        return []
    names = [
        (name, one.said.help)
        for one in reader.known
        if one.is_option
        for name in (*one.yes, *one.no)
        if name.startswith("--") or begun == name
    ]
    return [(name, means) for name, means in names if name.startswith(begun)]


def _commands() -> list[tuple[str, str]]:
    return [(entry.name, entry.brief) for entry in INDEX]


def _globals(found: SortedWords) -> tuple[str | None, str | None]:
    config, socket = (found.given.get(name, [None])[-1] for name in ("config", "socket"))
    return (None if config is None else str(config)), (None if socket is None else str(socket))


# --- what the shell gets ----------------------------------------------------------------------------------------------


def _for_bash(offered: Sequence[tuple[str, str]]) -> str:
    return "\n".join(word for word, _ in offered)


def _for_zsh(offered: Sequence[tuple[str, str]]) -> str:
    if not offered:
        return "_files"
    pairs = (f'"{_quoted(word)}"' + (f':"{_quoted(means)}"' if means else "") for word, means in offered)
    return "_arguments '*: :((" + "\n".join(pairs) + "))'"


def _quoted(text: str) -> str:
    """Text within double quotes, where a colon would end the word, within single quotes."""
    for plain, safe in (("\\", "\\\\\\\\"), ('"', '\\"'), ("$", "\\$"), ("`", "\\`"), (":", "\\\\:"), ("'", "'\\''")):
        text = text.replace(plain, safe)
    return " ".join(text.split())


def _for_fish(offered: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"{word}\t{' '.join(means.split())}" for word, means in offered)


_FORMS = {
    "bash": _for_bash,
    "zsh": _for_zsh,
    "fish": _for_fish,
}
