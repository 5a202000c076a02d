"""Other supervisors. Each takes part when its command is found; nothing is installed here."""

import json
import shlex
import signal
from pathlib import Path

from benchmarks.contestants import Contestant, Order, Output, installed

LARGEST_LOG = 268_435_455
"""Bytes after which s6-log rotates, at most."""


def _script(path: Path, command: str, slot: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexport MINISUP_SLOT={slot}\nexec {command}\n")
    path.chmod(0o755)


def _services(order: Order, as_user: str, logger: str) -> Path:
    """Make a directory of service directories, as s6 and runit want them."""
    root = order.directory / "services"
    for slot in range(order.slots):
        service = root / f"job-{slot}"
        user = f"{as_user} {order.user} " if order.user else ""
        _script(service / "run", f"{user}{shlex.join(order.job)}", slot)
        if order.output is Output.PIPED:
            _script(service / "log" / "run", logger)
    return root


# --- s6 ---------------------------------------------------------------------------------------------------------------


def _s6(order: Order) -> list[str]:
    logger = f"s6-log s{LARGEST_LOG} {order.file.parent}" if order.file else "s6-log 1"
    services = _services(order, "s6-setuidgid", logger)
    return [installed("s6-svscan"), "-c", str(2 * order.slots + 8), str(services)]


# --- runit ------------------------------------------------------------------------------------------------------------


def _runit(order: Order) -> list[str]:
    services = _services(order, "chpst -u", f"svlogd {order.file.parent}" if order.file else "cat")
    if order.file:
        (order.file.parent / "config").write_text("s0\n")  # never rotate
    return [installed("runsvdir"), str(services)]


def _runit_status(order: Order) -> list[str]:
    return [installed("sv"), "status", *(str(path) for path in (order.directory / "services").iterdir())]


# --- circus -----------------------------------------------------------------------------------------------------------

CIRCUS_CONFIG = """\
[circus]
endpoint = ipc://{here}/endpoint
pubsub_endpoint = ipc://{here}/pubsub
statsd = False
check_delay = {delay}

[watcher:job]
cmd = {command}
numprocesses = {slots}
copy_env = True
max_retry = -1
warmup_delay = 0
graceful_timeout = 2
{output}
{user}
"""


def _circus(order: Order) -> list[str]:
    output = ""
    if order.file:
        output = f"stdout_stream.class = FileStream\nstdout_stream.filename = {order.file}"
    elif order.output is Output.PIPED:
        output = "stdout_stream.class = StdoutStream"
    slot = " $(circus.wid)" if order.job[1] == "stamp" and len(order.job) > 3 else ""
    config = order.directory / "circus.ini"
    config.write_text(
        CIRCUS_CONFIG.format(
            here=order.directory,
            delay=1 if order.job[1] == "wait" else 0.1,  # how often it looks for runs that have ended
            command=shlex.join(order.job) + slot,
            slots=order.slots,
            output=output,
            user=f"uid = {order.user}" if order.user else "",
        )
    )
    return [installed("circusd"), str(config)]


def _circus_status(order: Order) -> list[str]:
    return [installed("circusctl"), "--endpoint", f"ipc://{order.directory}/endpoint", "status"]


# --- PM2 --------------------------------------------------------------------------------------------------------------


def _pm2_environment(order: Order) -> list[str]:
    return ["env", f"PM2_HOME={order.directory}", "PM2_DISABLE_VERSION_CHECK=true"]


def _pm2(order: Order) -> list[str]:
    app = {
        "name": "job",
        "script": order.job[0],
        "args": order.job[1:],
        "interpreter": "none",
        "exec_mode": "fork",
        "instances": order.slots,
        "instance_var": "MINISUP_SLOT",
        "min_uptime": 0,
        "max_restarts": 1_000_000_000,
        "kill_timeout": 2000,
        "out_file": str(order.file or "/dev/null"),
        "error_file": "/dev/null",
        "merge_logs": True,
        **({"uid": order.user} if order.user else {}),
    }
    config = order.directory / "ecosystem.config.js"
    config.write_text(f"module.exports = {json.dumps({'apps': [app]})}\n")
    return [*_pm2_environment(order), installed("pm2-runtime"), "start", str(config), "--raw"]


def _pm2_status(order: Order) -> list[str]:
    return [*_pm2_environment(order), installed("pm2"), "list"]


S6 = Contestant("s6", _s6, "s6-svscan", "apt install s6", family=True)
RUNIT = Contestant(
    "runit", _runit, "runsvdir", "apt install runit", family=True, stop=signal.SIGHUP, status=_runit_status
)
CIRCUS = Contestant(
    "circus",
    _circus,
    "circusd",
    "python -m venv X && X/bin/pip install circus",
    family=True,
    patience=5.0,  # with a short check_delay it is often too busy to hear the signal
    status=_circus_status,
)
PM2 = Contestant(
    "PM2", _pm2, "pm2-runtime", "npm install --prefix X pm2", family=True, patience=60.0, status=_pm2_status
)
PEERS = (S6, RUNIT, CIRCUS, PM2)
