"""`minisup import`: another supervisor's file as a minisup configuration, with a report of every key."""

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

from minisup.cli import output
from minisup.cli.line.declare import Argument, Option
from minisup.cli.options import Command, Json
from minisup.errors import MinisupError, UsageError

if TYPE_CHECKING:
    from minisup.convert.report_builder import Converted


class From(StrEnum):
    """What the file is."""

    SUPERVISORD = "supervisord"
    PROCFILE = "procfile"
    CRONTAB = "crontab"


_ONLY: Final = {"--after-priority": From.SUPERVISORD, "--scale": From.PROCFILE, "--system": From.CRONTAB}


def import_(
    source: Annotated[From, Argument(metavar="FROM", help="supervisord, procfile or crontab.")],
    files: Annotated[
        list[str],
        Argument(metavar="FILE", help="The file, or several; - is standard input."),
    ],
    out: Annotated[
        str | None,
        Option("--out", "-o", metavar="OUT", help="Write the TOML file here, not to stdout."),
    ] = None,
    force: Annotated[bool, Option("--force", help="Write over OUT if it is there.")] = False,
    after_priority: Annotated[
        bool, Option("--after-priority", help="supervisord: write `after` for programs of a higher priority.")
    ] = False,
    scale: Annotated[
        str | None,
        Option("--scale", metavar="NAME=N,...", help="procfile: how many of each; 1 unless told."),
    ] = None,
    system: Annotated[
        bool | None,
        Option("--system/--no-system", help="crontab: lines name a user before the command, or do not."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Turn files of supervisord, a Procfile or crontabs into a configuration, and report on every key of them.

    The TOML goes to stdout and the report to stderr; with -o the TOML goes to OUT and the report to stdout.
    """
    given = {"--after-priority": after_priority, "--scale": scale is not None, "--system": system is not None}
    for option, is_given in given.items():
        if is_given and _ONLY[option] is not source:
            raise UsageError(f"cannot import: {option} is for {_ONLY[option]}, and this is {source}; leave it out")
    if out is not None and os.path.lexists(out) and not force:
        raise UsageError(f"cannot import: {out} is there already; --force writes over it, -o names another file")
    if len(files) > 1 and source is From.PROCFILE:
        raise UsageError(f"cannot import: {len(files)} files: a Procfile is one; import the others with another -o")
    paths = ["/dev/stdin" if file == "-" else file for file in files]
    where = os.path.dirname(os.path.abspath(out)) if out else None
    if source is From.SUPERVISORD:
        from minisup.convert.supervisord.supervisord_file import import_supervisord  # noqa: PLC0415 -- each import loads its own

        converted = import_supervisord(*paths, out=where, after_priority=after_priority)
    elif source is From.PROCFILE:
        from minisup.convert.procfile import import_procfile  # noqa: PLC0415 -- as above

        converted = import_procfile(paths[0], where, scale=scale or "")
    else:
        from minisup.convert.crontab.crontab_file import import_crontab  # noqa: PLC0415 -- as above

        converted = import_crontab(*paths, system=system)
    _show(converted, out, as_json)
    return 0


def _show(converted: "Converted", out: str | None, as_json: bool) -> None:
    """The TOML where it is wanted, the report where the TOML is not."""
    from minisup.convert.import_report import report_facts, report_text  # noqa: PLC0415 -- as above
    from minisup.convert.render import render  # noqa: PLC0415 -- loads tomli_w

    more = f" and {len(converted.files) - 1} more" if len(converted.files) > 1 else ""
    head = [f"Written by `minisup import {converted.source}` from {os.path.basename(converted.files[0])}{more}."]
    toml = render(converted.document, head)
    if as_json:
        import json  # noqa: PLC0415 -- as above

        report = json.dumps(report_facts(converted, toml), indent=2)
    else:
        report = report_text(converted) + (f"\nnext: minisup check -c {out}" if out else "")
    if out is None:
        output.complain(report)
        output.show_file(toml)
    else:
        _write(out, toml)
        output.show(report)


def _write(out: str, toml: str) -> None:
    try:
        with open(out, "w", encoding="utf-8") as file:
            file.write(toml)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise MinisupError(f"cannot write {out}: {reason}; name another file with -o") from None


COMMANDS: Final = (
    Command(
        import_,
        (
            "minisup import supervisord /etc/supervisor/supervisord.conf -o minisup.toml",
            "minisup import supervisord /etc/supervisor/conf.d/*.conf -o minisup.toml",
            "minisup import procfile Procfile --scale web=2,worker=3 -o minisup.toml",
            "crontab -l | minisup import crontab - > minisup.toml",
        ),
    ),
)
