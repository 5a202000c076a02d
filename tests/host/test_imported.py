"""Imported files run: the short job that supervisord gives up goes on, and every file that guides show starts."""

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from kit import Daemon, Stage, toml, wait_until

from minisup.convert.render import render

CONFIGS = Path(__file__).parents[1] / "convert" / "configs"
REAL = sorted([*CONFIGS.glob("*.conf"), CONFIGS / "debian" / "supervisord.conf"])
STARTRETRIES = 5
"""What the file of the short job says: after one run more than this supervisord gives it up."""

FAKE = """echo "$MINISUP_PROGRAM:$MINISUP_SLOT ${0##*/} $*" >> "$RUNS"
echo "from $MINISUP_PROGRAM"
case " $LONG " in *" $MINISUP_PROGRAM "*) exec sleep 1000;; esac"""
"""A command of an imported file: it says that it runs, and stays if its program is a service."""


def put_in(stage: Stage, text: str) -> str:
    """The configuration with the socket and the state of the stage."""
    own = f"socket = {toml(stage.socket)}\nstate_dir = {toml(stage.root / 'state')}\n"
    head = "[supervisor]\n"
    return text.replace(head, head + own, 1) if head in text else f"{head}{own}\n{text}"


def runs_of(stage: Stage, slot: str) -> int:
    return sum(line.startswith(f"{slot} ") for line in stage.lines("runs"))


def test_a_job_that_ends_in_under_a_second_is_never_given_up(stage: Stage) -> None:
    (stage.root / "bin").mkdir()
    stage.script("bin/php", FAKE)
    done = stage.run("import", "supervisord", CONFIGS / "short-job.conf", "-o", "short-job.toml")
    assert done.returncode == 0, done.stderr
    config = stage.write("minisup.toml", put_in(stage, stage.path("short-job.toml").read_text()))
    env = {"PATH": f"{stage.root}/bin:/usr/bin:/bin", "RUNS": str(stage.path("runs")), "LONG": ""}
    assert stage.run("check", "-c", config, env=stage.environ(**env)).returncode == 0

    daemon = stage.up_file(config, env=env)
    slots = [f"queue-process-email:{number}" for number in (0, 1)]
    wait_until(lambda: all(runs_of(stage, slot) > STARTRETRIES + 2 for slot in slots), 30.0, "it goes on and on")

    program = daemon.program("queue-process-email")
    assert program["runs"]["worked"] == program["runs"]["total"] > 2 * (STARTRETRIES + 1)
    assert (program["failing_for"], program["budget"]["label"]) == (None, "ok")
    assert program["budget"]["tokens"] == program["budget"]["size"]
    assert all(line.endswith(" php artisan sqs:email --verbose") for line in stage.lines("runs"))
    daemon.term()
    assert daemon.wait() == 0


@pytest.mark.parametrize("conf", REAL, ids=lambda path: path.stem)
def test_every_program_of_an_imported_file_starts(stage: Stage, conf: Path) -> None:
    document = imported(stage, conf)
    expected = make_world(stage, document)
    daemon = started(stage, document)
    wait_until(lambda: set(expected) <= set(seen(stage)), what=f"{expected} start")
    states = {entry["name"]: entry["state"] for entry in daemon.status()["programs"]}
    off = {name for name, table in document["program"].items() if table.get("autostart") is False}
    assert {name for name, state in states.items() if state == "off"} == off
    assert not any(entry["failing_for"] for entry in daemon.status()["programs"])
    for name, path in log_files(document):
        wait_until(lambda name=name, path=path: f"from {name}\n" in read(path), what=f"{name} writes to {path}")


