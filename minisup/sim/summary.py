"""What a scene came to, as plain data: numbers and a course in time for each program, medians over many seeds."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from statistics import median
from typing import Any, Final

from minisup.core.facts import GaveUp, StateChanged
from minisup.core.messages import Record
from minisup.core.model import COUNTED, HEALTHY, Instant, Kind, Outcome, Policy, Seconds
from minisup.sim.arrivals import Mailbox
from minisup.sim.jobs import Span
from minisup.sim.load_plan import Scene
from minisup.sim.play import Deploy, Played

COLUMNS: Final = 120
"""Parts of which the course of time is told."""

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """What concerns one program of what was played."""

    launches: Sequence[Instant]
    records: Sequence[Record]
    running: Mapping[str, Instant]  # the runs in progress at the end, by slot: when they started
    queue: Mailbox | None


def summary(policy: Policy, scene: Scene, played: Played) -> Facts:
    """The numbers of a program. Seconds throughout; a run counts by its end, a launch by its start."""
    part, load = _part(policy, played), scene.loads[policy.name]
    outcomes = Counter(record.outcome for record in part.records)
    fatal = {slot: when for when, slot in reversed(played.fatal) if slot.rpartition(":")[0] == policy.name}
    if part.queue is not None:
        part.queue.arrive(scene.seconds)
    return {
        "launches": len(part.launches),
        "launches_per_second": round(len(part.launches) / scene.seconds, 4),
        "outcomes": {str(outcome): outcomes[outcome] for outcome in Outcome if outcomes[outcome]},
        "worked_per_hour": round(_jobs_done(part, outcomes) / scene.seconds * 3600.0, 1),
        "polls": 0 if part.queue is None else part.queue.polls,
        "busy": round(_busy(part, scene) / (scene.seconds * max(1, policy.numprocs)), 4),
        "holds": sum(1 for _, fact in played.trace.notes if fact == StateChanged(policy.name, "holding")),
        "gave_up": sum(1 for _, fact in played.trace.notes if isinstance(fact, GaveUp) and fact.program == policy.name),
        "longest_wait": _longest_wait(policy, part, scene.seconds),
        "fatal": {"slots": len(fatal), "first": round(min(fatal.values()), 3) if fatal else None},
        "queue": None if part.queue is None else _queue(part.queue, scene.seconds),
        "outages": [_outage(policy, scene, span, part) for span in load.outages],
        "deploys": [_deploy(policy.name, deploy) for deploy in played.deploys],
        "course": _course(part, scene.seconds),
    }


def most_launches(policy: Policy, lasted: Seconds, budgets: int = 1) -> float:
    """The law of the retry budget: launches while everything fails for `lasted` seconds. A new start has a new one."""
    retry = policy.retry
    credit = retry.max_failure_ratio / (1.0 - retry.max_failure_ratio)
    return budgets * (retry.budget + policy.numprocs + policy.numprocs * (1.0 + credit)) + lasted / retry.refill


def medians(each: Sequence[Facts]) -> Facts:
    """Of one program with many seeds: the median of what differs, and the least and the most."""
    outages = zip(*(facts["outages"] for facts in each), strict=True)
    return {
        "seeds": len(each),
        "launches": spread(facts["launches"] for facts in each),
        "worked_per_hour": spread(facts["worked_per_hour"] for facts in each),
        "holds": spread(facts["holds"] for facts in each),
        "worst_wait": spread(facts["queue"]["worst_wait"] for facts in each if facts["queue"]),
        "outages": [
            {key: spread(facts[key] for facts in same) for key in ("launches", "first_worked", "back", "caught_up")}
            for same in outages
        ],
    }


def spread(values: Iterable[float | None]) -> Facts | None:
    """Median, least and most; `missing` counts those that have no value. None: none has one."""
    all_of_them = list(values)
    known = sorted(value for value in all_of_them if value is not None)
    if not known:
        return None
    return {
        "median": round(median(known), 3),
        "least": known[0],
        "most": known[-1],
        "missing": len(all_of_them) - len(known),
    }


def _part(policy: Policy, played: Played) -> Part:
    prefix = f"{policy.name}:"
    queue = played.jobs[policy.name].queue
    launches = [(when, slot) for when, slot in played.trace.launches if slot.startswith(prefix)]
    records = [record for record in played.trace.records if record.slot.startswith(prefix)]
    last = {slot: when for when, slot in launches}
    for record in records:
        if last.get(record.slot) == record.started:
            del last[record.slot]
    return Part([when for when, _ in launches], records, last, queue if isinstance(queue, Mailbox) else None)


def _jobs_done(part: Part, outcomes: Counter[Outcome]) -> int:
    """Runs that worked; with a queue and no exit code for an empty one those that found nothing are not among them."""
    idle = 0 if part.queue is None else part.queue.polls - outcomes[Outcome.IDLE]
    return max(0, outcomes[Outcome.WORKED] - max(0, idle))


def _busy(part: Part, scene: Scene) -> Seconds:
    """Seconds in runs, those that are cut off by the end of the scene included as far as they went."""
    ended = sum(record.duration or 0.0 for record in part.records)
    return ended + sum(scene.seconds - started for started in part.running.values())


def _longest_wait(policy: Policy, part: Part, end: Instant) -> Seconds:
    """The longest that a slot was without a run, from the end of one to the start of the next or the end of time."""
    free: dict[str, Instant] = {f"{policy.name}:{index}": 0.0 for index in range(policy.numprocs)}
    worst = 0.0
    for record in part.records:
        worst = max(worst, record.started - free.get(record.slot, 0.0))
        free[record.slot] = max(free.get(record.slot, 0.0), _ended(record))
    waits = (part.running.get(slot, end) - since for slot, since in free.items())
    return round(max([worst, *waits]), 3)


def _queue(queue: Mailbox, end: Instant) -> Facts:
    oldest = queue.oldest()
    left = 0.0 if oldest is None else end - oldest
    waits = sorted(queue.waits)
    return {
        "arrived": queue.arrived,
        "taken": len(queue.taken),
        "left": queue.backlog,
        "median_wait": round(median(waits), 3) if waits else None,
        "p95_wait": round(waits[ceil(0.95 * len(waits)) - 1], 3) if waits else None,
        "worst_wait": round(max([left, *waits[-1:]]), 3),
    }


def _outage(policy: Policy, scene: Scene, span: Span, part: Part) -> Facts:
    """An outage: what it cost, and how fast all was well after it. None: not before the next deploy, or the end."""
    until = max(span.start, min(span.end, scene.seconds))
    launches = bisect_left(part.launches, until) - bisect_left(part.launches, span.start)
    anew = sum(span.start <= when < until for when in scene.deploys)
    helped = next((when for when in scene.deploys if when >= span.end), scene.seconds)
    first, back = _recovery(policy, part, span.end, helped)
    clear = [] if part.queue is None else part.queue.clear
    place = bisect_left(clear, span.end)
    caught_up = clear[place] if place < len(clear) and clear[place] < helped else None
    return {
        "began": round(span.start, 3),
        "ended": round(span.end, 3),
        "launches": launches,
        "most_launches": round(most_launches(policy, until - span.start, 1 + anew), 1),
        "first_worked": _after(span.end, first),
        "back": None if part.queue is not None else _after(span.end, back),
        "caught_up": _after(span.end, caught_up),
    }


def _recovery(policy: Policy, part: Part, since: Instant, until: Instant) -> tuple[Instant | None, Instant | None]:
    """When the first healthy run that began after an outage had ended, and when every slot had begun one."""
    well = [
        record
        for record in part.records
        if since <= record.started and record.outcome in HEALTHY and _ended(record) <= until
    ]
    started: dict[str, Instant] = {}
    for record in well:
        started.setdefault(record.slot, record.started)
    if policy.kind is Kind.SERVICE:  # it is well while it runs; one that ran all the time has not noticed
        through = {record.slot for record in part.records if record.started <= since < _ended(record)}
        started |= dict.fromkeys(through, since)
        started |= {slot: max(since, when) for slot, when in part.running.items() if when < until}
    full = max(started.values()) if len(started) == policy.numprocs and started else None
    return min(map(_ended, well), default=None), full


def _ended(record: Record) -> Instant:
    return record.started + (record.duration or 0.0)


def _after(since: Instant, when: Instant | None) -> Seconds | None:
    return None if when is None else round(when - since, 3)


def _deploy(name: str, deploy: Deploy) -> Facts:
    return {
        "asked": round(deploy.asked, 3),
        "seconds": round(deploy.ended - deploy.asked, 3),
        "cut": deploy.cut.get(name, 0),
    }


def _course(part: Part, end: Instant) -> Facts:
    """How much began, worked and failed in each part of the time, and how many messages waited at its end."""
    column = end / COLUMNS
    edges = [column * (number + 1) for number in range(COLUMNS)]
    by_outcome: defaultdict[bool | None, list[Instant]] = defaultdict(list)
    for record in part.records:
        well = True if record.outcome in HEALTHY else False if record.outcome in COUNTED else None
        by_outcome[well].append(record.started)
    return {
        "seconds": round(column, 3),
        "launches": _columns(part.launches, edges),
        "well": _columns(by_outcome[True], edges),
        "failed": _columns(by_outcome[False], edges),
        "waiting": None if part.queue is None else _waiting(part.queue, edges),
    }


def _columns(instants: Iterable[Instant], edges: Sequence[Instant]) -> list[int]:
    counts = [0] * len(edges)
    last = len(edges) - 1
    column = edges[0]
    for when in instants:
        counts[min(last, int(when / column))] += 1
    return counts


def _waiting(queue: Mailbox, edges: Sequence[Instant]) -> list[int]:
    when = [burst.when for burst in queue.came]
    total = [0, *accumulate(burst.messages for burst in queue.came)]
    return [total[bisect_right(when, edge)] - bisect_right(queue.taken, edge) for edge in edges]
