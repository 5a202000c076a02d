"""What a command line does: reads it, and runs the command, or what stands in its place, as `--help`."""

import os
from collections.abc import Callable, Sequence
from typing import Final

from minisup.cli import output
from minisup.cli.commands import ENTRIES, command, help_of, help_of_all, reader_of, reader_of_all
from minisup.cli.line.word_reader import PROGRAM, close_to
from minisup.cli.options import Command, Globals
from minisup.errors import UsageError


def run_app(argv: Sequence[str]) -> int:
    """The exit code of a command line."""
    return output.guarded(lambda: _run(argv))


def run_completion() -> int:
    """The exit code of a question of the shell, which stands in the environment; the answer is on stdout."""
    from minisup.cli.complete.shell_scripts import answer  # noqa: PLC0415 -- for shells alone

    return output.guarded(lambda: answer(os.environ))


def _run(argv: Sequence[str]) -> int:
    reader = reader_of_all()
    if not argv:
        raise UsageError(help_of_all())
    found = reader.sort(argv)
    values = reader.values(found)
    for name in found.given:
        if name in _INSTEAD:
            return _INSTEAD[name]()
    if not found.rest:
        reader.refuse("missing command")
    name, *words = found.rest
    if name not in ENTRIES:
        meant = ", ".join(map(repr, close_to(name, ENTRIES)))
        reader.refuse(f"no such command {name!r}{f'. Did you mean {meant}?' if meant else ''}")
    return _run_command(command(name), words, Globals(values["config"], values["socket"]))


def _run_command(asked: Command, words: Sequence[str], before: Globals) -> int:
    reader = reader_of(asked)
    found = reader.sort(words)
    if "help" in found.given:
        output.show(help_of(asked))
        return 0
    values = reader.values(found)
    del values["help"]
    if "before" in asked.function.__annotations__:
        values["before"] = before
    return asked.function(**values)


def _show_version() -> int:
    from minisup.version import __version__  # noqa: PLC0415 -- as above

    output.show(f"{PROGRAM} {__version__}")
    return 0


def _show_help() -> int:
    output.show(help_of_all())
    return 0


def _show_completion() -> int:
    from minisup.cli.complete.shell_scripts import script_of_this_shell  # noqa: PLC0415 -- as above

    output.show(script_of_this_shell())
    return 0


def _install_completion() -> int:
    from minisup.cli.complete.shell_scripts import install  # noqa: PLC0415 -- as above

    output.show(install())
    return 0


_INSTEAD: Final[dict[str, Callable[[], int]]] = {
    "help": _show_help,
    "version": _show_version,
    "install_completion": _install_completion,
    "show_completion": _show_completion,
}
"""Options that are done instead of a command."""
