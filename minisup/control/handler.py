"""What the server asks and who is asking: the seam between the control socket and the supervisor."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from minisup.errors import MinisupError


class Peer(NamedTuple):
    """The process at the other end, as the kernel recorded it when it connected."""

    pid: int
    uid: int
    gid: int


class Handler(Protocol):
    """Whoever carries out the methods of the control socket."""

    def handle(self, method: str, params: Mapping[str, Any], peer: Peer) -> object:
        """The result of a method: plain data, or a `Deferred` for later.

        `params` holds every parameter of the method, with its default when it was left out. Raises MinisupError to
        refuse; any other exception reaches the client as an internal error.
        """
        ...


class Deferred:
    """A reply that comes later: once, and harmless when the client has gone by then."""

    __slots__ = ("_answer", "_settled", "peer")

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._settled: tuple[object, MinisupError | None] | None = None
        self._answer: Callable[[object, MinisupError | None], None] | None = None

    @property
    def settled(self) -> bool:
        """Whether it needs no answer any more: it has one, or the client has gone."""
        return self._settled is not None

    def resolve(self, result: object) -> None:
        """Answer with a result of plain data."""
        self._settle(result, None)

    def reject(self, error: MinisupError) -> None:
        """Answer with an error."""
        self._settle(None, error)

    def abandon(self) -> None:
        """Nobody waits any more."""
        self._answer = None
        self._settle(None, None)

    def then(self, answer: Callable[[object, MinisupError | None], None]) -> None:
        """Call `answer` with the result or the error: now if it is there, else when it comes."""
        if self._settled is not None:
            answer(*self._settled)
        else:
            self._answer = answer

    def _settle(self, result: object, error: MinisupError | None) -> None:
        if self._settled is not None:
            return
        self._settled = (result, error)
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(result, error)
