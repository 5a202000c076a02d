"""One run that has ended, as the history keeps and shows it."""

from typing import Any, Final, NamedTuple

from minisup.core.messages import Record
from minisup.core.model import COUNTED, Outcome, Seconds

UNWELL: Final = COUNTED | {Outcome.FATAL, Outcome.UNSTARTABLE}
"""Outcomes that `--failed` shows and of which the output is kept."""


class Row(NamedTuple):
    """A row of the table `run`, see `schema.sql`. `slot` is the slot's number, `started` seconds since 1970."""

    run: int
    program: str
    slot: int
    started: float
    duration: Seconds | None
    outcome: str
    code: int | None
    signal: str | None
    cpu: Seconds
    max_rss: int | None
    failures: int
    output: str | None
    delay: Seconds | None = None
    message: str | None = None
    receives: int | None = None
    wait: Seconds | None = None
    boot: Seconds | None = None

    @property
    def slot_name(self) -> str:
        """`email:0`."""
        return f"{self.program}:{self.slot}"


def row_of(record: Record, output: bytes, wall_offset: Seconds, own_peak: int | None) -> Row:
    """The row of a run.

    `wall_offset` is what the wall clock was ahead of the monotonic one. `own_peak` is the largest size that minisup
    itself has had, in bytes: a fork inherits it, so that much says nothing about a run; None: it is not known.
    """
    program, _, slot = record.slot.rpartition(":")
    text = storable(record.cause) if record.outcome is Outcome.UNSTARTABLE else output.decode(errors="replace")
    rss = record.max_rss
    duration: Seconds | None = record.duration
    return Row(
        record.run,
        program,
        int(slot),
        round(record.started + wall_offset, 3),
        None if duration is None else round(duration, 6),
        record.outcome.value,
        record.code,
        record.signal,
        round(record.cpu, 6),
        rss if rss is not None and own_peak is not None and rss > own_peak else None,
        record.failures,
        text or None,
        None if record.delay is None else round(record.delay, 6),
        storable(record.message) or None,
        record.receives if record.message else None,
        None if record.wait is None else round(record.wait, 6),
        None if record.boot is None else round(record.boot, 6),
    )


def storable(text: str) -> str:
    """The text as SQLite takes it: bytes of a path that are no UTF-8 become `?`."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def own_peak() -> int | None:
    """The largest size that this process has had since it executed its program, in bytes; None: nobody knows."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) << 10
    except OSError:
        pass
    return None


def document(row: Row) -> dict[str, Any]:
    """The row as `history --json` shows it."""
    from minisup.core.policy.timestamp import stamp  # noqa: PLC0415 -- rows are written without it

    shown = row._asdict()
    shown["slot"] = row.slot_name
    shown["started"] = stamp(row.started)
    return shown
