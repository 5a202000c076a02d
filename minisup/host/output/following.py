"""Who follows the output of jobs. While nobody does, nothing here is called and a run's output costs nothing more."""

from collections.abc import Callable, Iterable
from itertools import groupby

from minisup.control.handler import Following
from minisup.control.protocol import notification_line
from minisup.core.policy.timestamp import stamp
from minisup.host.output.pump import Pump
from minisup.host.output.tails import TailLine

METHOD = "logs.follow"

SHUTDOWN = "shutdown"
"""Why it ends when minisup does."""


class Follower:
    """One client, and which slots it wants; `run`: of these only one run."""

    def __init__(self, following: Following, wants: Callable[[str], bool], run: int | None) -> None:
        self.following = following
        self._wants = wants
        self._run = run
        self._known: dict[str, bool] = {}

    def wants(self, slot: str, run: int) -> bool:
        """Whether it is told of this run in this slot."""
        if self._run not in (None, run):
            return False
        known = self._known.get(slot)
        if known is None:
            known = self._known[slot] = self._wants(slot)
        return known


class Followers:
    """All clients that follow the output of runs."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._followers: dict[Following, Follower] = {}

    def last_lines(self, slots: Iterable[str], limit: int, run: int | None) -> list[tuple[str, TailLine]]:
        """The last `limit` lines of these slots in the order in which they came, each with its slot."""
        lines = [(slot, line) for slot in slots for line in self._pump.tail(slot, limit, run)]
        lines.sort(key=lambda entry: entry[1].time)
        return lines[max(0, len(lines) - limit) :]

    def add(
        self,
        slots: Iterable[str],
        wants: Callable[[str], bool],
        lines: int,
        run: int | None,
        method: str = METHOD,
    ) -> Following:
        """A client that is told the last `lines` of `slots`, then every line of the slots that it `wants`.

        `method` is the name of its notifications.
        """
        following = Following(method, self._forget)
        for (slot, run_id, stream, time), block in groupby(self.last_lines(slots, lines, run), _source):
            following.tell(_params(slot, run_id, stream, time, [line.text for _, line in block]))
        self._followers[following] = Follower(following, wants, run)
        self._pump.listen(self._tell)
        return following

    def end(self) -> None:
        """Minisup ends: say so."""
        for following in tuple(self._followers):
            following.end(SHUTDOWN)

    def _tell(self, slot: str, run: int, stream: str, time: float, data: bytes) -> None:
        lines: dict[str, bytes] = {}
        for following, follower in tuple(self._followers.items()):
            if follower.wants(slot, run):
                method = following.method
                if method not in lines:
                    texts = data.removesuffix(b"\n").decode(errors="replace").split("\n")
                    lines[method] = notification_line(method, _params(slot, run, stream, time, texts))
                following.send(lines[method])

    def _forget(self, following: Following) -> None:
        self._followers.pop(following, None)
        if not self._followers:
            self._pump.listen(None)


def log_line(slot: str, line: TailLine) -> dict[str, object]:
    """A line of output as the control socket shows it."""
    return {
        "slot": slot,
        "run": line.run,
        "stream": line.stream,
        "timestamp": stamp(line.time),
        "text": line.text,
    }


def _source(entry: tuple[str, TailLine]) -> tuple[str, int, str, float]:
    slot, line = entry
    return slot, line.run, line.stream, line.time


def _params(slot: str, run: int, stream: str, time: float, lines: list[str]) -> dict[str, object]:
    return {"slot": slot, "run": run, "stream": stream, "timestamp": stamp(time), "lines": lines}
