"""Imports for tests: of text, and of the configurations beside this file."""

import os
import pwd
import tomllib
from pathlib import Path

from minisup.config.load import load
from minisup.convert.render import render
from minisup.convert.supervisord import import_supervisord
from minisup.errors import ConfigError

CONFIGS = Path(__file__).parent / "configs"
REAL = sorted([*CONFIGS.glob("*.conf"), CONFIGS / "debian" / "supervisord.conf"])
ENVIRON = {
    "WITH_CRON": "true",
    "WORKERS": "3",
    "SQS_QUEUE": "mails",
    "SMS_TOKEN": "t0ken",
    "HOSTNAME": "shop-1",
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


def _can_be(user):
    if user is None:
        return True
    try:
        uid = pwd.getpwnam(user).pw_uid
    except KeyError:
        return False
    return os.geteuid() in {0, uid}
