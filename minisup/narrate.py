"""Facts in words. The only file with sentences about what happens to programs and runs."""

from collections.abc import Callable, Sequence
from typing import Any

from minisup.config.text.units import format_duration as duration
from minisup.config.text.units import format_size as size
from minisup.core import facts
from minisup.core.messages import Asked, RunAsked, ScaleAsked, SignalAsked
from minisup.core.model import Outcome
from minisup.core.policy.outcome import described
from minisup.core.state import State
from minisup.escapes import visible
from minisup.version import __version__

WARNING = frozenset(
    {
        facts.ManyLeftovers,
        facts.GaveUp,
        facts.Cut,
        facts.OutputLost,
        facts.OutputRuleSlow,
        facts.OutputStuck,
        facts.OutOfReach,
        facts.LeftAlive,
        facts.PipesClosed,
        facts.RotationFailed,
        facts.NotReloaded,
        facts.HookFailed,
        facts.HookDropped,
        facts.ProtectionFailed,
        facts.ProbeFailed,
        facts.SourceFailed,
        facts.MessageRejected,
        facts.PoisonMessage,
        facts.LeaseLost,
        facts.StartLate,
        facts.StartsSkipped,
        facts.ClockJumped,
    }
)
"""Facts whose lines are warnings; those in `DETAILS` are for debugging, all others information."""

MOST_NAMES = 12
"""Slots that one line names."""

LONGEST_ID = 80
"""Characters of a message's id that a line shows."""

DETAILS = frozenset({facts.RunStarted, facts.RunEnded, facts.SlotHeld, facts.SlotProbed, facts.ProtectionSet})
"""Facts about single runs, and what follows their coming and going."""


def level(fact: object) -> str:
    """How important the line of a fact is."""
    if type(fact) in DETAILS:
        return "debug"
    troubled = type(fact) in WARNING or (type(fact) is facts.Reopened and fact.failed)
    return "warning" if troubled else "info"


