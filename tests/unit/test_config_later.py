"""Keys whose behaviour comes later: checked like any other, then refused."""

import pytest
from config_kit import JOB, problem, problems

LATER = [
    ("idle.output = 'empty'", "idle.output"),
    ("idle.faster_than = '300ms'", "idle.faster_than"),
    ("preset = 'laravel-once'", "preset"),
    ("schedule = { every = '10s' }", "schedule"),
    ("schedule = { cron = '*/5 0-3 1,15 jan mon-fri', timezone = 'UTC' }", "schedule"),
    ("watch = ['app/**/*.php']", "watch"),
    ("queue = { visibility_timeout = '60s', max_receives = 3 }", "queue"),
]


@pytest.mark.parametrize(("keys", "key"), LATER, ids=[row[1] for row in LATER])
def test_what_comes_later_is_refused_and_never_ignored(tmp_path, keys, key):
    assert problem(tmp_path, keys) == (key, "not supported yet; remove it")


INSIDE_LATER = [
    ("schedule = { every = '10s', cron = '* * * * *' }", "has both every and cron; give one of them"),
    ("schedule = {}", "needs every or cron"),
    ("schedule = { every = '1s', timezone = 'UTC' }", "is only for cron"),
    (
        "schedule.cron = '* * *'",
        '"* * *" is not a cron expression: it has 3 fields, not 5 (minute, hour, day of month, month, day of week)',
    ),
    ("schedule.cron = '60 * * * *'", "\"60 * * * *\" is not a cron expression: '60' is not a minute (0-59)"),
    ("schedule.cron = '* * 0 * *'", "\"* * 0 * *\" is not a cron expression: '0' is not a day of month (1-31)"),
    ("schedule.cron = '* * * foo *'", "\"* * * foo *\" is not a cron expression: 'foo' is not a month (1-12)"),
    ("schedule.cron = '*/0 * * * *'", "\"*/0 * * * *\" is not a cron expression: '*/0' is not a minute (0-59)"),
    ("schedule.cron = '5-1 * * * *'", "\"5-1 * * * *\" is not a cron expression: '5-1' is not a minute (0-59)"),
    (
        "schedule = { cron = '* * * * *', timezone = 'Mars/Base' }",
        '"Mars/Base" is not a time zone that this machine knows; write a name as "Asia/Tokyo"',
    ),
    ("schedule.overlap = 'kill'", 'expected skip, got "kill"'),
    ("queue.max_receives = 0", "expected a whole number from 1 to 1000, got 0"),
    ("idle.output = '('", '"(" is not a regular expression: missing ), unterminated subpattern at position 0'),
    ("idle.output = 'x'\nlog.to = 'inherit'", 'with log.to = "inherit" minisup does not read the output'),
    ("watch = 'x'", 'expected a list of text, got "x"; write ["x"]'),
]


@pytest.mark.parametrize(("keys", "message"), INSIDE_LATER, ids=[row[0][:40] for row in INSIDE_LATER])
def test_what_comes_later_is_checked_all_the_same(tmp_path, keys, message):
    said = [message for _, _, message in problems(tmp_path, JOB + keys)]
    assert message in said
    assert any("not supported yet" in other for other in said)
