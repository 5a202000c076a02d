"""Commands that only look: `status`, `why`, `version`."""

from typing import Annotated, Any, Final

from minisup.cli import output
from minisup.cli.line.declare import Option
from minisup.cli.options import Command, Config, Globals, Json, Socket, SomeTargets, Targets, chosen, connect
from minisup.errors import NotReachableError
from minisup.version import __version__


def status(
    before: Globals,
    targets: Targets = None,
    once: Annotated[bool, Option("--once", help="Print once, also on a terminal.")] = False,
    slots: Annotated[bool, Option("--slots", help="Print once, with a line for each slot.")] = False,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """How everything is: live on a terminal, else a line for each program, trouble first.

    Exits 0 whenever minisup answers.
    """
    named = chosen(before, config, socket)
    from minisup.cli.status import status_print as printed  # noqa: PLC0415 -- each command loads its own

    return printed.status(named.config, named.socket, targets or (), once=once, slots=slots, as_json=as_json)


def why(
    before: Globals,
    targets: SomeTargets,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Why a program is or is not running now, what happens next and when, and what would change it."""
    with connect(before, config, socket) as minisup:
        answer = minisup.why(targets)
    if as_json:
        output.show_json(answer)
    else:
        from minisup.cli.status import why_text as reasons  # noqa: PLC0415 -- as above

        output.show(reasons.text(answer))
    return 0


def version(before: Globals, as_json: Json = False, config: Config = None, socket: Socket = None) -> int:
    """The version of this command, and of the running minisup if there is one."""
    running: dict[str, Any] | None = None
    with connect(before, config, socket) as minisup:
        try:
            running = minisup.version()
        except NotReachableError:
            pass  # the version of this command is known all the same
        path = minisup.path
    if as_json:
        output.show_json({"version": __version__, "running": running})
        return 0
    output.show(f"minisup {__version__}")
    if running is None:
        output.show("running: none that answers")
    else:
        output.show(
            f"running: {running['version']}, pid {running['pid']}, instance {running['instance']}, socket {path}"
        )
    return 0


COMMANDS: Final = (
    Command(
        status,
        (
            "minisup status",
            "minisup status email --slots",
            "minisup status --json | jq -r '.programs[] | .name + \" \" + .state'",
        ),
    ),
    Command(
        why,
        ("minisup why sms", "minisup why 'em*'", "minisup why sms:2 --json"),
    ),
    Command(
        version,
        ("minisup version", "minisup version --json"),
    ),
)
