"""Coming to the daemon's socket: which one, within what time, and whether it is still there."""

from __future__ import annotations

import os
import socket as sockets
import sys
import time

from minisup.control.places import check_private, default_sockets, fallback_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

RETRY = 0.02
"""Seconds between attempts while every place in minisup's queue is taken."""


def paths(given: str | Sequence[str] | None) -> list[str]:
    """The sockets that are tried: what was given, else $MINISUP_SOCKET, else the default places."""
    if isinstance(given, str):
        return [given]
    if given:
        return list(given)
    named = os.environ.get("MINISUP_SOCKET")
    return [named] if named else default_sockets(os.environ, os.getuid())


def left(deadline: float | None) -> float | None:
    """Seconds until `deadline` (monotonic), never quite none; None: for ever."""
    return None if deadline is None else max(0.001, deadline - time.monotonic())


def connected(path: str, deadline: float) -> sockets.socket:
    """A connection to `path`, made before `deadline` (monotonic). Raises OSError when there is none to be had."""
    if path.startswith(f"{fallback_directory(os.getuid())}/"):
        check_private(fallback_directory(os.getuid()), os.getuid())
    sock = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    try:
        while True:
            sock.settimeout(left(deadline))
            try:
                sock.connect(path)
            except BlockingIOError:  # its queue is full; a Unix socket does not wait for a place
                if time.monotonic() + RETRY > deadline:
                    raise TimeoutError(11, "too many clients are waiting", path) from None
                time.sleep(RETRY)
            else:
                return sock
    except BaseException:
        sock.close()
        raise


def process(sock: sockets.socket | None) -> int | None:
    """A pidfd of the process at the other end; None where there is no way to have one."""
    if sock is None:
        return None
    pid = int.from_bytes(sock.getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, 12)[:4], sys.byteorder)
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None


def hung_up(sock: sockets.socket) -> bool:
    """Whether the other end has closed the connection."""
    sock.settimeout(0)
    try:
        return not sock.recv(1, sockets.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
