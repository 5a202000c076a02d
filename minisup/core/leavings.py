"""What ended runs have left behind: its signal, and its SIGKILL when it has had its time."""

from minisup.core.messages import SignalLeftovers
from minisup.core.slot import Slot
from minisup.core.state import State


def signal_leftovers(state: State, slot: Slot, name: str) -> None:
    """Signal what every ended run of the slot left behind."""
    for run in slot.leftovers:
        state.out.append(SignalLeftovers(slot.name, run, name))


def sweep(state: State, slot: Slot, *, hurry: bool = False) -> None:
    """SIGKILL to those leftovers that had their signal and their time, or, in a hurry, their signal alone."""
    for run, due in list(slot.leftover_kill_at.items()):
        if hurry or due <= state.now:
            del slot.leftover_kill_at[run]
            state.out.append(SignalLeftovers(slot.name, run, "SIGKILL"))
