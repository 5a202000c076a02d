"""The contestants, and how each of them is told to keep N copies of one command going."""

import json
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

HERE = Path(__file__).parent


class Output(StrEnum):
    """Where the jobs' output goes: to the supervisor's own stdout, or through a pipe that it reads."""

    INHERIT = "inherit"
    PIPED = "piped"


@dataclass(frozen=True)
class Order:
    """What a contestant is to do, in a fresh directory of its own."""

    directory: Path
    programs: Path  # where the compiled programs are
    slots: int
    job: tuple[str, ...]
    output: Output = Output.INHERIT
    prefix: bool = True  # whether lines are to be marked with their slot, by those who can
    file: Path | None = None  # where the output is to go, by those who write to files
    user: str = ""  # whose processes the jobs are to be; empty: one's own
    python: str = sys.executable  # what runs the contestants that are written in Python and come from here


Command = Callable[[Order], list[str]]


@dataclass(frozen=True)
class Contestant:
    """A name, and the command that carries out an order."""

    name: str
    command: Command
    needs: str = ""  # the command that must be installed
    install: str = ""  # how to do that
    family: bool = False  # it works with several processes
    stop: signal.Signals = signal.SIGTERM
    stop_all: bool = False  # each process of the family must be told
    patience: float = 30.0  # seconds after which a stop has failed
    status: Command | None = None  # what an operator asks for the state of all

    @property
    def present(self) -> bool:
        """Whether it can take part on this machine."""
        return not self.needs or bool(installed(self.needs))


def installed(name: str) -> str:
    """Return the path of a command that was installed beside this Python, or is on the PATH; empty: there is none."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or ""


# --- the limits -------------------------------------------------------------------------------------------------------


def _c_pool(order: Order) -> list[str]:
    return [str(order.programs / "pool"), str(order.slots), *order.job]


def _popen_pool(order: Order) -> list[str]:
    return [order.python, str(HERE / "popen_pool.py"), str(order.slots), *order.job]


def _cat(order: Order) -> list[str]:
    to = f" > {order.file}" if order.file else ""
    return ["sh", "-c", f"{' '.join(order.job)} | cat{to}"]


# --- minisup ----------------------------------------------------------------------------------------------------------

MINISUP_CONFIG = """\
[supervisor]
socket = {socket}
state_dir = {state}
shutdown_timeout = "10s"
history = {{ {history} }}

[program.job]
command = {command}
numprocs = {slots}
min_runtime = 0
stop = {{ drain = 0, timeout = "5s" }}
log = {{ {log} }}
{user}
"""

ELSEWHERE = "import sys; sys.path.insert(0, {root!r}); from minisup.__main__ import main; main()"
"""Runs this minisup with a Python in which nothing is installed: `up`, `status --once` and `health` need no more."""


def minisup(python: str, *words: str) -> list[str]:
    """Return a minisup command, to be run by that Python."""
    if python == sys.executable:
        return [installed("minisup"), *words]
    import minisup as package  # noqa: PLC0415 - this Python's own, wherever it is installed

    return [python, "-c", ELSEWHERE.format(root=str(Path(package.__file__).parent.parent)), *words]


def _minisup(order: Order) -> list[str]:
    config = order.directory / "minisup.toml"
    config.write_text(
        MINISUP_CONFIG.format(
            socket=json.dumps(str(order.directory / "socket")),
            state=json.dumps(str(order.directory / "state")),
            command=json.dumps(order.job),
            slots=order.slots,
            log=_minisup_log(order),
            history="max_rows = 0" if order.output is Output.INHERIT else "",
            user=f"user = {json.dumps(order.user)}" if order.user else "",
        )
    )
    return minisup(order.python, "up", "-c", str(config))


def _minisup_log(order: Order) -> str:
    form = "prefix" if order.prefix else "raw"
    if order.file:
        return f'to = "file", path = "{order.file}", max_size = "1TB", format = "{form}"'
    return 'to = "inherit"' if order.output is Output.INHERIT else f'to = "console", format = "{form}"'


def _minisup_status(order: Order) -> list[str]:
    return minisup(order.python, "status", "--once", "-s", str(order.directory / "socket"))


# --- supervisord ------------------------------------------------------------------------------------------------------

SUPERVISORD_CONFIG = """\
[supervisord]
nodaemon = true
logfile = /dev/null
logfile_maxbytes = 0
pidfile = {here}/pid
minfds = 4096
[unix_http_server]
file = {here}/socket
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl = unix://{here}/socket
[program:job]
command = {command}
process_name = job_%(process_num)d
numprocs = {slots}
autorestart = true
startsecs = 0
environment = MINISUP_SLOT="%(process_num)d"
stdout_logfile = {log}
stdout_logfile_maxbytes = 0
stderr_logfile = NONE
{user}
"""


def _supervisord(order: Order) -> list[str]:
    config = order.directory / "supervisord.conf"
    log = "NONE" if order.output is Output.INHERIT else "/dev/stdout"
    config.write_text(
        SUPERVISORD_CONFIG.format(
            here=order.directory,
            command=" ".join(order.job),
            slots=order.slots,
            log=order.file or log,
            user=f"user = {order.user}" if order.user else "",
        )
    )
    return [installed("supervisord"), "-c", str(config)]


def _supervisord_status(order: Order) -> list[str]:
    return [installed("supervisorctl"), "-c", str(order.directory / "supervisord.conf"), "status"]


TEST_EXTRA = "pip install -e '.[test]'"

C_POOL = Contestant("C pool", _c_pool)
POPEN_POOL = Contestant("Popen pool", _popen_pool)
CAT = Contestant("cat", _cat, family=True, stop_all=True)
MINISUP = Contestant("minisup", _minisup, "minisup", TEST_EXTRA, status=_minisup_status)
SUPERVISORD = Contestant("supervisord", _supervisord, "supervisord", TEST_EXTRA, status=_supervisord_status)
