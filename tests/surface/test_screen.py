"""The table of `status`: a pure function, so whole pictures are compared."""

import re
from datetime import datetime, timedelta

import pytest
from fake_minisup import LAST, program, slot, snapshot

from minisup.cell_width import width as cells_of
from minisup.cli.live.ui import Ui
from minisup.cli.status.status_words import ending, is_leaving, is_paused, ordinal, slot_line, state_words
from minisup.cli.status.table import COLUMNS, Look, glyphs, table
from minisup.core.policy.clean_exit import MUST_NOT_END, NO_PROOF, NOT_OK

FAILED = {**LAST, "run": 813, "outcome": "failed", "code": 1, "duration": 0.21}
NO_RUNS = dict.fromkeys(program()["runs"], 0)
NO_DURATION = {"p50": None, "p95": None, "p99": None}


def failing(name, reason, waits, failures=3):
    return [
        slot(name, number, "waiting", reason=reason, next_in=wait, failures=failures, last=FAILED)
        for number, wait in enumerate(waits)
    ]


def fleet():
    sms = failing("sms", "hold", [11.0, 26.0])
    invoices = [slot("invoices", 0), *failing("invoices", "backoff", [2.13])]
    idle = [slot("idle", 0, "waiting", reason="idle", next_in=0.4)]
    schedule = [slot("late", 0, "waiting", reason="after", cause="after migrate (running)", last=None)]
    done = [slot("migrate", 0, "done", last={**LAST, "duration": 4.21})]
    return snapshot(
        program(),
        program("sms", "holding", sms, failing_for=60.0, budget={"tokens": 0.4, "size": 14, "label": "holding"}),
        program("invoices", "backoff", invoices, failing_for=9.0, per_minute=1204.0),
        program("idle", "waiting", idle),
        program("late", "waiting", schedule, runs=NO_RUNS, duration=NO_DURATION, busy=None, per_minute=0.0),
        program("migrate", "done", done),
        program("drained", "draining", [slot("drained", 0, "draining", next_in=3.0), slot("drained", 1, "off")]),
        program("nothing", "off", [], runs=NO_RUNS, duration=NO_DURATION, busy=None, per_minute=0.0),
        uptime=273_120.0,
    )


def test_the_table_answers_its_questions_a_line_each():
    text = table(fleet(), Look(120))
    lines = text.splitlines()
    assert lines[0] == "minisup 0.1.0   up 3 d 4 h   11 slots, 4 running   1,494 runs/min   pid 1"
    assert [re.split(r"\s{2,}", line) for line in lines[1:]] == [
        ["PROGRAM", "STATE", "SLOTS", "RUNS/MIN", "OK", "P50", "P95", "BUSY", "BUDGET"],
        ["sms", "holding, probe in 11 s · exit 1, 3rd in a row", "◌◌", "58", "97.6", "142ms", "201ms", "31%", "0/14"],
        ["invoices", "backoff 2.1 s · exit 1, 3rd in a row", "●◌", "1,204", "97.6", "142ms", "201ms", "31%", "12/12"],
        ["drained", "draining, 1 run left", "◑·", "58", "97.6", "142ms", "201ms", "31%", "12/12"],
        ["email", "running", "●●", "58", "97.6", "142ms", "201ms", "31%", "12/12"],
        ["idle", "waiting, next in 0.4 s", "○", "58", "97.6", "142ms", "201ms", "31%", "12/12"],
        ["late", "waiting, after migrate (running)", "○", "0", "-", "-", "-", "-", "12/12"],
        ["migrate", "done, worked in 4.2 s", "✓", "58", "97.6", "142ms", "201ms", "31%", "12/12"],
        ["nothing", "off, no slots", "-", "0", "-", "-", "-", "-", "12/12"],
    ]
    assert len({line.index("BUDGET") + 6 if "BUDGET" in line else len(line) for line in lines[1:]}) == 1, "aligned"


@pytest.mark.parametrize("width", [1, 2, 3, 5, 10, 20, 30])
@pytest.mark.parametrize("colour", [False, True])
def test_no_terminal_is_too_narrow(width, colour):
    lines = table(fleet(), Look(width, colour=colour), slots=True).splitlines()
    assert max(cells_of(re.sub(r"\x1b\[[0-9]*m", "", line)) for line in lines) <= width


def test_wide_letters_count_as_the_cells_that_they_take():
    said = [slot("sms", 0, "waiting", reason="after", cause="接続が拒否されました " * 5, last=None)]
    for look in (Look(80), Look(80, unicode=False)):
        lines = table(snapshot(program("sms", "waiting", said), program("email")), look, slots=True).splitlines()
        assert max(map(cells_of, lines)) <= 80
        assert len({cells_of(line[: line.index("58")]) for line in lines if " 58 " in line}) == 1, "aligned"


