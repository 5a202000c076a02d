"""The loop of the live screen: asks minisup at most twice a second, reads keys, draws what `paint` says."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from rich.console import Console
from rich.text import Text

from minisup.cli.live import deadline
from minisup.cli.live.deadline import Deadline
from minisup.cli.live.keys import Hands, decode
from minisup.cli.live.paint import View, paint, reach
from minisup.cli.live.past import LastHour
from minisup.cli.live.rates import Rates
from minisup.cli.live.terminal import Left, Terminal, size
from minisup.cli.live.ui import QUIT, TOO_FAST, Ask, Pane, Ui, press, settle
from minisup.cli.live.usage import EACH, Usage
from minisup.cli.status import why_text
from minisup.cli.status.table import WIDE
from minisup.control.client import Client
from minisup.core.status import StatusDocument
from minisup.errors import MinisupError, NotReachableError

POLL: Final = 0.5
"""Seconds between two questions to minisup."""

PATIENCE: Final = 2.0
"""Seconds that minisup has for each answer; meanwhile no key but Ctrl-C and Ctrl-Z does anything."""

GLANCE: Final = 0.25
"""Seconds that a question must have been there before an answer counts: less is typing, not answering."""

PANE_LINES: Final = 200
"""Lines of output that the pane of logs asks for."""

REST_OF_LINE: Final = "\x1b[K"


def watch(minisup: Client, targets: Sequence[str], *, unicode: bool) -> int:
    """Show everything live until q; the exit code. Raises MinisupError when minisup cannot be reached at first."""
    screen = Screen(minisup, targets, unicode=unicode)
    screen.ask()
    minisup.timeout = PATIENCE
    try:
        with Terminal() as terminal:
            screen.run(terminal)
    except Left:
        pass
    return 0


class Screen:
    """What has been heard from minisup, where the reader is, and what is on the terminal."""

    def __init__(self, minisup: Client, targets: Sequence[str], *, unicode: bool) -> None:
        self._minisup = minisup
        self._targets = targets
        self._unicode = unicode
        self._console = Console(highlight=False, force_terminal=True, legacy_windows=False)
        self._snapshot: StatusDocument = {"version": "", "pid": 0, "uptime": 0.0, "state": "running", "programs": []}
        self._heard = 0.0
        self._gone_since: float | None = None
        self._over = False
        self._ui = Ui()
        self._hands = Hands()
        self._asked = 0.0
        self._rates = Rates()
        self._last_hour: LastHour | None = None
        self._deadline: Deadline | None = None
        self._ending = False
        self._usage: Usage | None = None
        self._measured: dict[str, tuple[float, int]] | None = None
        self._measured_at = 0.0
        self._lines: list[str] = []
        self._drawn: list[Text] = []
        self._size = os.terminal_size((0, 0))

    # --- asking ---

    def ask(self) -> None:
        """The newest picture. Raises MinisupError when there is none to be had."""
        self._snapshot = self._minisup.status(self._targets)
        self._heard = time.monotonic()
        self._gone_since, self._over = None, False
        self._rates.add(self._snapshot, self._heard)
        self._look_back()
        self._look_ahead()
        self._ui = settle(self._ui, self._snapshot["programs"])
        self._ask_pane()
        self._measure()

    def _look_back(self) -> None:
        if self._last_hour is None:
            self._last_hour = LastHour(self._minisup.paths)
        elif (found := self._last_hour.take()) is not None:
            self._rates.precede(*found)

    def _look_ahead(self) -> None:
        ending = self._snapshot.get("state", "running") != "running"
        if ending != self._ending:
            self._deadline = deadline.ask(self._minisup) if ending else None
        self._ending = ending

    def _ask_pane(self) -> None:
        target = self._ui.slot or self._ui.program
        if self._ui.pane is Pane.LOGS and target and not self._reads_back():
            answer = self._minisup.logs([target], lines=PANE_LINES)["lines"]
            wide = max((len(line["slot"]) for line in answer), default=0)
            self._lines = [f"{line['slot']:{wide}} | {line['text']}" for line in answer] or ["it has printed nothing"]
        elif self._ui.pane is Pane.WHY and target:
            self._lines = why_text.text(self._minisup.why([target])).splitlines()

    def _reads_back(self) -> bool:
        """Whether the reader has scrolled back: then the lines stay as they are."""
        return self._ui.scroll > 0 and len(self._lines) > 1

    def _measure(self) -> None:
        if self._size.columns < WIDE or self._heard - self._measured_at < EACH:
            return
        self._measured_at = self._heard
        if self._usage is None:
            self._usage = Usage(self._snapshot["pid"], self._snapshot["uptime"])
        names = [str(program["name"]) for program in self._snapshot["programs"]]
        at = names.index(self._ui.program) if self._ui.program in names else 0
        near = names[max(0, at - self._size.lines) : at + self._size.lines]
        self._measured = self._usage.measure(self._snapshot, frozenset(near))

    def _try_to_ask(self) -> None:
        try:
            self.ask()
        except NotReachableError:
            self._gone_since = self._gone_since or time.monotonic()
            self._over = self._ending or not os.path.exists(self._minisup.path)
            self._usage = None
        except MinisupError as error:
            self._say(str(error))

    def _carry_out(self, ask: Ask) -> None:
        try:
            self._minisup.call(ask.method, ask.params, time.monotonic() + PATIENCE)
        except MinisupError as error:
            self._say(str(error).splitlines()[0])
        else:
            self._say(f"{ask.words}: accepted")

    def _say(self, notice: str) -> None:
        self._ui = replace(self._ui, notice=notice)

    # --- the loop ---

    def run(self, terminal: Terminal) -> None:
        """Until the reader leaves, or the terminal is gone."""
        next_ask = time.monotonic() + POLL
        while True:
            if terminal.altered:
                terminal.altered, self._drawn = False, []
            self._draw()
            data = terminal.read(max(0.0, next_ask - time.monotonic()))
            if data is None:
                return
            asked = self._press(decode(data))
            if asked is None:
                return
            if asked or time.monotonic() >= next_ask:
                self._try_to_ask()
                next_ask = time.monotonic() + POLL

    def _press(self, keys: Sequence[str]) -> bool | None:
        """Whether minisup should be asked at once; None: leave."""
        at_once, too_fast, now = False, False, time.monotonic()
        blind = self._hands.are_blind(keys, now)
        for key in keys:
            before = self._ui
            if key == "ctrl-l":
                self._drawn = []
            unread = before.pending is not None and now - self._asked < GLANCE
            reachable = reach(self._view())
            self._ui, ask = press(before, key, self._snapshot["programs"], reachable, blind=blind or unread)
            if ask is QUIT:
                return None
            too_fast |= self._ui.notice == TOO_FAST
            if self._ui.pending is not before.pending:
                self._asked = now
            if ask is not None:
                self._carry_out(ask)
                at_once = True
            if self._ui.pane in {Pane.LOGS, Pane.WHY} and _other_pane(before, self._ui):
                self._lines = ["..."]
                at_once = True
        if too_fast:
            self._say(TOO_FAST)
        return at_once

    # --- drawing ---

    def _draw(self) -> None:
        """Write those lines that have changed: nothing flickers, and a slow terminal is not flooded."""
        now = size()
        if now != self._size:
            self._size, self._drawn = now, []
            self._console.width = now.columns
        lines = paint(self._view())
        changed = [
            f"\x1b[{number + 1};1H{self._rendered(text)}"
            for number, text in enumerate(lines)
            if number >= len(self._drawn) or not _same(self._drawn[number], text)
        ]
        if changed:
            sys.stdout.write("".join(changed))
            sys.stdout.flush()
        self._drawn = lines

    def _view(self) -> View:
        now = time.monotonic()
        gone = None if self._gone_since is None else now - self._gone_since
        age = (self._gone_since or now) - self._heard  # what has stopped answering may have stopped counting
        return View(
            self._snapshot, self._ui, self._size.columns, self._size.lines, self._unicode, age, gone,
            self._rates.by_program(), self._measured, self._lines, self._deadline.passed() if self._deadline else None,
            self._over,
        )  # fmt: skip

    def _rendered(self, text: Text) -> str:
        with self._console.capture() as drawn:
            self._console.print(text, end="", no_wrap=True, overflow="crop", crop=False, soft_wrap=True)
        whole = text.cell_len >= self._size.columns  # then the cursor is still on the last cell: it would be erased
        return drawn.get() if whole else drawn.get() + REST_OF_LINE


def _other_pane(one: Ui, other: Ui) -> bool:
    return (one.pane, one.slot, one.program) != (other.pane, other.slot, other.program)


def _same(one: Text, other: Text) -> bool:
    return one == other and one.style == other.style
