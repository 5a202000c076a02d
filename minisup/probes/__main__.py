"""The helper process: reads what to ask from its stdout, which is a socket, then answers each line that comes with one.

It ends with the socket, and so with minisup. A question that takes longer than minisup waits is the end, too: minisup
kills it then, and if that is no more, the kernel does.
"""

import json
import math
import signal
import socket
from collections.abc import Callable
from typing import Final

from minisup.probes.asking import PATIENCE, asker
from minisup.probes.memory_bound import bound_memory
from minisup.probes.number import LONGEST

MOST_MEMORY: Final = 256 << 20
"""Bytes of data that this process may have."""


def main() -> None:
    """Serve until the other end has gone."""
    bound_memory(MOST_MEMORY)
    try:
        serve(socket.socket(fileno=1))
    except BrokenPipeError:
        pass  # minisup has gone


def serve(channel: socket.socket) -> None:
    """Answer each line with one, until there are no more. BrokenPipeError: nobody hears the answer."""
    with channel.makefile("r", encoding="utf-8") as lines, channel.makefile("w", encoding="utf-8") as answers:
        spec = json.loads(lines.readline() or "{}")
        limit = math.ceil(spec.get("timeout", PATIENCE)) + 1
        ask: Callable[[], int] | None = None
        for _ in lines:
            signal.alarm(limit)
            try:
                ask = ask or asker(spec)
                answer: dict[str, object] = {"visible": ask()}
            except Exception as error:  # noqa: BLE001 - whatever a library raises is an answer
                words = " ".join(str(error).split())[:LONGEST]
                answer = {"error": words or type(error).__name__}
            signal.alarm(0)
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
