"""`run`: one extra run of a program now, as if it had been typed here: its output, its exit code."""

import sys
from collections.abc import Generator, Mapping
from signal import Signals
from typing import Annotated, Any, Final

from minisup.cli import output
from minisup.cli.line.declare import Argument, Option
from minisup.cli.options import Command, Config, Globals, Json, Raw, Socket, connect
from minisup.cli.status.status_words import amount
from minisup.cli.stdout import ReaderLeftError, discard
from minisup.errors import MinisupError, NotReachableError

Target = Annotated[
    str,
    Argument(
        metavar="PROGRAM",
        help="The program; a pattern or a group that means one is fine.",
        complete="target",
    ),
]

SAID: Final = frozenset({"timeout", "oom", "stopped"})
"""Ends that were not of the run's own making: what an exit code alone does not tell."""


def run(
    before: Globals,
    target: Target,
    follow: Annotated[
        bool,
        Option(
            "--follow/--no-follow", show_default=True, help="Show what it prints as it comes (the default), or nothing."
        ),
    ] = True,
    raw: Raw = False,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    r"""One extra run now, whatever pace, backoff, pause or schedule say; its output here, its exit code returned.

    It has a slot of its own, costs no token, says nothing about the program's health, and nothing follows it. 128+n if
    it died by signal n, 1 if it could not be started. Ctrl-C ends this command, not the run.

    With --json each line is an object of its own, the last one how it ended. On a terminal colours work, and what else
    would command the terminal is written out (\x1b, \r), unless --raw is given.
    """
    with connect(before, config, socket) as minisup:
        coming = minisup.run_follow(target)
    began = next(coming)["began"]
    _warn(began, target, follow=follow, as_json=as_json)
    try:
        result = _show(coming, follow=follow, as_json=as_json, raw=raw)
    except KeyboardInterrupt:
        _goes_on(began)
        return output.INTERRUPTED
    except NotReachableError:
        raise
    except MinisupError as error:  # too slow a reader
        _goes_on(began)
        raise MinisupError(f"{error}\n  its exit code is in `minisup history`, run {began['run']}") from None
    finally:
        coming.close()
    return _exit_code(result, target)


def _warn(began: Mapping[str, Any], target: str, *, follow: bool, as_json: bool) -> None:
    """What the caller should know before he waits."""
    if began["not_ready"]:
        names = ", ".join(began["not_ready"])
        output.complain(f"{target} is after {names}, not ready yet; this run does not wait for that")
    if began["output"] == "inherit" and follow and not as_json:
        output.complain(f"{target} prints to minisup's own output (log.to = inherit), so nothing of it is shown here")


def _show(coming: Generator[dict[str, Any], None, None], *, follow: bool, as_json: bool, raw: bool) -> dict[str, Any]:
    """Print blocks of lines until the end; how it ended. Raises NotReachableError if minisup ended first."""
    for block in coming:
        if "result" in block:
            result: dict[str, Any] = block["result"]
            if as_json:
                output.show_json_line(result)
            return result
        if not follow:
            continue
        try:
            _print(block, as_json=as_json, raw=raw)
        except ReaderLeftError:
            discard()  # the exit code of the run is wanted all the same
    raise NotReachableError(
        "cannot tell how it ended: minisup has ended before the run\n  "
        "`minisup history` says it when minisup is up again"
    )


def _print(block: Mapping[str, Any], *, as_json: bool, raw: bool) -> None:
    """Where it printed it: stdout to stdout, stderr, if the program keeps it separate, to stderr."""
    if as_json:
        for line in block["lines"]:
            output.show_json_line({name: value for name, value in block.items() if name != "lines"} | {"text": line})
    else:
        to_stderr = block["stream"] == "stderr"
        shown = output.as_shown(sys.stderr if to_stderr else sys.stdout, raw=raw)
        text = "".join(f"{shown(line)}\n" for line in block["lines"])
        if to_stderr:
            sys.stdout.flush()  # on one terminal they come in the order in which they came here
            output.complain(text[:-1])
        else:
            output.show(text)
    sys.stdout.flush()


def _goes_on(began: Mapping[str, Any]) -> None:
    slot, run = began["slot"], began["run"]
    output.complain(
        f"run {run} goes on in {slot}: `minisup stop {slot}` ends it, `minisup logs {slot} -f` shows what it prints"
    )


def _exit_code(result: Mapping[str, Any], target: str) -> int:
    outcome, slot, number = result["outcome"], result["slot"], result["run"]
    if outcome == "unstartable":
        raise MinisupError(f"cannot run {target}: {result['cause']}\n  `minisup check` says what it would start")
    if outcome in SAID:
        why = f" ({result['cause']})" if outcome == "oom" else ""
        output.complain(f"{slot} run {number}: {outcome}{why} after {amount(result['duration'])}")
    if result["signal"]:
        return 128 + Signals[result["signal"]]
    return 1 if result["code"] is None else int(result["code"])


COMMANDS: Final = (
    Command(
        run,
        ("minisup run email", "minisup run report --no-follow && echo done", "minisup run email --json"),
    ),
)
