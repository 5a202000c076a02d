"""The document of `status --json`, field by field: both ends of the socket are checked against these types.

The reference of it is made from them (`tests/tools/status_reference.py`). A field says here what it means, once.
It imports nothing of ours. Fields that joined the document later are `NotRequired`: after an upgrade a client may talk
to a minisup that does not tell them yet; this one always does.
"""

from typing import Annotated, Final, NamedTuple, NotRequired, TypedDict


class Means(NamedTuple):
    """What a field means, as a sentence, and in which unit its numbers are."""

    text: str
    unit: str = ""


SECONDS: Final = "s"


class PauseStatus(TypedDict):
    """Who paused a slot, and since when."""

    by: Annotated[str, Means("Who asked for it.")]
    since: Annotated[str, Means("When the pause began, ISO 8601 in UTC.")]


class LastRun(TypedDict):
    """The last run of a slot that has ended."""

    run: Annotated[int, Means("Its id.")]
    outcome: Annotated[str, Means("How it ended: `worked`, `failed`, `crashed` and so on.")]
    code: Annotated[int | None, Means("Its exit code; null: a signal ended it, or it never started.")]
    signal: Annotated[str | None, Means("The signal that ended it, such as `SIGKILL`.")]
    duration: Annotated[float | None, Means("How long it ran; null: nobody knows.", SECONDS)]
    ended: Annotated[str | None, Means("When it ended, ISO 8601 in UTC; null: nobody knows.")]
    because: NotRequired[
        Annotated[
            str | None,
            Means(
                "Why exit code 0 was a failure: `kind` (a service must not end), `code` (0 is not in `exit.ok`), "
                "`output` (no `worked.output`); else null."
            ),
        ]
    ]


class SlotStatus(TypedDict):
    """One place of a program."""

    name: Annotated[str, Means("Program and number, such as `email:0`.")]
    slot: Annotated[int, Means("Its number.")]
    phase: Annotated[str, Means("`off`, `waiting`, `ready`, `running`, `draining`, `stopping`, `killing` or `done`.")]
    pid: Annotated[int | None, Means("The process of the run in progress.")]
    run: Annotated[int | None, Means("The id of the run in progress; null: there is none.")]
    since: Annotated[float, Means("How long the slot has been in its phase.", SECONDS)]
    age: NotRequired[Annotated[float | None, Means("How long its run has been in progress.", SECONDS)]]
    reason: Annotated[
        str | None,
        Means(
            "Why it waits: `pace`, `idle`, `backoff`, `hold`, `schedule`, `after`, `message`, `paused`, `output` or "
            "`leftovers`; "
            "null: it does not wait."
        ),
    ]
    cause: Annotated[str | None, Means("Why it is where it is, in words for people. Do not parse it.")]
    paused: NotRequired[
        Annotated[
            PauseStatus | None,
            Means("The pause of the slot, also while a run is in progress; null: it is not paused."),
        ]
    ]
    leaving: NotRequired[
        Annotated[
            bool,
            Means(
                "Whether the program has fewer slots by now, or it is there for one extra run: it goes with its run."
            ),
        ]
    ]
    goal_met: NotRequired[
        Annotated[
            bool,
            Means(
                "Whether the slot does what was asked of it: it runs, is done or waits for its next time; is `off` if "
                "it should be; has no run if it is paused or leaving."
            ),
        ]
    ]
    next_in: Annotated[
        float | None,
        Means("Time until its next start, signal or kill; null: no time is set for it.", SECONDS),
    ]
    failures: Annotated[int, Means("Failures in a row.")]
    leftovers: NotRequired[Annotated[int, Means("Processes that go on after the slot's runs have ended.")]]
    last: Annotated[LastRun | None, Means("The last run that ended; null: there was none.")]


NextStep = TypedDict(
    "NextStep",
    {
        "what": Annotated[str, Means("`start`, `probe`, `signal`, `kill`, `timeout` or `end`.")],
        "in": Annotated[float | None, Means("Time until then; null: nobody knows.", SECONDS)],
        "event": Annotated[str | None, Means("What brings it about earlier, or at all.")],
    },
)
"""What a slot does next."""


class RunLeftovers(TypedDict):
    """Processes that go on after a run has ended."""

    run: Annotated[int, Means("The id of the run.")]
    processes: Annotated[int, Means("How many there are.")]


class WhySlot(SlotStatus):
    """A slot as `why` tells it."""

    next: Annotated[NextStep, Means("What it does next.")]
    left_behind: NotRequired[Annotated[list[RunLeftovers], Means("The runs that processes of theirs outlive.")]]


