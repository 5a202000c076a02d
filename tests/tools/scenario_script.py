"""Scenarios: texts in which commands to a simulated world are followed by what then happened.

A paragraph is a few commands, a line `----`, and the lines that the world answered; a blank line ends it. `perform`
writes the answers; a test compares them with what the file holds.
`python tests/tools/scenario_script.py --rewrite FILE...` puts them there.

The commands (`#` begins a comment; durations as in a configuration file):

    supervisor shutdown_timeout=10s exit_when_done=true seed=1 jitter=high clock=2026-03-29T00:59:00Z
                               before `up`; jitter: low, mid, high, random
    program email numprocs=2 retry.budget=3 after=migrate schedule.cron="*/5 * * * *"
                               before `up`; keys as in a configuration file
    job email lasts=200ms exit=0 on_term=ignores
                               what its processes do, from the next run on; starting=1s: until one is there
    survivor email:0 812 30s   before `up`: a run of an earlier minisup goes on, started so long ago
    lost email:0 812 30s       before `up`: a run of an earlier minisup has ended
    recall email:0 30s         before `up`: so long ago an earlier minisup last saw to its schedule
    up [PROGRAM...]            minisup is ready
    clock +1h / clock -1h      somebody sets the wall clock; without a time: what it reads
    reload email numprocs=3    another policy for one program
    run 10s / until 30s        let time pass
    skip 10m                   let time pass, and answer with a summary
    start | stop | restart | pause | resume TARGET... [--now]
    scale email=5 [--now]
    signal TERM TARGET...
    shutdown [--now]           a signal to minisup
    outage email 30s           runs that start in the next 30 s fail
    unstartable email 30s no such file        / scarce email 30s too many open files
    exit email:0 1             the run in progress ends now: by an exit code or a signal's name
    memory email:0 512 256     the run in progress takes so many MiB, of so many that it may take
    find email:0 2             so many leftovers of the slot's last run are found late
    push email 10              messages for the job's queue
    send email m1 bad          messages for the program's source; `job email/bad exit=1`: what a run does with one
    lease email m1             somebody else may have the message by now
    source email down TEXT / source email up
    change email app/Job.php 3 files that it watches change; one of them, their number
    job email waiting=312      what the probe of a program that scales itself says; probe_error=timeout: why it does not
    touch email                a file of its command changes
    show [PROGRAM...]          where slots and budgets stand
"""

import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import sim_settings as settings
from sim_telling import Teller

from minisup.core.messages import Verb
from minisup.core.model import Policy
from minisup.core.policy.timestamp import seconds_of, stamp_second
from minisup.sim.jobs import Job, Span, Trouble
from minisup.sim.world import World

RULE: Final = "----"
NOTHING: Final = "(nothing happens)"

_JITTER: Final[dict[str, Callable[[float, float], float] | None]] = {
    "low": lambda low, _: low,
    "mid": lambda low, high: (low + high) / 2,
    "high": lambda _, high: high,
    "random": None,
}


class ScriptError(Exception):
    """A scenario cannot be read; the text names the line."""


