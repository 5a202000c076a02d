"""What the server asks and who is asking: the seam between the control socket and the supervisor."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from minisup.control.parameters import Method
from minisup.control.protocol import notification_line
from minisup.errors import MinisupError


class Peer(NamedTuple):
    """The process at the other end, as the kernel recorded it when it connected."""

    pid: int
    uid: int
    gid: int


class Handler(Protocol):
    """Whoever carries out the methods of the control socket."""

    @property
    def methods(self) -> Mapping[str, Method]:
        """Every method that is answered."""
        ...

    def handle(self, method: str, params: Mapping[str, Any], peer: Peer) -> object:
        """The result of a method: plain data, a `Deferred` for later, or a `Following` for what happens from now on.

        `params` holds every parameter of the method, with its default when it was left out. Raises MinisupError to
        refuse; any other exception reaches the client as an internal error.
        """
        ...


class Deferred:
    """A reply that comes later: once, and harmless when the client has gone by then."""

    __slots__ = ("_answer", "_listener", "_settled", "peer")

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._settled: tuple[object, MinisupError | None] | None = None
        self._answer: Callable[[object, MinisupError | None], None] | None = None
        self._listener: Callable[[Mapping[str, object]], object] | None = None

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

    def tell(self, news: Mapping[str, object]) -> None:
        """Say how far it is, to a client that has asked for that. Harmless when it needs no answer any more."""
        if self._settled is None and self._listener is not None:
            self._listener(news)

    def listen(self, listener: Callable[[Mapping[str, object]], object]) -> None:
        """Call `listener` with what is told."""
        self._listener = listener

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
        self._listener = None
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(result, error)


class Wire(Protocol):
    """What a `Following` needs of a connection."""

    def notify(self, line: bytes) -> bool:
        """Send a line, or return false because too much waits for the client already."""
        ...

    def send(self, line: bytes, *, last: bool) -> None:
        """Send a line; after the last one hang up."""
        ...


class Following:
    """A client that is told things as they happen (`logs.follow`), in notifications that have the method's name.

    It is over when the client hangs up, when it is too slow, or by `end`; `on_gone` is told once, in each case.
    """

    __slots__ = ("_early", "_last", "_on_gone", "_wire", "gone", "method")

    def __init__(self, method: str, on_gone: Callable[["Following"], None]) -> None:
        self.method = method
        self.gone = False
        self._on_gone = on_gone
        self._wire: Wire | None = None
        self._early: list[bytes] = []  # told before the reply has been sent
        self._last: bytes | None = None  # the end, if it came before that

    def tell(self, params: Mapping[str, object]) -> None:
        """Tell something: plain data."""
        self.send(notification_line(self.method, params))

    def send(self, line: bytes) -> None:
        """Tell what `notification_line` has made: of use where many clients are told the same."""
        if self._wire is None:
            self._early.append(line)
        elif not self.gone and not self._wire.notify(line):
            self.end("slow")

    def end(self, why: str) -> None:
        """Say that this was all, and why, and hang up when that has been sent."""
        if not self.gone:
            self.leave()
            last = notification_line(self.method, {"ended": why})
            if self._wire is not None:
                self._wire.send(last, last=True)
            else:
                self._last = last

    def attach(self, wire: Wire) -> None:
        """The reply has been sent: notifications may follow."""
        self._wire = wire
        early, self._early = self._early, []
        if self._last is not None:
            wire.send(b"".join([*early, self._last]), last=True)
            return
        for line in early:
            self.send(line)

    def leave(self) -> None:
        """The client has gone, or is told no more."""
        if not self.gone:
            self.gone = True
            self._on_gone(self)