def test_one_long_name_leaves_the_state_its_room():
    sms = failing("sms", "hold", [11.0])
    long = program("notifications-mail-priority-transactional-a" * 2)
    text = table(snapshot(long, program("sms", "holding", sms, failing_for=60.0)), Look(80))
    assert "holding, probe in 11 s · exi" in text
    assert "notifications…al-a" in text or "…" in text.splitlines()[-1].split()[0]
    assert text.splitlines()[-1].split()[0].endswith("transactional-a"[-5:])


def test_names_and_states_keep_their_room_before_the_columns_of_wide_terminals_do():
    sms = failing("sms", "hold", [11.0])
    long = program("notifications-mail-priority-transactional-alpha")
    text = table(snapshot(long, program("sms", "holding", sms, failing_for=60.0)), Look(100))
    assert "holding, probe in 11 s · ex" in text
    assert "notificati…nal-alpha" in text
    assert {"PROGRAM", "STATE", "SLOTS", "RUNS/MIN", "OK"} <= set(text.splitlines()[1].split())
    assert "BUDGET" not in text


@pytest.mark.parametrize("width", [40, 60, 80, 99, 100, 120, 1000])
@pytest.mark.parametrize("slots", [False, True])
def test_no_line_is_wider_than_the_terminal(width, slots):
    lines = table(fleet(), Look(width), slots=slots).splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == 2 + 8 + (11 if slots else 0)
    for name in ("sms", "invoices", "email", "migrate"):
        assert sum(line.startswith(name) for line in lines) == 1


def test_eighty_columns_leave_out_what_matters_least():
    heads = table(fleet(), Look(80)).splitlines()[1].split()
    assert heads == ["PROGRAM", "STATE", "SLOTS", "RUNS/MIN", "OK"]


def test_without_unicode_and_colour_everything_is_still_said():
    text = table(fleet(), Look(120, unicode=False), slots=True)
    assert text.isascii()
    assert "holding, probe in 11 s - exit 1, 3rd in a row  !!" in text


def test_colour_adds_nothing_but_colour():
    plain, colour = (table(fleet(), Look(120, colour=on)) for on in (False, True))
    assert plain != colour
    bare = re.sub(r"\x1b\[[0-9]*m", "", colour)
    assert [line.rstrip() for line in bare.splitlines()] == plain.splitlines()
    assert "\x1b[31mholding" in colour


def test_many_slots_are_counted_by_sign():
    crowd = [slot("a", number) for number in range(17)] + failing("a", "backoff", [1.0] * 3)
    assert glyphs(crowd, {"running": "●", "trouble": "◌", "off": "·"}) == "●17 ◌3"


def test_slots_say_what_they_do_what_is_next_and_how_the_last_run_ended():
    lines = table(fleet(), Look(), slots=True).splitlines()
    assert "  email:0  running for 0.08 s, run 812, pid 4711, last: run 811 worked after 0.14 s" in lines
    (held,) = failing("sms", "hold", [11.0])
    assert slot_line({**held, "since": 4.0, "cause": "gone\x1b[2J"}) == (
        "waiting (hold) for 4 s, next in 11 s, last: run 813 failed (exit 1) after 0.21 s, "
        "3rd failure in a row, gone?[2J"
    )


def test_running_for_is_the_age_of_the_run_not_of_the_phase():
    taken_back = slot("email", 0, since=0.058, age=5.0)
    assert slot_line(taken_back).startswith("running for 5 s, run 812, pid 4711")
    drained = slot("email", 0, "draining", since=2.0, age=5.0, next_in=3.0)
    assert slot_line(drained).startswith("draining for 2 s, run 812 of 5 s, pid 4711, next in 3 s")
    starting = slot("email", 0, since=0.2, age=None)
    assert slot_line(starting).startswith("running for 0.2 s, ")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"state": "draining", "running": 0, "leftovers": 1}, "draining, 1 process left behind"),
        ({"state": "stopping", "running": 0, "leftovers": 2}, "stopping, 2 processes left behind"),
        ({"state": "draining", "running": 2, "leftovers": 1}, "draining, 2 runs left - 1 process left behind"),
        ({"state": "draining", "running": 0, "leftovers": 0}, "draining, 0 runs left"),
        ({"state": "running", "leftovers": 1204}, "running - 1,204 processes left behind"),
        ({"state": "off", "leftovers": 1}, "off - 1 process left behind"),
    ],
)
def test_what_outlives_its_run_is_counted_in_the_state(facts, words):
    assert state_words(program(**facts), "-") == words


def test_what_outlives_its_run_is_counted_at_its_slot():
    entry = slot("email", 0, leftovers=3)
    assert "run 812, pid 4711, last: run 811 worked after 0.14 s, 3 processes left behind" in slot_line(entry)


def test_what_a_job_printed_cannot_move_the_cursor():
    bad = [slot("bad", 0, "waiting", reason="after", cause="\x1b[2J\x07\n", last=None)]
    for slots in (False, True):
        text = table(snapshot(program("bad", "waiting", bad)), Look(), slots=slots)
        assert "\x1b" not in text
        assert "\x07" not in text