class Script:
    """One scenario being performed, in a world that `make_world` makes: `World` or another with its verbs."""

    def __init__(self, make_world: Callable[..., World] = World) -> None:
        self._make_world = make_world
        self._teller = Teller()
        self._policies: list[Policy] = []
        self._jobs: dict[str, Job] = {}
        self._settings: dict[str, str] = {}
        self._world: World | None = None

    def do(self, line: str) -> list[str]:
        """Carry out one command; returns the lines that it caused. Raises ScriptError."""
        name, *words = shlex.split(line, comments=True) or [""]
        command = getattr(self, f"_do_{name}", None)
        try:
            if command is None:
                raise ValueError(f"unknown command {name!r}")  # noqa: TRY301  the same report as for bad arguments
            command(words)
        except (ValueError, KeyError, IndexError) as error:
            raise ScriptError(f"cannot do {line!r}: {error}") from error
        lines = self._teller.lines[:]
        self._teller.lines.clear()
        return lines

    @property
    def world(self) -> World:
        """The world; made by the first command that needs it."""
        if self._world is None:
            jitter = self._settings.get("jitter", "mid")
            seed = int(self._settings.get("seed", "0"))
            self._world = self._make_world(
                self._policies,
                self._jobs,
                seed=seed,
                shutdown_timeout=settings.seconds(self._settings.get("shutdown_timeout", "10s")),
                exit_when_done=self._settings.get("exit_when_done") == "true",
                uniform=_JITTER[jitter],
                watcher=self._teller.saw,
                **({"wall": seconds_of(self._settings["clock"])} if "clock" in self._settings else {}),
            )
            self._teller.follow(self._world.fleet)
        return self._world

    def _do_supervisor(self, words: list[str]) -> None:
        self._settings.update(settings.pairs(words))

    def _do_program(self, words: list[str]) -> None:
        self._policies.append(settings.policy(words[0], words[1:]))
        self._jobs.setdefault(words[0], Job())

    def _do_job(self, words: list[str]) -> None:
        name = words[0]
        jobs = self._world.jobs if self._world else self._jobs
        jobs[name] = settings.job(
            words[1:], jobs.get(name) or jobs.get(name.replace("/", ":").rpartition(":")[0]) or Job()
        )

    def _do_survivor(self, words: list[str]) -> None:
        slot, run, age = words
        self.world.survive(slot, int(run), settings.seconds(age))

    def _do_lost(self, words: list[str]) -> None:
        slot, run, age = words
        self.world.lose(slot, int(run), settings.seconds(age))

    def _do_recall(self, words: list[str]) -> None:
        self.world.recall(words[0], settings.seconds(words[1]))

    def _do_clock(self, words: list[str]) -> None:
        world = self.world
        if words:
            world.set_clock(settings.seconds(words[0][1:]) * {"+": 1, "-": -1}[words[0][0]])
            world.run(0.0)
        self._teller.lines.append(f"{world.now:8.3f} the clock reads {stamp_second(world.now + world.ahead)}")

    def _do_reload(self, words: list[str]) -> None:
        self._policies = [
            settings.policy(words[0], words[1:]) if policy.name == words[0] else policy for policy in self._policies
        ]
        self.world.reload(self._policies)
        self.world.run(0.0)

    def _do_up(self, words: list[str]) -> None:
        self.world.boot(*words)
        self.world.run(0.0)

    def _do_run(self, words: list[str]) -> None:
        self.world.run(settings.seconds(words[0]))

    def _do_until(self, words: list[str]) -> None:
        self.world.run(settings.seconds(words[0]) - self.world.now)

    def _do_skip(self, words: list[str]) -> None:
        self._teller.summary()
        self.world.run(settings.seconds(words[0]))
        self._teller.lines[:] = [f"{self.world.now:8.3f} {line}" for line in self._teller.summary()]

    def _do_start(self, words: list[str]) -> None:
        self._ask(Verb.START, words)

    def _do_stop(self, words: list[str]) -> None:
        self._ask(Verb.STOP, words)

    def _do_restart(self, words: list[str]) -> None:
        self._ask(Verb.RESTART, words)

    def _do_pause(self, words: list[str]) -> None:
        self._ask(Verb.PAUSE, words)

    def _do_resume(self, words: list[str]) -> None:
        self._ask(Verb.RESUME, words)

    def _do_scale(self, words: list[str]) -> None:
        for name, numprocs in settings.pairs(word for word in words if word != "--now").items():
            self.world.scale(name, int(numprocs), now="--now" in words)
        self.world.run(0.0)

    def _do_once(self, words: list[str]) -> None:
        for program in words:
            self.world.once(program)
        self.world.run(0.0)

    def _do_signal(self, words: list[str]) -> None:
        self.world.signal(f"SIG{words[0]}", *words[1:])
        self.world.run(0.0)

    def _ask(self, verb: Verb, words: list[str]) -> None:
        targets = [word for word in words if word != "--now"]
        self.world.ask(verb, *targets, now="--now" in words)
        self.world.run(0.0)

    def _do_shutdown(self, words: list[str]) -> None:
        self.world.shut_down(now="--now" in words)
        self.world.run(0.0)

    def _do_outage(self, words: list[str]) -> None:
        job, now = self.world.jobs[words[0]], self.world.now
        job.outages = (*job.outages, Span(now, now + settings.seconds(words[1])))

    def _do_unstartable(self, words: list[str]) -> None:
        self._trouble(words, scarce=False)

    def _do_scarce(self, words: list[str]) -> None:
        self._trouble(words, scarce=True)

    def _trouble(self, words: list[str], *, scarce: bool) -> None:
        name, lasts, *cause = words
        job, now = self.world.jobs[name], self.world.now
        job.troubles = (*job.troubles, Trouble(now, now + settings.seconds(lasts), " ".join(cause), scarce))

    def _do_exit(self, words: list[str]) -> None:
        slot, how = words
        self.world.end(slot, *((None, how) if how.startswith("SIG") else (int(how), None)))

    def _do_memory(self, words: list[str]) -> None:
        slot, size, limit = words
        self.world.fill(slot, int(size) << 20, int(limit) << 20)
        self.world.run(0.0)

    def _do_find(self, words: list[str]) -> None:
        self.world.find(words[0], int(words[1]))
        self.world.run(0.0)

    def _do_push(self, words: list[str]) -> None:
        queue = self.world.jobs[words[0]].queue
        if queue is None:
            raise ValueError(f"{words[0]} has no queue")
        queue.push(int(words[1]))

    def _do_send(self, words: list[str]) -> None:
        self.world.send(*words)
        self.world.run(0.0)

    def _do_lease(self, words: list[str]) -> None:
        self.world.lose_lease(*words)
        self.world.run(0.0)

    def _do_source(self, words: list[str]) -> None:
        name, how, *error = words
        self.world.break_source(name, " ".join(error) if how == "down" else "")
        self.world.run(0.0)

    def _do_change(self, words: list[str]) -> None:
        name, file, *files = words
        self.world.change(name, file, int(files[0]) if files else 1)
        self.world.run(0.0)

    def _do_touch(self, words: list[str]) -> None:
        self.world.touch(words[0])

    def _do_show(self, words: list[str]) -> None:
        self._teller.show(self.world.now, words)


