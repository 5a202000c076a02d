"""When a program of supervisord starts again and how it is stopped, as the keys of minisup that mean it.

What kind of program it is decides the most, and supervisord does not say. The rules, first match wins: what is known of
the command (see `commands`); `startsecs` of 5 or more makes a service, because it was meant to run at least so long;
`autorestart=false` makes a task; a command that is in a variable is a service; all others are jobs.
"""

import re
import signal
from typing import Any, Final

from minisup.config.text.wording import did_you_mean, show
from minisup.convert.command_kind import JOB, SERVICE, TASK, Judged, judge
from minisup.convert.render import written
from minisup.convert.supervisord.supervisord_reader import SectionKeys

LONG_START: Final = 5
"""Seconds: a program whose start takes so long by its own word is not a short job."""

STOP_TIMEOUT: Final = 10
"""Seconds from the signal to SIGKILL: the default of minisup's `stop.timeout` and of supervisord's stopwaitsecs."""

_VARIABLE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
_STABLE_AFTER: Final = 10
_IF_JOB: Final = 'kind = "job" if it ends after each piece of work'
_IF_SERVICE: Final = 'kind = "service" if it runs for long'
_HIGHEST_EXIT_CODE: Final = 255


def kind_of(keys: SectionKeys, words: list[str]) -> Judged:
    """What kind of program it is, and why."""
    judged = judge(words)
    if judged.kind:
        return judged
    startsecs = keys.seconds("startsecs", 1)
    if isinstance(startsecs, int) and startsecs >= LONG_START:
        return Judged(SERVICE, f"startsecs={startsecs}: it was meant to run at least so long")
    if _restarts(keys) == "never":
        if startsecs == 0:
            return Judged(TASK, "autorestart=false and startsecs=0: it runs once")
        return Judged(TASK, "autorestart=false, which alone says little: it is taken to run once")
    if words and _VARIABLE.fullmatch(words[0]):
        return Judged(SERVICE, "its command is in a variable, as images do it for the server that they run")
    return Judged(JOB, judged.why)


def other_kind(kind: str) -> str:
    """How to change the decision."""
    return _IF_JOB if kind == SERVICE else _IF_SERVICE


def on_failure_hint(kind: str) -> str:
    """What to know about a program that ends with its first good run."""
    more = "" if kind == SERVICE else '; if it takes work from a queue, write "always"'
    return f": a run with an expected exit code is the last one{more}"