@pytest.mark.parametrize(
    ("last", "cause", "words"),
    [
        ({"outcome": "failed", "code": 3}, None, "exit 3"),
        ({"outcome": "fatal", "code": 78}, None, "exit 78"),
        ({"outcome": "failed", "code": 0}, None, "exit 0"),
        ({"outcome": "failed", "code": 0}, f'{NO_PROOF} "refused"', "exit 0"),
        ({"outcome": "failed", "code": 0, "because": "output"}, "refused", NO_PROOF),
        ({"outcome": "failed", "code": 0, "because": "kind"}, "given up: x", f"exit 0, but {MUST_NOT_END}"),
        ({"outcome": "failed", "code": 0, "because": "code"}, None, f"exit 0, but {NOT_OK}"),
        ({"outcome": "failed", "code": 0, "because": "what comes after us"}, None, "exit 0"),
        ({"outcome": "crashed", "signal": "SIGSEGV"}, None, "SIGSEGV"),
        ({"outcome": "timeout", "signal": "SIGTERM"}, None, "timeout"),
        ({"outcome": "oom", "signal": "SIGKILL"}, None, "out of memory"),
        ({"outcome": "unstartable"}, "no such file: php", "no such file: php"),
    ],
)
def test_how_a_run_went_wrong(last, cause, words):
    assert ending({"code": None, "signal": None, **last}, cause) == words


def test_ordinals():
    numbers = (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)
    assert [ordinal(number) for number in numbers] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]
    )


PAUSED = "paused by app since 09:58"
PAUSE = {"by": "app", "since": datetime(2026, 11, 25, 9, 58).astimezone().isoformat()}
NOON = datetime(2026, 11, 25, 12, 0, 0).astimezone()


@pytest.mark.parametrize(
    ("slots", "words"),
    [
        ([("waiting", PAUSED), ("waiting", PAUSED)], PAUSED),
        ([("running", PAUSED), ("running", PAUSED)], f"{PAUSED}, 2 runs left"),
        ([("waiting", PAUSED), ("running", None)], f"1 of 2 slots {PAUSED}"),
        ([("running", PAUSED), ("waiting", "exit 1")], f"1 of 2 slots {PAUSED}, 1 run left"),
        ([("running", None)], "paused"),
    ],
)
def test_a_pause_says_who_since_when_and_how_many(slots, words):
    pauses = {PAUSED: PAUSE}
    shown = [
        slot(number=number, phase=phase, cause=cause, paused=pauses.get(cause))
        for number, (phase, cause) in enumerate(slots)
    ]
    assert state_words(program(state="paused", slots=shown), "·", NOON) == words


def test_a_pause_of_another_day_has_its_date():
    later = NOON + timedelta(days=1)
    assert slot_line(slot(paused=PAUSE), later).endswith("paused by app since 2026-11-25 09:58")


def test_a_minisup_from_before_the_upgrade_tells_its_pause_in_its_own_words():
    old = slot(number=0, phase="waiting", reason="paused", cause=PAUSED)
    assert "paused" not in old
    assert state_words(program(state="paused", slots=[old, old]), "·", NOON) == PAUSED
    assert slot_line(old, NOON).endswith(PAUSED)
    assert not is_leaving(old)


def test_no_sentence_of_a_job_is_taken_for_a_pause():
    told = slot(phase="waiting", reason="hold", cause="paused by the queue", paused=None, leaving=False)
    assert not is_paused(told)
    assert not is_leaving({**told, "cause": "leaves: x"})


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        (41.0, "waiting, next 12:00:41 (in 41 s)"),
        (0.2, "waiting, next 12:00:00 (in 0.2 s)"),
        (86_400.0, "waiting, next 2026-11-26 12:00:00 (in 1 d)"),
    ],
)
def test_a_planned_start_is_told_by_the_readers_clock(wait, words):
    waits = [slot("nightly", 0, "waiting", reason="schedule", next_in=wait)]
    assert state_words(program("nightly", "waiting", waits), "-", NOON) == words
    assert words.removeprefix("waiting, ") in slot_line(waits[0], NOON)


def test_the_printed_table_and_the_live_screen_have_the_same_columns():
    from minisup.cli.live.paint import PAINTED, View, columns  # noqa: PLC0415 -- rich

    titles = [column.title for column in COLUMNS]
    assert set(PAINTED) <= set(titles)
    for width in (80, 120, 200):
        live = [column.title for column in columns(View(snapshot(), Ui(), width, 20))]
        printed = table(snapshot(), Look(width)).splitlines()[1].split()
        assert printed == [title for title in live if title not in {"CPU", "MEM"}]
        assert live == titles[: len(live)]
    assert [column.title for column in COLUMNS if column.text is None and column.title not in PAINTED] == []
