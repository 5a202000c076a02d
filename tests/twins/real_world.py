"""The world of a scenario on real processes: what takes a second there takes a hundredth of one here.

It has the verbs of `minisup.sim.world.World` that a script uses, and carries them out on a `minisup up` of its own:
programs become a configuration, jobs the plans of `jobs/actor.c`, requests go over the socket.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from fcntl import LOCK_EX, flock
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

from kit import SOON, Daemon, Stage, pause, toml, wait_until

from minisup.core.messages import Verb
from minisup.core.model import Outcome, Policy
from minisup.core.policy.shutdown import usable
from minisup.sim.jobs import Job, Queue, Trouble

SPEED = 100.0
KEPT_BACK = 0.5
"""Seconds of any shutdown_timeout up to 5 s that `usable` keeps back."""
SHORTEST = 1.0
"""The least shutdown_timeout: where a scenario has less, nothing may be left to stop."""
OBSERVER = Path(__file__).parent / "jobs" / "observed_up.py"


class RealWorld:
    """As `World`, for `Script`; beyond its verbs there is what the runner needs to compare and to wait."""

    def __init__(
        self,
        stage: Stage,
        actor: Path,
        policies: Sequence[Policy],
        jobs: Mapping[str, Job],
        *,
        seed: int,
        shutdown_timeout: float,
        exit_when_done: bool,
        uniform: Callable[[float, float], float] | None,
        watcher: object,
    ) -> None:
        assert seed == 0, "real chance has no seed"
        assert uniform is not None, "real chance cannot be repeated: use jitter=low, mid or high"
        del watcher
        self.fleet = SimpleNamespace(slots={}, programs={})  # nothing is told here: it happens elsewhere
        self.jobs = dict(jobs)
        self.now = 0.0
        self._stage = stage
        self._actor = actor
        self._policies = policies
        self._numprocs = {policy.name: policy.numprocs for policy in policies}
        self._share = uniform(0.0, 1.0)
        self._span = usable(shutdown_timeout)
        self._flags = ["--exit-when-done"] if exit_when_done else []
        self._plans = stage.path("plans")
        self._written: dict[str, str] = {}
        self._began = 0.0
        self._daemon: Daemon | None = None

    # --- the verbs of a script ---

    def boot(self, *targets: str) -> None:
        """Start `minisup up`."""
        self._plans.mkdir()
        self._follow_plans()
        self._daemon = self._stage.up_file(
            self._config(),
            args=[*targets, *self._flags],
            entry=[str(OBSERVER), str(self._stage.path("told")), str(self._share), str(SPEED)],
            ready=False,
        )
        wait_until(
            lambda: self._stage.lines("told") or self.daemon.process.poll() is not None, SOON, "minisup has booted"
        )
        assert self.daemon.process.poll() is None, self.daemon.stderr
        self._began = float(self._stage.lines("told")[0])

    def ask(self, verb: Verb, *targets: str, now: bool = False) -> None:
        """A request over the socket."""
        self._follow_plans()
        self.daemon.ask(str(verb), list(targets), **({"now": True} if now else {}))

    def scale(self, program: str, numprocs: int, *, now: bool = False) -> None:
        """As above."""
        self._numprocs[program] = max(numprocs, self._numprocs[program])
        self._follow_plans()
        self.daemon.ask("scale", program, numprocs, now=now)

    def signal(self, name: str, *targets: str) -> None:
        """As above."""
        self.daemon.ask("signal", name, list(targets))

    def shut_down(self, *, now: bool = False) -> None:
        """SIGTERM to minisup; `now` can only be asked for over the socket."""
        self._follow_plans()
        if now:
            self.daemon.ask("shutdown", now=True)
        else:
            self.daemon.term()

    def touch(self, program: str) -> None:
        """The command's file has changed."""
        self._follow_plans()
        os.utime(self._command(program))

    def end(self, slot: str, code: int | None = 0, name: str | None = None) -> None:
        """The run in progress ends now, in this way."""
        pid = self.daemon.running_pid(slot)
        if name is not None:
            os.kill(pid, signal.Signals[name])
        else:
            (self._plans / f"{slot}.exit").write_text(f"{code}\n")
            os.kill(pid, signal.SIGUSR1)

    def run(self, seconds: float) -> None:
        """Let time pass; at the edges of outages and troubles the plans change."""
        self._follow_plans()
        until = self.now + max(0.0, seconds)
        edges = {when for job in self.jobs.values() for span in (*job.outages, *job.troubles) for when in span[:2]}
        for when in sorted({edge for edge in edges if self.now < edge < until} | {until}):
            pause(max(0.0, self._began + when / SPEED - time.monotonic()))
            self.now = when
            self._follow_plans()

    # --- for the runner ---

    @property
    def daemon(self) -> Daemon:
        """The `minisup up` of this world."""
        assert self._daemon is not None, "`up` comes first"
        return self._daemon

    def told(self) -> list[str]:
        """What the teller has told so far."""
        return self._stage.lines("told")[1:]

    def settle(self) -> None:
        """Minisup has told what was expected. If it was late, everything that follows is as late."""
        self._began = max(self._began, time.monotonic() - self.now / SPEED)

    # --- how it works ---

    def _config(self) -> Path:
        timeout = max(SHORTEST, self._span / SPEED + KEPT_BACK)
        head = f'shutdown_timeout = {timeout}\nlog = {{ level = "debug" }}'
        return self._stage.config(*map(self._table, self._policies), supervisor=head)

    def _table(self, policy: Policy) -> str:
        keys = scaled(policy)
        if policy.schedule is not None:  # it says when runs start, and these keys beside it are errors
            del keys["min_runtime"], keys["idle"]
        name, rate = keys.pop("name"), keys.pop("max_start_rate", None)
        if rate is not None:
            keys["max_start_rate"] = f"{rate * SPEED:g}/s"
        if any(job.says or job.idle_says for slot, job in self.jobs.items() if slot.partition(":")[0] == name):
            keys["idle"]["output"], keys["worked"] = "^said idle$", {"output": "^said worked$"}  # else it has failed
        keys = {"command": [self._command(name), self._plans], **keys}
        return "\n".join([f"[program.{name}]", *(f"{key} = {toml(value)}" for key, value in keys.items())]) + "\n"

    def _command(self, program: str) -> Path:
        return self._plans / f"actor.{program}"

    def _follow_plans(self) -> None:
        """Let the files say what the jobs say now."""
        for policy in self._policies:
            name = policy.name
            for slot in (f"{name}:{index}" for index in range(self._numprocs[name])):
                job = self.jobs.get(slot, self.jobs[name])
                odd = job.unkillable or job.clogged or job.fails
                assert not odd, f"{slot}: no real process is like that, or not for certain"
                self._write(slot, plan(job, self.now))
            self._let_start(name, self.jobs[name].trouble(self.now))
            self._fill(name, self.jobs[name].queue)

    def _write(self, slot: str, text: str) -> None:
        if self._written.get(slot) != text:
            self._written[slot] = text
            self._stage.write(f"plans/{slot}", text)

    def _let_start(self, program: str, trouble: Trouble | None) -> None:
        assert trouble is None or not trouble.scarce, f"{program}: the machine cannot be made to lack something"
        command = self._command(program)
        if trouble is not None:
            command.unlink(missing_ok=True)
        elif not command.exists():
            shutil.copy(self._actor, command)

    def _fill(self, program: str, queue: Queue | None) -> None:
        if queue is None:
            return
        assert not queue.rate, f"{program}: messages that come by chance come otherwise here"
        with (self._plans / f"{program}.queue").open("a+") as file:
            flock(file, LOCK_EX)
            file.seek(0)
            left = int(file.read() or 0)
            file.truncate(0)
            file.write(f"{left + queue.backlog}\n")
        queue.backlog = 0


