"""What the control socket can ask for, carried out on the supervisor."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from minisup import __version__
from minisup.control.handler import Deferred, Peer
from minisup.core.fleet import Fleet
from minisup.core.messages import Asked, ShutdownAsked, Verb
from minisup.core.view import SCHEMA, daemon_state, snapshot
from minisup.core.why import explain
from minisup.errors import MinisupError
from minisup.host.following import log_line
from minisup.host.output import Output
from minisup.host.targets import is_meant, resolve, resolve_programs
from minisup.host.waits import Wait, Waits

Params = Mapping[str, Any]


class Desk(Protocol):
    """What the service needs of the supervisor."""

    fleet: Fleet
    output: Output
    waits: Waits
    instance: str
    begun: float
    now: Callable[[], float]
    wall: Callable[[], float]

    def ask(self, event: Asked | ShutdownAsked, by: str) -> None:
        """Feed a request of an operator."""
        ...

    def recount(self) -> None:
        """Bring the numbers of leftovers up to date."""
        ...


class Service:
    """One method a method of the protocol."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def handle(self, method: str, params: Params, peer: Peer) -> object:
        """Carry out a method; plain data, or a `Deferred`. Raises MinisupError to refuse."""
        return METHODS[method](self, params, peer)

    def status(self, params: Params, _peer: Peer) -> object:
        desk = self.desk
        targets = params["targets"]
        names = frozenset(resolve(desk.fleet, targets)) if targets else None
        desk.recount()
        now = desk.now()
        return snapshot(
            desk.fleet,
            now=now,
            wall=desk.wall(),
            version=__version__,
            pid=os.getpid(),
            instance=desk.instance,
            uptime=now - desk.begun,
            names=names,
        )

    def why(self, params: Params, _peer: Peer) -> object:
        desk = self.desk
        names = frozenset(resolve(desk.fleet, params["targets"]))
        now, wall = desk.now(), desk.wall()
        programs = [desk.fleet.programs[name] for name in resolve_programs(desk.fleet, params["targets"])]
        shown = [(program, [slot for slot in program.slots if slot.name in names]) for program in programs]
        found = [explain(desk.fleet, program, slots, now=now, wall=wall) for program, slots in shown]
        return {"schema": SCHEMA, "state": daemon_state(desk.fleet), "programs": found}

    def start(self, params: Params, peer: Peer) -> object:
        return self._ask(Verb.START, params, peer)

    def stop(self, params: Params, peer: Peer) -> object:
        return self._ask(Verb.STOP, params, peer)

    def restart(self, params: Params, peer: Peer) -> object:
        return self._ask(Verb.RESTART, params, peer)

    def logs(self, params: Params, _peer: Peer) -> object:
        names = resolve(self.desk.fleet, params["targets"] or ["all"])
        lines = self.desk.output.followers.last_lines(names, params["lines"], params["run"])
        return {"lines": [log_line(slot, line) for slot, line in lines]}

    def logs_follow(self, params: Params, _peer: Peer) -> object:
        desk = self.desk
        targets = params["targets"] or ("all",)
        names = resolve(desk.fleet, targets)

        def wants(slot: str) -> bool:
            return is_meant(desk.fleet, targets, slot)

        return desk.output.followers.add(names, wants, params["lines"], params["run"])

    def reopen(self, _params: Params, peer: Peer) -> object:
        deferred = Deferred(peer)
        self.desk.output.reopen(asked_by(peer), deferred.resolve)
        return deferred

    def health(self, params: Params, _peer: Peer) -> object:
        reason = self._unhealthy(params["targets"] or [], params["max_age"])
        return {"healthy": reason is None, "reason": reason}

    def shutdown(self, params: Params, peer: Peer) -> object:
        desk = self.desk
        desk.ask(ShutdownAsked(now=params["now"]), asked_by(peer))
        if not params["wait"]:
            return {"accepted": True}
        deferred = Deferred(peer)
        desk.waits.add_end(deferred)
        return deferred

    def version(self, _params: Params, _peer: Peer) -> object:
        return {"version": __version__, "pid": os.getpid(), "instance": self.desk.instance}

    def _ask(self, verb: Verb, params: Params, peer: Peer) -> object:
        desk = self.desk
        if desk.fleet.shutdown is not None:
            raise MinisupError(f"cannot {verb}: minisup is shutting down")
        targets = params["targets"]
        names = tuple(resolve(desk.fleet, targets))
        mark = desk.fleet.next_run - 1
        desk.ask(Asked(verb, names, params["now"], frozenset(targets)), asked_by(peer))
        if not params["wait"]:
            return {"accepted": True, "slots": list(names)}
        deferred = Deferred(peer)
        desk.waits.add(Wait(verb, names, mark, deferred))
        return deferred

    def _unhealthy(self, targets: list[str], max_age: float | None) -> str | None:
        desk = self.desk
        programs = [desk.fleet.programs[name] for name in resolve_programs(desk.fleet, targets or ["all"])]
        if desk.fleet.shutdown is not None:
            return "minisup is shutting down"
        for program in programs:
            if program.given_up and targets:
                return f"{program.name} was given up"
            if max_age is not None and (program.active or targets):
                age = desk.now() - (program.proof_at if program.proof_at is not None else desk.begun)
                if age > max_age:
                    return f"{program.name} has not worked for {age:.0f} s"
        return None


def asked_by(peer: Peer) -> str:
    """Who asked, for the log."""
    return f"uid {peer.uid} pid {peer.pid}"


METHODS: dict[str, Callable[[Service, Params, Peer], object]] = {
    "status": Service.status,
    "why": Service.why,
    "start": Service.start,
    "stop": Service.stop,
    "restart": Service.restart,
    "logs": Service.logs,
    "logs.follow": Service.logs_follow,
    "reopen": Service.reopen,
    "health": Service.health,
    "shutdown": Service.shutdown,
    "version": Service.version,
}
