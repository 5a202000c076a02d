"""The helper process: reads from its stdout, which is a socket, which queue it is for, then serves minisup.

It ends with the socket, and so with minisup.

What a library prints must not get between the lines of the protocol: stdout becomes stderr.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any, Final

from minisup.probes.memory_bound import bound_memory
from minisup.receivers.channel import Channel
from minisup.receivers.protocol import LONGEST_LINE, Source, error, told
from minisup.receivers.receiver import Receiver

MOST_OF_SQS: Final = 512 << 20
"""Bytes of data for the receiver of SQS: what its library reads has no bound of its own. Ours for Redis has."""


def main() -> None:
    """Serve until the other end has gone. SIGTERM is for minisup: its end is the end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    descriptor = os.dup(1)
    os.dup2(2, 1)
    settings = first_line(descriptor)
    if settings is None:
        return
    channel = Channel(descriptor)
    try:
        receiver = made(channel, settings)
    except Exception as problem:  # noqa: BLE001 - whatever a library raises is the reason
        channel.send(error(f"cannot receive: {problem}"))
        sys.exit(1)
    receiver.serve()


def first_line(descriptor: int) -> Mapping[str, Any] | None:
    """The settings; None: minisup has gone before it said any."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(descriptor, 1)  # what comes after this line is the receiver's
        if not piece or len(line) > LONGEST_LINE:
            return None
        line += piece
    found = told(line)
    return found.settings if isinstance(found, Source) else None


def made(channel: Channel, settings: Mapping[str, Any]) -> Receiver:
    """The receiver for a kind of queue, with the library that it needs."""
    match settings["kind"]:
        case "directory":
            from minisup.receivers.directory import DirectoryReceiver  # noqa: PLC0415 - only what is needed

            return DirectoryReceiver(channel, settings)
        case "redis" if settings.get("list"):
            from minisup.receivers.redis_list import ListReceiver  # noqa: PLC0415 - as above

            return ListReceiver(channel, settings)
        case "redis":
            from minisup.receivers.redis_stream import StreamReceiver  # noqa: PLC0415 - as above

            return StreamReceiver(channel, settings)
        case "sqs":
            from minisup.receivers.sqs import SqsReceiver  # noqa: PLC0415 - as above

            bound_memory(MOST_OF_SQS)
            return SqsReceiver(channel, settings)
        case other:
            raise ValueError(f"there is no receiver for {json.dumps(other)}")


if __name__ == "__main__":
    main()
