"""The command line: what exists, with its help. Each command's work is in the file of its family."""

import os
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, cast

import typer

from minisup.cli import convert, output
from minisup.cli.completion import mend
from minisup.cli.control import control_commands, reload_command, run_command, scale_signal
from minisup.cli.daemon import run_commands
from minisup.cli.history import history_commands
from minisup.cli.logs import events_command, logs
from minisup.cli.options import Config, Globals, Socket
from minisup.cli.simulate import simulate_command
from minisup.cli.status import look_commands
from minisup.errors import UsageError
from minisup.version import __version__

PROGRAM: Final = "minisup"


def _show_version(wanted: bool) -> None:
    if wanted:
        output.show(f"minisup {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version",
        "-V",
        is_eager=True,
        callback=_show_version,
        help="Print the version and exit; `minisup version` knows the running one, too.",
    ),
]

TARGETS: Final = (
    ("email", "all slots of the program"),
    ("email:1", "one slot"),
    ("em*", "all programs, or slots, that match"),
    ("@mail", "all programs of the group"),
    ("all", "everything"),
)

EXIT_CODES: Final = (
    (0, "done; of `up`: a stop was asked for"),
    (1, "it did not succeed; of `health`: unhealthy, or no answer in 2 s"),
    (2, "the command line makes no sense"),
    (3, "no minisup answers"),
    (4, "no such target"),
    (73, "the socket or the state directory is another minisup's, or the socket cannot be made"),
    (75, "a program was given up, and minisup ends because of it (`up`)"),
    (78, "the configuration has problems"),
)

HELP: Final = """minisup runs short-lived queue jobs, and keeps running them through fast exits, outages and deploys.

\b
Targets:
{targets}

\b
Exit codes:
{codes}
""".format(
    targets="\n".join(f"  {target:8}  {meaning}" for target, meaning in TARGETS),
    codes="\n".join(f"  {code:<8}  {meaning.replace('`', '')}" for code, meaning in EXIT_CODES),
)

FAMILIES: Final = (
    run_commands,
    look_commands,
    logs,
    events_command,
    history_commands,
    simulate_command,
    control_commands,
    run_command,
    scale_signal,
    reload_command,
    convert,
)

COMMANDS: Final = tuple(command for family in FAMILIES for command in family.COMMANDS)

# Where these two live differs between versions of typer; what they are the parents of does not.
USAGE_ERROR, SHOWN_ERROR = cast("tuple[type[Exception], type[Exception]]", typer.BadParameter.__mro__[1:3])


def _globals(ctx: typer.Context, config: Config = None, socket: Socket = None, _version: Version = False) -> None:
    ctx.obj = Globals(config, socket)


def build() -> typer.Typer:
    """The application with all its commands."""
    app = typer.Typer(
        name=PROGRAM,
        help=HELP,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_globals)
    for command in COMMANDS:
        shown = "\n".join(f"  {example}" for example in command.examples)
        app.command(command.name, short_help=command.brief, epilog=f"\b\nExamples:\n{shown}")(command.function)
    return app


app = build()


def parser() -> Any:  # noqa: ANN401 -- typer moves this class around
    """What reads a command line, and shows help: that of an argument without the type that it has in Python."""
    command: Any = typer.main.get_command(app)
    for each in command.commands.values():
        for argument in each.params:
            if argument.param_type_name == "argument":
                argument.display_type_rich = lambda ctx: None  # noqa: ARG005 -- typer asks so
    return command


def run_app(argv: Sequence[str]) -> int:
    """The exit code of a command line, read by typer."""
    return output.guarded(lambda: _main(argv))


def run_completion(argv: Sequence[str]) -> int:
    """The exit code of a question of the shell, which stands in the environment; the answer is on stdout."""
    mend(os.environ)
    return run_app(argv)


def _main(argv: Sequence[str]) -> int:
    command = parser()
    try:
        code = command.main(list(argv), prog_name=PROGRAM, standalone_mode=False)
    except USAGE_ERROR as error:
        raise UsageError(_usage(error)) from None
    except SHOWN_ERROR as error:
        raise UsageError(str(error)) from None
    except typer.Abort:
        return output.INTERRUPTED
    return code if isinstance(code, int) else 0


def _usage(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else PROGRAM
    message: Callable[[], str] = getattr(error, "format_message", lambda: str(error))
    if "NoArgsIsHelp" in type(error).__name__:
        return message()
    text = message().rstrip(".").replace("Value error, ", "")
    return f"cannot run `{path}`: {text[:1].lower()}{text[1:]}\n  {path} --help shows how it is used"
