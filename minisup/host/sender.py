"""Signals to runs in progress: our children by their pid, survivors of an earlier minisup with more care."""

import signal

from minisup.core.model import Scope
from minisup.host import processes
from minisup.host.survivors import Survivors


class Sender:
    """Sends what the core asks for. SIGKILL reaches groups at once, the rest of their sessions at the end of a turn."""

    def __init__(self, survivors: Survivors) -> None:
        self._survivors = survivors
        self._doomed: list[int] = []

    def send(self, leader: int, name: str, scope: Scope, *, wake: bool = True) -> None:
        """Signal the leader of a run in progress, or its group; SIGKILL goes to its whole session.

        SIGCONT follows unless `wake` is false.
        """
        number = signal.Signals[name]
        kill = number == signal.SIGKILL
        send = self._survivors.signal if leader in self._survivors else processes.signal_run
        send(leader, number, group=kill or scope is Scope.GROUP, wake=wake)
        if kill:
            self._doomed.append(leader)

    def finish(self) -> None:
        """To be called before any leader is reaped: those of the sessions that are in other groups."""
        if self._doomed:
            processes.kill_sessions([leader for leader in self._doomed if not self._survivors.has_ended(leader)])
            self._doomed.clear()