def count(number: int, noun: str) -> str:
    """`1 run`, `2 runs`, `1,204 runs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def extent(programs: int, slots: int) -> str:
    """How much there is to run: `3 programs, 7 slots`."""
    return f"{count(programs, 'program')}, {count(slots, 'slot')}"


def listed(names: Sequence[str]) -> str:
    """`email:0, email:1 and 8 more`."""
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def request(event: Asked | ScaleAsked | RunAsked | SignalAsked) -> str:
    """What an operator asks, as it would stand on the command line."""
    now = " --now" if isinstance(event, Asked | ScaleAsked) and event.now else ""
    match event:
        case Asked():
            return f"{event.verb} {', '.join(sorted(event.named))}{now}"
        case ScaleAsked():
            return f"scale {event.program}={event.numprocs}{now}"
        case RunAsked():
            return f"run {event.program}"
        case SignalAsked():
            return f"signal {event.signal.removeprefix('SIG')} {', '.join(sorted(event.named))}"


def begins(fleet: State, socket: str | None, history: str | None) -> str:
    """The first line of all."""
    places = "no socket" if socket is None else f"socket {socket}"
    kept = "" if history is None else f", history {history}"
    return f"minisup {__version__}: {extent(len(fleet.programs), len(fleet.slots))}, {places}{kept}"


def run_started(fact: facts.RunStarted) -> str:
    return f"{fact.slot} run {fact.run} started, pid {fact.pid}"


def run_ended(fact: facts.RunEnded) -> str:
    how = fact.signal or (f"exit {fact.code}" if fact.code else "")
    took = "" if fact.duration is None else f" after {duration(fact.duration)}"
    return f"{fact.slot} run {fact.run} {fact.outcome}{f' ({how})' if how else ''}{took}"


def slot_held(fact: facts.SlotHeld) -> str:
    return f"{fact.slot} is held{f': {fact.cause}' if fact.cause else ''}"


def slot_probed(fact: facts.SlotProbed) -> str:
    return f"{fact.slot} is tried again, run {fact.run}"


def program_started(fact: facts.ProgramStarted) -> str:
    return f"{fact.program}: started, {count(fact.slots, 'slot')}"


def survived(fact: facts.Survived) -> str:
    then = "; no longer configured, so nothing follows it" if fact.leaving else ""
    return f"survived: {fact.slot} pid {fact.pid} run {fact.run}{then}"


def first_failure(fact: facts.FirstFailure) -> str:
    program = fact.slot.rpartition(":")[0]
    then = "" if fact.next_in is None else f"; next try in {duration(fact.next_in)}"
    if fact.paused_by:
        then = f"; paused by {fact.paused_by}"
    if fact.outcome is Outcome.UNSTARTABLE:
        return f"{program}: first failure: {fact.slot} {fact.cause}{then}"
    how = described(fact.outcome, fact.code, fact.signal, fact.cause, f" after {duration(fact.duration)}")
    return f"{program}: first failure: {fact.slot} {how}{then}"


def still_failing(fact: facts.StillFailing) -> str:
    how = described(fact.outcome, fact.code, fact.signal, fact.cause)
    then = f"; holding, a probe every {duration(fact.probe_every)}" if fact.holding else ""
    return f"{fact.program}: failing for {duration(fact.lasted)}, {count(fact.failures, 'failure')} ({how}){then}"


def recovered(fact: facts.Recovered) -> str:
    spent = "1 try was spent" if fact.tries == 1 else f"{fact.tries:,} tries were spent"
    return f"{fact.program}: recovered after {duration(fact.lasted)}; {spent}"


def state_changed(fact: facts.StateChanged) -> str:
    return f"{fact.program}: {fact.state}" + (f", asked by {fact.by}" if fact.by else "")


def task_worked(fact: facts.TaskWorked) -> str:
    frees = f"; {', '.join(fact.frees)} may start now" if fact.frees else ""
    return f"{fact.program} worked in {duration(fact.took)}{frees}"


def gave_up(fact: facts.GaveUp) -> str:
    then = "minisup drains and exits 75" if fact.then == "exit" else f"off until `minisup start {fact.program}`"
    return f"{fact.program}: given up after {duration(fact.lasted)} of failing; {then}"


LATE: dict[str, str] = {
    "overlap": "the run before went on until now",
    "clock": "the clock had jumped over its time",
    "down": "minisup was not up at its time",
}
"""Why a planned start was late, where that is known."""


def start_late(fact: facts.StartLate) -> str:
    why = LATE.get(fact.why, "it could not start in time")
    return f"{fact.slot} run {fact.run} starts {duration(fact.delay)} late: {why}"


def starts_skipped(fact: facts.StartsSkipped) -> str:
    why = f"run {fact.run} was still in progress" if fact.why == "overlap" else "it was paused"
    return f"{fact.slot}: {count(fact.skipped, 'planned start')} left out: {why}"


def clock_jumped(fact: facts.ClockJumped) -> str:
    where = "forward" if fact.seconds > 0 else "back"
    return f"the clock was set {duration(abs(fact.seconds))} {where}; schedules go by its new time"


def paused(fact: facts.Paused) -> str:
    left = f"; {count(fact.left, 'run')} may finish" if fact.left else ""
    return f"{fact.program}: paused by {fact.by}: {listed(fact.slots)}{left}"


def resumed(fact: facts.Resumed) -> str:
    return f"{fact.program}: resumed by {fact.by}: {listed(fact.slots)}"


def scaled(fact: facts.Scaled) -> str:
    left = f"; {count(fact.left, 'slot')} may finish" if fact.left else ""
    return f"{fact.program}: scaled from {fact.was} to {count(fact.numprocs, 'slot')} by {fact.by}{left}"


def extra_run(fact: facts.ExtraRun) -> str:
    program = fact.slot.rpartition(":")[0]
    return f"{program}: one extra run for {fact.by}: {fact.slot} run {fact.run}"


def extra_run_ended(fact: facts.ExtraRunEnded) -> str:
    begin = f"{fact.slot} run {fact.run}, an extra one for {fact.by}, "
    if fact.outcome is Outcome.UNSTARTABLE:
        return f"{begin}could not be started: {fact.cause}"
    after = f" after {duration(fact.duration)}"
    if fact.signal is None and not fact.code:
        return f"{begin}{fact.outcome}{after}"
    return f"{begin}{fact.outcome}: {described(fact.outcome, fact.code, fact.signal, fact.cause, after)}"


def autoscaled(fact: facts.Autoscaled) -> str:
    return f"{fact.program}: {fact.was} -> {count(fact.numprocs, 'slot')}: {scaling_reason(fact)}"


def scaling_reason(fact: facts.Autoscaled) -> str:
    """Why a program has scaled itself: `312 wait, 2.3 s each, target 10 s`."""
    busy = f"{fact.busy:g} busy"
    match fact.reason:
        case "backlog":
            each = "" if fact.each is None else f", {duration(fact.each)} each"
            return f"{fact.visible:,} wait{each}, target {duration(fact.target)}"
        case "load" | "quiet":
            return f"{fact.visible:,} wait, {busy}"
        case "worked":
            return f"none of the last {count(fact.runs, 'run')} was idle"
        case "idle":
            return f"{fact.idle} of the last {count(fact.runs, 'run')} were idle"
        case _:
            return f"no answer of the probe for {duration(fact.stale)}"


def probe_failed(fact: facts.ProbeFailed) -> str:
    return f"{fact.program}: cannot tell how much work waits: {fact.error}; stays at {count(fact.numprocs, 'slot')}"


def probe_answered(fact: facts.ProbeAnswered) -> str:
    return f"{fact.program}: the probe answers again after {duration(fact.lasted)}: {fact.visible:,} wait"


def source_failed(fact: facts.SourceFailed) -> str:
    return f"{fact.program}: its source does not work: {fact.error}; it is tried again, and runs go on"


def source_recovered(fact: facts.SourceRecovered) -> str:
    return f"{fact.program}: its source works again after {duration(fact.lasted)}"


def message_rejected(fact: facts.MessageRejected) -> str:
    return f"{fact.slot} run {fact.run}: message {shortened(fact.message)} is set aside: {fact.why}"


def poison_message(fact: facts.PoisonMessage) -> str:
    line = f': "{fact.line}"' if fact.line else ""
    return (
        f"{fact.program}: message {shortened(fact.message)} has failed 3 times while others worked "
        f"(received {fact.receives} times){line}"
    )


def lease_lost(fact: facts.LeaseLost) -> str:
    return (
        f"{fact.slot} run {fact.run}: the lease of message {shortened(fact.message)} is lost: another worker may get "
        "the message while this run goes on"
    )


def shortened(message: str) -> str:
    """The id of a message as one word that fits into a line."""
    shown = visible(message)
    return shown if len(shown) <= LONGEST_ID else f"{shown[:LONGEST_ID]}..."


def reloaded(fact: facts.Reloaded) -> str:
    parts = [("new", fact.added), ("changed", fact.changed), ("draining away", fact.removed)]
    said = "; ".join(f"{word}: {', '.join(names)}" for word, names in parts if names)
    return f"reloaded by {fact.by}: {said or 'nothing has changed'}"


def not_reloaded(fact: facts.NotReloaded) -> str:
    return f"cannot reload ({fact.by}), the old configuration still counts: {fact.why}"


def files_changed(fact: facts.FilesChanged) -> str:
    more = f" and {count(fact.files - 1, 'more file')}" if fact.files > 1 else ""
    return f"restart of {fact.program}: {fact.file}{more} changed"


def signalled(fact: facts.Signalled) -> str:
    return f"{fact.program}: {fact.signal} sent by {fact.by} to {listed(fact.slots)}"


def many_leftovers(fact: facts.ManyLeftovers) -> str:
    return f"{fact.slot}: {fact.left} processes outlive its runs; they end with stop or shutdown"


def shutdown_step(fact: facts.ShutdownStep) -> str:
    what = {"drain": "stopping", "signal": "stopping without drain", "kill": "killing"}[fact.step]
    by = f" ({fact.by})" if fact.by else ""
    return f"{what}{by}: {count(fact.left, 'run')} left, {duration(fact.within)}"


def cut(fact: facts.Cut) -> str:
    return f"cut: {fact.slot} run {fact.run} after {duration(fact.after)}"


def shutdown_ended(fact: facts.ShutdownEnded) -> str:
    return f"stopped: {count(fact.finished, 'run')} finished, {fact.cut} cut, {duration(fact.took)}"


def output_rule_slow(fact: facts.OutputRuleSlow) -> str:
    """A pattern that a regular expression's engine cannot decide in time."""
    return (
        f"{fact.program}: its patterns for output took too long on run {fact.run}, so the exit code alone decided; "
        "write idle and worked rules without nested repeats"
    )


