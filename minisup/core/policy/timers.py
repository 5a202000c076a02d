"""The timers that the core has armed: at most one live timer a key, whatever was armed before."""

import heapq

from minisup.core.model import Instant

SLACK = 16
"""Dead entries that are tolerated whatever the number of live ones, so that a handful of keys never rebuilds."""


class Timers:
    """A heap of (due, key, generation). Replaced entries stay as dead weight until they outnumber the live ones."""

    def __init__(self) -> None:
        self._heap: list[tuple[Instant, str, int]] = []
        self._live: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._heap)

    def arm(self, key: str, generation: int, due: Instant | None) -> None:
        """Make (generation, due) the only live timer of `key`; with due None the key has none."""
        if due is None:
            self._live.pop(key, None)
        else:
            self._live[key] = generation
            heapq.heappush(self._heap, (due, key, generation))
        if len(self._heap) > 2 * len(self._live) + SLACK:
            self._heap = [entry for entry in self._heap if self._live.get(entry[1]) == entry[2]]
            heapq.heapify(self._heap)

    def next_due(self) -> Instant | None:
        """When the earliest live timer is due; None: there is none."""
        heap, live = self._heap, self._live
        while heap and live.get(heap[0][1]) != heap[0][2]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now: Instant) -> tuple[str, int] | None:
        """Take the earliest live timer that is due by `now`: its key and generation. None: none is due."""
        due = self.next_due()
        if due is None or due > now:
            return None
        _, key, generation = heapq.heappop(self._heap)
        del self._live[key]
        return key, generation
