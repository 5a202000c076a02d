"""`minisup metrics`: what minisup knows, once, for Prometheus."""

import os
import tempfile
import time
from typing import Annotated, Final

from minisup.cli import output
from minisup.cli.line.declare import Option
from minisup.cli.options import Command, Config, Globals, Socket, connect
from minisup.errors import MinisupError


def metrics(
    before: Globals,
    openmetrics: Annotated[bool, Option("--openmetrics", help="The text of OpenMetrics 1.0.")] = False,
    textfile: Annotated[
        str | None,
        Option(
            "--textfile", metavar="PATH", help="Write it to a file at once, for node_exporter's textfile collector."
        ),
    ] = None,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Metrics for Prometheus, once.

    All names are in docs/reference/metrics.md. Run it from cron or a timer with `--textfile`.
    """
    from minisup.gateway.metrics import text, with_process  # noqa: PLC0415 -- each command loads its own

    with connect(before, config, socket) as minisup:
        begun = time.monotonic()
        status = minisup.status()
        took = time.monotonic() - begun
    if "bounds" not in status:
        raise MinisupError(f"cannot print metrics: the running minisup ({status['version']}) counts none; restart it")
    said = text(with_process(dict(status), round(took, 6), time.time()), openmetrics=openmetrics)
    if textfile is None:
        output.show(said.removesuffix("\n"))
    else:
        write_whole(textfile, said)
    return 0


def write_whole(path: str, content: str) -> None:
    """Put a file in the place of another, so that nobody reads half of one. Others may read it. Raises MinisupError."""
    try:
        made, fresh = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=f".{os.path.basename(path)}.")
        try:
            with os.fdopen(made, "w", encoding="utf-8") as file:
                file.write(content)
                os.fchmod(file.fileno(), READABLE)
            os.replace(fresh, path)
        except BaseException:
            os.unlink(fresh)
            raise
    except OSError as error:
        raise MinisupError(
            f"cannot write {path}: {error.strerror or error}; name a file in a directory of yours"
        ) from None


READABLE: Final = 0o644

COMMANDS: Final = (
    Command(
        metrics,
        ("minisup metrics", "minisup metrics --openmetrics", "minisup metrics --textfile minisup.prom"),
    ),
)