def output_lost(fact: facts.OutputLost) -> str:
    return f"cannot write to {fact.output}: {fact.error}; its output is discarded, jobs go on"


def output_taken(fact: facts.OutputTaken) -> str:
    return f"{fact.output} takes output again; {size(fact.lost)} lost so far"


def output_stuck(fact: facts.OutputStuck) -> str:
    return (
        f"cannot write to {fact.output} yet: the system gives minisup no thread (ulimit -v or -u, pids.max); it is "
        "tried again each second, and what the runs print waits"
    )


def out_of_reach(fact: facts.OutOfReach) -> str:
    return (
        f"cannot signal {fact.slot} run {fact.run}: it runs with the rights of another user (it is set-uid, or minisup "
        "lacks CAP_KILL), and goes on until it ends by itself"
    )


def left_alive(fact: facts.LeftAlive) -> str:
    return f"left alive: {fact.slot} run {fact.run}, which minisup may not signal"


def pipes_closed(fact: facts.PipesClosed) -> str:
    program = fact.slot.rpartition(":")[0]
    again = "" if fact.closed == 1 else f" ({fact.closed} so far)"
    return (
        f"{program}: what run {fact.run} left behind still holds its output, as do many others of the program: it is "
        f"no longer read{again}; let a run end what it starts, or let that write elsewhere"
    )