class PolicyKeys:
    """The keys about starts, ends and stops of one program."""

    __slots__ = ("judged", "keys", "kind", "proxied")

    def __init__(self, keys: SectionKeys, judged: Judged, *, proxied: bool = False) -> None:
        self.keys = keys
        self.proxied = proxied
        self.judged = judged
        self.kind = judged.kind

    def table(self) -> dict[str, Any]:
        """The keys of [program.NAME] that are not minisup's defaults."""
        found: dict[str, Any] = {
            **self._autostart(),
            **self._start(),
            **self._restart(),
            "exit": self._exit(),
            "stop": self._stop(),
        }
        return {name: value for name, value in found.items() if value != {}}

    # --- starts -------------------------------------------------------------------------------------------------------

    def _autostart(self) -> dict[str, Any]:
        wanted = self.keys.truth("autostart", default=True)
        if wanted is True:
            self.keys.taken("autostart", "autostart = true, the default")
            return {}
        self.keys.taken("autostart", f"autostart = {written(wanted)}")
        return {"autostart": wanted}

    def _start(self) -> dict[str, Any]:
        """What becomes of startsecs and startretries: what supervisord tells a good start by."""
        keys = self.keys
        seconds = keys.seconds("startsecs", 1)
        keys.whole("startretries", 3)
        keys.changed(
            "startretries",
            "nothing is given up after some tries: when retry.budget is spent, a retry each retry.refill; "
            'retry = { give_up = "stop" } for what FATAL did',
        )
        if self.kind != SERVICE:
            keys.changed(
                "startsecs",
                "the exit code says how a run went, its length never does; min_runtime, 1 s, is the least time from "
                "one start to the next",
            )
            return {}
        if isinstance(seconds, str):
            keys.changed("startsecs", f"stable_after = {show(seconds)}: after so long it has recovered")
            return {"stable_after": seconds}
        long = seconds > _STABLE_AFTER
        after = f"{seconds}s" if long else f"{_STABLE_AFTER}s"
        default = "" if long else ", the default"
        keys.changed(
            "startsecs", f'stable_after = "{after}"{default}: after so long it has recovered from its failures'
        )
        return {"stable_after": after} if long else {}

    # --- ends ---------------------------------------------------------------------------------------------------------

    def _restart(self) -> dict[str, Any]:
        keys = self.keys
        restart = _restarts(keys)
        if restart == "always":
            keys.taken("autorestart", 'restart = "always", the default')
            return {}
        if restart == "on-failure":
            keys.changed("autorestart", f'restart = "on-failure"{on_failure_hint(self.kind)}')
            return {"restart": restart}
        keys.changed("autorestart", 'restart = "never": also not after a failure or an end within startsecs')
        return {"restart": restart}

    def _exit(self) -> dict[str, Any]:
        keys = self.keys
        codes = _exit_codes(keys)
        default: list[int] = [] if self.kind == SERVICE else [0]
        table: dict[str, Any] = {} if codes == default else {"ok": codes}
        recycle = [code for code in self.judged.recycle if code not in codes]
        if recycle:
            table["recycle"] = recycle
        usual = ", the default" if codes == default else ""
        keys.changed("exitcodes", f"exit.ok = {codes}{usual}: these runs worked, however short they were")
        return table

    # --- stops --------------------------------------------------------------------------------------------------------

    def _stop(self) -> dict[str, Any]:
        return {**self._drain(), **self._signal(), **self._scope()}

    def _drain(self) -> dict[str, Any]:
        """The time that a run has to finish, stopwaitsecs: a job has it before the signal, a service after."""
        keys = self.keys
        seconds = keys.seconds("stopwaitsecs", STOP_TIMEOUT)
        if not keys.has("stopwaitsecs"):
            return {}
        if isinstance(seconds, int):
            seconds = f"{max(seconds, 0)}s"
        if self.kind == SERVICE:
            keys.taken("stopwaitsecs", f"stop.timeout = {show(seconds)}: from the signal to SIGKILL")
            return {"timeout": seconds}
        keys.changed(
            "stopwaitsecs",
            f"stop.drain = {show(seconds)}: the run may finish in this time without a signal; then the signal, and "
            f"SIGKILL after stop.timeout ({STOP_TIMEOUT} s)",
        )
        return {"drain": seconds}

    def _signal(self) -> dict[str, Any]:
        keys = self.keys
        text = keys.text("stopsignal")
        if text is None:
            return {}
        name = keys.world.refs.finish(text) if keys.world.refs.has(text) else _signal_name(keys, text)
        if name == "TERM":
            keys.taken("stopsignal", 'stop.signal = "TERM", the default')
            return {}
        keys.taken("stopsignal", f"stop.signal = {show(name)}")
        return {"signal": name}

    def _scope(self) -> dict[str, Any]:
        """Whom signals reach: stopasgroup and killasgroup. SIGKILL reaches all of the session anyway."""
        keys = self.keys
        group = keys.truth("stopasgroup", default=False)
        keys.truth("killasgroup", default=False)
        keys.unneeded("killasgroup", "SIGKILL always reaches all processes of the run")
        if not keys.has("stopasgroup"):
            return {"scope": "group"} if self.proxied and self.kind == SERVICE else {}
        scope = "group" if group is True else "leader"
        default = "leader" if self.kind == SERVICE else "group"
        said = f'stop.scope = "{scope}"{", the default" if scope == default else ""}'
        if isinstance(group, str):
            keys.changed("stopasgroup", f"{said}; it cannot come from a variable")
        else:
            keys.taken("stopasgroup", said)
        return {} if scope == default else {"scope": scope}


def _restarts(keys: SectionKeys) -> str:
    text = keys.text("autorestart")
    if text is None or text.lower() == "unexpected":
        return "on-failure"
    if keys.world.refs.has(text):
        keys.changed("autorestart", 'restart = "always": it cannot come from a variable')
        return "always"
    return "always" if keys.truth("autorestart", default=True) is True else "never"


def _exit_codes(keys: SectionKeys) -> list[int]:
    text = keys.text("exitcodes")
    if text is None:
        return [0]
    if keys.world.refs.has(text):
        keys.changed("exitcodes", "exit.ok = [0]: a list cannot come from a variable")
        return [0]
    try:
        codes = [int(word) for word in text.split(",")] if text else []
    except ValueError:
        codes = [-1]
    if not all(0 <= code <= _HIGHEST_EXIT_CODE for code in codes):
        keys.problem("exitcodes", f"expected exit codes from 0 to 255 as 0,2, got {show(text)}")
    return sorted(set(codes))


def _signal_name(keys: SectionKeys, text: str) -> str:
    names = {member.name.removeprefix("SIG"): int(member) for member in signal.Signals}
    word = text.strip().upper().removeprefix("SIG")
    if word.isdecimal():
        word = next((name for name, number in names.items() if word == str(number)), word)
    if word not in names:
        keys.problem("stopsignal", f"expected a signal as TERM, got {show(text)}{did_you_mean(word, names)}")
    elif word in {"STOP", "CONT"}:
        keys.problem("stopsignal", f"SIG{word} does not end a process")
    return word
