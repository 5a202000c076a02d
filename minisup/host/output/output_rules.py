"""What the output of a run says about a clean exit: `idle.output`, `idle.unless_output` and `worked.output`.

Rule 1: a pattern is somebody's and the text is somebody else's, so a match may take for ever. It gets `LIMIT` seconds
of processor; then the run has said nothing, that is told once, and the program's output is not looked at for `REST`. So
no program's patterns take more than about `LIMIT` of `REST` of the loop's time.
Rule 2: nothing is looked at for a program without such a rule, or for a run whose exit code is not a clean one.
"""

import re
import signal
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from minisup.config.schema import Config, ProgramTable
from minisup.core.facts import OutputRuleSlow
from minisup.core.model import Outcome
from minisup.host.clock import Clock
from minisup.host.output.pump import Pump

LIMIT: Final = 0.03
"""Seconds of processor that all patterns of a program may take for one run. The kernel rounds up to its tick."""

REST: Final = 3.0
"""Seconds in which the output of a program is not looked at after a match that took too long."""


class Rule(NamedTuple):
    """A program's patterns, and the exit codes that they are for."""

    clean: frozenset[int]
    idle: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    worked: re.Pattern[str] | None


class SlowMatchError(Exception):
    """The patterns of a program took longer than `LIMIT`."""


class Verdicts:
    """The rules of all programs that have one, and what they come to for a run."""

    def __init__(self, config: Config, pump: Pump, clock: Clock, tell: Callable[[object], None]) -> None:
        self._pump = pump
        self._now = clock.monotonic
        self._tell = tell
        self._stopwatch = Stopwatch()
        self.rules: dict[str, Rule] = {}
        self.read(config)

    def read(self, config: Config) -> None:
        """From now on the rules are those of `config`."""
        self.rules = {name: _rule(program) for name, program in config.programs.items() if program.reads_output}
        self._resting: dict[str, float] = {}
        self._slow: set[str] = set()
        if self.rules:
            self._stopwatch.install()

    def of(self, slot: str, run: int, code: int | None, *, settled: bool) -> Outcome | None:
        """`idle`, `worked` or `failed`, as the output of a run says that ended with `code`; None: it says nothing.

        `settled` is false while some of the output is still in the pipe: then only a match counts.
        """
        program = slot.rpartition(":")[0]
        rule = self.rules.get(program)
        if rule is None or code not in rule.clean or self._resting.get(program, 0.0) > self._now():
            return None
        lines, whole = self._pump.recent(slot, run)
        try:
            with self._stopwatch:
                return judge(rule, lines, whole=whole, settled=settled)
        except SlowMatchError:
            self._resting[program] = self._now() + REST
            if program not in self._slow:
                self._slow.add(program)
                self._tell(OutputRuleSlow(program, run))
            return None


def judge(rule: Rule, lines: Sequence[str], *, whole: bool, settled: bool) -> Outcome | None:
    """What these lines say. `whole`: the run printed no others; `settled`: no more of them will come."""
    if _matches(rule.idle, lines):
        return Outcome.IDLE
    found = _matches(rule.unless, lines)
    if rule.unless is not None and not found and whole and settled:
        return Outcome.IDLE
    if rule.worked is None:
        return Outcome.WORKED if found else None
    if _matches(rule.worked, lines):
        return Outcome.WORKED
    return Outcome.FAILED if settled else None


def _matches(pattern: re.Pattern[str] | None, lines: Sequence[str]) -> bool:
    return pattern is not None and any(map(pattern.search, lines))


def _rule(program: ProgramTable) -> Rule:
    patterns = (program.idle.output, program.idle.unless_output, program.worked.output)
    return Rule(program.exit.ok, *(None if text is None else re.compile(text) for text in patterns))


class Stopwatch:
    """Ends a block of pure computing after `LIMIT` seconds of this process's time by `SlowMatchError`.

    The engine of regular expressions looks for signals while it works, which is what makes this possible. A timer is
    not inherited by children, and the signal's handler is reset when they start.
    """

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running = False

    def install(self) -> None:
        """Take the signal; only in the main thread."""
        signal.signal(signal.SIGVTALRM, self._ring)

    def __enter__(self) -> None:
        self._running = True
        signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)

    def __exit__(self, *_: object) -> None:
        self._running = False  # first: one that comes now is too late, and harmless
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)

    def _ring(self, _number: int, _frame: object) -> None:
        if self._running:
            raise SlowMatchError