class ScaleDecision(TypedDict):
    """The last time a program scaled itself."""

    program: Annotated[str, Means("The program.")]
    was: Annotated[int, Means("Slots before.")]
    numprocs: Annotated[int, Means("Slots after.")]
    reason: Annotated[str, Means("What decided, in one word.")]
    visible: Annotated[int | None, Means("Messages that waited, by the probe; null: nobody knew.")]
    each: Annotated[float | None, Means("The usual length of a run that was counted with.", SECONDS)]
    target: Annotated[float, Means("How long a message may wait.", SECONDS)]
    busy: Annotated[float, Means("Slots that were busy, on average.")]
    runs: Annotated[int, Means("Runs that were counted.")]
    idle: Annotated[int, Means("Of these, those that found nothing to do.")]
    stale: Annotated[float, Means("How old the probe's answer was.", SECONDS)]
    ago: Annotated[float, Means("How long ago it was decided.", SECONDS)]


class ScaleStatus(TypedDict):
    """How a program scales itself."""

    min: Annotated[int, Means("The fewest slots.")]
    max: Annotated[int, Means("The most slots.")]
    slots: Annotated[int, Means("Slots that it has now.")]
    probe: NotRequired[Annotated[bool, Means("Whether a probe asks the queue.")]]
    waiting: Annotated[int | None, Means("Messages that wait, by the last probe; null: nobody knows.")]
    each: NotRequired[Annotated[float | None, Means("The usual length of a run.", SECONDS)]]
    busy: Annotated[float, Means("Slots that are busy, on average.")]
    error: Annotated[str | None, Means("Why the last probe failed, in words.")]
    failing_for: Annotated[float | None, Means("How long the probe has been failing; null: it is well.", SECONDS)]
    last: Annotated[ScaleDecision | None, Means("The last decision; null: there was none.")]


class BudgetStatus(TypedDict):
    """The retry budget of a program."""

    tokens: Annotated[float, Means("Relaunches after failure that are left.")]
    size: Annotated[int, Means("Relaunches when it is full.")]
    label: Annotated[str, Means("`ok`, `degraded` or `holding`.")]


class RunCounts(TypedDict):
    """Runs of a program that have ended, by outcome."""

    total: Annotated[int, Means("The sum of all below.")]
    worked: Annotated[int, Means("Did their work.")]
    idle: Annotated[int, Means("Found nothing to do.")]
    failed: Annotated[int, Means("Failed by exit code or output.")]
    crashed: Annotated[int, Means("Were ended by a signal that minisup did not send.")]
    timeout: Annotated[int, Means("Took longer than `max_runtime`.")]
    oom: Annotated[int, Means("Took more memory than they may, or than there was.")]
    unstartable: Annotated[int, Means("Could not be started.")]
    recycled: Annotated[int, Means("Ended to be replaced, by an exit code of `exit.recycle`.")]
    stopped: Annotated[int, Means("Were stopped by minisup.")]
    lost: Annotated[int, Means("Ended while no minisup was there to see how.")]
    fatal: Annotated[int, Means("Ended with an exit code of `exit.fatal`.")]
    rejected: NotRequired[Annotated[int, Means("Said by an exit code of `exit.reject` that their message is bad.")]]


class Percentiles(TypedDict):
    """How long the last 256 runs that worked took."""

    p50: Annotated[float | None, Means("Half of them took no longer.", SECONDS)]
    p95: Annotated[float | None, Means("95 % of them took no longer.", SECONDS)]
    p99: Annotated[float | None, Means("99 % of them took no longer.", SECONDS)]


class SourceStatus(TypedDict):
    """The queue of a program with a source, and what became of its messages since minisup started."""

    state: Annotated[str, Means("`starting`, `ok` or `failing`.")]
    waiting: Annotated[int | None, Means("Messages that wait in the queue; null: nobody knows.")]
    in_work: Annotated[int, Means("Messages that runs have.")]
    in_hand: Annotated[int, Means("Messages that were received and wait for a free slot.")]
    ready: Annotated[int, Means("Processes that wait for their message.")]
    credit: Annotated[int, Means("Messages that the source may give now.")]
    acked: Annotated[int, Means("Messages that are done.")]
    returned: Annotated[int, Means("Messages that were given back to the queue.")]
    rejected: Annotated[int, Means("Messages that were set aside.")]
    lost: Annotated[int, Means("Messages whose lease was lost.")]
    error: Annotated[str | None, Means("Why the source does not work; null: it does.")]
    failing_for: Annotated[float | None, Means("How long it has not been working.", SECONDS)]