def test_a_command_that_is_in_a_variable_runs_with_its_words(stage: Stage) -> None:
    (stage.root / "bin").mkdir()
    stage.script("bin/php", FAKE)
    stage.write("s.conf", "[program:php]\ncommand=%(ENV_PHP_SERVER_COMMAND)s %(ENV_MORE)s\n")
    done = stage.run("import", "supervisord", "s.conf", "-o", "imported.toml")
    assert done.returncode == 0, done.stderr
    config = stage.write("minisup.toml", put_in(stage, stage.path("imported.toml").read_text()))
    env = {"PATH": f"{stage.root}/bin:/usr/bin:/bin", "RUNS": str(stage.path("runs")), "LONG": "php"}
    assert stage.run("check", "-c", config, env=stage.environ(**env)).returncode == 78  # the variables are not set

    daemon = stage.up_file(config, env=env | {"PHP_SERVER_COMMAND": "php artisan serve --port=80", "MORE": ""})
    wait_until(lambda: runs_of(stage, "php:0") == 1, what="it runs")
    assert stage.lines("runs") == ["php:0 php artisan serve --port=80"]
    assert daemon.program("php")["kind"] == "service"


def log_files(document: dict[str, Any]) -> list[tuple[str, str]]:
    """The programs that start by themselves and write to a file, each with its file."""
    tables = {name: table for name, table in document["program"].items() if table.get("autostart") is not False}
    files = {name: table.get("log", {}).get("path", "") for name, table in tables.items()}
    return [(name, path) for name, path in files.items() if path and "${" not in path]


def read(path: str) -> str:
    file = Path(path)
    return file.read_text(encoding="utf-8") if file.exists() else ""


def imported(stage: Stage, conf: Path) -> dict[str, Any]:
    """The import of the file, with its directories moved into the stage, and as whoever runs the test."""
    for file in [conf, *conf.parent.glob("conf.d/*.conf" if conf.parent.name == "debian" else "no such file")]:
        text = file.read_text(encoding="utf-8")
        for top in ("/srv", "/var", "/opt", "/run"):
            text = text.replace(f"={top}/", f"={stage.root}{top}/").replace(f" {top}/", f" {stage.root}{top}/")
        where = stage.root / file.relative_to(conf.parent)
        where.parent.mkdir(exist_ok=True)
        where.write_text(text, encoding="utf-8")
    done = stage.run("import", "supervisord", stage.root / conf.name, "-o", "imported.toml")
    assert done.returncode == 0, done.stderr
    document = tomllib.loads(stage.path("imported.toml").read_text(encoding="utf-8"))
    for table in document["program"].values():
        table.pop("user", None)
    return document


def make_world(stage: Stage, document: dict[str, Any]) -> list[str]:
    """The commands and directories of all programs; the slots that will say that they run."""
    (stage.root / "bin").mkdir()
    expected = []
    for name, table in document["program"].items():
        first = shlex.split(table["command"])[0].replace("${MINISUP_HERE}", str(stage.root))
        file = stage.root / "bin" / ("php" if first == "sh" else first)
        file.parent.mkdir(parents=True, exist_ok=True)
        stage.script(str(file.relative_to(stage.root)), FAKE)
        Path(table.get("directory", stage.root)).mkdir(parents=True, exist_ok=True)
        procs = table.get("numprocs", 1) if table.get("autostart") is not False else 0
        expected += [f"{name}:{slot}" for slot in range(3 if isinstance(procs, str) else procs)]
    return expected


def started(stage: Stage, document: dict[str, Any]) -> Daemon:
    long = [name for name, table in document["program"].items() if table.get("kind") == "service"]
    env = {
        "WITH_CRON": "true",
        "WORKERS": "3",
        "SQS_QUEUE": "mails",
        "SMS_TOKEN": "t0ken",
        "HOSTNAME": "shop-1",
        "PATH": f"{stage.root}/bin:/usr/bin:/bin",
        "RUNS": str(stage.path("runs")),
        "LONG": " ".join(name for name in long if "while true" not in document["program"][name]["command"]),
    }
    document.setdefault("supervisor", {}).update(socket=str(stage.socket), state_dir=str(stage.root / "state"))
    return stage.up_file(stage.write("minisup.toml", render(document, [])), env=env)


def seen(stage: Stage) -> list[str]:
    return [line.split()[0] for line in stage.lines("runs")]
