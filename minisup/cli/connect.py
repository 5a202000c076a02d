"""Which socket a command talks to: `--socket`, $MINISUP_SOCKET, the configuration's, else the default places in turn.

The first of these that names a socket is the only one tried: a `stop` must not reach another minisup because its own
is down. Problems of the configuration do not matter here: `status` answers while somebody edits the file.
"""

from __future__ import annotations

import os
import re

from minisup.config.files.workdir import absolute, current_directory
from minisup.control.client import Client
from minisup.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN_SOCKET = re.compile(r"""socket\s*=\s*["\']([^"\'\\$]+)["\']\s*(?:#.*)?""")
USUAL_CONFIGS = ("minisup.toml", "/etc/minisup/minisup.toml")


def client(config: str | None, socket: str | None) -> Client:
    """A client for the global options of the command line. Raises ConfigError when `--config` names no file."""
    return Client(socket or os.environ.get("MINISUP_SOCKET") or configured(config, os.environ))


def configured(config: str | None, environ: Mapping[str, str]) -> str | None:
    """The socket that the configuration names; None: it names none, or there is no configuration that can be read."""
    for path in [config or environ.get("MINISUP_CONFIG")] if config or "MINISUP_CONFIG" in environ else USUAL_CONFIGS:
        try:
            with open(path or "", encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError as error:
            if config:
                raise ConfigError(f"cannot read config {config}: {error.strerror}; name another with -c FILE") from None
        else:
            return _socket_in(text, _directory_of(path or "", environ), environ)
    return None


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
        supervisor = _supervisor(text)
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


def _supervisor(text: str) -> Mapping[str, object]:
    import tomllib  # noqa: PLC0415 -- as said above

    try:
        found = tomllib.loads(text).get("supervisor")
    except tomllib.TOMLDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _interpolated(named: str, given: object, known: dict[str, str]) -> str | None:
    from minisup.config.text.interpolate import InterpolationError, interpolate  # noqa: PLC0415 -- few files need it

    own = {name: str(value) for name, value in given.items()} if isinstance(given, dict) else {}
    try:
        return interpolate(named, {**known, **own})
    except InterpolationError:
        return None
