"""What several commands take: the global options, targets, and the usual flags."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

from minisup.cli.line.declare import Argument, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minisup.control.client import Client

Config = Annotated[
    str | None,
    Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration; else $MINISUP_CONFIG, ./minisup.toml, /etc/minisup/minisup.toml.",
    ),
]
Socket = Annotated[
    str | None,
    Option(
        "--socket",
        "-s",
        metavar="PATH",
        help="The control socket; else $MINISUP_SOCKET, the configuration's, the default places.",
    ),
]
Targets = Annotated[
    list[str] | None,
    Argument(
        metavar="TARGET",
        help="email, email:1, em*, @mail or all; left out: all.",
        complete="target",
    ),
]
SomeTargets = Annotated[
    list[str],
    Argument(
        metavar="TARGET",
        help="email, email:1, em*, @mail or all.",
        complete="target",
    ),
]
Html = Annotated[
    str | None,
    Option("--html", metavar="FILE", help="Write a page that needs nothing else; -: stdout."),
]
Force = Annotated[bool, Option("--force", help="Write over FILE if it is there.")]

Raw = Annotated[
    bool, Option("--raw", help="On a terminal too: escape sequences as the job wrote them, not made visible.")
]
Json = Annotated[bool, Option("--json", help="Print facts for programs instead of people.")]


class Command(NamedTuple):
    """A command: what it runs, and examples; what the list of commands says of it is in `app.INDEX`."""

    function: Callable[..., int]
    examples: tuple[str, ...]

    @property
    def name(self) -> str:
        """What is typed: the function's name, without the `_` of one that is a word of Python's (`import_`)."""
        return self.function.__name__.rstrip("_")


class Globals(NamedTuple):
    """The global options that stood before the command."""

    config: str | None = None
    socket: str | None = None


def chosen(before: Globals, config: str | None, socket: str | None) -> Globals:
    """The global options, wherever they stood; those after the command win."""
    return Globals(config or before.config, socket or before.socket)


def connect(before: Globals, config: str | None, socket: str | None) -> "Client":
    """A client for the minisup that the global options mean."""
    from minisup.cli.connect import client  # noqa: PLC0415 -- help does without

    return client(*chosen(before, config, socket))
