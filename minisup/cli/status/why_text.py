"""`minisup why` in words: the document of the method `why` as paragraphs. A pure function of it.

The first sentence says what the program does and when something happens next; the paragraphs say why.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from minisup.cli.status.status_words import EXIT_0, amount, printable, slot_line
from minisup.cli.status.status_words import next_words as next_start
from minisup.core.facts import Autoscaled
from minisup.core.policy.clean_exit import NO_PROOF
from minisup.core.status import WhySlot
from minisup.narrate import scaling_reason

Program = Mapping[str, Any]

MOST_SLOTS: Final = 12
"""Slots that are listed one by one."""

MOST_LEFT: Final = 5
"""Runs that are listed because processes outlive them."""

MOST_CAUSES: Final = 5
"""Causes that are listed; the rest are summed up."""

LABEL: Final = 10
"""Columns of the paragraphs' names."""


def text(document: Mapping[str, Any]) -> str:
    """Everything there is to say about the programs of the document, an empty line between two."""
    ending = document["state"] != "running"
    return "\n".join(program_text(program, ending=ending) for program in document["programs"])


def program_text(program: Program, *, ending: bool = False) -> str:
    """One program. `ending`: minisup is shutting down."""
    paragraphs = [
        ("Why", why(program)),
        ("Watch", watch(program)),
        ("After", after(program)),
        ("Slots", slots(program)),
        ("Left", left(program)),
        ("Source", source(program)),
        ("Scale", scale(program)),
        ("Budget", budget(program)),
        ("Give up", give_up(program)),
        ("You can", [] if ending else you_can(program)),
    ]
    lines = [headline(program) + (" minisup is shutting down: nothing starts." if ending else ""), ""]
    for label, body in paragraphs:
        lines += [f"  {label if not number else '':{LABEL}}{line}".rstrip() for number, line in enumerate(body)]
    return "\n".join(lines).rstrip() + "\n"


# --- the first sentence -----------------------------------------------------------------------------------------------


def headline(program: Program) -> str:
    """What it does, and what happens next."""
    return HEADLINES.get(program["state"], plain)(program)


def plain(program: Program) -> str:
    return f"{program['name']} is {program['state']}.{next_words(program)}"


def running(program: Program) -> str:
    going = [slot for slot in program["slots"] if slot["run"] is not None]
    those = (
        f"{len(going)} of {count(program['slots'], 'slot')} {'has' if len(going) == 1 else 'have'} a run in progress"
    )
    return f"{program['name']} is running: {those}.{next_words(program)}"


def holding(program: Program) -> str:
    held = [slot for slot in program["slots"] if slot["reason"] == "hold"]
    if not held:
        return f"{program['name']} is holding: the retry budget is spent.{next_words(program)}"
    causes = any(slot["next"]["event"] == "change" for slot in held)
    what = "for the cause to go away" if causes else "for the retry budget"
    return f"{program['name']} is holding: {share(held, program)} {what}.{next_words(program)}"


def backoff(program: Program) -> str:
    ill = [slot for slot in program["slots"] if slot["reason"] == "backoff"]
    return f"{program['name']} is in backoff: {share(ill, program)} after a failure.{next_words(program)}"


def waiting(program: Program) -> str:
    if program.get("scale") and not program["slots"]:
        return f"{program['name']} is waiting: it has scaled itself to no slot, and work that arrives brings it back."
    reasons = {slot["reason"] for slot in program["slots"] if slot["phase"] == "waiting"}
    words = next((WAITS[reason](program) for reason in WAITS if reason in reasons), "")
    return f"{program['name']} is waiting: {words or 'no run is due'}.{next_words(program)}"


def done(program: Program) -> str:
    last = program["last_worked"]
    how = f": run {last['run']} worked {amount(last['ago'])} ago" if last else ""
    return f"{program['name']} is done{how}. It does not run again by itself."


def off(program: Program) -> str:
    if program["give_up"]["given_up"]:
        return f"{program['name']} is off: it was given up after {amount(program['give_up']['after'])} of failing."
    never = all(slot["last"] is None for slot in program["slots"])
    if program.get("scale") and not program["slots"]:
        return f"{program['name']} is off, and does not scale itself meanwhile."
    if not program["slots"]:
        return f"{program['name']} is off: it has no slots (numprocs = 0)."
    if never and not program["autostart"]:
        return f"{program['name']} is off: it does not start by itself (autostart = false)."
    return f"{program['name']} is off: it was stopped, or never asked to start."


