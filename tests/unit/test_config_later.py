"""Keys whose behaviour comes later: checked like any other, then refused."""

import pytest
from config_kit import JOB, problem, problems

LATER = [
    ("schedule = { every = '10s' }", "schedule"),
    ("schedule = { cron = '*/5 0-3 1,15 jan mon-fri', timezone = 'UTC' }", "schedule"),
    ("scale = { min = 1, max = 20, probe = { command = 'count' } }", "scale"),
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
    ("scale = { min = 3, max = 1, probe = { command = 'x' } }", "scale.min 3 is above scale.max 1"),
    ("scale = { max = 0 }", "expected a whole number from 1 to 10000, got 0"),
    ("scale = { max = 3 }", "needs a probe"),
    ("scale.probe = {}", "command is missing"),
    ("scale.probe.command = ''", "the command is empty"),
    ("numprocs = 2\nscale.max = 3", "cannot be given together with scale; scale.min and scale.max say how many"),
]


@pytest.mark.parametrize(("keys", "message"), INSIDE_LATER, ids=[row[0][:40] for row in INSIDE_LATER])
def test_what_comes_later_is_checked_all_the_same(tmp_path, keys, message):
    said = [message for _, _, message in problems(tmp_path, JOB + keys)]
    assert message in said
    assert any("not supported yet" in other for other in said)
