"""The helper process of `push` and `redrive`: it has the user, the directory and the environment of the program.

It reads and answers lines of JSON on its stdout, which is a socket, one answer for each line:

    {"open": SETTINGS, "directory": "/srv"}    {"ok": true}
    {"push": BASE64, "attributes": {}}         {"id": "..."}
    {"redrive": true}                          {"count": 3}

or `{"error": "one sentence"}`. It ends with the socket. What a library prints must not get between the answers: stdout
becomes stderr.
"""

import json
import os
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from minisup.receivers.queues import Queue, QueueError, open_queue


def main() -> None:
    """Answer until the other end has gone."""
    descriptor = os.dup(1)
    os.dup2(2, 1)
    queue: Queue | None = None
    with os.fdopen(descriptor, "r+b", buffering=0) as lines:
        for line in iter(lambda: _line(lines.fileno()), b""):
            asked = json.loads(line)
            try:
                if queue is None:
                    queue = _opened(asked)
                    answer: Mapping[str, object] = {"ok": True}
                else:
                    answer = _done(queue, asked)
            except (QueueError, OSError) as error:
                answer = {"error": str(error)}
            lines.write(json.dumps(answer).encode() + b"\n")
    if queue is not None:
        queue.close()


def _opened(asked: Mapping[str, Any]) -> Queue:
    """The queue, with the paths in its settings counted from the program's directory."""
    try:
        os.chdir(asked["directory"])
    except OSError as error:
        raise QueueError(f"cannot enter {asked['directory']}: {error.strerror}") from None
    return open_queue(asked["open"])


def _done(queue: Queue, asked: Mapping[str, Any]) -> Mapping[str, object]:
    if "push" in asked:
        return {"id": queue.push(b64decode(asked["push"]), asked["attributes"])}
    return {"count": queue.redrive()}


def _line(descriptor: int) -> bytes:
    """The next line; empty: there is none."""
    pieces = []
    while piece := os.read(descriptor, 1 << 20):
        pieces.append(piece)
        if piece.endswith(b"\n"):  # the next one comes when this one is answered
            break
    return b"".join(pieces)


if __name__ == "__main__":
    main()
