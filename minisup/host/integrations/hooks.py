"""Commands and URLs that are called when something happens: `supervisor.on_drain` and its siblings.

A hook is never in the way: a few are under way at a time, a bounded number waits, each has `LIMIT` seconds, and at the
end minisup waits for them only as long as the shutdown's own deadline lets it.
"""

import json
import os
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from minisup.config.keys.hook_table import HOOKS, HookCommand
from minisup.config.schema import Config
from minisup.config.text.interpolate import OWN
from minisup.core import facts
from minisup.core.model import Instant, Outcome, Seconds
from minisup.core.policy.outcome import described
from minisup.core.policy.shutdown import REPEAT
from minisup.host.integrations.hook_run import HookRun
from minisup.host.integrations.http_call import HttpAnswer, HttpCall
from minisup.host.loop import Loop
from minisup.host.output.events import document
from minisup.host.process.reap import Reaped
from minisup.host.start.helper import Helpers
from minisup.host.start.recipe import helper_recipe
from minisup.host.start.spawn import Spawner, SpawnError

LIMIT: Final[Seconds] = 10.0
"""For one call; a command is killed then, with its session."""

AT_ONCE: Final = 4
"""Calls under way at the same time."""

MOST_WAITING: Final = 16
"""Calls that wait for their turn; more are dropped and counted."""

QUIET: Final[Seconds] = 60.0
"""At least so long between two calls of `on_failing` for one program."""

DRAIN: Final = "on_drain"
FAILING: Final = "on_failing"
GIVE_UP: Final = "on_give_up"
RECOVERED: Final = "on_recovered"

_SUCCESS: Final = range(200, 300)


class Occasion(NamedTuple):
    """Why a hook is called. `program` empty: it is about minisup itself."""

    hook: str
    program: str
    cause: str


class Errand(NamedTuple):
    """One call of a hook."""

    occasion: Occasion
    command: HookCommand
    body: Mapping[str, Any]


