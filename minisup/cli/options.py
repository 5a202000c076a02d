"""What several commands take: the global options, targets, and the usual flags."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

import typer

from minisup.cli.completion import complete_target
from minisup.cli.connect import client
from minisup.control.client import Client

Config = Annotated[
    str | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        show_default=False,
        help="The configuration; else $MINISUP_CONFIG, ./minisup.toml, /etc/minisup/minisup.toml.",
    ),
]
Socket = Annotated[
    str | None,
    typer.Option(
        "--socket",
        "-s",
        metavar="PATH",
        show_default=False,
        help="The control socket; else $MINISUP_SOCKET, the configuration's, the default places.",
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET",
        show_default=False,
        help="email, email:1, em*, @mail or all; left out: all.",
        autocompletion=complete_target,
    ),
]
SomeTargets = Annotated[
    list[str],
    typer.Argument(
        metavar="TARGET",
        show_default=False,
        help="email, email:1, em*, @mail or all.",
        autocompletion=complete_target,
    ),
]
Html = Annotated[
    str | None,
    typer.Option("--html", metavar="FILE", show_default=False, help="Write a page that needs nothing else; -: stdout."),
]
Force = Annotated[bool, typer.Option("--force", help="Write over FILE if it is there.")]

Raw = Annotated[
    bool, typer.Option("--raw", help="On a terminal too: escape sequences as the job wrote them, not made visible.")
]
Json = Annotated[bool, typer.Option("--json", help="Print facts for programs instead of people.")]


class Command(NamedTuple):
    """A command: what it runs, what the list of commands says of it, and examples."""

    function: Callable[..., int]
    brief: str
    examples: tuple[str, ...]

    @property
    def name(self) -> str:
        """What is typed: the function's name, without the `_` of one that is a word of Python's (`import_`)."""
        return self.function.__name__.rstrip("_")


class Globals(NamedTuple):
    """The global options that stood before the command."""

    config: str | None = None
    socket: str | None = None


def chosen(ctx: typer.Context, config: str | None, socket: str | None) -> Globals:
    """The global options, wherever they stood; those after the command win."""
    before = ctx.obj if isinstance(ctx.obj, Globals) else Globals()
    return Globals(config or before.config, socket or before.socket)


def connect(ctx: typer.Context, config: str | None, socket: str | None) -> Client:
    """A client for the minisup that the global options mean."""
    return client(*chosen(ctx, config, socket))
