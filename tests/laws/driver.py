"""A host without manners: it feeds `Fleet` any legal order of events and checks the laws after each step.

Legal means: a `Spawn` is answered once, at once or at any later time, actions are carried out in order, a run ends once
and after it has started, time goes forward, timers come in order and never early.
"""

from dataclasses import dataclass, field
from math import inf
from random import Random

from minisup.core.fleet import Fleet
from minisup.core.handlers.autoscale_control import numprocs_after
from minisup.core.handlers.resizing import is_on
from minisup.core.label import budget_label
from minisup.core.messages import (
    FLEET,
    Arm,
    Asked,
    Booted,
    Changed,
    ClockSet,
    ConfigReloaded,
    Credit,
    Deliver,
    Due,
    Exited,
    Forget,
    Halt,
    HoldFiles,
    LeaseExpired,
    Leftovers,
    Lost,
    Measure,
    Measured,
    MessagesWaiting,
    OutputDrained,
    OverMemory,
    Received,
    Record,
    Remembered,
    Resize,
    RunAsked,
    RunSurvived,
    ScaleAsked,
    Settle,
    Settlement,
    ShutdownAsked,
    Signal,
    SignalAsked,
    SignalLeftovers,
    SourceDown,
    SourceUp,
    Spawn,
    SpawnFailed,
    Started,
    Verb,
    WatchedFilesChanged,
)
from minisup.core.model import Kind, OnLost, Phase, Policy, Reason
from minisup.core.policy.shutdown import LAST_WAIT, usable
from minisup.core.policy.timers import SLACK, Timers

IN_PROGRESS = {Phase.READY, Phase.RUNNING, Phase.DRAINING, Phase.STOPPING, Phase.KILLING}
NAMED_EVENTS = {Reason.AFTER, Reason.OUTPUT, Reason.LEFTOVERS, Reason.PAUSED, Reason.MESSAGE}


