"""A small HTTP server on a free loopback port that notes what it is asked and answers as a test tells it to."""

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, NamedTuple

Reply = tuple[int, bytes]
"""Status and body."""


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    body: Any
    at: float  # monotonic


def granted(asked: Asked) -> Reply:
    """What the agent of ECS answers when all is well."""
    protection = {"ProtectionEnabled": asked.body["ProtectionEnabled"], "TaskArn": "arn:aws:ecs:eu-west-1:1:task/c/t"}
    return 200, json.dumps({"protection": protection}).encode()


class Listener:
    """Listens until `close`. `answer` may be replaced at any time; while `hang` is set no answer comes."""

    def __init__(self, answer: Callable[[Asked], Reply] = granted) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.go_on = Event()
        self.go_on.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def wishes(self) -> list[bool]:
        """What was asked of an agent: on or off, in order."""
        return [asked.body["ProtectionEnabled"] for asked in list(self.asked)]

    def hang(self) -> None:
        """Take requests and do not answer until `close`."""
        self.go_on.clear()

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked = Asked(self.command, self.path, json.loads(body), time.monotonic())
                listener.asked.append(asked)
                listener.go_on.wait(30)
                status, text = listener.answer(asked)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass  # nobody waits any more

            do_PUT = do_POST = handle_any  # noqa: N815 - the names that the server calls

            def log_message(self, *_: object) -> None:
                pass

        return Handler
