"""Where everything stands: the mutable inside of the fleet. `fleet.py` says by which rules it changes."""

from collections.abc import Callable, Iterable, Sequence

from minisup.core.messages import Action, Arm, Forget, Note
from minisup.core.model import Instant, Policy, Seconds
from minisup.core.policy.shutdown import levels
from minisup.core.policy.stats import Stats
from minisup.core.program import Program
from minisup.core.slot import LiveTimer, Slot


class Shutdown:
    """A shutdown under way."""

    __slots__ = ("asked_at", "begun", "code", "cut", "finished", "halt_at", "span", "step", "top")

    def __init__(self, now: Instant, span: Seconds, code: int, step: int, top: int, halt_at: Instant) -> None:
        self.begun = now
        self.asked_at = now
        self.span = span
        self.code = code
        self.step = step  # 1 drain, 2 signal, 3 kill
        self.top = top  # the highest level of a program
        self.halt_at = halt_at
        self.finished = 0
        self.cut = 0


class State:
    """All programs and slots, the instant of the current step, and the actions that it has come to so far."""

    def __init__(
        self,
        policies: Sequence[Policy],
        *,
        shutdown_timeout: Seconds,
        first_run: int = 1,
        uniform: Callable[[float, float], float],
        exit_when_done: bool = False,
        now: Instant = 0.0,
    ) -> None:
        level = levels(policies)
        self.now = now
        self.ahead = 0.0  # what the wall clock reads when the monotonic one reads 0
        self.out: list[Action] = []
        self.uniform = uniform
        self.next_run = first_run
        self.shutdown_timeout = shutdown_timeout
        self.exit_when_done = exit_when_done
        self.booted = False
        self.halted = False
        self.shutdown: Shutdown | None = None
        self.timer = LiveTimer()  # of the shutdown
        self.spent = 0  # the highest generation of a timer of a program that is gone, and of its slots
        self.stats: dict[str, Stats] = {}  # of programs that are gone: if one comes back, its counts go on
        self.gone: list[Slot] = []  # left in this step; forgotten at its end
        self.programs = {policy.name: Program(policy, level[policy.name], now) for policy in policies}
        self.slots = {slot.name: slot for program in self.programs.values() for slot in program.slots}
        self.sourced = {name: program for name, program in self.programs.items() if program.source is not None}
        self.in_work: dict[tuple[str, str], Slot | None] = {}  # by program and message; None: in hand
        for program in self.programs.values():
            for name in program.policy.after:
                self.programs[name].dependents.append(program)

    def add_slots(self, program: Program, indexes: Iterable[int]) -> list[Slot]:
        """New slots of a program, off. Their timers are newer than those of slots that had the same names."""
        fresh = [Slot(program, index, self.now, program.spent) for index in indexes]
        program.slots = sorted([*program.slots, *fresh], key=lambda slot: slot.index)
        self.slots = {slot.name: slot for other in self.programs.values() for slot in other.slots}
        return fresh

    def add_program(self, policy: Policy) -> None:
        """A new program, off. Its timers are newer than those of one that had the same name."""
        program = self.programs[policy.name] = Program(policy, 0, self.now)
        program.stats = self.stats.pop(policy.name, program.stats)
        if program.source is not None:
            program.source.stats = program.stats
        program.timer.generation = program.spent = self.spent
        for slot in program.slots:
            slot.timer.generation = self.spent
        if program.source is not None:
            self.sourced[policy.name] = program

    def forget(self, program: Program) -> None:
        """The configuration does not have the program, and nothing of it is left."""
        self.arm(program.name, program.timer, None)
        self.spent = max(self.spent, program.spent, program.timer.generation)
        self.stats[program.name] = program.stats
        del self.programs[program.name]
        self.sourced.pop(program.name, None)

    def forget_gone(self) -> None:
        """Forget the slots that have left, and their programs if the configuration does not have those."""
        for slot in self.gone:
            program, slots = slot.program, slot.program.slots
            del slots[next(place for place in reversed(range(len(slots))) if slots[place] is slot)]
            del self.slots[slot.name]
            program.idle.sleepers.pop(slot, None)
            program.spent = max(program.spent, slot.timer.generation)
            self.out.append(Forget(slot.name))
            if program.leaving and not slots:
                self.forget(program)
            elif all(left.extra for left in slots):  # nobody is left who could fail or be well again
                program.begin_again()
        self.gone.clear()

    def note(self, fact: object) -> None:
        """Tell a fact."""
        self.out.append(Note(fact))

    def arm_slot(self, slot: Slot) -> None:
        """Let the slot's one timer agree with its times."""
        due = slot.due()
        if due != slot.timer.due:  # mostly nothing has changed: no call for that
            self.arm(slot.name, slot.timer, due)

    def arm_program(self, program: Program) -> None:
        """Let the program's one timer agree with its times."""
        self.arm(program.name, program.timer, program.due(self.now))

    def arm(self, key: str, timer: LiveTimer, due: Instant | None) -> None:
        """Let a timer agree with `due`."""
        if due != timer.due:
            timer.due = due
            timer.generation += 1
            self.out.append(Arm(key, timer.generation, due))
