"""A connection to a Redis server: the few lines of its protocol (RESP 2) that are needed, on one socket.

The redis library takes 17 MiB of memory for every program that has a source, and has no way to wait for an answer and
for minisup at the same time without a thread.
"""

import socket
from collections.abc import Iterable
from typing import Any, BinaryIO, Final
from urllib.parse import parse_qs, unquote, urlsplit

PATIENCE: Final = 5.0
"""Seconds that a connection and an answer may take."""

PORT: Final = 6379
LONGEST: Final = 512 << 20
"""Bytes of a string: what Redis allows."""

Word = bytes | str | int | float


class RefusedError(Exception):
    """The server answers with an error. The text is its own."""


class RedisConnection:
    """One connection. Every function may raise OSError, after which nothing but `close` is of use."""

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        parts = urlsplit(url)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self._socket = _connected(
            parts.scheme, parts.hostname or "localhost", parts.port or PORT, parts.path, query, patience
        )
        self._answers: BinaryIO = self._socket.makefile("rb")
        try:
            password = query.get("password", unquote(parts.password) if parts.password else "")
            if password:
                user = query.get("username", unquote(parts.username) if parts.username else "")
                self.ask("AUTH", *([user] if user else []), password)
            database = query.get("db", "" if parts.scheme == "unix" else parts.path.strip("/"))
            if database not in {"", "0"}:
                self.ask("SELECT", database)
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """For a poll: readable when an answer has begun to arrive."""
        return self._socket.fileno()

    def ask(self, *words: Word) -> Any:  # noqa: ANN401 - integers, strings, lists
        """What the server answers. Raises RefusedError."""
        self.send(*words)
        return self.answer()

    def all(self, commands: Iterable[tuple[Word, ...]]) -> list[Any]:
        """The answers of many commands, sent together. Raises RefusedError for the first that is refused."""
        given = list(commands)
        self._socket.sendall(b"".join(_command(words) for words in given))
        answers = [self._read() for _ in given]
        for one in answers:
            if isinstance(one, RefusedError):
                raise one
        return answers

    def send(self, *words: Word) -> None:
        """Ask without waiting for the answer."""
        self._socket.sendall(_command(words))

    def answer(self) -> Any:  # noqa: ANN401 - as above
        """The next answer. Raises RefusedError."""
        found = self._read()
        if isinstance(found, RefusedError):
            raise found
        return found

    def close(self) -> None:
        """End the connection."""
        if hasattr(self, "_answers"):
            self._answers.close()
        self._socket.close()

    def _read(self) -> Any:  # noqa: ANN401 - as above
        line = self._answers.readline(1 << 16)
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            return RefusedError(rest.decode(errors="replace"))
        try:
            number = int(rest)
        except ValueError:
            raise ConnectionError("the server does not speak the protocol of Redis") from None
        if kind == b":":
            return number
        if kind == b"$":
            return None if number < 0 else self._string(number)
        if kind == b"*":
            return None if number < 0 else [self._read() for _ in range(number)]
        raise ConnectionError("the server does not speak the protocol of Redis")

    def _string(self, length: int) -> bytes:
        if length > LONGEST:
            raise ConnectionError("the server does not speak the protocol of Redis")
        data = self._answers.read(length + 2)
        if len(data) != length + 2:
            raise ConnectionError("the server closed the connection")
        return data[:-2]


def _connected(scheme: str, host: str, port: int, path: str, query: dict[str, str], patience: float) -> socket.socket:
    if scheme == "unix":
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        made.settimeout(patience)
        try:
            made.connect(unquote(path))
        except OSError:
            made.close()
            raise
        return made
    made = socket.create_connection((host, port), patience)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if scheme != "rediss":
        return made
    import ssl  # noqa: PLC0415 - 3 MiB, only for who needs it

    try:
        context = ssl.create_default_context(cafile=query.get("ssl_ca_certs"))
        if query.get("ssl_cert_reqs") == "none":
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if "ssl_certfile" in query:
            context.load_cert_chain(query["ssl_certfile"], query.get("ssl_keyfile"))
        return context.wrap_socket(made, server_hostname=host)
    except BaseException:
        made.close()
        raise


def _command(words: tuple[Word, ...]) -> bytes:
    pieces = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        pieces += (b"$%d\r\n" % len(data), data, b"\r\n")
    return b"".join(pieces)