def for_message(program: Program) -> str:
    """That no message comes, since when, or why none can."""
    queue = program["source"]
    if queue["error"] is not None:
        return "the queue does not answer"
    empty = min(slot["since"] for slot in program["slots"] if slot["reason"] == "message")
    return f"no message for {amount(empty)}"


HEADLINES: Final[Mapping[str, Callable[[Program], str]]] = {
    "running": running,
    "holding": holding,
    "backoff": backoff,
    "waiting": waiting,
    "done": done,
    "off": off,
}

WAITS: Final[Mapping[str, Callable[[Program], str]]] = {
    "after": lambda program: "what it is after is not ready" if program["after"] else "its turn has not come",
    "pace": lambda program: f"a slot starts a run every {amount(program['min_runtime'])} at most (min_runtime)",
    "idle": lambda program: f"the queue was empty {times(program['idle_streak'])} in a row",
    "schedule": lambda program: planned(program["schedule"]),
    "message": for_message,
    "output": lambda _: "nobody takes the output of its last run",
    "leftovers": lambda _: "processes of its last run are still being stopped",
}


def planned(schedule: Mapping[str, Any]) -> str:
    """What its starts are planned by."""
    if schedule["every"] is not None:
        return f"a run is planned every {amount(schedule['every'])}, from start to start"
    later = f", each later by up to {amount(schedule['jitter'])}" if schedule["jitter"] else ""
    return f"its schedule is {printable(schedule['calendar'])}{later}"


def next_words(program: Program) -> str:
    """` The next probe is sms:2 in 11 s.`; empty when no moment is known."""
    step = program["next"]
    if step is None:
        return ""
    if any(slot["name"] == step["slot"] and slot["reason"] == "schedule" for slot in program["slots"]):
        return f" The {next_start('schedule', step['in']).replace('next', 'next run is', 1)}: {step['slot']}."
    return " " + STEPS[step["what"]].format(slot=step["slot"], wait=amount(step["in"]))


STEPS: Final = {
    "start": "The next run is {slot} in {wait}.",
    "probe": "The next probe is {slot} in {wait}.",
    "signal": "{slot} gets its stop signal in {wait}, unless its run ends before.",
    "kill": "{slot} gets SIGKILL in {wait}, unless its run ends before.",
    "timeout": "{slot} is ended by max_runtime in {wait}, unless its run ends before.",
}


# --- the paragraphs ---------------------------------------------------------------------------------------------------


def why(program: Program) -> list[str]:
    """How long it has been failing, of what, and when it last worked."""
    failing, last = program["failing"], program["last_worked"]
    worked = (
        f"the last run that worked was {last['run']}, {amount(last['ago'])} ago" if last else "no run has worked yet"
    )
    if failing is None:
        return [f"{worked[:1].upper()}{worked[1:]}; it is not failing."]
    many = f"{count(failing['runs'], 'run')} {'has' if failing['runs'] == 1 else 'have'} failed"
    lines = [f"{many} since {clock(failing['since'])} ({amount(failing['for'])} ago); {worked}."]
    shown = failing["causes"][:MOST_CAUSES]
    wide = max((len(str(cause["runs"])) for cause in shown), default=0)
    lines += [f"{cause['runs']:{wide}} x {cause_words(cause)}" for cause in shown]
    rest = sum(cause["runs"] for cause in failing["causes"][MOST_CAUSES:])
    return [*lines, *([f"{rest} of other causes"] if rest else [])]


def cause_words(cause: Mapping[str, Any]) -> str:
    """`exit 1 "Connection refused", last: run 81220, 14 s ago`."""
    if cause.get("because") in {"kind", "code"}:  # its line says the same
        return f"{EXIT_0[cause['because']]}, {last_of(cause)}"
    exited = NO_PROOF if cause["code"] == 0 else f"exit {cause['code']}"
    how = {"failed": exited, "crashed": str(cause["signal"]), "fatal": f"exit {cause['code']} (fatal)"}
    line = printable(cause["line"])
    ours = {"unstartable": f" {line}", "oom": f": {line}"}  # sentences of minisup's own
    said = ours.get(cause["outcome"], f' "{line}"') if line else ""
    return f"{how.get(cause['outcome'], cause['outcome'])}{said}, {last_of(cause)}"


def last_of(cause: Mapping[str, Any]) -> str:
    """The last run that ended so."""
    return f"last: run {cause['run']}, {amount(cause['ago'])} ago"


