"""The other end of what follows (`logs.follow`): notifications, one after another, until minisup says why it ends."""

from __future__ import annotations

import time

from minisup.control.rpc_errors import ADVICE, nonsense, read_reply
from minisup.control.shapes import TOLD, misfit
from minisup.errors import MinisupError, NotReachableError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from types import TracebackType
    from typing import Any, Protocol, Self

    class ClientProtocol(Protocol):
        """What following needs of a `Client`."""

        timeout: float

        @property
        def path(self) -> str: ...

        def call(self, method: str, params: Mapping[str, object], deadline: float | None) -> Any: ...  # noqa: ANN401

        def read_line(self) -> bytes: ...

        def close(self) -> None: ...

        def __enter__(self) -> Self: ...

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None: ...


SHUTDOWN = "shutdown"

OVER = frozenset({SHUTDOWN, "done"})
"""Why following ends when all has been told."""


def follow(client: ClientProtocol, method: str, params: Mapping[str, object]) -> Generator[dict[str, Any], None, None]:
    """The params of each notification, as they come. The request has been granted when this returns.

    `client`, a `Client`, is used up: it is closed at the end, or by `close()` of what this returns. The iterator ends
    when minisup does. Raises MinisupError when this end was too slow, NotReachableError when minisup hung up without a
    word, and as `Client` before that.
    """
    try:
        client.call(method, params, time.monotonic() + client.timeout)
    except BaseException:
        client.close()
        raise
    coming = _notifications(client, method)
    next(coming)
    return coming


def blocks(
    client: ClientProtocol, targets: str | Sequence[str], lines: int, run: int | None
) -> Generator[dict[str, Any], None, None]:
    """What runs print, as it comes: `{"slot", "run", "stream", "timestamp", "lines": [text, ...]}`."""
    named = targets if isinstance(targets, str) else list(targets)
    return follow(client, "logs.follow", {"targets": named, "lines": lines, "run": run})


def lines_in(blocks: Generator[dict[str, Any], None, None]) -> Generator[dict[str, Any], None, None]:
    """Each line on its own: `{"slot", "run", "stream", "timestamp", "text"}`."""
    try:
        for block in blocks:
            for text in block["lines"]:
                yield {name: value for name, value in block.items() if name != "lines"} | {"text": text}
    finally:
        blocks.close()


def events_in(coming: Generator[dict[str, Any], None, None]) -> Generator[dict[str, Any], None, None]:
    """The facts in the notifications of `events.follow`."""
    try:
        for params in coming:
            yield params["event"]
    finally:
        coming.close()


def _notifications(client: ClientProtocol, method: str) -> Generator[dict[str, Any], None, None]:
    with client:
        yield {}  # taken by `follow`: from here on `close()` hangs up
        while (params := _next(client, method)).get("ended") not in OVER:
            if "ended" in params:
                raise MinisupError(
                    "cannot follow any longer: what is printed comes faster than it is read here, and 4 MiB waited\n"
                    "  name fewer targets, or let minisup write to a file (log.to) and read that"
                )
            yield params


def _next(client: ClientProtocol, method: str) -> dict[str, Any]:
    try:
        message = read_reply(client.read_line(), client.path)
    except (ConnectionError, EOFError):
        raise NotReachableError(
            f"cannot follow any longer: minisup at {client.path} hung up without a word\n{ADVICE}"
        ) from None
    params = message.get("params")
    if message.get("method") != method or not isinstance(params, dict):
        raise nonsense(client.path)
    where = misfit(params, TOLD[method])
    if where is not None:
        raise nonsense(client.path, f"{method}: {where}")
    return params
