"""The control socket without our own client: a connection that may say anything."""

import json
import socket
from pathlib import Path
from typing import Any, Self


class Raw:
    """A connection that may say anything."""

    def __init__(self, path: Path, limit: float = 30.0) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(limit)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it, or as much as the other side takes before it hangs up."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def line(self) -> bytes:
        """The next line without its end; empty when the other side has hung up."""
        while b"\n" not in self._rest:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return b""
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def ask(self, method: str, number: int = 1, **params: object) -> dict[str, Any]:
        """The whole answer to one request, errors included."""
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.send(json.dumps(request).encode() + b"\n")
        answer = self.line()
        assert answer, f"{method}: the connection was closed without an answer"
        return json.loads(answer)
