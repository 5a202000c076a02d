"""Every example that `--help` and docs/reference/commands.md show, run as it stands there against a live minisup.

What the lines pipe into (`jq`, `less`) is stood in for by `cat`, so that they need nothing but a shell; paths under
`/etc` lead into the directory of the test.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, program, sh, wait_until

from minisup.cli.commands import all_commands

FIRST = {"up", "init", "import"}
"""Commands that need no minisup: `up` makes one."""

LAST = "shutdown"

FOLLOWS = re.compile(r"\s-f\b|--follow\b")

HANGS = 120.0
"""Seconds after which a command is taken to hang; simulating a day takes a tenth of that on a busy machine."""

OTHERWISE = {
    "minisup health email --max-age 5m": (0, 1),  # it depends on what else has been asked of the program
    "minisup simulate --from-history --outage 10:00+5m": (2,),  # this history is of some seconds, without a 10:00
    "minisup post http://127.0.0.1:8080/worker/queue --reject 400,422 < order.json": (1,),  # no service is there
    "minisup post http://127.0.0.1:8080/ --timeout 55s --type text/plain < orders.txt": (1,),
}
"""Examples that answer otherwise than with 0."""

SUPERVISORD = "[program:email]\ncommand=php artisan sqs:email\nnumprocs=2\nprocess_name=%(process_num)02d\n"
UNIT = (Path(__file__).parents[2] / "examples" / "minisup.service").read_text()


def examples(*, of: bool = True) -> list[tuple[str, str]]:
    """Each command's name and one of its examples; those of `FIRST` or the others."""
    return [
        (command.name, line) for command in all_commands() for line in command.examples if (command.name in FIRST) is of
    ]


@pytest.fixture
def setting(stage: Stage) -> Stage:
    """A directory in which the examples find what they name."""
    stage.path("bin").mkdir()
    stage.script("bin/minisup", f'exec {sys.executable} -m minisup "$@"')
    for name in ("jq", "less"):
        stage.script(f"bin/{name}", "exec cat")
    stage.script("bin/crontab", "echo '*/5 * * * * /usr/bin/true'")
    for name in ("supervisor", "minisup"):
        stage.path(name).mkdir()
    stage.write("supervisor/supervisord.conf", SUPERVISORD)
    stage.write("Procfile", "web: bin/web\nworker: bin/work\n")
    stage.write("minisup.service", UNIT)
    stage.write("order.json", "{}")
    stage.write("orders.txt", "1\n2\n")
    work = "sleep 0.95"
    stage.config(
        program("email", work, numprocs=4, groups=["mail"], after=["migrate"], stop=AT_ONCE),
        program(
            "sms", sh("mkdir x 2>&- && { echo refused; exit 1; }; sleep 0.2"), numprocs=3, groups=["mail"], stop=AT_ONCE
        ),
        program("migrate", "true", kind="task"),
        program("report", "true", autostart=False, stop=AT_ONCE),
        program("orders", "cat", source={"directory": "orders"}, stop=AT_ONCE),
        supervisor='shutdown_timeout = "30s"\nplatform = "host"',
    )
    stage.write("minisup/minisup.toml", stage.path("minisup.toml").read_text())
    stage.write("other.toml", stage.path("minisup.toml").read_text())
    return stage


def in_place(stage: Stage, line: str) -> str:
    return line.replace("/etc/", f"{stage.root}/")


def shell(stage: Stage, line: str) -> subprocess.Popen[str]:
    path = f"{stage.path('bin')}{os.pathsep}{os.environ['PATH']}"
    pipe = subprocess.PIPE
    keys = {"cwd": stage.root, "stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe, "start_new_session": True}
    return stage.popen(
        ["bash", "-o", "pipefail", "-c", in_place(stage, line)],
        {"PATH": path},
        text=True,
        **keys,
    )


def make_ready(daemon: Daemon) -> None:
    """As at the start, whatever an example has changed: every slot is there and wanted, and email works."""
    daemon.ask("scale", "email", 4)
    daemon.ask("scale", "sms", 3)
    daemon.ask("start", "all")
    wait_until(lambda: daemon.program("email")["running"] == 4, SOON, "email works in every slot")


def told(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=HANGS)
    return f"exit {process.returncode}: {out[-300:]} {err[-600:]}"


@pytest.mark.timeout(240)
def test_every_example_of_a_command_does_what_it_says(setting: Stage) -> None:
    daemon = setting.up_file(setting.path("minisup.toml"))
    wait_until(lambda: daemon.program("email")["running"] and daemon.program("sms")["runs"]["failed"], SOON, "both ran")
    failure = daemon.ask("logs", ["sms"])["lines"][0]
    wrong = {}
    lines = sorted(examples(of=False), key=lambda example: example[0] == LAST)  # a stable sort: it comes last
    for name, line in lines:
        if daemon.process.poll() is not None:
            daemon = setting.up_file(setting.path("minisup.toml"))
        make_ready(daemon)
        process = shell(setting, line.replace("81220", str(failure["run"])))
        if FOLLOWS.search(line):
            assert process.stdout is not None
            assert process.stdout.readline(), f"{line} says nothing"
            os.killpg(process.pid, signal.SIGTERM)
            told(process)
            continue
        answer = told(process)
        if process.returncode not in OTHERWISE.get(line, (0,)):
            wrong[line] = answer
        elif name == LAST:
            assert daemon.wait(30) == 0
    assert not wrong, "\n".join(f"{line}\n    {answer}" for line, answer in wrong.items())