def watch(program: Program) -> list[str]:
    """The last restart because of changed files, and how far it is."""
    last = program["touched"]
    if last is None:
        return []
    more = f" and {count(last['files'] - 1, 'more file')}" if last["files"] > 1 else ""
    left = f"; {count(last['left'], 'run')} from before may finish" if last["left"] else ""
    return [f"{printable(last['file'])}{more} changed {amount(last['ago'])} ago: a restart{left}."]


def after(program: Program) -> list[str]:
    """What its first start waits for."""
    if not any(slot["reason"] == "after" for slot in program["slots"]):
        return []
    return [needed(other) for other in program["after"]]


def needed(other: Mapping[str, Any]) -> str:
    """One program that it is after."""
    if other["met"]:
        return f"{other['name']} is ready"
    must = "must have worked" if other["kind"] == "task" else "must be up"
    stuck = other["state"] in {"off", "paused", "holding"}
    advice = f"; `minisup why {other['name']}` says why" if stuck else ""
    return f"{other['name']} {must}; its state is {other['state']}{advice}"


def slots(program: Program) -> list[str]:
    """What each slot does."""
    shown: Sequence[WhySlot] = program["slots"][:MOST_SLOTS]
    wide = max((len(slot["name"]) for slot in shown), default=0)
    known = program["failing"] is not None  # its causes have been told above
    lines = [f"{slot['name']:{wide}}  {slot_words(slot, known=known)}" for slot in shown]
    more = len(program["slots"]) - len(shown)
    return [*lines, *([f"and {more} more"] if more > 0 else [])]


def slot_words(slot: WhySlot, *, known: bool) -> str:
    """What one slot does, without a cause that is known already, and the event that may wake it before its time."""
    told = known and slot["reason"] not in {"after", "paused"}
    shown = slot.copy()
    if told:
        shown["cause"] = None
    words = slot_line(shown)
    changes = slot["phase"] == "waiting" and slot["next"]["event"] == "change"
    return f"{words}; or as soon as a file that it needs changes" if changes else words


def left(program: Program) -> list[str]:
    """The processes that outlive their runs; what a service leaves so is the service itself."""
    then = "run it in the foreground" if program["kind"] == "service" else "stop and shutdown end that"
    lines = [
        f"{slot['name']}: {count(each['processes'], 'process')} of run {each['run']} "
        f"{'goes' if each['processes'] == 1 else 'go'} on in the background"
        for slot in program["slots"]
        for each in slot.get("left_behind", ())
    ]
    if not lines:
        return []
    more = [f"and of {count(len(lines) - MOST_LEFT, 'run')} more"] if len(lines) > MOST_LEFT else []
    shown = [*lines[:MOST_LEFT], *more]
    return [*shown[:-1], f"{shown[-1]}: {then}"]


def source(program: Program) -> list[str]:
    """Whether the queue answers, what waits there, and what has become of its messages."""
    queue = program.get("source")
    if not queue:
        return []
    lines = []
    if queue["error"] is not None:
        since = f" for {amount(queue['failing_for'])}" if queue["failing_for"] is not None else ""
        lines.append(f"it has not answered{since}: {printable(queue['error'])}")
        lines.append("it is tried again and again; runs in progress go on")
    elif queue["state"] == "starting":
        lines.append("it has not answered yet")
    elif queue["waiting"] is not None:
        lines.append(f"{count(queue['waiting'], 'message')} {'waits' if queue['waiting'] == 1 else 'wait'} there")
    if queue["ready"]:
        one = queue["ready"] == 1
        lines.append(f"{count(queue['ready'], 'process')} {'is' if one else 'are'} ready and {waits_for(one=one)}")
    settled = f"{queue['acked']:,} done, {queue['returned']:,} returned, {queue['rejected']:,} set aside"
    lost = f", {count(queue['lost'], 'lease')} lost" if queue["lost"] else ""
    return [*lines, f"{queue['in_work']:,} in work; since minisup started {settled}{lost}"]


def waits_for(*, one: bool) -> str:
    """Of a process, or several."""
    return "waits for its message" if one else "wait for their messages"


