"""Imports for tests: of text, and of the configurations beside this file."""

import os
import pwd
import subprocess
import tomllib
from pathlib import Path

from minisup.config.load import load
from minisup.convert.render import render
from minisup.convert.supervisord.supervisord_file import import_supervisord
from minisup.errors import ConfigError

CONFIGS = Path(__file__).parent / "configs"
REAL = sorted([*CONFIGS.glob("*.conf"), CONFIGS / "debian" / "supervisord.conf"])
IMAGES = sorted((CONFIGS / "images").glob("*.conf"))
CRONTABS = sorted((CONFIGS / "crontabs").glob("*"))
ENVIRON = {
    "WITH_CRON": "true",
    "WORKERS": "3",
    "SQS_QUEUE": "mails",
    "SMS_TOKEN": "t0ken",
    "HOSTNAME": "shop-1",
    "PHP_SERVER_COMMAND": "php -d variables_order=EGPCS artisan serve --port=80",
    "PHP_SERVER_USER": "nobody-here",
    "LOG_LEVEL": "info",
    "QUEUE_CONNECTION": "redis",
    "QUEUE_NAMES": "high,low",
    "QUEUE_OPTIONS": "--tries=3  --sleep=1 --verbose",
    "QUEUE_ENABLED": "yes",
    "QUEUE_WORKERS": "2",
    "QUEUE_JOIN": "true",
    "QUEUE_LOG": "NONE",
    "QUEUE_LOG_SIZE": "0",
    "APP_ROOT": "/srv/app",
    "PORT": "8000",
    "WEB_WORKERS": "2",
    "RESOLUTION": "1280x800",
    "WP_PATH": "/var/www",
    "WP_CRON_INTERVAL": "60",
    "INIT_SCRIPT": "/srv/init.sh --once",
    "INIT_PRIORITY": "1",
    "LISTER": "lister",
    "LISTER_ARGS": "a b",
    "LISTER_CODES": "0,3",
    "LISTER_ENVIRONMENT": 'B="2"',
    "JAVA_OPTS": "-Xmx64m -Dx=y",
    "PATH": os.environ["PATH"],
}
"""What the configurations ask of the environment."""


def imported(tmp_path, text, name="supervisord.conf", **keys):
    """The import of a file with this text."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return import_supervisord(str(path), **keys)


def program(tmp_path, *lines, head="command=true", **keys):
    """The table that `[program:x]` with these lines becomes."""
    return imported(tmp_path, "\n".join(["[program:x]", head, *lines]), **keys).document["program"]["x"]


def notes(converted):
    """What was said of each key: `{"numprocs": ("taken over", "numprocs = 2")}`."""
    return {note.key: (str(note.fate), note.said) for note in converted.notes}


def note(tmp_path, line, *more, head="command=true"):
    """What is said of the key of `line`."""
    converted = imported(tmp_path, "\n".join(["[program:x]", head, line, *more]))
    return notes(converted)[line.partition("=")[0]]


def problems(tmp_path, text, **keys):
    """The problems of a file: `["2 numprocs expected ..."]`."""
    try:
        imported(tmp_path, text, **keys)
    except ConfigError as error:
        return [f"{problem.line} {problem.key} {problem.message}" for problem in error.problems]
    return []


def loaded(tmp_path, document, environ=ENVIRON):
    """The configuration that the document is, for a machine that may not have its users."""
    for table in document["program"].values():
        if not _can_be(table.get("user")):
            table.pop("user")
    path = tmp_path / "minisup.toml"
    path.write_text(render(document, ["test"]), encoding="utf-8")
    assert tomllib.loads(path.read_text(encoding="utf-8")) == document
    return load(str(path), environ, str(tmp_path))


def words_of(argv, environment):
    """The words that are run in the end: those of `argv`, or what the shell of a split variable makes of them."""
    if tuple(argv[:2]) != ("sh", "-fc"):
        return list(argv)
    exec_, text = argv[2].split(" ", 1)
    assert exec_ == "exec"
    shown = ["sh", "-fc", f"printf '%s\\0' {text}"]
    done = subprocess.run(shown, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


def _can_be(user):
    if user is None:
        return True
    try:
        uid = pwd.getpwnam(user).pw_uid
    except KeyError:
        return False
    return os.geteuid() in {0, uid}
