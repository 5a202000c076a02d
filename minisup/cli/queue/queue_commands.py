"""`push` and `redrive`: messages into a program's source, and back from where they were set aside."""

from collections.abc import Iterator, Sequence
from typing import Annotated, BinaryIO, Final

from minisup.cli import output
from minisup.cli.line.declare import Argument, Option
from minisup.cli.options import Command, Config, Globals, Json, Socket, chosen
from minisup.cli.queue.program_queue import ProgramQueue, open_queue_of
from minisup.errors import MinisupError, UsageError
from minisup.receivers.protocol import LONGEST_BODY

STDIN: Final = "-"

Program = Annotated[str, Argument(metavar="PROGRAM", help="A program that has a source.", complete="target")]


def push(
    before: Globals,
    program: Program,
    files: Annotated[
        list[str] | None,
        Argument(metavar="FILE", help="Each is a message; - is standard input, and so is no FILE."),
    ] = None,
    each_line: Annotated[bool, Option("--each-line", help="Each line is a message; empty lines are left out.")] = False,
    attributes: Annotated[
        list[str] | None,
        Option("--attribute", "-a", metavar="NAME=VALUE", help="An attribute of each message; may be repeated."),
    ] = None,
    as_json: Json = False,
    config: Config = None,
    socket: Socket = None,
) -> int:
    """Put messages into the program's source: to try it, in tests, and where nothing else fills the queue.

    It reads the configuration and needs no minisup that runs. It talks to the queue as the program's user, in its
    directory and environment. If one message is refused, those before it stay in the queue.
    """
    named = dict(map(_attribute, attributes or ()))
    ids: list[str] = []
    with open_queue_of(program, chosen(before, config, socket).config, "push") as queue:
        for where, body in _messages(files or [STDIN], each_line=each_line):
            ids.append(_pushed(queue, where, body, named, len(ids)))
    if as_json:
        output.show_json({"program": program, "queue": queue.name, "pushed": len(ids), "ids": ids})
    else:
        output.show(f"{_count(len(ids))} put into {queue.name}")
    return 0


def redrive(
    before: Globals, program: Program, as_json: Json = False, config: Config = None, socket: Socket = None
) -> int:
    """Bring the messages that were set aside back into the program's source, as if they had never been received.

    Mend first what they failed by. Like `push` it needs no minisup that runs.
    """
    with open_queue_of(program, chosen(before, config, socket).config, "redrive") as queue:
        count = queue.redrive()
    if as_json:
        output.show_json({"program": program, "queue": queue.name, "redriven": count})
    else:
        output.show(f"{_count(count)} brought back into {queue.name}")
    return 0


def _attribute(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"cannot push with --attribute {text}: it names no value; write NAME=VALUE")
    return name, value


def _messages(files: Sequence[str], *, each_line: bool) -> Iterator[tuple[str, bytes]]:
    """Each message, with the words for where it was found."""
    for name in files:
        shown = "standard input" if name == STDIN else name
        try:
            with _opened(name) as file:
                if not each_line:
                    yield shown, file.read(LONGEST_BODY + 1)
                    continue
                for number, line in enumerate(iter(lambda: file.readline(LONGEST_BODY + 2), b""), 1):
                    if body := line.removesuffix(b"\n"):
                        yield f"line {number} of {shown}", body
        except OSError as error:
            raise MinisupError(f"cannot read {shown}: {error.strerror}") from None


def _opened(name: str) -> BinaryIO:
    return open(0, "rb", closefd=False) if name == STDIN else open(name, "rb")


def _pushed(queue: ProgramQueue, where: str, body: bytes, attributes: dict[str, str], done: int) -> str:
    before = f"\n  {_count(done)} before it: in the queue" if done else ""
    if len(body) > LONGEST_BODY:
        raise MinisupError(f"cannot push {where}: a message may have {LONGEST_BODY:,} bytes, and this has more{before}")
    try:
        return queue.push(body, attributes)
    except MinisupError as error:
        raise MinisupError(f"{error} ({where}){before}") from None


def _count(number: int) -> str:
    return f"{number:,} message{'s' * (number != 1)}"


COMMANDS: Final = (
    Command(
        push,
        (
            "minisup push orders order.json",
            "echo hello | minisup push orders",
            "minisup push orders --each-line < orders.txt",
            "minisup push orders --attribute tenant=acme order.json",
        ),
    ),
    Command(
        redrive,
        ("minisup redrive orders",),
    ),
)
