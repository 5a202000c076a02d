"""Reading configurations from text."""

from minisup.config.load import load
from minisup.errors import ConfigError

ENVIRON = {"PATH": "/usr/bin:/bin", "APP": "shop", "EMPTY": "", "WORKERS": "3", "API_TOKEN": "s3cret", "SLOW": "2m"}
JOB = '[program.email]\ncommand = "true"\n'


def write(directory, text, name="minisup.toml"):
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def read(directory, text, environ=ENVIRON, cwd="/srv"):
    return load(write(directory, text), environ, cwd)


def problems(directory, text, environ=ENVIRON):
    """The problems of a configuration as (line, key, message); empty if it has none."""
    try:
        read(directory, text, environ)
    except ConfigError as error:
        return [(problem.line, problem.key, problem.message) for problem in error.problems]
    return []


def program(directory, keys, environ=ENVIRON):
    """The program `email` with these lines in its table."""
    return read(directory, JOB + keys, environ).programs["email"]


def problem(directory, keys, environ=ENVIRON):
    """The one problem of the program `email` with these lines in its table: (key in that table, message)."""
    found = problems(directory, JOB + keys, environ)
    assert len(found) == 1, found
    return found[0][1].removeprefix("program.email").removeprefix("."), found[0][2]