def plan(job: Job, now: float) -> str:
    """The line that `actor.c` reads: a run that starts in an outage fails, another does as the job says."""
    failing = any(outage.start <= now < outage.end for outage in job.outages)
    lasts, code = (job.fails_after, job.fail_code) if failing else (job.lasts, job.code)
    assert not isinstance(lasts, tuple), "a duration by chance is another one here"
    number = signal.Signals[job.signal] if job.signal and not failing else 0
    words = [
        *(milliseconds(lasts), code or 0, int(number), job.reaction[0], milliseconds(job.reacts_in)),
        *(job.leftovers, milliseconds(job.leftovers_last), job.leftovers_reaction[0]),
        *(int(job.queue is not None and not failing), milliseconds(job.idle_lasts), job.idle_code),
        *(spoken(job.says), spoken(job.idle_says)),
    ]
    return " ".join(map(str, words)) + "\n"


def spoken(outcome: Outcome | None) -> str:
    """What a run prints; one that failed by its output is silent, because its last line would be told as the cause."""
    return "-" if outcome in {None, Outcome.FAILED} else str(outcome)


def milliseconds(seconds: float) -> int:
    """The real milliseconds of a duration in a scenario; -1 is for ever."""
    return -1 if seconds == inf else round(1000 * seconds / SPEED)


def scaled(record: object) -> dict[str, Any]:
    """A record of policies as a configuration has it, all durations divided; what is None is left out."""
    kinds = get_type_hints(type(record), include_extras=True)
    table: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if is_dataclass(value):
            table[field.name] = scaled(value)
        elif isinstance(value, frozenset):
            table[field.name] = sorted(value)
        elif value is not None:
            table[field.name] = value / SPEED if "seconds" in repr(kinds[field.name]) else value
    return table