def scale(program: Program) -> list[str]:
    """How it scales itself: the last decision, and what it knows now."""
    known = program.get("scale")
    if not known:
        return []
    lines = [f"{count(known['slots'], 'slot')}; scales itself between {known['min']} and {known['max']}."]
    if known["last"]:
        last = dict(known["last"])
        ago = last.pop("ago")
        fact = Autoscaled(**{name: last[name] for name in Autoscaled._fields})
        lines.append(f"{fact.was} -> {fact.numprocs} {amount(ago)} ago: {scaling_reason(fact)}")
        if known["slots"] != fact.numprocs:
            lines.append(f"since then {fact.numprocs} -> {known['slots']} by hand, or by other limits")
    if known["failing_for"] is not None:
        lines.append(f"the probe has been failing for {amount(known['failing_for'])}: {printable(known['error'])}")
    elif known["waiting"] is not None:
        lines.append(f"now {known['waiting']:,} wait, {known['busy']:g} busy")
    if known["slots"] < known["max"] and program["budget"]["label"] != "ok":
        lines.append(f"no slot joins while the retry budget is {program['budget']['label']}")
    return lines


def budget(program: Program) -> list[str]:
    """The budget's arithmetic, when the program is failing or short of tokens."""
    bucket = program["budget"]
    if program["failing"] is None and bucket["label"] == "ok":
        return []
    if not bucket["queue"] and any(slot["reason"] == "hold" for slot in program["slots"]):
        return [f"{int(bucket['tokens'])} of {bucket['size']} tokens; a probe of what cannot be started takes none."]
    have = f"{int(bucket['tokens'])} of {bucket['size']} tokens; each relaunch after a failure takes one"
    lines = [f"{have}, one comes back every {amount(bucket['refill'])}."]
    if bucket["queue"]:
        waits = f"{count(range(bucket['queue']), 'slot')} {'waits' if bucket['queue'] == 1 else 'wait'} for one"
        lines.append(f"{waits}; the next comes in {amount(bucket['next_token_in'])}.")
    pays = f"Each run that works or is idle brings back {bucket['credit']:g}"
    return [*lines, f"{pays}; the first one ends the outage:", "the slots in backoff start at once."]


def give_up(program: Program) -> list[str]:
    """When it is given up."""
    plan = program["give_up"]
    if program["failing"] is None and not plan["given_up"]:
        return []
    key = f'(retry.give_up = "{plan["policy"]}")'
    if plan["policy"] == "never":
        return [f"never {key}"]
    then = "minisup drains and exits 75" if plan["policy"] == "exit" else "the program goes off"
    if plan["in"] is None:
        return [f"after {amount(plan['after'])} of failing {then} {key}"]
    return [f"in {amount(plan['in'])} {then}, unless a run works before {key}"]


def you_can(program: Program) -> list[str]:
    """What would change it."""
    rows = list(actions(program))
    wide = max((len(command) for command, _ in rows), default=0)
    return [f"{command:{wide}}  {effect}" for command, effect in rows]


def actions(program: Program) -> Iterator[tuple[str, str]]:
    """Commands and what they would do now."""
    name, state = program["name"], program["state"]
    if state in {"off", "done"}:
        yield f"minisup start {name}", "start it"
    if state == "paused":
        yield f"minisup resume {name}", "let it start runs again"
    if state in {"holding", "backoff"}:
        yield f"minisup restart {name}", "try all slots now"
    if state == "waiting" and any(slot["reason"] in {"pace", "idle", "schedule"} for slot in program["slots"]):
        yield f"minisup restart {name}", "start the waiting slots now"
    queue = program.get("source")
    if queue and queue["error"] is None and state == "waiting":
        yield f"minisup push {name} FILE", "give it a message"
    if queue and queue["rejected"]:
        yield f"minisup redrive {name}", "bring back what was set aside"
    if program["failing"] is not None and program["failing"]["causes"]:
        last = max(program["failing"]["causes"], key=lambda cause: int(cause["run"]))
        if last["outcome"] != "unstartable":
            yield f"minisup logs --run {last['run']}", "the output of the last failure"
    if state == "draining":
        yield f"minisup stop {name} --now", "end the drain"


# --- small words ------------------------------------------------------------------------------------------------------


def count(items: Sequence[Any] | int, noun: str) -> str:
    """`1 slot`, `4 slots`, `2 processes`."""
    number = items if isinstance(items, int) else len(items)
    many = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{many * (number != 1)}"


def share(some: Sequence[Any], program: Program) -> str:
    """`all 4 slots wait`, `its slot waits`, `2 of 4 slots wait`."""
    whole = len(program["slots"])
    if len(some) < whole:
        return f"{len(some)} of {whole} slots {'waits' if len(some) == 1 else 'wait'}"
    return "its slot waits" if whole == 1 else f"all {whole} slots wait"


def times(number: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def clock(instant: str) -> str:
    """The time of day of an ISO instant, UTC."""
    return f"{instant[11:19]} UTC"