def rotation_failed(fact: facts.RotationFailed) -> str:
    if fact.doing == "compress":
        return f"cannot compress what was rotated of {fact.output}: {fact.error}; it stays as it is"
    return f"cannot rotate {fact.output}: {fact.error}; it grows, and is tried again each minute"


def hook_failed(fact: facts.HookFailed) -> str:
    return f"{fact.hook}{_about(fact.program)} failed: {fact.why}"


def hook_dropped(fact: facts.HookDropped) -> str:
    return f"{fact.hook}{_about(fact.program)} is not called: too many hooks wait; {fact.dropped} dropped so far"


def _about(program: str) -> str:
    return f" for {program}" if program else ""


def protection_set(fact: facts.ProtectionSet) -> str:
    return f"protected from scale-in for {fact.minutes} minutes" if fact.on else "no longer protected from scale-in"


def protection_failed(fact: facts.ProtectionFailed) -> str:
    state = "on" if fact.on else "off"
    return f"cannot turn scale-in protection {state}: {fact.why}; jobs go on, next try in {duration(fact.again_in)}"


def protection_works(fact: facts.ProtectionWorks) -> str:
    after = f" again, after {count(fact.failures, 'request')} that failed" if fact.failures else ""
    return f"scale-in protection works{after}"


def reopened(fact: facts.Reopened) -> str:
    said = f"opened {count(fact.files, 'log file')} anew ({fact.by})"
    return "; ".join([said, *(f"cannot open {failed}" for failed in fact.failed)])


SENTENCES: dict[type, Callable[[Any], str]] = {
    facts.ProgramStarted: program_started,
    facts.Survived: survived,
    facts.RunStarted: run_started,
    facts.RunEnded: run_ended,
    facts.SlotHeld: slot_held,
    facts.SlotProbed: slot_probed,
    facts.FirstFailure: first_failure,
    facts.StillFailing: still_failing,
    facts.Recovered: recovered,
    facts.StateChanged: state_changed,
    facts.TaskWorked: task_worked,
    facts.GaveUp: gave_up,
    facts.StartLate: start_late,
    facts.StartsSkipped: starts_skipped,
    facts.ClockJumped: clock_jumped,
    facts.Paused: paused,
    facts.Resumed: resumed,
    facts.Scaled: scaled,
    facts.ExtraRun: extra_run,
    facts.ExtraRunEnded: extra_run_ended,
    facts.Autoscaled: autoscaled,
    facts.ProbeFailed: probe_failed,
    facts.ProbeAnswered: probe_answered,
    facts.SourceFailed: source_failed,
    facts.SourceRecovered: source_recovered,
    facts.MessageRejected: message_rejected,
    facts.PoisonMessage: poison_message,
    facts.LeaseLost: lease_lost,
    facts.Reloaded: reloaded,
    facts.NotReloaded: not_reloaded,
    facts.FilesChanged: files_changed,
    facts.Signalled: signalled,
    facts.ManyLeftovers: many_leftovers,
    facts.ShutdownStep: shutdown_step,
    facts.Cut: cut,
    facts.ShutdownEnded: shutdown_ended,
    facts.OutputLost: output_lost,
    facts.OutputRuleSlow: output_rule_slow,
    facts.OutputStuck: output_stuck,
    facts.OutputTaken: output_taken,
    facts.OutOfReach: out_of_reach,
    facts.LeftAlive: left_alive,
    facts.PipesClosed: pipes_closed,
    facts.RotationFailed: rotation_failed,
    facts.HookFailed: hook_failed,
    facts.HookDropped: hook_dropped,
    facts.ProtectionSet: protection_set,
    facts.ProtectionFailed: protection_failed,
    facts.ProtectionWorks: protection_works,
    facts.Reopened: reopened,
}


def sentence(fact: object) -> str:
    """The fact as one log line. What somebody else said in it (a server, a job) commands no terminal."""
    return visible(SENTENCES[type(fact)](fact))
