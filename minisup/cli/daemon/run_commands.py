"""What `up`, `health`, `check` and `init` take. Their work is elsewhere."""

import os
from typing import Annotated, Final

from minisup.cli import output
from minisup.cli.line.declare import Argument, Option
from minisup.cli.options import Command, Config, Globals, Json, Socket, Targets, chosen
from minisup.errors import ConfigError, UsageError


def up(
    before: Globals,
    targets: Targets = None,
    exit_when_done: Annotated[
        bool, Option("--exit-when-done", help="Exit when all tasks are done: 0, or 1 if one was given up.")
    ] = False,
    watch: Annotated[
        bool, Option("--watch", help="Reload when a file of the configuration changes; a bad one is refused.")
    ] = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Run in the foreground: all programs with autostart, or the targets and what they are `after`.

    TERM, INT or QUIT (Ctrl-C) drains and stops everything; a second one ends the drain, a third kills. RTMIN+3 does,
    too, and, where there is no terminal whose size it could mean, WINCH: the stop signal of apache's images.
    """
    named = chosen(before, config, socket)
    from minisup.cli.daemon import up as daemon  # noqa: PLC0415 -- each command loads its own

    return daemon.up(named.config, named.socket, targets or (), exit_when_done=exit_when_done, watch=watch)


def health(
    before: Globals,
    targets: Targets = None,
    max_age: Annotated[
        str | None,
        Option(
            "--max-age",
            metavar="DURATION",
            help="Unhealthy also if the last worked or idle run (service: start) of a target is older. Needs a TARGET.",
        ),
    ] = None,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """For HEALTHCHECK: 0, or 1 and one line if minisup gives no answer in 2 s, shuts down, or gave up all that it ran.

    With TARGETs: also if one of them was given up. An outage of a dependency alone is healthy.
    """
    named = chosen(before, config, socket)
    from minisup.cli.daemon import health_command  # noqa: PLC0415 -- as above

    return health_command.health(named.config, named.socket, targets or (), max_age)


def check(
    before: Globals,
    file: Annotated[
        str | None,
        Argument(metavar="FILE", help="The configuration, as with -c."),
    ] = None,
    strict: Annotated[bool, Option("--strict", help="Exit 1 if there are warnings.")] = False,
    unit: Annotated[
        str | None,
        Option(
            "--unit",
            metavar="UNIT",
            help="Look at this unit of systemd too: a name, or the path of its file; else at the one that runs it.",
        ),
    ] = None,
    values: Annotated[
        bool,
        Option("--explain/--no-explain", show_default=True, help="Say what it will do, or only what is to be mended."),
    ] = True,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Validate the configuration, say in words and seconds what it will do, and warn. Nothing is started.

    Each warning has a number, which the reference explains.
    """
    from minisup.check.lint import review  # noqa: PLC0415 -- as above
    from minisup.cli.check.machine import surroundings  # noqa: PLC0415 -- as above
    from minisup.config.load import find_config, load  # noqa: PLC0415 -- as above

    named = chosen(before, config, socket).config
    if file and named and file != named:
        raise UsageError(f"cannot check two configurations at once, {file} and {named}; name one")
    try:
        loaded = load(find_config(file or named, os.environ), os.environ, guarded=True)
    except ConfigError as error:
        if as_json:
            from minisup.check.effective import problem_facts  # noqa: PLC0415 -- as above

            output.show_json(problem_facts(error))
        raise
    found = review(loaded, surroundings(loaded, unit, os.environ))
    if as_json:
        from minisup.check.effective import facts  # noqa: PLC0415 -- as above

        output.show_json(facts(loaded, found.findings, found.ignored))
    else:
        from minisup.check.explain import explain  # noqa: PLC0415 -- as above

        output.show(explain(loaded, found.findings, found.ignored, values=values))
    return 1 if strict and found.findings else 0


def init(
    before: Globals,
    file: Annotated[
        str | None,
        Argument(metavar="FILE", help="Where; ./minisup.toml unless told; - prints."),
    ] = None,
    force: Annotated[bool, Option("--force", help="Overwrite the file if it exists.")] = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Write a commented configuration to start from. It passes `minisup check` and can be run as it is."""
    from minisup.cli.daemon import starter  # noqa: PLC0415 -- as above

    return starter.init(file or chosen(before, config, socket).config or starter.USUAL, force=force)


COMMANDS: Final = (
    Command(
        up,
        (
            "minisup up -c minisup.toml",
            "minisup up --watch",
            "minisup up email sms",
            "minisup up migrate --exit-when-done",
        ),
    ),
    Command(
        check,
        (
            "minisup check",
            "minisup check other.toml",
            "minisup check --strict --unit ./minisup.service",
            "minisup check /etc/minisup/minisup.toml --json",
        ),
    ),
    Command(
        health,
        ("minisup health", "minisup health email --max-age 5m"),
    ),
    Command(
        init,
        ("minisup init", "minisup init /etc/minisup/minisup.toml", "minisup init - | less"),
    ),
)
