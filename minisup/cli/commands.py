"""Which commands there are, and what `minisup` itself takes. A command's file is loaded when it is asked for."""

from importlib import import_module
from typing import Annotated, Final, NamedTuple

from minisup.cli.line.declare import Option, parameters
from minisup.cli.line.word_reader import PROGRAM, WordReader
from minisup.cli.options import Command, Config, Socket

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


class Entry(NamedTuple):
    """A command in the list: its name, what it does, and the module below `minisup.cli` that declares it."""

    name: str
    brief: str
    module: str


INDEX: Final = (
    Entry("up", "Run in the foreground, as PID 1 or not.", "daemon.run_commands"),
    Entry("check", "Validate the configuration and explain it.", "daemon.run_commands"),
    Entry("health", "Exit 0 if healthy, for HEALTHCHECK.", "daemon.run_commands"),
    Entry("init", "Write a configuration to start from.", "daemon.run_commands"),
    Entry("status", "How everything is.", "status.look_commands"),
    Entry("why", "Why it is or is not running, and what happens next.", "status.look_commands"),
    Entry("version", "The version here, and of the running minisup.", "status.look_commands"),
    Entry("metrics", "Metrics for Prometheus, once.", "metrics_command"),
    Entry("logs", "The last lines of output, and those to come.", "logs.logs"),
    Entry("reopen", "Open the log files anew, after logrotate.", "logs.logs"),
    Entry("events", "What happened, and what happens.", "logs.events_command"),
    Entry("history", "Runs that have ended.", "history.history_commands"),
    Entry("report", "A period's runs in numbers and plots.", "history.history_commands"),
    Entry(
        "simulate",
        "The configuration in virtual time, against outages, bursts and deploys.",
        "simulate.simulate_command",
    ),
    Entry("start", "Start slots that are off or done.", "control.control_commands"),
    Entry("stop", "Drain and stop slots.", "control.control_commands"),
    Entry("restart", "Fresh runs when those in progress have ended.", "control.control_commands"),
    Entry("pause", "No new runs for now.", "control.control_commands"),
    Entry("resume", "End a pause.", "control.control_commands"),
    Entry("shutdown", "Drain and stop everything, then end minisup.", "control.control_commands"),
    Entry("run", "One extra run now, with its output and its exit code.", "control.run_command"),
    Entry("scale", "Another number of slots.", "control.scale_signal"),
    Entry("signal", "Send a signal to the runs in progress.", "control.scale_signal"),
    Entry("push", "Put messages into a program's source.", "queue.queue_commands"),
    Entry("redrive", "Bring back messages that were set aside.", "queue.queue_commands"),
    Entry("post", "Post a message to an HTTP service, as sqsd does.", "queue.post_command"),
    Entry("reload", "Take over a changed configuration.", "control.reload_command"),
    Entry("import", "Turn a supervisord.conf, Procfile or crontab into a configuration.", "convert"),
)

ENTRIES: Final = {entry.name: entry for entry in INDEX}

Help = Annotated[bool, Option("--help", "-h", help="Show this message and exit.")]


def _itself(
    config: Config = None,
    socket: Socket = None,
    version: Annotated[
        bool,
        Option("--version", "-V", help="Print the version and exit; `minisup version` knows the running one, too."),
    ] = False,
    install_completion: Annotated[
        bool, Option("--install-completion", help="Install completion for the current shell.")
    ] = False,
    show_completion: Annotated[
        bool,
        Option(
            "--show-completion",
            help="Show completion for the current shell, to copy it or customize the installation.",
        ),
    ] = False,
    help: Help = False,  # noqa: A002 -- as it is typed
) -> None:
    """What `minisup` takes without a command; only its declaration counts."""


def _help(help: Help = False) -> None:  # noqa: A002 -- as above
    """What every command takes; only its declaration counts."""


def command(name: str) -> Command:
    """The declaration of a command; its file is loaded now. Raises KeyError."""
    family = import_module(f"minisup.cli.{ENTRIES[name].module}")
    found: Command = next(each for each in family.COMMANDS if each.name == name)
    return found


def all_commands() -> list[Command]:
    """The declarations of all commands."""
    return [command(entry.name) for entry in INDEX]


def reader_of_all() -> WordReader:
    """What reads the words before the command."""
    return WordReader(parameters(_itself), PROGRAM, stops=True)


def reader_of(found: Command) -> WordReader:
    """What reads the words behind a command."""
    return WordReader([*parameters(found.function), *parameters(_help)], f"{PROGRAM} {found.name}")


def help_of_all() -> str:
    """What `minisup --help` prints."""
    from minisup.cli.line import help_page  # noqa: PLC0415 -- for those who ask

    lists = [
        ("Options", help_page.option_rows(parameters(_itself))),
        ("Commands", [(entry.name, entry.brief) for entry in INDEX]),
    ]
    return help_page.page(f"{PROGRAM} [OPTIONS] COMMAND [ARGS]...", HELP, lists)


def help_of(found: Command) -> str:
    """What `minisup COMMAND --help` prints."""
    from minisup.cli.line import help_page  # noqa: PLC0415 -- as above

    known = reader_of(found).known
    usage = " ".join([PROGRAM, found.name, "[OPTIONS]", *(one.usage for one in known if not one.is_option)])
    lists = [("Arguments", help_page.argument_rows(known)), ("Options", help_page.option_rows(known))]
    examples = "\n".join(f"  {example}" for example in found.examples)
    return help_page.page(usage, found.function.__doc__ or "", lists, f"\b\nExamples:\n{examples}")
