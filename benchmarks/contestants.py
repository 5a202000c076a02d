"""How each of the four is told to keep N copies of one command going."""

import json
import shutil
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
    output: Output


@dataclass(frozen=True)
class Contestant:
    """A name, and the command that carries out an order."""

    name: str
    command: Callable[[Order], list[str]]


def installed(name: str) -> str:
    """Return the path of a command that was installed beside this Python, or is on the PATH; empty: there is none."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or ""


def _c_pool(order: Order) -> list[str]:
    return [str(order.programs / "pool"), str(order.slots), *order.job]


def _popen_pool(order: Order) -> list[str]:
    return [sys.executable, str(HERE / "popen_pool.py"), str(order.slots), *order.job]


MINISUP_CONFIG = """\
[supervisor]
socket = {socket}
state_dir = {state}
shutdown_timeout = "10s"

[program.job]
command = {command}
numprocs = {slots}
min_runtime = 0
stop = {{ drain = 0, timeout = "5s" }}
log = {{ to = "{to}" }}
"""


def _minisup(order: Order) -> list[str]:
    config = order.directory / "minisup.toml"
    config.write_text(
        MINISUP_CONFIG.format(
            socket=json.dumps(str(order.directory / "socket")),
            state=json.dumps(str(order.directory / "state")),
            command=json.dumps(order.job),
            slots=order.slots,
            to="inherit" if order.output is Output.INHERIT else "console",
        )
    )
    return [installed("minisup"), "up", "-c", str(config)]


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
"""


def _supervisord(order: Order) -> list[str]:
    config = order.directory / "supervisord.conf"
    log = "NONE" if order.output is Output.INHERIT else "/dev/stdout"
    config.write_text(
        SUPERVISORD_CONFIG.format(here=order.directory, command=" ".join(order.job), slots=order.slots, log=log)
    )
    return [installed("supervisord"), "-c", str(config)]


C_POOL = Contestant("C pool", _c_pool)
POPEN_POOL = Contestant("Popen pool", _popen_pool)
SUPERVISORD = Contestant("supervisord", _supervisord)
MINISUP = Contestant("minisup", _minisup)
ALL = (C_POOL, POPEN_POOL, SUPERVISORD, MINISUP)
