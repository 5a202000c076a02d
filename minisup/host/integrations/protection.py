"""Scale-in protection of an ECS task: on while a job or task is in progress, off when there is nothing to protect.

When a run counts (docs/decisions/0017-hooks-and-protection.md): at once, unless its program's last run found no work
or failed; then only when it has been in progress for `poll`, so that who polls an empty queue or only crashes can be
scaled in. Services never count: they would protect for ever.

Requests are rare whatever the runs do: once on, protection stays for `grace` after the last run that counted, and a
request that failed is tried again later and later. One request is under way at a time; the newest wish is the next.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from minisup.config.keys.supervisor_table import Platform
from minisup.config.schema import Config
from minisup.core import facts
from minisup.core.messages import Record
from minisup.core.model import Instant, Outcome, Seconds
from minisup.core.slot import Slot
from minisup.core.state import State
from minisup.host.integrations.agent import METHOD, MINUTES, protection_url, trouble, wish
from minisup.host.integrations.http_call import HttpAnswer, HttpCall
from minisup.host.loop import Loop, Timer

Runs = Mapping[int, tuple[str, int]]
"""Slot and run by the pid of the leader."""


class Times(NamedTuple):
    """All durations, in seconds."""

    grace: Seconds = 10.0
    """Without work for so long: protection is taken back. Also the least that it stays."""
    refresh: Seconds = 300.0
    """Asked for again so often while it is to stay: three times before it expires."""
    retry: Seconds = 5.0
    """Until a request that failed is made again; doubled with each further failure."""
    longest_retry: Seconds = 300.0
    limit: Seconds = 5.0
    """For one request."""
    last: Seconds = 0.5
    """That minisup's exit may take longer for the last request."""


TIMES: Final = Times()

EMPTY: Final = frozenset({Outcome.IDLE, Outcome.FAILED, Outcome.CRASHED, Outcome.FATAL, Outcome.UNSTARTABLE})
"""Ends that show no work worth waiting for."""


def renewed(
    was: "Protection | None",
    config: Config,
    environ: Mapping[str, str],
    loop: Loop,
    fleet: State,
    running: Runs,
    tell: Callable[[object], None],
) -> "Protection | None":
    """Protection as this configuration wants it, made of what there `was`; None: this is no ECS task, or no."""
    url, options = protection_url(environ), config.supervisor.task_protection
    if not url or config.supervisor.platform is not Platform.ECS or not options.enabled:
        if was is not None:
            was.close()
        return None
    if was is not None:
        was.poll = options.poll
        return was
    made = Protection(loop, fleet, running, tell, url, options.poll)
    for slot, _ in running.values():
        made.started(slot)
    return made


