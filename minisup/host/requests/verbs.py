"""Everything that can be asked over the control socket: `VERBS`, the one declaration of it.

The protocol reads parameters by it, `ControlHandler` finds the handler, and a request on slots waits by its rule. To
add one, write its entry here, its handler in `service.py`, and its words in `minisup/cli/control`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from minisup.control.handler import Deferred, Following, Peer
from minisup.control.parameters import (
    Parameter,
    flag,
    one_target,
    seconds,
    signal_name,
    slots,
    some_targets,
    targets,
    whole,
)
from minisup.core.messages import Verb
from minisup.errors import MinisupError
from minisup.host.requests.came_about import CameAbout, has_paused, has_restarted, has_started, has_stopped
from minisup.host.requests.service import Params, RequestContext, Service, ServiceHost

Carry = Callable[[Service, Params, RequestContext], object]
"""Carries out a method: plain data, a `Deferred` for later, or a `Following`. Raises MinisupError to refuse."""


class ControlVerb(NamedTuple):
    """One method of the control socket."""

    parameters: Mapping[str, Parameter]
    handler: Carry
    in_turn: bool = False
    """It changes slots: it is carried out after what was asked before."""
    is_long: bool = False
    """Its reply may be long."""


def on_slots(verb: Verb, came_about: CameAbout) -> ControlVerb:
    """A request of an operator on slots. With `wait` it is answered when it `came_about` in each of them."""

    def carry_out(service: Service, params: Params, context: RequestContext) -> object:
        return service.ask_slots(verb, came_about, params, context)

    return ControlVerb({"targets": _SOME, **_HOW}, carry_out, in_turn=True)


_ANY = Parameter(targets, ())
_SOME = Parameter(some_targets, required=True)
_FLAG = Parameter(flag, default=False)
_SECONDS = Parameter(seconds)
_HOW = {"now": _FLAG, "wait": _FLAG, "timeout": _SECONDS, "progress": _FLAG}
_PROGRAM = Parameter(one_target, required=True, example='"email"')
_SIGNAL = Parameter(signal_name, required=True, example='"TERM"')
_NUMPROCS = Parameter(slots, required=True, example="5")
_LINES = {"targets": _ANY, "lines": Parameter(whole, 100)}
_LINES_TO_COME = {"targets": _ANY, "lines": Parameter(whole, 0)}
_RUN = {"run": Parameter(whole)}

VERBS: Final[Mapping[str, ControlVerb]] = MappingProxyType(
    {
        "status": ControlVerb({"targets": _ANY}, Service.status, is_long=True),
        "start": on_slots(Verb.START, has_started),
        "stop": on_slots(Verb.STOP, has_stopped),
        "restart": on_slots(Verb.RESTART, has_restarted),
        "pause": on_slots(Verb.PAUSE, has_paused),
        "resume": on_slots(Verb.RESUME, has_started),
        "signal": ControlVerb({"targets": _SOME, "signal": _SIGNAL}, Service.signal, in_turn=True),
        "scale": ControlVerb({"target": _PROGRAM, "numprocs": _NUMPROCS, **_HOW}, Service.scale, in_turn=True),
        "run": ControlVerb({"target": _PROGRAM, "wait": _FLAG, "timeout": _SECONDS}, Service.run, in_turn=True),
        "run.follow": ControlVerb({"target": _PROGRAM}, Service.run_follow, in_turn=True),
        "why": ControlVerb({"targets": _SOME}, Service.why, is_long=True),
        "logs": ControlVerb({**_LINES, **_RUN}, Service.logs, is_long=True),
        "logs.follow": ControlVerb({**_LINES_TO_COME, **_RUN}, Service.logs_follow),
        "reopen": ControlVerb({"timeout": _SECONDS}, Service.reopen),
        "reload": ControlVerb({"dry_run": _FLAG}, Service.reload),
        "history": ControlVerb({}, Service.history, is_long=True),
        "events": ControlVerb(_LINES, Service.events, is_long=True),
        "events.follow": ControlVerb(_LINES_TO_COME, Service.events_follow),
        "health": ControlVerb({"targets": _ANY, "max_age": _SECONDS}, Service.health),
        "shutdown": ControlVerb({"now": _FLAG, "wait": _FLAG, "progress": _FLAG}, Service.shutdown),
        "version": ControlVerb({}, Service.version),
    }
)
"""By the name of the method."""


class ControlHandler:
    """Carries out what clients ask for, each by its entry in `VERBS`."""

    methods = VERBS

    def __init__(self, desk: ServiceHost) -> None:
        self._desk = desk
        self._service = Service(desk)

    def handle(self, method: str, params: Params, peer: Peer) -> object:
        """See `Handler`. What changes slots waits until what was asked before has been carried out."""
        desk = self._desk
        if not VERBS[method].in_turn or not (desk.todo or desk.waits.postponed):
            return VERBS[method].handler(self._service, params, RequestContext(peer))
        reply = Deferred(peer)
        desk.waits.postponed.append(partial(self._carry_out, method, params, reply))
        return reply

    def _carry_out(self, method: str, params: Params, reply: Deferred) -> None:
        """What was postponed, in its turn."""
        try:
            result = VERBS[method].handler(self._service, params, RequestContext(reply.peer, reply))
        except MinisupError as error:
            reply.reject(error)
        except Exception:
            reply.reject(MinisupError(f"cannot {method}: internal error; please report it"))
            raise
        else:
            self._answer(reply, result)

    def _answer(self, reply: Deferred, result: object) -> None:
        if isinstance(result, Following) and reply.settled:
            result.leave()  # the client has gone meanwhile
        elif result is not reply:
            reply.resolve(result)