@dataclass(frozen=True)
class Steps:
    """A calendar whose times are the multiples of so many seconds."""

    seconds: float

    def next_after(self, wall):
        return (wall // self.seconds + 1) * self.seconds


@dataclass
class Run:
    """A run as the machine sees it."""

    id: int
    started: float
    starting: str = ""  # how its start will turn out, while the core waits for that
    over: bool = False  # it takes more memory than it may
    signals: list = field(default_factory=list)  # ours
    sent: list = field(default_factory=list)  # an operator's
    patience: float | None = None  # not to be signalled before, by what was promised; None: at any time
    message: str = ""  # what it has in work
    ready: bool = False  # it waits for its message


class Driver:
    """One fleet, its simulated machine, and the laws."""

    def __init__(self, policies, *, shutdown_timeout=10.0, exit_when_done=False, seed=0):
        self.arguments = {"shutdown_timeout": shutdown_timeout, "exit_when_done": exit_when_done}
        self.policies = {policy.name: policy for policy in policies}
        self.first, self.known = list(policies), dict(self.policies)  # known: whatever there has been
        self.seed = seed
        self.fleet = Fleet(policies, uniform=Random(seed).uniform, **self.arguments)
        self.now = 0.0
        self.timers = Timers()
        self.armed = {}  # key -> generation
        self.runs = {}  # slot -> Run
        self.left = {}  # (slot, run) -> count
        self.killed = {}  # slot, or (slot, run) of leftovers -> when it got SIGKILL, while it lives on
        self.clogged = set()
        self.watched = set()
        self.stopped = set()  # slots that an operator stopped and nobody started
        self.paused = set()  # slots that an operator paused and that are still wanted
        self.numprocs = {policy.name: policy.numprocs for policy in policies}
        self.asked_probes = set()  # programs whose probe the core waits for
        self.last_run = 0
        self.extra = None  # the program of which an extra run is being asked for
        self.extras = {}  # slot of an extra run -> its id, until a scale-out takes it over
        self.spared = set()  # survivors of an earlier minisup whose slots are not brought up: drained without a limit
        self.failed = set()  # ids of runs that could not be started
        self.held = {}  # (program, message) -> the run that has it; None: none has, and it is not settled
        self.credit = {}  # program -> how many messages its source may still give
        self.fresh = 0  # messages so far
        self.asked_at = None  # shutdown
        self.halted = None
        self.answers = []  # how the next spawns go: "ok", "scarce", "missing", or "late" and one of these; then ok
        self.log = []  # (event, now, actions)
        self.ahead = 1000.0  # of the wall clock

    # --- what can happen ---

    def boot(self, *targets):
        self.feed(ClockSet(self.ahead))
        self.feed(Booted(targets))

    def set_clock(self, by):
        """Somebody sets the wall clock, or it is slewed."""
        self.ahead += by
        self.feed(ClockSet(self.ahead))

    def recall(self, slot, ago):
        """Before `boot`: until so long ago an earlier minisup saw to the slot's schedule."""
        self.feed(Remembered(slot, self.now + self.ahead - ago))

    def survive(self, slot, age):
        """Before `boot`: a run of an earlier minisup goes on, also in a slot that the configuration does not have.

        If its program has a source, or is unknown, it has a message in work.
        """
        if slot in self.runs:
            return
        self.last_run += 1
        program = slot.rpartition(":")[0]
        policy = self.policies.get(program)
        message = self._new_message() if policy is None or policy.source is not None else ""
        self.runs[slot] = Run(self.last_run, self.now - age, message=message)
        if message:
            self.held[program, message] = self.last_run
        self.spared.add(slot)
        self.feed(RunSurvived(slot, self.last_run, 1000 + self.last_run, self.now - age, message, bool(message)))

    def lose(self, slot):
        """Before `boot`: a run of an earlier minisup has ended."""
        if slot not in self.runs:
            self.last_run += 1
            self.feed(Lost(slot, self.last_run, self.now - 1.0))

    def _new_message(self):
        self.fresh += 1
        return f"m{self.fresh}"

    def receive(self, program, receives=1, *, beyond=False):
        """A message comes, within the credit or beyond it: it has crossed a smaller one."""
        if self.credit.get(program, 0) or beyond:
            message = self._new_message()
            if self.halted is None:
                self.held[program, message] = None
            self.credit[program] = max(0, self.credit.get(program, 0) - 1)
            self.feed(Received(program, message, receives, None if receives > 1 else 0.5))

    def receive_again(self, key):
        """A message that is in work, or in hand, comes a second time: its lease had run out."""
        before = self.held[key]
        self.feed(Received(*key, 2))
        assert self.held[key] == before, f"{key} is delivered twice"

    def lose_lease(self, key):
        """Somebody else may have the message: one that no run has is no longer ours."""
        program, message = key
        run = next((run for slot, run in self.runs.items() if run.message and run.id == self.held[key]), None)
        policy = self.policies.get(program)
        if run is not None and policy is not None and policy.source is not None:
            run.over = run.over or policy.source.on_lost is OnLost.STOP  # so it may be signalled
        if not self._has_slot(key):
            del self.held[key]
        self.feed(LeaseExpired(program, message))

    def _has_slot(self, key):
        slots = [slot for slot in self.fleet.slots.values() if slot.program.name == key[0]]
        return any(slot.delivery is not None and slot.delivery.message == key[1] for slot in slots)

    def say(self, program, what):
        """The source says how it is: a text (it is down), None (it is up), or how many messages wait."""
        if what is None:
            self.feed(SourceUp(program))
        else:
            self.feed(SourceDown(program, what) if isinstance(what, str) else MessagesWaiting(program, what))

    def exit(self, slot, code=0, signal=None, leftovers=0, *, output=False, oom=False, unread=False):
        if self.runs[slot].starting and not self.arrive(slot):
            return
        run = self.runs.pop(slot, None)
        if run is None:  # minisup has left
            return
        self.killed.pop(slot, None)
        if "SIGKILL" in run.signals:
            leftovers = 0
        if leftovers:
            self.left[slot, run.id] = leftovers
        if output:
            self.clogged.add(slot)
        unread = unread and bool(run.message)
        self.feed(Exited(slot, run.id, code, signal, leftovers=leftovers, output=output, oom=oom, unread=unread))

    def arrive(self, slot):
        """The start of a run is over, one way or the other; returns whether it has started."""
        run = self.runs[slot]
        answer, run.starting = run.starting, ""
        if answer == "ok":
            run.started = self.now
            self.feed(Started(slot, run.id, 1000 + run.id))
        else:
            del self.runs[slot]
            self.killed.pop(slot, None)
            self.failed.add(run.id)
            self.feed(SpawnFailed(slot, run.id, answer, answer == "scarce"))
        return answer == "ok"

    def leftovers(self, slot, run, count):
        if count:
            self.left[slot, run] = count
        else:
            del self.left[slot, run]
            self.killed.pop((slot, run), None)
        self.feed(Leftovers(slot, run, count))

    def appear(self, slot, count):
        """An orphan of the slot's last run is found late: it had made a session of its own."""
        if slot not in self.fleet.slots:
            return
        place = self.fleet.slots[slot]
        last = place.last.run if place.last else 0
        run = place.run.id if place.run else last
        if run and slot not in self.stopped and self.fleet.shutdown is None:
            self.leftovers(slot, run, count)

    def fill(self, slot):
        self.runs[slot].over = True
        self.feed(OverMemory(slot, self.runs[slot].id, 3 << 20, 2 << 20))

    def unclog(self, slot):
        self.clogged.discard(slot)
        if slot in self.fleet.slots:
            self.feed(OutputDrained(slot))

    def touch(self, program):
        if program in self.watched:
            self.feed(Changed(program))

    def change(self, program):
        """Files that a program watches change: a restart with nothing named."""
        slots = [slot.name for slot in self.fleet.programs[program].slots]
        if self.fleet.shutdown is None:
            self._promise(Verb.RESTART, slots, now=False)
            self._expect_pauses(Verb.RESTART, slots)
        self.feed(WatchedFilesChanged(program, "app/Job.php", 2))

    def ask(self, verb, slots, named=(), *, now=False):
        if verb is Verb.STOP:
            self.stopped.update(slots)
        elif verb in {Verb.START, Verb.RESTART}:
            self.stopped.difference_update(slots)
        if self.fleet.shutdown is None:
            self._promise(verb, slots, now)
            self._expect_pauses(verb, slots)
        self.feed(Asked(verb, tuple(slots), now, frozenset(named)))

    def _take_over_extras(self, program, indexes):
        """A scale-out keeps the extra runs that it finds in its way."""
        off = not self._joins(program)
        for index in indexes:
            if self.extras.pop(f"{program}:{index}", None) is not None and off:
                self.spared.add(f"{program}:{index}")  # it may finish

    def scale(self, program, numprocs, *, now=False):
        if self.fleet.shutdown is not None:
            return
        limits = self.policies[program].scale
        if limits is not None:
            numprocs = min(limits.max, max(limits.min, numprocs))
        self._expect_slots(program, numprocs, now=now)
        self.feed(ScaleAsked(program, numprocs, now))

    def _expect_slots(self, program, numprocs, *, now=False):
        """The program is about to have so many slots: what that promises to those that leave, join or stay."""
        before, self.numprocs[program] = self.numprocs.get(program, 0), numprocs
        self._take_over_extras(program, range(before, numprocs))
        policy = self._policy(f"{program}:0")
        for name, slot in self.fleet.slots.items():
            if slot.program.name == program and slot.index >= min(before, numprocs) and name not in self.extras:
                self.stopped.discard(name)
                self.paused.discard(name)
                run = self.runs.get(name)
                if run is not None and numprocs > slot.index:
                    run.patience = None
                elif run is not None and slot.phase is Phase.RUNNING:
                    drain = policy.stop.drain if policy.kind is Kind.SERVICE else inf
                    run.patience = None if now else self.now + drain
                elif run is not None and now:
                    run.patience = None
        self.stopped = {name for name in self.stopped if name in self.fleet.slots}
        wanted = {slot.name for slot in self.fleet.programs[program].slots if slot.wanted}
        if wanted and wanted <= self.paused:  # what joins a program that is paused as a whole is paused
            self.paused |= {f"{program}:{index}" for index in range(before, numprocs)}

    def reload(self, policies):
        """Another configuration: programs come, go and change, but not their kind, stop or max_runtime."""
        if self.fleet.shutdown is not None or self.halted is not None:
            return
        wanted = {policy.name: policy for policy in policies}
        for name, policy in wanted.items():
            program = self.fleet.programs.get(name)
            if program is None:
                self.numprocs[name] = policy.numprocs
            else:
                number = numprocs_after(program, policy, program.policy, program.leaving)
                if number != program.numprocs:
                    self._expect_slots(name, number)
        for name, program in self.fleet.programs.items():
            if name not in wanted and program.numprocs:
                self._expect_slots(name, 0)
        self.policies = wanted
        self.known.update(wanted)
        self.feed(ConfigReloaded(tuple(policies), self.arguments["shutdown_timeout"]))

    def once(self, program):
        """An operator asks for one extra run: exactly one starts, whatever the policy and earlier requests say."""
        if self.fleet.shutdown is not None:
            return
        before = self.last_run
        self.extra = program
        self.feed(RunAsked(program, "app"))
        self.extra = None
        if self.halted is None:
            assert self.last_run >= before + 1

    def measure(self, program, visible):
        """The probe answers, or with None fails to; also when the core does not wait for that."""
        self.asked_probes.discard(program)
        self.feed(Measured(program, visible, "" if visible is not None else "exit 1"))

    def _follow(self, event, program, numprocs):
        """The core has changed the number of slots by itself: only where and when it may."""
        scaler = self.fleet.programs[program].scaler
        assert scaler is not None, f"{program} has {numprocs} slots, and nobody asked for that"
        assert isinstance(event, Due | Measured), f"{program} scales itself upon {event}"
        assert scaler.scale.min <= numprocs <= scaler.scale.max
        before, self.numprocs[program] = self.numprocs[program], numprocs
        if numprocs > before:
            assert self.label_before == "ok", f"{program} grows while its budget is {self.label_before}"
            wanted = {slot.name for slot in self.fleet.programs[program].slots if slot.wanted}
            assert not wanted or not wanted <= self.paused, f"{program} grows while it is paused"
        for name, slot in self.fleet.slots.items():
            if slot.program.name == program and slot.index >= min(before, numprocs):
                self.stopped.discard(name)
                self.paused.discard(name)
                run = self.runs.get(name)
                if run is not None:
                    run.patience = None if numprocs > slot.index or run.ready else inf
        self.stopped = {name for name in self.stopped if name in self.fleet.slots}

    def signal(self, slots, name):
        self.feed(SignalAsked(tuple(slots), name))

    def shut_down(self, *, now=False):
        if self.asked_at is None:
            self.asked_at = self.now
        for run in self.runs.values():
            run.patience = None
        self.feed(ShutdownAsked(now))

    def stale(self, key, generation):
        """A timer of an older generation, which a host may deliver late."""
        if generation < self.armed.get(key, 0):
            self.feed(Due(key, generation))

    def wait(self, seconds):
        until = self.now + seconds
        for _ in range(10_000):
            due = self.timers.next_due()
            if due is None or due > until or self.halted is not None:
                break
            self.now = max(self.now, due)
            timer = self.timers.pop_due(self.now)
            assert timer is not None
            self.feed(Due(*timer))
        else:
            raise AssertionError("timers come due without end")
        self.now = until
        self._check_deadline()

    # --- the machine ---

    def feed(self, event):
        if self.halted is not None:
            return
        todo = list(self._step(event))
        for action in todo:
            if isinstance(action, Spawn):
                answer = self._spawn(action)
                todo += [] if answer is None else self._step(answer)
            elif isinstance(action, Credit | Deliver | Settle):
                self._carry_out_message(action)
            elif isinstance(action, Measure):
                assert self.fleet.shutdown is None
                self.asked_probes.add(action.program)
            else:
                self._carry_out(action, event)
        self._check()

    def _carry_out(self, action, event=None):
        match action:
            case Signal():
                self._signal(action)
            case SignalLeftovers():
                self._signal_leftovers(action)
            case Arm(key, generation, due):
                assert generation > self.armed.get(key, 0), f"{action} is not newer"
                self.armed[key] = generation
                self.timers.arm(key, generation, due)
            case Resize(program, numprocs):
                if numprocs != self.numprocs[program]:
                    self._follow(event, program, numprocs)
            case Forget(slot):
                assert slot not in self.runs, f"{slot} is forgotten while it runs"
                assert not [key for key in self.left if key[0] == slot], f"{slot} is forgotten, its leftovers live"
                assert slot not in self.fleet.slots
                assert not self._is_armed(slot)
                self.extras.pop(slot, None)
            case HoldFiles(program, on):
                (self.watched.add if on else self.watched.discard)(program)
            case Record():
                assert action.duration is None or action.duration >= 0
            case Halt(code):
                assert self.halted is None
                self.halted = (self.now, code)
                self._check_halt()

    def _carry_out_message(self, action):
        match action:
            case Credit(program, messages):
                assert messages >= 0
                self.credit[program] = messages
            case Deliver(slot, run, message):
                assert self.runs[slot].ready, f"{slot} was not ready"
                assert self.runs[slot].id == run
                assert not self.runs[slot].signals, f"{action} to what is being stopped"
                self.runs[slot].ready, self.runs[slot].started = False, self.now
                self._hand_over(slot, run, message)
            case Settle():
                self._settle(action)

    def _hand_over(self, slot, run, message):
        """A run has this message from now on."""
        key = (slot.rpartition(":")[0], message)
        assert key in self.held, f"{message} is delivered, and minisup does not have it"
        assert self.held[key] is None, f"{message} is delivered to two runs"
        self.held[key] = run
        if run not in self.failed:
            self.runs[slot].message = message

    def _settle(self, action):
        """Each delivery is settled exactly once, after its run."""
        key = action.program, action.message
        assert key in self.held, f"{action}: it was settled before, or never came"
        run = self.held.pop(key)
        assert run not in {run.id for run in self.runs.values()}, f"{action} while its run goes on"
        assert run is not None or action.how is Settlement.RETURN, f"{action} without a run"

    def _signal_leftovers(self, action):
        key = (action.slot, action.run)
        assert key in self.left, f"{action} reaches nobody"
        if action.signal == "SIGKILL":
            self.killed.setdefault(key, self.now)

    def _step(self, event):
        program = self.fleet.programs.get(getattr(event, "program", getattr(event, "key", "")))
        self.label_before = "" if program is None else budget_label(program, self.now)
        actions = self.fleet.step(event, self.now)
        self.log.append((event, self.now, tuple(actions)))
        return actions

    def _spawn(self, spawn):
        slot, run, _, message, ready = spawn
        assert slot not in self.runs, f"two runs in {slot}"
        assert run > self.last_run, "run ids only grow"
        assert self.asked_at is None, f"{spawn} after shutdown was asked for"
        if self.extra == slot.rpartition(":")[0]:
            self.extra = None  # nothing follows it
            self.extras[slot] = run
            assert self.fleet.slots[slot].leaving
            return self._answer(slot, run)
        assert not (message and ready)
        source = self.fleet.programs[slot.rpartition(":")[0]].source
        assert (source is not None) == bool(message or ready), f"{spawn}: of a program with a source, each run has one"
        assert slot not in self.extras, f"{spawn} after an extra run"
        assert slot not in self.stopped, f"{spawn} after stop"
        assert slot not in self.paused, f"{spawn} while it is paused"
        assert self.fleet.slots[slot].index < self.numprocs.get(slot.rpartition(":")[0], 0), (
            f"{spawn} in a slot that leaves"
        )
        answer = self._answer(slot, run)
        if slot in self.runs:
            self.runs[slot].ready = ready
        if message:
            self._hand_over(slot, run, message)
        return answer

    def _answer(self, slot, run):
        self.last_run = run
        answer = self.answers.pop(0) if self.answers else "ok"
        if answer.startswith("late "):
            self.runs[slot] = Run(run, self.now, answer.removeprefix("late "))
            return None
        if answer == "ok":
            self.runs[slot] = Run(run, self.now)
            return Started(slot, run, 1000 + run)
        self.failed.add(run)
        return SpawnFailed(slot, run, answer, answer == "scarce")

    def _signal(self, action):
        if action.run in self.failed:  # it was asked for before the answer was known
            return
        run = self.runs[action.slot]
        assert run.id == action.run
        if not action.wake:
            run.sent.append(action.signal)
            return
        assert "SIGKILL" not in run.signals, "the dead are signalled"
        policy = self._policy(action.slot)
        expired = policy.max_runtime is not None and self.now >= run.started + policy.max_runtime - 1e-6
        if run.patience is not None and self.asked_at is None and not self._has_given_up():
            assert expired or run.over or self.now >= run.patience - 1e-6, f"{action} at {self.now} within its drain"
        run.signals.append(action.signal)
        if action.signal == "SIGKILL":
            self.killed[action.slot] = self.now

    def _policy(self, slot):
        """Of a program that is no more: the defaults."""
        name = slot.rpartition(":")[0]
        return self.known.get(name) or Policy(name=name)

    def _joins(self, program):
        """Whether slots that join are wanted."""
        return is_on(self.fleet.programs[program])

    def _has_given_up(self):
        return any(program.failing.given_up for program in self.fleet.programs.values())

    def _promise(self, verb, slots, now):
        """Until when the runs of these slots may not be signalled."""
        for slot in slots:
            run = self.runs.get(slot)
            if run is None:
                continue
            stop = self._policy(slot).stop
            if verb in {Verb.START, Verb.RESUME}:
                run.patience = None if slot in self.paused else run.patience
            elif now:
                run.patience = None
            elif verb is Verb.STOP and (self.fleet.slots[slot].phase is Phase.RUNNING or run.patience == inf):
                run.patience = self.now + stop.drain
            elif verb is Verb.PAUSE and self.fleet.slots[slot].phase is Phase.RUNNING:
                run.patience = inf

    def _expect_pauses(self, verb, slots):
        for name in slots:
            slot = self.fleet.slots[name]
            if verb is Verb.PAUSE and slot.wanted:
                self.paused.add(name)
            elif verb in {Verb.START, Verb.RESUME, Verb.STOP} and (verb is Verb.STOP or not slot.leaving):
                self.paused.discard(name)

    # --- the laws ---

    def _check(self):
        self.paused &= {name for name, slot in self.fleet.slots.items() if slot.wanted}  # a pause ends with the rest
        for name, slot in self.fleet.slots.items():
            self._check_slot(name, slot)
        for program in self.fleet.programs.values():
            assert program.slots == sorted(program.slots, key=lambda slot: slot.index)
            assert [slot.index for slot in program.staying()] == list(range(self.numprocs.get(program.name, 0)))
            assert program.budget.size == program.policy.retry.budget + self.numprocs.get(program.name, 0)
            assert program.counts.extras == sum(slot.extra and slot.phase is not Phase.OFF for slot in program.slots)
            assert program.counts.active == sum(slot.phase not in {Phase.OFF, Phase.DONE} for slot in program.slots)
            if program.scaler is not None and not program.leaving:
                assert program.policy.scale.min <= program.numprocs <= program.policy.scale.max
                assert self._is_armed(program.name) or not self.fleet.booted or self.halted, "nobody looks any more"
            assert -1e-9 <= program.budget.tokens <= program.budget.size + 1e-9
            if program.holds.for_token:
                assert self._is_armed(program.name), f"{program.name} holds slots and nothing will wake it"
            self._check_source(program)
        self._check_messages()
        known = {FLEET, *self.fleet.slots, *self.fleet.programs}
        assert self.timers._live.keys() <= known, "a timer outlives what it is for"
        keys = len(self.fleet.slots) + len(self.fleet.programs) + 1
        assert len(self.timers) <= 2 * keys + SLACK

    def _check_slot(self, name, slot):
        run = self.runs.get(name)
        known = slot.run.id if slot.run else 0
        assert known == (run.id if run else 0), f"{name} runs {run}, the core believes {known}"
        if run:
            assert slot.phase in IN_PROGRESS
        elif slot.phase in IN_PROGRESS:
            assert slot.leftovers.alive, f"{name} is {slot.phase} without any process"
        assert (slot.pause is not None) == (name in self.paused), f"{name}: is it paused?"
        assert slot.timer.due == slot.due() or self.halted, f"{name} has another timer than its times want"
        assert (slot.wait is not None) == (slot.phase is Phase.WAITING), f"{name} is {slot.phase}, waits: {slot.wait}"
        planned = slot.wanted and slot.plan is not None
        assert slot.run is None or slot.run.planned_at is None or planned, f"{name} has a planned start, but no plan"
        assert slot.stop is None or slot.phase in {Phase.DRAINING, Phase.STOPPING}, f"{name} is {slot.phase}, ends"
        assert slot.plan is None or not slot.extra, f"{name} is extra, and planned"
        assert (slot.saved_wait is not None) == (slot.reason is Reason.PAUSED)
        if slot.phase is Phase.WAITING:
            assert slot.wanted
            assert not slot.leaving
            assert (slot.reason is Reason.PAUSED) == (name in self.paused)
            self._check_wait(name, slot)
        if slot.phase is Phase.OFF:
            assert not slot.wanted
        if slot.phase in {Phase.OFF, Phase.DONE} and name in self.stopped:
            assert not [key for key in self.left if key[0] == name], f"{name} is stopped, its leftovers are not"
        if slot.phase is Phase.KILLING and not slot.wanted:
            keys = {key for key in self.left if key[0] == name and key[1] not in slot.leftovers.kill_at} | (
                {name} if run else set()
            )
            assert keys <= self.killed.keys(), f"{name} is killing, and spares {keys - self.killed.keys()}"
        if slot.phase in {Phase.STOPPING, Phase.DRAINING} and not slot.wanted and self.halted is None:
            patient = slot.leaving and slot.phase is Phase.DRAINING  # a job that leaves drains without limit
            spared = patient or (name in self.spared and name not in self.stopped)
            harder = spared or self._is_armed(name) or self._is_armed(FLEET)
            assert harder, f"{name} is {slot.phase} and nothing will end it"

    def _check_wait(self, name, slot):
        assert slot.reason is not None
        assert slot.reason is not Reason.SCHEDULE or slot.plan is not None
        if self._is_armed(name) or slot.reason in NAMED_EVENTS:
            return
        program = name.rpartition(":")[0]
        assert slot.reason is Reason.HOLD, f"{name} waits for {slot.reason} and nothing will wake it"
        assert self._is_armed(program), f"{name} is held and nothing will wake it"

    def _check_messages(self):
        """What minisup holds is what came and is not settled, and each slot has the message of its run."""
        assert self.fleet.in_work.keys() == self.held.keys()
        for name, slot in self.fleet.slots.items():
            run = self.runs.get(name)
            message = "" if slot.delivery is None else slot.delivery.message
            if run is not None:
                assert message == run.message, f"{name} has {message}, its run {run.message}"
                quiet = slot.phase in {Phase.READY, Phase.STOPPING, Phase.KILLING}
                assert quiet or not run.ready, f"{name} is {slot.phase}, and its process waits for a message"
                assert run.ready or slot.phase is not Phase.READY
            elif message:
                assert slot.reason is Reason.PACE, f"{name} keeps {message} while it is {slot.phase}, {slot.reason}"
            if slot.phase is Phase.READY:
                assert run is not None
                assert slot.wanted
                assert slot.pause is None
                assert not slot.leaving
                assert self.fleet.shutdown is None

    def _check_source(self, program):
        """A source may give as many messages as can start, and nobody waits for a message that may not come."""
        told, name, source = self.credit.get(program.name, 0), program.name, program.source
        in_hand = [key for key in self.held if key[0] == name and not self._has_slot(key)]
        if source is None:
            assert not told, f"{name} has no source, which may give {told}"
            assert not in_hand
            return
        assert told == source.credit
        takers = [slot for slot in program.slots if slot.phase is Phase.READY or slot.reason is Reason.MESSAGE]
        goes_on = [slot for slot in program.slots if slot.wanted and slot.pause is None]
        if self.fleet.shutdown is not None or program.leaving or program.gated or not goes_on:
            assert not told, f"nothing of {name} may start, and its source may give {told}"
            assert not in_hand, f"nothing of {name} may start, and it keeps {in_hand}"
        elif program.holds.files_held:
            assert told + len(in_hand) <= 1, f"{name} is held for a cause, and its source may give {told}"
            probed = any(slot.run or slot.delivery for slot in program.slots) or program.holds.for_cause
            assert told or not takers or probed, f"{name} waits for a message, and none may come"
        else:
            ahead = source.policy.prefetch if program.failing.since is None else 0
            assert told == max(0, len(takers) + ahead - len(in_hand)), f"{name}: {told} for {len(takers)} and {ahead}"
            assert not takers or not in_hand, f"{name} keeps {in_hand} from {takers}"
        assert len(in_hand) <= max(source.policy.prefetch, program.numprocs)

    def _check_halt(self):
        """Whatever is left behind had its SIGKILL, and time to die of it."""
        running = {run.id for run in self.runs.values()}
        assert all(run in running for run in self.held.values()), f"minisup leaves with {self.held}"
        if self.asked_at is None:
            return
        for key, when in self.killed.items():
            assert self.now >= when + LAST_WAIT - 1e-6, f"{key} was killed at {when}, left behind at {self.now}"
        assert self.runs.keys() <= self.killed.keys(), "minisup left runs behind"
        assert self.left.keys() <= self.killed.keys(), "minisup left leftovers behind"

    def _is_armed(self, key):
        return key in self.timers._live

    def _check_deadline(self):
        if self.asked_at is None or not self.arguments["shutdown_timeout"]:
            return
        deadline = self.asked_at + usable(self.arguments["shutdown_timeout"])
        if self.halted is not None:
            assert self.halted[0] <= deadline + LAST_WAIT + 1e-6
            return
        assert self.now <= deadline + LAST_WAIT + 1e-6, "minisup has not left in time"
        if self.now > deadline + 1e-6:
            assert self.runs.keys() <= self.killed.keys(), "a run lives on after the deadline"
            assert self.left.keys() <= self.killed.keys(), "leftovers live on after the deadline"

    def check_replay(self):
        """The same events give the same actions."""
        again = Fleet(self.first, uniform=Random(self.seed).uniform, **self.arguments)
        for event, now, actions in self.log:
            assert tuple(again.step(event, now)) == actions
