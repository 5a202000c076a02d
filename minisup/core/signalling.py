"""An operator sends a signal to runs in progress. It asks for nothing: what the run makes of it decides."""

from minisup.core import facts, notices
from minisup.core.messages import Signal, SignalAsked, SignalDenied
from minisup.core.model import Scope
from minisup.core.state import State


def out_of_reach(state: State, event: SignalDenied) -> None:
    """A run cannot be signalled: told once. Its stop goes on as if it could be, and waits for its end."""
    slot = state.slots.get(event.slot)
    if slot is not None and slot.run == event.run and not slot.out_of_reach:
        slot.out_of_reach = True
        state.note(facts.OutOfReach(slot.name, slot.run))


def signal_asked(state: State, event: SignalAsked) -> None:
    """Send it by each program's `stop.scope`, SIGKILL to whole sessions. A run that dies by it was stopped."""
    reached = [slot for slot in (state.slots[name] for name in event.slots) if slot.run]
    for slot in reached:
        if slot.ours is None:
            slot.sent |= {event.signal}
        scope = Scope.GROUP if event.signal == "SIGKILL" else slot.program.policy.stop.scope
        state.out.append(Signal(slot.name, slot.run, event.signal, scope, wake=False))
    notices.signalled(state, reached, event)
