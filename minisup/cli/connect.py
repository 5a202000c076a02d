"""Which socket a command talks to: `--socket`, $MINISUP_SOCKET, the configuration's, else the default places in turn.

The first of these that names a socket is the only one tried: a `stop` must not reach another minisup because its own
is down. Problems of the configuration do not matter here: `status` answers while somebody edits the file.

`./minisup.toml` may be a stranger's: root's shell was in his directory. Nothing that lies there holds a command up.
"""

from __future__ import annotations

import errno
import os
import re
import stat

from minisup.config.files.workdir import absolute, current_directory
from minisup.control.client import Client
from minisup.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN_SOCKET = re.compile(r"""socket\s*=\s*["\']([^"\'\\$]+)["\']\s*(?:#.*)?""")
USUAL_CONFIGS = ("minisup.toml", "/etc/minisup/minisup.toml")

LARGEST = 1 << 20
"""Bytes of a configuration: `up` refuses more."""

_PLAIN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_GIVEN = re.compile(r"/dev/stdin|/dev/fd/[0-9]+|/proc/self/fd/[0-9]+")  # `-c <(make-configuration)`: the caller's own


def client(config: str | None, socket: str | None) -> Client:
    """A client for the global options of the command line. Raises ConfigError when `--config` names no file."""
    return Client(socket or os.environ.get("MINISUP_SOCKET") or configured(config, os.environ))


def configured(config: str | None, environ: Mapping[str, str]) -> str | None:
    """The socket that the configuration names; None: it names none, or there is no configuration that can be read."""
    for path in [config or environ.get("MINISUP_CONFIG")] if config or "MINISUP_CONFIG" in environ else USUAL_CONFIGS:
        try:
            text = text_of(path or "")
        except OSError as error:
            if config:
                raise ConfigError(f"cannot read config {config}: {error.strerror}; name another with -c FILE") from None
        else:
            return _socket_in(text, _directory_of(path or "", environ), environ)
    return None


def text_of(path: str) -> str:
    """The text of a configuration, if it is a file: no FIFO is waited for, and no device read. Raises OSError."""
    given = _GIVEN.fullmatch(path) is not None
    if not given:
        _must_be_a_file(os.stat(path))
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC if given else _PLAIN), "rb") as file:
        if not given:
            _must_be_a_file(os.fstat(file.fileno()))
        return file.read(LARGEST).decode("utf-8", "replace").replace("\r\n", "\n")


def parsed(text: str) -> Mapping[str, object]:
    """The tables of a configuration; none if it is not TOML, or nested so deeply that it would take minutes."""
    import tomllib  # noqa: PLC0415 -- few files need it, and it costs 10 ms

    from minisup.config.text.toml_lines import find_lines  # noqa: PLC0415 -- as above

    try:
        find_lines(text)
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _must_be_a_file(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")


def _directory_of(path: str, environ: Mapping[str, str]) -> str:
    """The directory that a configuration's relative paths begin in, as `up` would say it."""
    try:
        return os.path.dirname(absolute(path, current_directory(environ, path)))
    except OSError:  # the current directory is gone
        return os.path.dirname(path)


def _socket_in(text: str, here: str, environ: Mapping[str, str]) -> str | None:
    if not re.search(r"\bsocket\b", text):
        return None
    supervisor: Mapping[str, object] = {}
    named: object = _plain_socket(text)
    if named is None:
        found = parsed(text).get("supervisor")
        supervisor = found if isinstance(found, dict) else {}
        named = supervisor.get("socket")
    if not isinstance(named, str) or not named:
        return None
    if "$" in named:
        named = _interpolated(named, supervisor.get("environment"), {**environ, "MINISUP_HERE": here})
    return None if named is None else os.path.join(here, named)


def _plain_socket(text: str) -> str | None:
    """The socket of a file that is written as most are; None: the file must be parsed, which costs 10 ms."""
    if '"""' in text or "'''" in text:
        return None
    table = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            table = line.partition("#")[0].rstrip()
        elif table == "[supervisor]" and (found := _PLAIN_SOCKET.fullmatch(line)):
            return found[1]
    return None


def _interpolated(named: str, given: object, known: dict[str, str]) -> str | None:
    from minisup.config.text.interpolate import InterpolationError, interpolate  # noqa: PLC0415 -- few files need it

    own = {name: str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    try:
        return interpolate(named, {**known, **own})
    except InterpolationError:
        return None
