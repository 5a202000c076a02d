"""The entry point: looks at the command line before it imports what `up`, `health` and `status` do without."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> None:
    """Run the command line of this process and leave with its exit code."""
    if sys.getfilesystemencoding() != "utf-8" or sys.flags.utf8_mode:
        from minisup.cli.utf8 import begin  # noqa: PLC0415 -- as the module's docstring says

        begin()
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def run(argv: Sequence[str]) -> int:
    """The exit code of a command line."""
    from minisup.cli.argv import LATER_COMMANDS, command_of  # noqa: PLC0415 -- as the module's docstring says
    from minisup.cli.output import complain  # noqa: PLC0415

    command = command_of(argv)
    if "_MINISUP_COMPLETE" in os.environ:
        from minisup.cli.app import run_completion  # noqa: PLC0415

        return run_completion()
    if command in LATER_COMMANDS:
        complain(f"cannot {command}: not supported yet; `minisup --help` lists what is")
        return 2
    code = run_lean(command, argv)
    if code is not None:
        return code
    from minisup.cli.app import run_app  # noqa: PLC0415

    return run_app(argv)


def run_lean(command: str, argv: Sequence[str]) -> int | None:
    """The exit code of the commands with a short way in, in their plain forms; None: the declarations must be read."""
    from minisup.cli.argv import read  # noqa: PLC0415
    from minisup.cli.output import guarded  # noqa: PLC0415

    if command == "up":
        from minisup.cli.daemon import up as lean  # noqa: PLC0415
    elif command == "health":
        from minisup.cli.daemon import health_command as lean  # type: ignore[no-redef]  # noqa: PLC0415 -- of one shape
    elif command == "status":
        from minisup.cli.status import status_print as lean  # type: ignore[no-redef]  # noqa: PLC0415 -- one shape
    elif command == "history":
        from minisup.cli.history import history as lean  # type: ignore[no-redef]  # noqa: PLC0415 -- modules of one shape
    elif command == "post":
        from minisup.cli.queue import post as lean  # type: ignore[no-redef]  # noqa: PLC0415 -- modules of one shape
    else:
        return None
    words = read(argv, lean.OPTIONS, lean.FLAGS)
    return None if words is None else guarded(lambda: lean.from_words(words))


if __name__ == "__main__":
    main()
