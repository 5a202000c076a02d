"""Schedules in the configuration: what cannot be, and what `check` says about when they start."""

from datetime import datetime

import pytest
from config_kit import JOB, problems, read

from minisup.check.explain import explain
from minisup.check.schedule_text import upcoming
from minisup.config.keys.tables import ScheduleTable
from minisup.config.text import calendar
from minisup.config.text.calendar import Cron, ZoneError, find_zone, local_text, never_due
from minisup.config.text.cron import fault
from minisup.core.model import Overlap

WRAPPED = [
    ("0 0 * * fri-sun", "'fri-sun' is not a day of week (0-7); a range goes upwards: write 5-7"),
    ("0 0 * * sat-tue", "'sat-tue' is not a day of week (0-7); a range goes upwards: write 6,0-2"),
    ("0 22-5 * * *", "'22-5' is not an hour (0-23); a range goes upwards: write 22-23,0-5"),
    ("0 0 * nov-feb *", "'nov-feb' is not a month (1-12); a range goes upwards: write 11-12,1-2"),
    ("0 0 * * fri-mon/2", "'fri-mon/2' is not a day of week (0-7)"),
    ("0 25-3 * * *", "'25-3' is not an hour (0-23)"),
]


@pytest.mark.parametrize(("text", "said"), WRAPPED)
def test_a_range_that_goes_over_the_end_says_what_to_write(text, said):
    assert fault(text) == said


WRONG = [
    ("schedule = { every = '10s', cron = '* * * * *' }", "has both every and cron; give one of them"),
    ("schedule = {}", "needs every or cron"),
    ("schedule = { every = '1s', timezone = 'UTC' }", "is only for cron"),
    ("schedule = { every = '1s', catch_up = true }", "is only for cron: with every the first run is at boot"),
    ("schedule = { every = '1s', jitter = '1s' }", "must be less than every, which is 1s"),
    (
        "schedule.cron = '* * *'",
        '"* * *" is not a cron expression: it has 3 fields, not 5 (minute, hour, day of month, month, day of week)',
    ),
    (
        "schedule.cron = '@daily'",
        '"@daily" is not a cron expression: write its five fields; "@daily" is "0 0 * * *", "@hourly" is "0 * * * *"',
    ),
    (
        "schedule.cron = '1'",
        '"1" is not a cron expression: it has 1 field, not 5 (minute, hour, day of month, month, day of week)',
    ),
    ("schedule.cron = '60 * * * *'", "\"60 * * * *\" is not a cron expression: '60' is not a minute (0-59)"),
    ("schedule.cron = '* * 0 * *'", "\"* * 0 * *\" is not a cron expression: '0' is not a day of month (1-31)"),
    ("schedule.cron = '* * * foo *'", "\"* * * foo *\" is not a cron expression: 'foo' is not a month (1-12)"),
    ("schedule.cron = '*/0 * * * *'", "\"*/0 * * * *\" is not a cron expression: '*/0' is not a minute (0-59)"),
    (
        "schedule.cron = '5-1 * * * *'",
        "\"5-1 * * * *\" is not a cron expression: '5-1' is not a minute (0-59); a range goes upwards: write 5-59,0-1",
    ),
    ("schedule.cron = '0 0 30 2 *'", '"0 0 30 2 *" is never due: no month has such a day'),
    (
        "schedule = { cron = '* * * * *', timezone = 'Mars/Base' }",
        '"Mars/Base": it is not a time zone that this machine knows; write a name as "Asia/Tokyo"',
    ),
    (
        "schedule = { cron = '* * * * *', timezone = '' }",
        '"": it is not a time zone that this machine knows; write a name as "Asia/Tokyo"',
    ),
    ("schedule.overlap = 'kill'", 'expected skip or queue, got "kill"'),
    ("schedule.every = '1s'\nkind = 'service'", 'is only for kind = "job", and this is "service"'),
    (
        "schedule.every = '1s'\nrestart = 'on-failure'",
        'a schedule starts the next run, however the last one ended; remove "on-failure"',
    ),
    ("schedule.every = '1s'\nmin_runtime = '1s'", "the schedule says when the next run starts; remove it"),
    ("schedule.every = '1s'\nidle.wait = '1s'", "the schedule says when the next run starts; remove it"),
    (
        "schedule.every = '1s'\nretry.give_up = 'exit'",
        'is only "never" with a schedule: the next planned run tries again',
    ),
]


@pytest.mark.parametrize(("keys", "message"), WRONG, ids=[row[0][:40] for row in WRONG])
def test_what_cannot_be(tmp_path, keys, message):
    assert message in [message for _, _, message in problems(tmp_path, JOB + keys)]


