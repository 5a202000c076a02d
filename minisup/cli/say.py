"""How every command ends: facts on stdout, one sentence on stderr when something cannot be done, an exit code."""

from __future__ import annotations

import os
import sys

from minisup.errors import ConfigError, MinisupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INTERRUPTED = 130
"""128 + SIGINT, as shells count."""

MOST_NAMES = 12
"""Slots that one line names."""


def guarded(command: Callable[[], int], verb: str = "start") -> int:
    """The exit code of `command`; what it raises becomes a sentence on stderr and its exit code.

    A reader of stdout that has seen enough (`status | head`) and Ctrl-C end it quietly.
    """
    try:
        code = command()
        if sys.stdout is not None:  # started with `>&-`
            sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except MinisupError as error:
        complain(sentence(error, verb))
        return error.exit_code
    except OSError as error:
        _discard_stdout()
        complain(f"cannot {verb}: {error}")
        return 1
    return code


def sentence(error: MinisupError, verb: str) -> str:
    """What stderr gets: it starts with "cannot" and says what to do next."""
    text = str(error)
    if isinstance(error, ConfigError) and not text.startswith("cannot"):
        text = f"cannot {verb}: {text}"
    hint = getattr(error, "hint", "")
    return f"{text}\n  {hint}" if hint and hint not in text else text


def show(text: str) -> None:
    """Print facts. What the terminal's encoding lacks is shown as `?`."""
    if sys.stdout is None:  # started with `>&-`
        return
    if not text:
        return
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    if not text.endswith("\n"):
        sys.stdout.write("\n")


def show_json(value: object) -> None:
    """Print a document, indented for people and stable for programs."""
    import json  # noqa: PLC0415 -- `up` never prints one

    show(json.dumps(value, indent=2))


def names(slots: Sequence[str]) -> str:
    """`email:0, email:1 and 8 more`, or `no slots`."""
    if not slots:
        return "no slots"
    more = f" and {len(slots) - MOST_NAMES} more" if len(slots) > MOST_NAMES else ""
    return ", ".join(slots[:MOST_NAMES]) + more


def complain(text: str) -> None:
    """Print a sentence on stderr; a stderr that nobody reads changes nothing."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # AttributeError: it is None, started with `2>&-`
        pass


def _discard_stdout() -> None:
    # The interpreter flushes stdout once more on its way out, and would complain about the same pipe.
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        pass
