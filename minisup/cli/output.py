"""How every command ends: facts on stdout, one sentence on stderr when something cannot be done, an exit code."""

from __future__ import annotations

import sys

from minisup.cli.stdout import FullError, ReaderLeftError, Stdout, discard, open_closed_streams
from minisup.errors import ConfigError, MinisupError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

INTERRUPTED = 130
"""128 + SIGINT, as shells count."""

MOST_NAMES = 12
"""Slots that one line names."""


def guarded(command: Callable[[], int], verb: str = "start") -> int:
    """The exit code of `command`; what it raises becomes a sentence on stderr and its exit code.

    A reader of stdout that has seen enough (`status | head`) and Ctrl-C end it quietly.
    """
    open_closed_streams()
    before, stdout = sys.stdout, Stdout(sys.stdout)
    sys.stdout = stdout
    try:
        code = command()
        stdout.flush()
    except ReaderLeftError:
        discard()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except MinisupError as error:
        if isinstance(error, FullError):
            discard()
        complain(sentence(error, verb))
        return error.exit_code
    except OSError as error:
        complain(f"cannot go on: {error}")
        return 1
    finally:
        sys.stdout = before
    return code


def sentence(error: MinisupError, verb: str) -> str:
    """What stderr gets: it starts with "cannot" and says what to do next."""
    text = str(error)
    if isinstance(error, ConfigError) and not text.startswith("cannot"):
        text = f"cannot {verb}: {text}"
    hint = getattr(error, "hint", "")
    return f"{text}\n  {hint}" if hint and hint not in text else text


def show(text: str) -> None:
    """Print facts."""
    if text:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def show_file(text: str) -> None:
    """Print what would be the text of a file, TOML or HTML: in UTF-8, whatever the locale is."""
    if isinstance(sys.stdout, Stdout):
        sys.stdout.write_utf8(text)
    else:
        show(text)


def as_shown(stream: TextIO | None, *, raw: bool = False) -> Callable[[str], str]:
    """How a line that a job has printed is written to `stream`: on a terminal, colours are all that it may command."""
    if raw or stream is None or not stream.isatty():
        return str
    from minisup.escapes import visible_but_colours  # noqa: PLC0415 -- few commands print what jobs have printed

    return visible_but_colours


def show_json(value: object) -> None:
    """Print a document, indented for people and stable for programs."""
    import json  # noqa: PLC0415 -- `up` never prints one

    show(json.dumps(value, indent=2))


def show_json_line(value: object) -> None:
    """Print one of many objects, a line each, with all letters as they are where the encoding has them."""
    import json  # noqa: PLC0415 -- as above

    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value)
    show(text)


def names(slots: Sequence[str]) -> str:
    """`email:0, email:1 and 8 more`, or `no slots`."""
    if not slots:
        return "no slots"
    more = f" and {len(slots) - MOST_NAMES} more" if len(slots) > MOST_NAMES else ""
    return harmless(", ".join(slots[:MOST_NAMES])) + more


def harmless(text: str) -> str:
    """What somebody at a socket has said, who may be anybody: no line of it commands a terminal."""
    if text.isprintable():
        return text
    from minisup.escapes import visible  # noqa: PLC0415 -- seldom needed

    return "\n".join(map(visible, text.split("\n")))


def complain(text: str) -> None:
    """Print a sentence on stderr; a stderr that nobody reads changes nothing."""
    try:
        sys.stderr.write(f"{harmless(text)}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):  # AttributeError: it is None, started with `2>&-`
        pass
