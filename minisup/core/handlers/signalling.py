"""An operator sends a signal to runs in progress. It asks for nothing: what the run makes of it decides."""

from dataclasses import replace

from minisup.core import facts
from minisup.core.life import notices
from minisup.core.messages import Signal, SignalAsked, SignalDenied
from minisup.core.model import Scope
from minisup.core.slot import Slot
from minisup.core.state import State


def out_of_reach(state: State, event: SignalDenied) -> None:
    """A run cannot be signalled: told once. Its stop goes on as if it could be, and waits for its end."""
    slot = state.slots.get(event.slot)
    run = None if slot is None else slot.run
    if run is not None and run.id == event.run and not run.signals.out_of_reach:
        run.signals = replace(run.signals, out_of_reach=True)
        state.note(facts.OutOfReach(event.slot, run.id))


def signal_asked(state: State, event: SignalAsked) -> None:
    """Send it by each program's `stop.scope`, SIGKILL to whole sessions. A run that dies by it was stopped."""
    reached: list[Slot] = []
    for slot in (state.slots[name] for name in event.slots):
        run = slot.run
        if run is None:
            continue
        reached.append(slot)
        if run.signals.ours is None:
            run.signals = replace(run.signals, sent=run.signals.sent | {event.signal})
        scope = Scope.GROUP if event.signal == "SIGKILL" else slot.program.policy.stop.scope
        state.out.append(Signal(slot.name, run.id, event.signal, scope, wake=False))
    notices.signalled(state, reached, event)