def perform(text: str) -> str:
    """The scenario with the answers that its commands get now. Raises ScriptError with the number of the line."""
    script = Script()
    paragraphs, number = [], 1
    for paragraph in text.split("\n\n"):
        commands = commands_of(paragraph)
        answers: list[str] = []
        for offset, line in enumerate(commands):
            if line and not line.startswith("#"):
                try:
                    answers += script.do(line)
                except ScriptError as error:
                    raise ScriptError(f"line {number + offset}: {error}") from error
        paragraphs.append(_written(commands, answers))
        number += paragraph.count("\n") + 2
    return "\n\n".join(paragraphs).rstrip("\n") + "\n"


def commands_of(paragraph: str) -> list[str]:
    """The lines of a paragraph before its answers, comments too."""
    lines = paragraph.strip("\n").split("\n")
    return lines[: lines.index(RULE)] if RULE in lines else lines


def _written(commands: list[str], answers: list[str]) -> str:
    if all(line.split(" ")[0] in {"#", "", "supervisor", "program", "job", "push", "outage"} for line in commands):
        return "\n".join(commands)
    return "\n".join([*commands, RULE, *(answers or [NOTHING])])


def main(arguments: Iterable[str]) -> int:
    """Compare the named scenarios with what happens now (`--rewrite`: write it); 1 if one differs."""
    words = list(arguments)
    differ = 0
    for path in (Path(word) for word in words if word != "--rewrite"):
        text = path.read_text(encoding="utf-8")
        told = perform(text)
        if told != text:
            differ = 1
            if "--rewrite" in words:
                path.write_text(told, encoding="utf-8")
            sys.stdout.write(f"{path}: {'rewritten' if '--rewrite' in words else 'differs'}\n")
    return 0 if "--rewrite" in words else differ


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