class Histogram(TypedDict):
    """How many took how long. It only grows."""

    counts: Annotated[list[int], Means("How many there are in each bucket: up to each of `bounds`, and longer.")]
    sum: Annotated[float, Means("All of them together.", SECONDS)]


class MessageTotals(TypedDict):
    """Messages of a program since minisup started."""

    received: Annotated[int, Means("Messages that came.")]
    acked: Annotated[int, Means("Messages that are done.")]
    returned: Annotated[int, Means("Messages that were given back to the queue.")]
    rejected: Annotated[int, Means("Messages that were set aside.")]
    leases_lost: Annotated[int, Means("Messages whose lease was lost while their run went on.")]
    wait: Annotated[Histogram, Means("From when a message was sent to when a run got it.")]


class Totals(TypedDict):
    """What a program came to since minisup started. No number goes back, also when a reload takes the program away."""

    starts: Annotated[int, Means("Processes that were started.")]
    busy: Annotated[float, Means("How long its runs took, those that ended.", SECONDS)]
    cpu: Annotated[float, Means("Processor time of its runs, those that ended.", SECONDS)]
    cut: Annotated[int, Means("Runs that a shutdown cut.")]
    starts_skipped: Annotated[int, Means("Planned starts that were left out.")]
    duration: Annotated[Histogram, Means("How long runs took that worked.")]
    messages: Annotated[MessageTotals | None, Means("Its messages; null: it has no source.")]


class ProgramStatus(TypedDict):
    """One program with those of its slots that were asked for."""

    name: Annotated[str, Means("Its name.")]
    kind: Annotated[str, Means("`job`, `service` or `task`.")]
    state: Annotated[
        str,
        Means(
            "The first that is true: `stopping`, `draining`, `off`, `done`, `paused`, `holding`, `running`, `backoff`, "
            "`waiting`."
        ),
    ]
    wanted: Annotated[int, Means("Slots that should run.")]
    running: Annotated[int, Means("Slots with a run in progress.")]
    phases: NotRequired[Annotated[dict[str, int], Means("How many of its slots are in each phase; no zeros.")]]
    groups: Annotated[list[str], Means("Its groups.")]
    leftovers: Annotated[int, Means("Processes that go on after its runs have ended.")]
    scale: NotRequired[Annotated[ScaleStatus | None, Means("How it scales itself; null: it does not.")]]
    source: NotRequired[Annotated[SourceStatus | None, Means("Its queue; null: it has no source.")]]
    failing_for: Annotated[float | None, Means("How long it has been failing; null: it is well.", SECONDS)]
    budget: Annotated[BudgetStatus, Means("Its retry budget.")]
    runs: Annotated[RunCounts, Means("Its runs that have ended.")]
    per_minute: Annotated[float, Means("Runs that ended in the last 60 s.")]
    busy: Annotated[
        float | None,
        Means("Share of the last 60 s in which its slots had a run, 0 to 1; null: nothing is known yet."),
    ]
    duration: Annotated[Percentiles, Means("How long the last 256 runs that worked took; nulls: there was none.")]
    totals: NotRequired[Annotated[Totals, Means("What only grows, for monitoring.")]]
    last_worked: NotRequired[
        Annotated[float | None, Means("When its last run ended that worked, since 1970; null: none has.", SECONDS)]
    ]
    late: NotRequired[
        Annotated[float | None, Means("How late its last planned start was; null: there was none.", SECONDS)]
    ]
    slots: Annotated[list[SlotStatus], Means("Its slots.")]


class StatusDocument(TypedDict):
    """How everything is: the answer of `status`."""

    schema: NotRequired[Annotated[int, Means("1. It grows when a field changes its meaning or goes away.")]]
    version: Annotated[str, Means("The version of the running minisup.")]
    pid: Annotated[int, Means("Its process.")]
    instance: NotRequired[Annotated[str, Means("Another word with each start of minisup.")]]
    uptime: Annotated[float, Means("How long it has been running.", SECONDS)]
    state: Annotated[str, Means("`running`, `draining` or `stopping`.")]
    bounds: NotRequired[Annotated[list[float], Means("Upper bounds of the buckets of all histograms.", SECONDS)]]
    output_lost: NotRequired[Annotated[dict[str, int], Means("Bytes of output that could not be written, by output.")]]
    programs: Annotated[list[ProgramStatus], Means("Its programs, in the order of the configuration.")]
