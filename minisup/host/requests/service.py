"""What the control socket can ask for, carried out on the supervisor: the handlers of `verbs.py`."""

import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta, timezone
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from minisup.control.handler import Deferred, Peer
from minisup.core.fleet import Fleet
from minisup.core.life.launch import is_ready
from minisup.core.messages import Action, Asked, OperatorAsked, RunAsked, ScaleAsked, ShutdownAsked, SignalAsked, Verb
from minisup.core.program import Program
from minisup.core.slot import GONE
from minisup.core.view import SCHEMA, daemon_state, snapshot
from minisup.core.why import explain
from minisup.errors import NO_PROGRAM, MinisupError, UsageError
from minisup.history.base import Book
from minisup.host.output.events import Wants, every
from minisup.host.output.following import log_line
from minisup.host.output.outputs import Output
from minisup.host.passwd import user_name
from minisup.host.process.leftovers import LeftoverSessions
from minisup.host.requests.caller import slot_of_caller
from minisup.host.requests.came_about import CameAbout
from minisup.host.requests.health import idle_for_good, unhealthy
from minisup.host.requests.preconditions import (
    left_alone,
    meant,
    refuse_beyond,
    refuse_endless_pause,
    refuse_in_vain,
    refuse_leaving,
    refuse_own_end,
    refuse_without_message,
)
from minisup.host.requests.reload import Reloading, document
from minisup.host.requests.run_once import MOST, Extras, RunFollower, Waiter
from minisup.host.requests.targets import is_about, is_meant, resolve, resolve_programs, resolve_run, resolve_scaled
from minisup.host.requests.waits import Wait, Waits, until_scaled, until_slots
from minisup.host.start.recipes import Recipes
from minisup.version import __version__

Params = Mapping[str, Any]

ENDING: Final = frozenset({Verb.STOP, Verb.RESTART, Verb.PAUSE})
"""Requests that are over when runs have ended."""

OWN: Final = "its own run asked for this"
ENDLESS: Final = "the run of a service ends by --now only"
"""Why nobody waits for a slot."""


class ServiceHost(Protocol):
    """What the service needs of the supervisor."""

    fleet: Fleet
    output: Output
    extras: Extras
    leftovers: LeftoverSessions
    running: dict[int, tuple[str, int]]
    recipes: Recipes
    waits: Waits
    reloading: Reloading
    history: Book
    instance: str
    begun: float
    todo: deque[Action]
    now: Callable[[], float]
    wall: Callable[[], float]

    def ask(self, event: OperatorAsked, by: str) -> None:
        """Feed a request of an operator."""
        ...

    def recount(self) -> None:
        """Bring the numbers of leftovers up to date."""
        ...


class RequestContext(NamedTuple):
    """Who asks, and where the answer goes."""

    peer: Peer
    promised: Deferred | None = None
    """The reply of a request that is carried out later than it came."""

    def later(self) -> Deferred:
        """A reply that comes later."""
        return self.promised or Deferred(self.peer)


