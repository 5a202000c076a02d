"""Prometheus metrics from the document of `status --json`: one table of names, and its text.

The names, types, labels and buckets are a contract. No label carries a run, a pid, a slot, a command or an error: the
number of series depends on the configuration alone. All label values are there from the first scrape.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from minisup.core.model import Outcome, Phase, Reason

Document = Mapping[str, Any]
Labels = Mapping[str, str]


class Sample(NamedTuple):
    """One value. `suffix` as in `_bucket`, for histograms; empty: the name of the metric."""

    labels: Labels
    value: float
    suffix: str = ""


class Metric(NamedTuple):
    """One row of the table. A counter's name ends in `_total`."""

    name: str
    type: str  # "counter", "gauge" or "histogram"
    labels: tuple[str, ...]
    help: str
    samples: Callable[[Document], Iterable[Sample]]


def _daemon(value: Callable[[Document], float]) -> Callable[[Document], Iterable[Sample]]:
    return lambda document: [Sample({}, value(document))]


def _each(value: Callable[[Document], float | None], label: str = "program") -> Callable[[Document], Iterable[Sample]]:
    """A value for each program; None: it has none of that kind."""

    def samples(document: Document) -> Iterable[Sample]:
        for program in document["programs"]:
            found = value(program)
            if found is not None:
                yield Sample({label: program["name"]}, found)

    return samples


def _by(
    label: str, values: Iterable[str], count: Callable[[Document, str], int]
) -> Callable[[Document], Iterable[Sample]]:
    """A value for each program and each of these words."""
    words = tuple(values)
    return lambda document: [
        Sample({"program": program["name"], label: word}, count(program, word))
        for program in document["programs"]
        for word in words
    ]


def _histogram(of: Callable[[Document], Document | None]) -> Callable[[Document], Iterable[Sample]]:
    """The buckets, the sum and the count of each program's histogram; None: it has none."""

    def samples(document: Document) -> Iterable[Sample]:
        bounds = [*map(_number, document["bounds"]), "+Inf"]
        for program in document["programs"]:
            found = of(program)
            if found is None:
                continue
            labels, so_far = {"program": program["name"]}, 0
            for bound, count in zip(bounds, found["counts"], strict=True):
                so_far += count
                yield Sample({**labels, "le": bound}, so_far, "_bucket")
            yield Sample(labels, found["sum"], "_sum")
            yield Sample(labels, so_far, "_count")

    return samples


def _messages(key: str) -> Callable[[Document], Iterable[Sample]]:
    return _each(lambda program: None if program["totals"]["messages"] is None else program["totals"]["messages"][key])


def _slots_waiting(program: Document, reason: str) -> int:
    return sum(1 for slot in program["slots"] if slot["reason"] == reason)


def _queue(program: Document) -> float | None:
    """How many messages wait, by the source or else by the probe."""
    found = program["source"] or program["scale"]
    return None if found is None or found["waiting"] is None else float(found["waiting"])


def _probe_up(program: Document) -> float | None:
    if program["source"] is not None:
        return float(program["source"]["state"] == "ok")
    scale = program["scale"]
    return None if scale is None or not scale["probe"] else float(scale["error"] is None)


def _wanted(program: Document) -> float:
    return float(program["scale"]["slots"] if program["scale"] is not None else program["wanted"])


def _started(document: Document) -> float:
    return float(document["began"])


def _lost(document: Document) -> Iterable[Sample]:
    return [Sample({"output": name}, lost) for name, lost in document["output_lost"].items()]


def _build(document: Document) -> Iterable[Sample]:
    return [Sample({"version": document["version"]}, 1)]


def _of_process(key: str) -> Callable[[Document], Iterable[Sample]]:
    """A value of the daemon's process; none where it cannot be read."""

    def samples(document: Document) -> Iterable[Sample]:
        found = document["process"].get(key)
        return [] if found is None else [Sample({}, found)]

    return samples


