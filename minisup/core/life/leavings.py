"""What ended runs have left behind: its signal, its SIGKILL when it has had its time, and who waits for that."""

from minisup.core.life import launch
from minisup.core.messages import SignalLeftovers
from minisup.core.model import Phase, Reason
from minisup.core.slot import Slot
from minisup.core.state import State


def signal_leftovers(state: State, slot: Slot, name: str) -> None:
    """Signal what every ended run of the slot left behind."""
    for run in slot.leftovers.alive:
        state.out.append(SignalLeftovers(slot.name, run, name))


def sweep(state: State, slot: Slot, *, hurry: bool = False) -> None:
    """SIGKILL to those leftovers that had their signal and their time, or, in a hurry, their signal alone."""
    for run, due in list(slot.leftovers.kill_at.items()):
        if hurry or due <= state.now:
            del slot.leftovers.kill_at[run]
            state.out.append(SignalLeftovers(slot.name, run, "SIGKILL"))
    release(state, slot)


def release(state: State, slot: Slot) -> None:
    """Start a service that waits for them, once none of them is in the middle of its stop."""
    if slot.phase is Phase.WAITING and slot.reason is Reason.LEFTOVERS and not slot.leftovers.kill_at:
        launch.start(state, slot)