@pytest.fixture(autouse=True)
def fresh_zones():
    find_zone.cache_clear()
    yield
    find_zone.cache_clear()


def test_a_machine_without_zones_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    [(_, _, message)] = problems(tmp_path, JOB + "schedule = { cron = '* * * * *', timezone = 'Mars/Base' }")
    assert "install the package tzdata" in message


def test_the_zone_of_the_system_is_that_of_tz_or_of_its_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", ":Asia/Tokyo")
    assert str(find_zone("")) == "Asia/Tokyo"
    find_zone.cache_clear()
    monkeypatch.setenv("TZ", "CET-1CEST")
    with pytest.raises(ZoneError):
        find_zone("")
    [(_, _, message)] = problems(tmp_path, JOB + "schedule = { cron = '* * * * *' }")
    assert message.startswith("the time zone of this machine (TZ): ")
    monkeypatch.delenv("TZ")
    find_zone("")
    find_zone.cache_clear()
    monkeypatch.setattr(calendar, "LOCAL", str(tmp_path / "none"))
    assert str(find_zone("")) == "UTC"


def said(tmp_path, keys):
    return explain(read(tmp_path, JOB + keys))


def test_check_says_when_it_starts(tmp_path):
    text = said(
        tmp_path, "schedule = { cron = '*/5 * * * *', timezone = 'Asia/Tokyo', jitter = '9s', catch_up = true }"
    )
    assert "*/5 * * * * Asia/Tokyo; next: " in text
    assert "each later by up to 9 s" in text
    assert "one, at once" in text
    assert "no backoff, no token" in text
    text = said(tmp_path, "numprocs = 2\nschedule = { every = '10s', overlap = 'queue' }")
    assert "a run every 10 s, in each of 2 slots, from start to start; the first at boot" in text
    assert "follows it" in text


def test_the_next_times_have_a_date_where_it_changes():
    schedule = ScheduleTable(cron="*/20 22-23 * * *", timezone="Asia/Tokyo")
    wall = datetime.fromisoformat("2026-06-01T23:10:00+09:00").timestamp()
    assert upcoming(schedule, wall) == "23:20, 23:40, 2026-06-02 22:00"


def times(text, zone, start, count):
    found = Cron(text, zone).upcoming(datetime.fromisoformat(start).timestamp())
    return [next(found).strftime("%d %H:%M %Z") for _ in range(count)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 2 * * *", ["28 02:30 CET", "29 03:00 CEST", "30 02:30 CEST"]),
        ("0 */2 * * *", ["28 02:00 CET", "28 04:00 CET", "28 06:00 CET"]),
    ],
)
def test_an_hour_that_the_clock_leaves_out(text, expected):
    assert times(text, "Europe/Berlin", "2026-03-28T00:30:00+01:00", 3) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 */2 * * *", ["29 00:00 CET", "29 03:00 CEST", "29 04:00 CEST"]),
        ("0 * * * *", ["29 00:00 CET", "29 01:00 CET", "29 03:00 CEST"]),
        ("*/20 2,3 * * *", ["29 03:00 CEST", "29 03:20 CEST", "29 03:40 CEST"]),
    ],
)
def test_the_night_in_which_the_clock_leaves_an_hour_out(text, expected):
    assert times(text, "Europe/Berlin", "2026-03-28T23:59:00+01:00", 3) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 2 * * *", ["25 02:30 CEST", "26 02:30 CET"]),
        ("*/30 2 * * *", ["25 02:00 CEST", "25 02:30 CEST", "26 02:00 CET"]),
        ("30 * * * *", ["25 02:30 CEST", "25 02:30 CET", "25 03:30 CET"]),
    ],
)
def test_the_night_in_which_an_hour_comes_twice(text, expected):
    assert times(text, "Europe/Berlin", "2026-10-25T01:45:00+02:00", len(expected)) == expected


def test_asked_in_the_second_of_two_equal_hours_it_goes_on():
    assert times("*/20 2 * * *", "Europe/Berlin", "2026-10-25T02:10:00+01:00", 1) == ["26 02:00 CET"]


def test_small_words():
    assert local_text("*/5,3 2 * * *") == "0-59/5,3 2 * * *"
    assert local_text("*/5 * * * *") == "*/5 * * * *"
    assert never_due("0 0 31 2,4 *")
    assert not never_due("0 0 29 2 *")
    assert Cron("* * * * *", "UTC") == Cron("* * * * *", "UTC")
    assert Cron("0 0 30 2 1", "UTC").next_after(0.0) > 0.0
    assert Overlap("queue") is Overlap.QUEUE
