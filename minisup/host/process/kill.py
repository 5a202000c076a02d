"""Signals to runs in progress: our children by their pid, survivors of an earlier minisup with more care."""

import signal
from collections.abc import Callable, Mapping

from minisup.core.messages import SignalDenied
from minisup.core.model import Scope
from minisup.host.process import processes
from minisup.host.process.survivors import Survivors

Run = tuple[str, int]
"""A run: its slot and its number."""


class Sender:
    """Sends what the core asks for. SIGKILL reaches groups at once, the rest of their sessions at the end of a turn.

    `running` knows the run of each pid that has not been reaped: a number whose run it was is signalled no more.
    """

    def __init__(
        self,
        running: Mapping[int, Run],
        survivors: Survivors,
        refused: Callable[[SignalDenied], None] = lambda _event: None,
    ) -> None:
        self._refused = refused
        self._running = running
        self._survivors = survivors
        self._doomed: dict[int, Run] = {}

    def send(self, leader: int, run: Run, name: str, scope: Scope, *, wake: bool = True) -> None:
        """Signal the leader of a run in progress, or its group; SIGKILL goes to its whole session.

        SIGCONT follows unless `wake` is false.
        """
        if self._running.get(leader) != run:
            return
        number = signal.Signals[name]
        kill = number == signal.SIGKILL
        send = self._survivors.signal if leader in self._survivors else processes.signal_run
        if not send(leader, number, group=kill or scope is Scope.GROUP, wake=wake) and self._is_refused(leader):
            self._refused(SignalDenied(*run))
        if kill:
            self._doomed[leader] = run

    def _is_refused(self, leader: int) -> bool:
        return leader not in self._survivors and processes.is_out_of_reach(leader)

    def finish(self) -> None:
        """Send SIGKILL to those of the sessions that are in other groups, unless their leader has been reaped."""
        if self._doomed:
            doomed = [leader for leader, run in self._doomed.items() if self._running.get(leader) == run]
            self._doomed.clear()
            ours = [leader for leader in doomed if leader not in self._survivors]
            processes.kill_sessions(ours, self._survivors.stats(doomed))
