"""Asks how much work waits, for the programs that scale themselves: each `Measure` is answered by one `Measured`.

Who is asked is always another process, with a time limit: a command is started for each answer, the other kinds share a
helper of ours that stays (`minisup.probes`), because loading the library takes longer than asking. A process that hangs
is killed; until it is gone nothing else is asked for its program.
"""

import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Final

from minisup.config.keys.scale_tables import Probe
from minisup.config.schema import Config
from minisup.config.text.units import format_duration
from minisup.core.messages import Measured
from minisup.host.loop import Loop, Timer
from minisup.host.process.reap import Reaped
from minisup.host.signals import signal_name
from minisup.host.start.helper import Helper, Helpers
from minisup.host.start.recipe import Recipe
from minisup.host.start.recipes import Recipes
from minisup.host.start.spawn import Spawner, SpawnError
from minisup.probes.number import NoNumberError, answer_in, number_in, shown

LONGEST: Final = 1 << 16
"""Bytes that may be printed for one answer, and until the next question."""

BEGIN: Final = "import sys; sys.path += sys.argv[1:]; from minisup.probes.__main__ import main; main()"

HELPER: Final = (sys.executable, "-I", "-c", BEGIN)
"""-I: neither a module of the job's directory or home nor a PYTHON variable of its environment is heard.

What minisup itself finds by such variables follows as arguments (`helper_command`).
"""

Answer = Callable[[int | None, str], None]


def helper_command() -> tuple[str, ...]:
    """Our helper, with the directories where this process finds its modules, but for the one that it was started in."""
    found = sys.path if sys.flags.safe_path else sys.path[1:]
    return (*HELPER, *(path for path in found if path))


class Prober:
    """The probes of all programs that have one."""

    def __init__(
        self, loop: Loop, recipes: Recipes, spawner: Spawner, helpers: Helpers, feed: Callable[[Measured], None]
    ) -> None:
        self._loop = loop
        self._recipes = recipes
        self._spawner = spawner
        self._helpers = helpers
        self._feed = feed
        self._probes: dict[str, _Asked] = {}

    def measure(self, config: Config, program: str) -> None:
        """Ask; the answer comes later, or at once if nobody can be asked."""
        asked = self._probes.get(program) or self._make(config, program)
        if asked is None:
            self._feed(Measured(program, None, "cannot ask: it has no probe"))
        else:
            asked.ask()

    def close(self) -> None:
        """Kill who is asked and forget what was: by now there are other probes, or none."""
        for asked in self._probes.values():
            asked.close()
        self._probes.clear()

    def _make(self, config: Config, name: str) -> "_Asked | None":
        program = config.programs.get(name)
        scale = None if program is None else program.scale
        if program is None or scale is None or scale.probe is None:
            return None
        kind = _Command if scale.probe.command is not None else _Resident
        argv = helper_command() if scale.probe.command is None else program.probe_command()

        def answer(visible: int | None, error: str) -> None:
            self._feed(Measured(name, visible, error))

        def recipe() -> Recipe:
            return self._recipes.of_probe(name, argv)

        self._probes[name] = made = kind(self._loop, scale.probe, recipe, self._spawner, self._helpers, answer)
        return made


