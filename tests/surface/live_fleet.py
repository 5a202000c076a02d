"""A picture of a shop on a bad day: what the tests of the live screen compare, and what the README shows."""

from fake_minisup import LAST, program, slot, snapshot

from minisup.cli.live.paint import View
from minisup.cli.live.ui import Ui

FAILED = {**LAST, "run": 81_220, "outcome": "failed", "code": 1, "duration": 0.21}
REFUSED = 'exit 1 "SQLSTATE[HY000] [2002] Connection refused"'
NO_DURATION = {"p50": None, "p95": None, "p99": None}
RUNS = dict.fromkeys(program()["runs"], 0)

RATES = {
    "email": (120, 300, 560, 790, 812, 650, 540, 420, 250, 120, 118, 300),
    "invoices": (96, 95, 90, 60, 20, 8, 9, 25, 60, 10, 8, 9),
    "sms": (400, 410, 402, 6, 4, 4, 4, 4, 4, 4, 4, 4),
    "push": (10, 25, 24, 11),
    "schedule": (1,) * 12,
}


def durations(p50, p95):
    return {"p50": p50, "p95": p95, "p99": p95}


def counts(worked, failed):
    return {**RUNS, "total": worked + failed, "worked": worked, "failed": failed}


def bad_day():
    """Six programs: working, failing, held, waiting, paused, done."""
    email = [slot("email", number, since=0.1) for number in range(6)]
    email += [slot("email", number, "waiting", reason="idle", next_in=1.0) for number in (6, 7)]
    invoices = [slot("invoices", number) for number in (0, 1)] + [
        slot(
            "invoices",
            number,
            "waiting",
            reason="backoff",
            next_in=2.1 + number,
            failures=3,
            last=FAILED,
            cause="exit 1",
        )
        for number in (2, 3)
    ]
    sms = [
        slot(
            "sms",
            number,
            "waiting",
            reason="hold",
            since=14.0,
            next_in=11.0 + 15 * number,
            failures=9,
            last=FAILED,
            cause=REFUSED,
        )
        for number in range(4)
    ]
    paused = [slot("push", number, "waiting", reason="paused") for number in (0, 1)]
    return snapshot(
        program("email", slots=email, per_minute=812.0, busy=0.83, runs=counts(998, 2), budget=tokens(18, 18)),
        program("invoices", "backoff", invoices, failing_for=20.0, per_minute=96.0, busy=0.44, runs=counts(71, 29),
                duration=durations(1.2, 4.8), budget=tokens(7, 14, "degraded")),
        program("sms", "holding", sms, failing_for=61.0, per_minute=4.0, busy=0.0, runs=counts(0, 134),
                duration=NO_DURATION, budget=tokens(0, 14, "holding")),
        program("schedule", "waiting", [slot("schedule", 0, "waiting", reason="pace", next_in=41.0)], per_minute=1.0,
                busy=0.05, runs=counts(60, 0), duration=durations(3.1, 3.4), budget=tokens(11, 11)),
        program("push", "paused", paused, per_minute=0.0, busy=0.0, runs=counts(999, 1), budget=tokens(12, 12)),
        program("migrate", "done", [slot("migrate", 0, "done", last={**LAST, "duration": 4.2})], per_minute=0.0,
                busy=0.0, runs=counts(1, 0), duration=durations(4.2, None), budget=tokens(11, 11)),
        uptime=274_320.0,
    )  # fmt: skip


def tokens(count, size, label="ok"):
    return {"tokens": float(count), "size": size, "label": label}


def view(width, height, ui=None, **facts):
    """The bad day, looked at on a terminal of this size."""
    return View(bad_day(), ui or Ui(program="sms"), width, height, rates=RATES, **facts)