class Hooks:
    """All hooks. `tell` is told facts about them, `say` what their commands print."""

    def __init__(
        self,
        config: Config,
        loop: Loop,
        spawner: Spawner,
        helpers: Helpers,
        tell: Callable[[object], None],
        say: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._spawner = spawner
        self._helpers = helpers
        self._tell = tell
        self._say = say
        self._occasions = Occasions(loop.clock.monotonic)
        self._waiting: deque[Errand] = deque()
        self._calls = 0  # URLs under way
        self._running: set[int] = set()  # pids of commands under way
        self._dropped = 0
        self._until: Instant | None = None  # minisup stays at most until then
        self._since: Instant = 0.0  # and has no other reason to stay since then
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Hooks that are called from now on are these."""
        options = config.supervisor
        given: dict[str, HookCommand | None] = {name: getattr(options, name) for name in HOOKS}
        self._commands = {name: command for name, command in given.items() if command is not None}
        self._variables = options.environment
        self._directory = next(iter(config.programs.values())).origin.cwd

    def take(self, fact: object) -> None:
        """Something has happened: call the hook that is for it, if there is one."""
        if not self._commands or (occasion := self._occasions.of(fact)) is None:
            return
        command = self._commands.get(occasion.hook)
        if command is None:
            return
        body = document(fact, self._loop.clock.wall())
        own = {"hook": occasion.hook, "program": occasion.program or None, "cause": occasion.cause or None}
        errand = Errand(occasion, command, {**own, "host": os.uname().nodename, **body})
        if occasion.hook == DRAIN or self._under_way() < AT_ONCE:
            self._begin(errand)
        elif len(self._waiting) < MOST_WAITING:
            self._waiting.append(errand)
        else:
            self._dropped += 1
            self._tell(facts.HookDropped(occasion.hook, occasion.program, self._dropped))

    # --- the end ------------------------------------------------------------------------------------------------------

    def linger(self, until: Instant) -> None:
        """All else is over: hooks may go on until then."""
        self._until, self._since = until, self._loop.clock.monotonic()
        self._loop.at(until, _nothing)  # ends the wait

    @property
    def lingering(self) -> bool:
        """Whether minisup stays for hooks only."""
        waits = self._until is not None and bool(self._under_way() or self._waiting)
        return waits and self._loop.clock.monotonic() < (self._until or 0.0)

    def hurry(self) -> None:
        """Somebody asked again for the end: stay for no hook. The same request may come twice in a moment."""
        if self._loop.clock.monotonic() - self._since >= REPEAT:
            self._until = None

    # --- one call -----------------------------------------------------------------------------------------------------

    def _under_way(self) -> int:
        return self._calls + len(self._running)

    def _begin(self, errand: Errand) -> None:
        if errand.command.url:
            self._post(errand)
        else:
            self._run(errand)

    def _post(self, errand: Errand) -> None:
        def done(answer: HttpAnswer) -> None:
            self._calls -= 1
            refused = answer.error or ("" if answer.status in _SUCCESS else f"the answer was HTTP {answer.status}")
            self._over(errand, refused)

        self._calls += 1
        HttpCall(self._loop, "POST", errand.command.url, json.dumps(errand.body).encode(), LIMIT, done)

    def _run(self, errand: Errand) -> None:
        def say(line: str) -> None:
            self._say(f"{errand.occasion.hook} | {line}")

        try:
            recipe = helper_recipe(errand.command.words, self._environment(errand), self._directory)
            run = HookRun(self._loop, self._spawner, recipe, LIMIT, say)
        except (SpawnError, ValueError, OSError) as error:
            self._over(errand, str(error))
        else:
            self._running.add(run.pid)
            self._helpers[run.pid] = partial(self._ended, errand, run)

    def _ended(self, errand: Errand, run: HookRun, child: Reaped) -> None:
        self._running.discard(child.pid)
        self._over(errand, run.ended(child))

    def _environment(self, errand: Errand) -> dict[str, str]:
        occasion = errand.occasion
        given = {
            "EVENT": occasion.hook.removeprefix("on_"),
            "PROGRAM": occasion.program,
            "CAUSE": occasion.cause,
            "MESSAGE": errand.body["message"],
            "JSON": json.dumps(errand.body),
        }
        around = {name: text for name, text in {**os.environ, **self._variables}.items() if name not in OWN}
        return {**around, **{f"MINISUP_{name}": text for name, text in given.items()}}

    def _over(self, errand: Errand, why: str) -> None:
        if why:
            self._tell(facts.HookFailed(errand.occasion.hook, errand.occasion.program, why))
        while self._waiting and self._under_way() < AT_ONCE:
            self._begin(self._waiting.popleft())


class Occasions:
    """Which facts are worth a call. A program that fails now and then is told of once a minute at most."""

    def __init__(self, now: Callable[[], Instant]) -> None:
        self._now = now
        self._drained = False
        self._told_at: dict[str, Instant] = {}
        self._told: set[str] = set()  # programs that fail, as far as hooks know
        self._causes: dict[str, str] = {}

    def of(self, fact: object) -> Occasion | None:
        """The occasion that a fact is; None: it is none."""
        match fact:
            case facts.ShutdownStep() if not self._drained:
                self._drained = True
                return Occasion(DRAIN, "", fact.by)
            case facts.FirstFailure():
                program = fact.slot.rpartition(":")[0]
                how = fact.cause if fact.outcome is Outcome.UNSTARTABLE else ""
                cause = how or described(fact.outcome, fact.code, fact.signal, fact.cause)
                lately = self._now() < self._told_at.get(program, -QUIET) + QUIET
                return self._fails(program, cause, silent=lately)
            case facts.StillFailing():
                cause = described(fact.outcome, fact.code, fact.signal, fact.cause)
                return self._fails(fact.program, cause, silent=False)
            case facts.GaveUp():
                return Occasion(GIVE_UP, fact.program, self._causes.get(fact.program, ""))
            case facts.Recovered() if fact.program in self._told:
                self._told.discard(fact.program)
                return Occasion(RECOVERED, fact.program, "")
        return None

    def _fails(self, program: str, cause: str, *, silent: bool) -> Occasion | None:
        self._causes[program] = cause
        if silent or program in self._told:
            return None
        self._told.add(program)
        self._told_at[program] = self._now()
        return Occasion(FAILING, program, cause)


def _nothing() -> None:
    """Only ends a wait."""