class _Asked:
    """Who is asked for one program. `answer` is called once for each `ask`."""

    def __init__(
        self,
        loop: Loop,
        probe: Probe,
        recipe: Callable[[], Recipe],
        spawner: Spawner,
        helpers: Helpers,
        answer: Answer,
    ) -> None:
        self._loop = loop
        self._probe = probe
        self._recipe = recipe
        self._spawner = spawner
        self._answer = answer
        self._child = Helper(loop, helpers, self._output, self._ended)
        self._buffer = b""
        self._printed = 0  # bytes since the last question
        self._pending = False
        self._doomed = ""  # why it is being killed
        self._timer: Timer | None = None

    def ask(self) -> None:
        if self._pending:  # the core has forgotten that it asked, as while the program was paused: one answer will do
            return
        if self._child.pid and self._doomed:
            self._answer(None, f"{self._doomed}, and it has not ended yet")
            return
        self._pending, self._doomed, self._printed = True, "", 0
        self._timer = self._loop.after(self._probe.timeout, self._too_late)
        try:
            self._begin()
        except SpawnError as error:
            self._tell(None, error.cause)
        except (OSError, ValueError) as error:
            self._tell(None, f"cannot ask: {error}")

    def close(self) -> None:
        self._pending = False
        self._stop_clock()
        self._child.forget()

    def _begin(self) -> None:
        raise NotImplementedError

    def _output(self, data: bytes) -> None:
        raise NotImplementedError

    def _ended(self, ended: Reaped) -> None:
        raise NotImplementedError

    def _take(self, data: bytes) -> bool:
        """Add to what was printed, unless that becomes too much: whole lines and what nobody asked count, too."""
        if self._doomed:
            return False
        self._buffer += data
        self._printed += len(data)
        if self._printed > LONGEST:
            self._buffer = b""
            self._doom(f"it printed more than {LONGEST >> 10} KiB")
            return False
        return True

    def _too_late(self) -> None:
        self._timer = None
        self._doom(f"no answer within {format_duration(self._probe.timeout)}")

    def _doom(self, why: str) -> None:
        self._doomed = why
        self._child.kill()
        self._tell(None, why)

    def _tell(self, visible: int | None, error: str = "") -> None:
        self._stop_clock()
        if self._pending:
            self._pending = False
            self._answer(visible, error)

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _how(self, ended: Reaped) -> str:
        how = f"exit {ended.code}" if ended.signal is None else signal_name(ended.signal)
        line = self._child.last_line()
        return f"{how} {shown(line)}" if line else how


class _Command(_Asked):
    """A command of the user's, once for each answer."""

    def _begin(self) -> None:
        self._buffer = b""
        ours, childs = os.pipe2(os.O_CLOEXEC)
        try:
            self._child.start(self._spawner, self._recipe(), ours, childs)
        finally:
            os.close(childs)

    def _output(self, data: bytes) -> None:
        self._take(data)

    def _ended(self, ended: Reaped) -> None:
        if not self._pending:
            return
        if self._child.refused:
            self._tell(None, self._child.refused)
            return
        if ended.code != 0:
            self._tell(None, f"the probe ended by {self._how(ended)}")
            return
        try:
            visible = number_in(self._buffer.decode(errors="replace"), self._probe.json)
        except NoNumberError as error:
            self._tell(None, f"the probe printed what is no answer: {error}")
        else:
            self._tell(visible)


class _Resident(_Asked):
    """A helper of ours that stays, and answers each line with one."""

    _channel: socket.socket | None = None

    def _begin(self) -> None:
        if self._channel is None or not self._child.pid:
            self._start()
        assert self._channel is not None
        try:
            self._channel.send(b"\n")  # one byte for each answer: it always fits
        except OSError:  # it has closed its end and lives: another one is started for the next answer
            self._child.kill()
            raise

    def _start(self) -> None:
        self._hang_up()
        self._buffer = b""
        ours, childs = socket.socketpair()
        with childs:
            self._channel = ours
            self._child.start(self._spawner, self._recipe(), os.dup(ours.fileno()), childs.fileno())
        ours.setblocking(False)
        kinds = ("sqs", "redis", "list", "stream", "group", "key", "http", "json", "timeout")
        ours.send(json.dumps({key: getattr(self._probe, key) for key in kinds}).encode() + b"\n")

    def close(self) -> None:
        super().close()
        self._hang_up()

    def _hang_up(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _output(self, data: bytes) -> None:
        if not self._take(data):
            return
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            answer = answer_in(line)
            if answer is not None:  # else a library of the helper's prints
                self._tell(*answer)

    def _ended(self, ended: Reaped) -> None:
        self._hang_up()
        self._tell(None, self._child.refused or f"who asks ended by {self._how(ended)}")