class Service:
    """The handlers of the methods, each for a row of `verbs.py`. Each gets the parameters and who asks.

    The answer is plain data, a `Deferred` or a `Following`. Raises MinisupError to refuse.
    """

    def __init__(self, desk: ServiceHost) -> None:
        self.desk = desk

    def status(self, params: Params, _context: RequestContext) -> object:
        desk = self.desk
        targets = params["targets"]
        names = frozenset(resolve(desk.fleet, targets)) if targets else None
        if not desk.todo:
            desk.recount()
        now, wall = desk.now(), desk.wall()
        return snapshot(
            desk.fleet,
            now=now,
            wall=wall,
            version=__version__,
            pid=os.getpid(),
            instance=desk.instance,
            uptime=now - desk.begun,
            names=names,
            programs=frozenset(resolve_programs(desk.fleet, targets)),
            output_lost=desk.output.lost(),
            zone=zone(wall),
        )

    def why(self, params: Params, _context: RequestContext) -> object:
        desk = self.desk
        if not desk.todo:
            desk.recount()
        names = frozenset(resolve(desk.fleet, params["targets"]))
        now, wall = desk.now(), desk.wall()
        programs = [desk.fleet.programs[name] for name in resolve_programs(desk.fleet, params["targets"])]
        shown = [(program, [slot for slot in program.slots if slot.name in names]) for program in programs]
        found = [explain(desk.fleet, program, slots, now=now, wall=wall, zone=zone(wall)) for program, slots in shown]
        return {"schema": SCHEMA, "state": daemon_state(desk.fleet), "programs": found}

    def signal(self, params: Params, context: RequestContext) -> object:
        desk = self.desk
        targets = params["targets"]
        names = resolve(desk.fleet, targets)
        reached = tuple(name for name in names if desk.fleet.slots[name].run)
        if not reached:
            what = ", ".join(targets)
            raise MinisupError(
                f"cannot signal {what}: no run is in progress there; `minisup status --slots` shows what the slots do"
            )
        desk.ask(
            SignalAsked(reached, params["signal"], frozenset(targets), user_name(context.peer.uid)),
            asked_by(context.peer),
        )
        return {"done": True, "slots": list(reached)}

    def scale(self, params: Params, context: RequestContext) -> object:
        desk = self.desk
        self._refuse_at_the_end("scale")
        numprocs = params["numprocs"]
        programs = resolve_scaled(desk.fleet, params["target"])
        refuse_beyond(desk.fleet, programs, numprocs)
        for name in programs:
            if params["now"] or desk.fleet.programs[name].numprocs != numprocs:
                desk.ask(ScaleAsked(name, numprocs, params["now"], user_name(context.peer.uid)), asked_by(context.peer))
        slots = [slot for name in programs for slot in desk.fleet.programs[name].slots]
        result: dict[str, object] = {"programs": programs, "slots": [slot.name for slot in slots if not slot.leaving]}
        if not params["wait"]:
            return {
                "accepted": True,
                **result,
                "leaving": [slot.name for slot in slots if slot.leaving and not slot.extra],
            }
        own = self._slot_of(context.peer)
        own = own if own in desk.fleet.slots and desk.fleet.slots[own].leaving else ""
        result |= _not_waited_for({own: OWN} if own else {})
        missing = until_scaled(programs, numprocs, own)
        what = f"{params['target']}={numprocs}"
        return self._wait(Wait(what, missing, len(missing(desk.fleet)), result, context.later()), params)

    def run(self, params: Params, context: RequestContext) -> object:
        program = self._to_run(params["target"])
        deferred = context.later() if params["wait"] else None
        waiter = Waiter(deferred)
        self._run(program, waiter, context.peer)
        return deferred if deferred is not None else {"accepted": True, **waiter.run, **self._about(program)}

    def run_follow(self, params: Params, context: RequestContext) -> object:
        program = self._to_run(params["target"])
        watcher = RunFollower(self.desk.output.followers, self._about(program))
        self._run(program, watcher, context.peer)
        return watcher.following

    def _to_run(self, target: str) -> Program:
        fleet = self.desk.fleet
        self._refuse_at_the_end("run")
        program = fleet.programs[resolve_run(fleet, target)]
        if program.leaving:
            raise MinisupError(
                f"cannot run {program.name}: the configuration does not have it any more, and its last runs finish; "
                "put it back and `minisup reload`"
            )
        refuse_without_message(program)
        if program.counts.extras >= MOST:
            raise MinisupError(
                f"cannot run {program.name}: {MOST} extra runs of it are in progress; wait for some, or "
                f"`minisup scale {program.name}=N` for more slots"
            )
        return program

    def _run(self, program: Program, asker: Waiter | RunFollower, peer: Peer) -> None:
        event = RunAsked(program.name, user_name(peer.uid))
        self.desk.extras.ask(asker, partial(self.desk.ask, event, asked_by(peer)))

    def _about(self, program: Program) -> dict[str, object]:
        """Where its output goes, and what it is after that has not done its part: this run does not wait for it."""
        needed = [self.desk.fleet.programs[name] for name in program.policy.after if program.gated]
        output = self.desk.recipes.outlet_of(f"{program.name}:{program.numprocs}").to
        return {"output": output, "not_ready": [other.name for other in needed if not is_ready(other)]}

    def logs(self, params: Params, _context: RequestContext) -> object:
        names = resolve(self.desk.fleet, params["targets"] or ["all"])
        lines = self.desk.output.followers.last_lines(names, params["lines"], params["run"])
        return {"lines": [log_line(slot, line) for slot, line in lines]}

    def logs_follow(self, params: Params, _context: RequestContext) -> object:
        desk = self.desk
        targets = params["targets"] or ("all",)
        names = resolve(desk.fleet, targets)

        def wants(slot: str) -> bool:
            return is_meant(desk.fleet, targets, slot)

        return desk.output.followers.add(names, wants, params["lines"], params["run"])

    def _wanted(self, targets: Sequence[str]) -> Wants:
        """Which facts are meant: all, or those about what the targets mean. Raises as `resolve`."""
        if not targets or "all" in targets:
            return every
        resolve(self.desk.fleet, targets)
        return lambda fact: is_about(self.desk.fleet, targets, fact)

    def reopen(self, _params: Params, context: RequestContext) -> object:
        deferred = context.later()
        self.desk.output.reopen(asked_by(context.peer), deferred.resolve)
        return deferred

    def reload(self, params: Params, context: RequestContext) -> object:
        desk = self.desk
        self._refuse_at_the_end("reload")
        reply = context.later()
        if params["dry_run"]:
            desk.reloading.plan(lambda changes: reply.resolve(document(changes, applied=False)), reply.reject)
        else:
            by = user_name(context.peer.uid)
            desk.reloading.apply(by, lambda changes: reply.resolve(document(changes, applied=True)), reply.reject)
        return reply

    def history(self, _params: Params, _context: RequestContext) -> object:
        return self.desk.history.document()

    def events(self, params: Params, _context: RequestContext) -> object:
        return {"events": self.desk.output.events.last(params["lines"], self._wanted(params["targets"]))}

    def events_follow(self, params: Params, _context: RequestContext) -> object:
        return self.desk.output.events.add(params["lines"], self._wanted(params["targets"]))

    def health(self, params: Params, _context: RequestContext) -> object:
        targets, max_age = params["targets"], params["max_age"]
        if max_age is not None and not targets:
            raise UsageError(NO_PROGRAM)
        desk = self.desk
        programs = [desk.fleet.programs[name] for name in resolve_programs(desk.fleet, targets)]
        if desk.fleet.shutdown is not None:
            reason: str | None = "minisup is shutting down"
        elif targets:
            reason = unhealthy(programs, targets, max_age, desk.now(), desk.begun)
        else:
            reason = idle_for_good(desk.fleet)
        return {"healthy": reason is None, "reason": reason}

    def shutdown(self, params: Params, context: RequestContext) -> object:
        desk = self.desk
        if params["wait"]:
            refuse_own_end(self._slot_of(context.peer))
        desk.ask(ShutdownAsked(now=params["now"]), asked_by(context.peer))
        if not params["wait"]:
            return {"accepted": True}
        deferred = context.later()
        desk.waits.add_end(deferred, progress=params["progress"])
        return deferred

    def version(self, _params: Params, _context: RequestContext) -> object:
        return {"version": __version__, "pid": os.getpid(), "instance": self.desk.instance}

    def ask_slots(self, verb: Verb, came_about: CameAbout, params: Params, context: RequestContext) -> object:
        """Ask the slots that the targets mean to `verb`; with `wait` the reply comes when it has come about in all."""
        desk = self.desk
        self._refuse_at_the_end(verb)
        targets = params["targets"]
        found = resolve(desk.fleet, targets)
        if verb is not Verb.STOP:
            refuse_leaving(desk.fleet, verb, targets)
        mark = desk.fleet.next_run - 1
        whole = [target for target in targets if ":" not in target]  # a slot that is on its way out is not its program
        dormant = [name for name in resolve_programs(desk.fleet, whole) if desk.fleet.programs[name].is_empty()]
        named = frozenset([*targets, *dormant])  # they have no slots that could be asked
        names = meant(desk.fleet, verb, found, named)
        left = left_alone(desk.fleet, verb, names, named, now=params["now"])
        if not dormant:
            refuse_in_vain(verb, targets, names, left)
        apart = self._apart(verb, names, params, context) if params["wait"] else {}
        gone = [name for name in names if verb is Verb.RESUME and desk.fleet.slots[name].phase in GONE]
        desk.ask(Asked(verb, names, params["now"], named, user_name(context.peer.uid)), asked_by(context.peer))
        result: dict[str, object] = {"slots": list(names), **({"unchanged": left} if left else {})}
        if not params["wait"]:
            return {"accepted": True, **result}
        awaited = [name for name in names if name not in {*apart, *left, *gone}]
        missing = until_slots(verb, came_about, awaited, mark)
        result |= _not_waited_for(apart)
        return self._wait(Wait(f"{verb} {' '.join(targets)}", missing, len(awaited), result, context.later()), params)

    def _apart(self, verb: Verb, names: Sequence[str], params: Params, context: RequestContext) -> Mapping[str, str]:
        """The slots among these whose end nobody can wait for, with the reasons."""
        slots = self.desk.fleet.slots
        endless: list[str] = []
        if verb is Verb.PAUSE and not params["now"]:
            endless = [name for name in names if slots[name].run and slots[name].program.is_service]
            refuse_endless_pause(params["targets"], names, endless)
        own = self._slot_of(context.peer)
        return dict.fromkeys(endless, ENDLESS) | ({own: OWN} if own in names and verb in ENDING else {})

    def _slot_of(self, peer: Peer) -> str:
        return slot_of_caller(peer.pid, self.desk.running, self.desk.leftovers.left_by)

    def _wait(self, wait: Wait, params: Params) -> Deferred:
        self.desk.waits.add(wait, progress=params["progress"])
        return wait.deferred

    def _refuse_at_the_end(self, what: str) -> None:
        if self.desk.fleet.shutdown is not None:
            raise MinisupError(
                f"cannot {what}: minisup is shutting down; `minisup status` shows what is left, and "
                "`minisup up` starts it again when it has ended"
            )


def _not_waited_for(slots: Mapping[str, str]) -> dict[str, object]:
    return {"not_waited_for": slots} if slots else {}


def zone(wall: float) -> timezone:
    """The machine's time zone at `wall`."""
    return timezone(timedelta(seconds=time.localtime(wall).tm_gmtoff))


def asked_by(peer: Peer) -> str:
    """Who asked, for the log."""
    return f"uid {peer.uid} pid {peer.pid}"
