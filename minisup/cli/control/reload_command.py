"""`minisup reload`: another configuration for a minisup that runs; `--diff` shows what it would change."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, Final

from minisup.cli import output
from minisup.cli.line.declare import Option
from minisup.cli.options import Command, Config, Globals, Json, Socket, connect
from minisup.errors import ConfigError

MOST: Final = 60
"""Characters of a value that are shown."""


def reload(
    before: Globals,
    diff: Annotated[bool, Option("--diff", help="Show what would change, and change nothing.")] = False,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Read the configuration again and take it over; HUP does the same. One with problems changes nothing.

    Running jobs and tasks are never touched: a new command starts with the next run, policy counts at once, a service
    whose runs are made in another way restarts slot by slot, and what is gone from the file drains.
    """
    with connect(before, config, socket) as minisup:
        try:
            answer = minisup.reload(dry_run=diff)
        except ConfigError as error:
            raise ConfigError(f"cannot reload, the old configuration still counts: {error}") from None
    if as_json:
        output.show_json(answer)
    else:
        output.show("".join(f"{line}\n" for line in lines(answer)))
    return 0


def lines(answer: Mapping[str, Any]) -> Iterator[str]:
    """The plan in words: a paragraph a program, a line a change."""
    changes: Sequence[Mapping[str, Any]] = answer["changes"]
    if not changes:
        yield "nothing has changed"
        return
    yield "reloaded" if answer["applied"] else "this would change:"
    for program, group in groupby(changes, key=lambda change: change["program"]):
        yield f"  {program or 'supervisor'}"
        for change in group:
            yield f"    {difference(change)}: {change['words']}"


def difference(change: Mapping[str, Any]) -> str:
    """`numprocs 2 -> 4`, `new, php artisan sqs:email`, `gone`."""
    if change["key"] is None:
        return "gone" if change["new"] is None else f"new, {shown(change['new'])}"
    return f"{change['key']} {shown(change['old'])} -> {shown(change['new'])}"


def shown(value: object) -> str:
    """A value, short."""
    text = {None: "(none)", True: "true", False: "false"}.get(value) if isinstance(value, bool | None) else str(value)
    assert text is not None
    return text if len(text) <= MOST else f"{text[: MOST - 3]}..."


COMMANDS: Final = (
    Command(
        reload,
        ("minisup reload --diff", "minisup reload"),
    ),
)