METRICS: Final = (
    Metric("minisup_build_info", "gauge", ("version",), "Always 1; the version that runs.", _build),
    Metric("minisup_start_time_seconds", "gauge", (), "When minisup started, since 1970.", _daemon(_started)),
    Metric(
        "minisup_scrape_duration_seconds", "gauge", (), "How long minisup took to answer.",
        _daemon(lambda document: document["took"]),
    ),
    Metric(
        "minisup_runs_total", "counter", ("program", "outcome"), "Runs that have ended.",
        _by("outcome", Outcome, lambda program, word: program["runs"].get(word, 0)),
    ),
    Metric(
        "minisup_run_starts_total", "counter", ("program",), "Processes that were started.",
        _each(lambda program: program["totals"]["starts"]),
    ),
    Metric(
        "minisup_run_duration_seconds", "histogram", ("program",), "How long runs took that worked.",
        _histogram(lambda program: program["totals"]["duration"]),
    ),
    Metric(
        "minisup_busy_seconds_total", "counter", ("program",), "How long runs took, those that have ended.",
        _each(lambda program: program["totals"]["busy"]),
    ),
    Metric(
        "minisup_cpu_seconds_total", "counter", ("program",), "Processor time of runs, those that have ended.",
        _each(lambda program: program["totals"]["cpu"]),
    ),
    Metric(
        "minisup_slots", "gauge", ("program", "phase"), "Slots by where they stand; the sum is all slots.",
        _by("phase", Phase, lambda program, word: program["phases"].get(word, 0)),
    ),
    Metric(
        "minisup_slots_waiting", "gauge", ("program", "reason"), "Slots that wait, by what for.",
        _by("reason", Reason, _slots_waiting),
    ),
    Metric("minisup_slots_wanted", "gauge", ("program",), "Slots that should be there.", _each(_wanted)),
    Metric(
        "minisup_failing_seconds", "gauge", ("program",), "How long nothing has worked while it fails, else 0.",
        _each(lambda program: program["failing_for"] or 0.0),
    ),
    Metric(
        "minisup_budget_tokens", "gauge", ("budget",), "Relaunches after failure that are left.",
        _each(lambda program: program["budget"]["tokens"], "budget"),
    ),
    Metric(
        "minisup_budget_size", "gauge", ("budget",), "Relaunches after failure when the budget is full.",
        _each(lambda program: program["budget"]["size"], "budget"),
    ),
    Metric(
        "minisup_last_worked_timestamp_seconds", "gauge", ("program",),
        "When the last run ended that worked, since 1970; 0: none has.",
        _each(lambda program: program["last_worked"] or 0.0),
    ),
    Metric("minisup_queue_messages", "gauge", ("program",), "Messages that wait, by the last answer.", _each(_queue)),
    Metric("minisup_probe_up", "gauge", ("program",), "1: the queue answers; 0: it does not.", _each(_probe_up)),
    Metric(
        "minisup_schedule_delay_seconds", "gauge", ("program",), "How late the last planned start was.",
        _each(lambda program: program["late"]),
    ),
    Metric(
        "minisup_schedule_starts_skipped_total", "counter", ("program",), "Planned starts that were left out.",
        _each(lambda program: program["totals"]["starts_skipped"]),
    ),
    Metric(
        "minisup_runs_cut_total", "counter", ("program",), "Runs that a shutdown cut.",
        _each(lambda program: program["totals"]["cut"]),
    ),
    Metric(
        "minisup_leftover_processes", "gauge", ("program",), "Processes that outlive their runs.",
        _each(lambda program: program["leftovers"]),
    ),
    Metric("minisup_output_lost_bytes_total", "counter", ("output",), "Output that could not be written.", _lost),
    Metric(
        "minisup_messages_received_total", "counter", ("program",), "Messages that came, with a source.",
        _messages("received"),
    ),
    Metric("minisup_messages_acked_total", "counter", ("program",), "Messages that are done.", _messages("acked")),
    Metric(
        "minisup_messages_returned_total", "counter", ("program",), "Messages that were given back.",
        _messages("returned"),
    ),
    Metric(
        "minisup_messages_rejected_total", "counter", ("program",), "Messages that were set aside.",
        _messages("rejected"),
    ),
    Metric(
        "minisup_message_wait_seconds", "histogram", ("program",), "From when a message was sent to its run.",
        _histogram(lambda program: (program["totals"]["messages"] or {}).get("wait")),
    ),
    Metric(
        "minisup_message_heartbeat_failures_total", "counter", ("program",),
        "Messages whose lease was lost while their run went on.", _messages("leases_lost"),
    ),
    Metric("minisup_daemon_cpu_seconds_total", "counter", (), "Processor time of minisup itself.", _of_process("cpu")),
    Metric(
        "minisup_daemon_resident_memory_bytes", "gauge", (), "Resident memory of minisup itself.", _of_process("memory")
    ),
    Metric("minisup_daemon_open_fds", "gauge", (), "Open files of minisup itself.", _of_process("files")),
)  # fmt: skip
"""All metrics of `minisup metrics`. `docs/reference/metrics.md` is made from it."""


def text(document: Document, *, openmetrics: bool = False) -> str:
    """The document of `status` in the text format of Prometheus (0.0.4), or in OpenMetrics 1.0."""
    lines: list[str] = []
    for metric in METRICS:
        samples = list(metric.samples(document))
        if not samples:
            continue
        counter = metric.type == "counter" and openmetrics
        family = metric.name.removesuffix("_total") if counter else metric.name
        lines += [f"# HELP {family} {_escaped(metric.help, quotes=openmetrics)}", f"# TYPE {family} {metric.type}"]
        lines += [f"{metric.name}{sample.suffix}{_labels(sample.labels)} {_number(sample.value)}" for sample in samples]
    if openmetrics:
        lines.append("# EOF")
    return "\n".join([*lines, ""])


def with_process(document: dict[str, Any], took: float, wall: float) -> dict[str, Any]:
    """The document with what is known outside it: how long the answer took, and the daemon's process."""
    began = wall - document["uptime"]
    return {**document, "took": took, "began": round(began, 3), "process": process(document["pid"])}


def process(pid: int) -> dict[str, float]:
    """Processor seconds, bytes of memory and open files of a process, as far as this user may see them."""
    found: dict[str, float] = {}
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        found["cpu"] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        found["memory"] = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        found["files"] = len(os.listdir(f"/proc/{pid}/fd"))
    except (OSError, ValueError, IndexError):
        pass  # another user's, or in another pid namespace
    return found


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value, quotes=True)}"' for name, value in labels.items()) + "}"


def _escaped(value: str, *, quotes: bool) -> str:
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quotes else escaped


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