class Protection:
    """Keeps the agent informed of whether the task may be ended. `running` are all runs in progress."""

    def __init__(
        self,
        loop: Loop,
        fleet: State,
        running: Runs,
        tell: Callable[[object], None],
        url: str,
        poll: Seconds,
        times: Times = TIMES,
    ) -> None:
        self.poll = poll
        self._loop = loop
        self._now = loop.clock.monotonic
        self._fleet = fleet
        self._running = running
        self._tell = tell
        self._url = url
        self._times = times
        self._wanted = False
        self._held: bool | None = False  # what the agent said last; None: unknown, a request failed
        self._since: Instant = 0.0  # when it was wanted, or when a run that counted ended last
        self._call: HttpCall | None = None
        self._asked = False  # what the call under way asks for
        self._expires: Instant = 0.0  # when protection ends that was asked for last, if it was granted
        self._failures = 0  # requests in a row
        self._works = False  # that it does was told
        self._look: Timer | None = None
        self._again: Timer | None = None  # a request that failed, or that keeps protection from expiring

    def started(self, name: str) -> None:
        """A run has started in this slot."""
        if self._wanted:
            return
        slot = self._fleet.slots.get(name)
        if slot is None or slot.program.is_service:
            return
        if not is_poll(slot):
            self._want(True)
        elif self._look is None:
            self._look = self._loop.after(self.poll, self._look_round)

    def ended(self, record: Record) -> None:
        """A run has ended."""
        if not self._wanted:
            return
        if record.outcome not in EMPTY:
            slot = self._fleet.slots.get(record.slot)
            if slot is None or not slot.program.is_service:
                self._since = self._now()
        if self._fleet.shutdown is not None:
            if self._look is not None:
                self._look.cancel()
            self._look = self._loop.after(0.0, self._look_round)
        elif self._look is None:
            soon = self._now() + self._times.grace / 10  # idle ends beside a long run must not look each time
            self._look = self._loop.at(max(soon, self._end()), self._look_round)

    def close(self) -> None:
        """It is no longer wanted: take it back without grace."""
        self._want(False)

    def leave(self) -> None:
        """Minisup leaves: ask for the end of protection, unless the agent does not hold it or does not answer."""
        if self._again is not None:
            self._again.cancel()
        self._wanted = False
        if self._call is None and self._held is not False and not self._failures:
            self._ask(False)

    def finish(self, deadline: Instant) -> None:
        """Let the last request get through, until `deadline` on the monotonic clock at the latest."""
        deadline = min(deadline, self._now() + self._times.last)
        while self._call is not None and self._call.wait(deadline - self._now()):
            self.leave()  # in case that was an earlier wish

    def _look_round(self) -> None:
        """See whether something that counts is in progress. If not, the next start or end looks again."""
        self._look = None
        now = self._now()
        polls: list[Instant] = []
        for name, _ in self._running.values():
            slot = self._fleet.slots.get(name)
            if slot is None or slot.program.is_service:
                continue
            if slot.run is None or not is_poll(slot) or slot.run.started + self.poll <= now:
                self._want(True)
                return
            polls.append(slot.run.started)
        if self._wanted and self._end() <= now:
            self._want(False)
        due = [self._end()] if self._wanted else []
        due += [min(polls) + self.poll] if polls else []
        if due:
            self._look = self._loop.at(min(due), self._look_round)

    def _end(self) -> Instant:
        """When protection may end if nothing that counts is in progress. In a shutdown nothing follows: at once."""
        return self._since + self._times.grace if self._fleet.shutdown is None else self._now()

    def _want(self, on: bool) -> None:
        if on is self._wanted:
            return
        self._wanted = on
        self._since = self._now()
        if self._call is None and not (self._failures and self._again):  # else the wish is looked at when that is over
            self._ask(on)

    def _ask(self, on: bool) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        self._asked = on
        self._expires = self._now() + MINUTES * 60 if on else self._expires
        self._call = HttpCall(self._loop, METHOD, self._url, wish(on), self._times.limit, self._answered)

    def _answered(self, answer: HttpAnswer) -> None:
        self._call = None
        why = trouble(answer, self._asked)
        if why:
            self._failed(why)
            return
        if not self._works or self._failures:
            self._tell(facts.ProtectionWorks(self._failures))
        if self._held is not self._asked:
            self._tell(facts.ProtectionSet(self._asked, MINUTES if self._asked else 0))
        self._works, self._failures, self._held = True, 0, self._asked
        if self._wanted is not self._held:
            self._ask(self._wanted)
        elif self._wanted:
            self._again = self._loop.after(self._times.refresh, self._ask_again)

    def _failed(self, why: str) -> None:
        times = self._times
        delay = min(times.longest_retry, times.retry * 2.0 ** min(self._failures, 30))
        self._held = None
        self._failures += 1
        if self._failures == 1:
            self._tell(facts.ProtectionFailed(self._asked, why, delay))
        self._again = self._loop.after(delay, self._ask_again)

    def _ask_again(self) -> None:
        self._again = None
        if self._wanted or self._expires > self._now():
            self._ask(self._wanted)
        else:  # whatever the agent did with what failed, it is over by now
            self._held = False


def is_poll(slot: Slot) -> bool:
    """Whether the program's last run found no work, or it fails: then a run that has just begun is no sign of work."""
    return slot.program.idle.streak > 0 or slot.program.failing.since is not None
