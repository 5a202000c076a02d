"""Warnings about a program and its queue: when they come, and when they nearly do."""

import pytest
from lint_kit import comes, found, said

QUEUE = "queue = { visibility_timeout = '60s', max_receives = 3 }\n"
IDLE = "exit = { idle = [66] }\n"


@pytest.mark.parametrize(
    ("keys", "fix"),
    [
        ("max_runtime = '51s'", '61 s or more in the queue and here: visibility_timeout = "61s"'),
        ("max_runtime = '10m'", '610 s or more in the queue and here: visibility_timeout = "610s"'),
        ("", 'max_runtime = "50s"'),
        ("stop = { timeout = '60s' }", "max_runtime, and more than 60s for the queue"),
        ("max_runtime = '50s'", None),
        ("kind = 'service'", None),
    ],
)
def test_a_message_that_comes_back_while_its_run_works(tmp_path, keys, fix):
    found = said(tmp_path, QUEUE + keys, "MS108")
    assert (found and found[1]) == fix


def test_nothing_is_said_about_a_visibility_timeout_that_is_not_known(tmp_path):
    assert not comes(tmp_path, "queue = { max_receives = 3 }", "MS108")
    assert not comes(tmp_path, "", "MS108")


@pytest.mark.parametrize(
    ("keys", "warned"),
    [
        (IDLE + "idle.max_wait = '31s'", True),
        (IDLE + "idle.max_wait = '30s'", False),
        (IDLE + "retry.max_backoff = '5s'\nretry.refill = '5s'", False),  # the default ladder
        (IDLE + "retry.max_backoff = '5s'\nidle.max_wait = '21s'", True),
        (IDLE + "idle = { wait = '30s', max_wait = '60s', factor = 1 }", False),  # it never gets so far
        ("idle.max_wait = '5m'", False),  # no run is ever idle
    ],
)
def test_an_empty_queue_that_is_looked_at_later_than_a_broken_one(tmp_path, keys, warned):
    assert comes(tmp_path, keys, "MS111") == warned


@pytest.mark.parametrize(
    ("keys", "warned"),
    [
        (QUEUE, True),
        ("queue = { visibility_timeout = '3m20s', max_receives = 3 }", True),
        ("queue = { visibility_timeout = '3m21s', max_receives = 3 }", False),
        ("queue = { max_receives = 20 }", True),  # 30 s each, as SQS has it
        ("queue = { max_receives = 21 }", False),
        ("queue = { visibility_timeout = '60s' }", False),
        (QUEUE + "kind = 'service'", False),
        (QUEUE + "restart = 'never'", False),
        (QUEUE + "numprocs = 0", False),
        (QUEUE + "retry = { backoff = '10m', max_backoff = '10m' }", False),  # so few tries
        (QUEUE + "scale = { max = 4, probe = { command = 'count' } }", True),
    ],
)
def test_an_outage_that_burns_receives(tmp_path, keys, warned):
    assert comes(tmp_path, keys, "MS123") == warned


def test_the_numbers_of_an_outage_are_those_of_the_policy(tmp_path):
    message, fix = said(tmp_path, "numprocs = 2\n" + QUEUE, "MS123")
    assert message.startswith("an outage of 10 m takes about 53 messages; after 3 receives")
    assert "up to 17 of them go to the dead-letter queue" in message
    assert fix == "maxReceiveCount 11 in the queue and here, or a visibility timeout of 3 m 21 s"
    assert not comes(tmp_path, "numprocs = 2\nqueue = { visibility_timeout = '60s', max_receives = 11 }", "MS123")


SQS = "php artisan sqs:email"


@pytest.mark.parametrize(
    ("command", "keys", "warned"),
    [
        (SQS, "numprocs = 2", True),
        (SQS, "numprocs = 1", False),  # once a second
        (SQS, "numprocs = 2\nkind = 'service'", False),
        (SQS, "numprocs = 2\nrestart = 'never'", False),
        (SQS, "numprocs = 8\n" + IDLE, False),
        (SQS, "numprocs = 21\n" + IDLE, True),
        (SQS, "numprocs = 8\nmax_start_rate = '1/s'", False),
        (SQS, "numprocs = 8\nschedule = { every = '10s' }", False),
        (SQS, "scale = { min = 2, max = 9, probe = { command = 'count' } }", True),
        (SQS, "scale = { min = 1, max = 9, probe = { command = 'count' } }", False),
        ("php artisan mail:send", "numprocs = 9", False),
        ("php artisan mail:send", "numprocs = 9\nenvironment = { QUEUE_CONNECTION = 'sqs' }", True),
        ("php artisan queue:work sqs --once --sleep=0", "numprocs = 2", True),
        ("php artisan queue:work sqs --once", "numprocs = 2", False),  # each sleeps 3 s
        ("php artisan queue:work redis --once --queue=sqs", "numprocs = 9", False),
    ],
)
def test_an_empty_queue_of_sqs_that_is_asked_often(tmp_path, command, keys, warned):
    assert comes(tmp_path, keys, "MS124", command=command) == warned


def test_the_fix_for_many_polls_depends_on_what_there_is(tmp_path):
    _, fix = said(tmp_path, "numprocs = 40\n" + IDLE, "MS124", command=SQS)
    assert fix == 'idle.max_wait = "40s", or fewer slots'
    assert not comes(tmp_path, "numprocs = 40\n" + IDLE + "idle.max_wait = '40s'", "MS124", command=SQS)
    message, fix = said(tmp_path, "numprocs = 2", "MS124", command=SQS)
    assert "5.2 million requests in 30 days" in message
    assert fix.endswith("then about 259,000 requests")


@pytest.mark.parametrize(
    ("command", "keys", "warned"),
    [
        ("work", "min_runtime = 0", True),
        ("work", "min_runtime = '100ms'", False),
        ("work", "min_runtime = 0\n" + IDLE, False),
        ("work", "min_runtime = 0\nidle.output = 'empty'", False),
        ("work", "min_runtime = 0\nidle.faster_than = '300ms'", False),
        ("work", "min_runtime = 0\nmax_start_rate = '5/s'", False),
        ("work", "min_runtime = 0\nkind = 'task'", False),
        ("work", "min_runtime = 0\nnumprocs = 0", False),
        ("php bin/console messenger:consume mails --limit=1", "min_runtime = 0", False),
        ("php artisan queue:work --once", "min_runtime = 0", False),
        ("php artisan queue:work --once --sleep=0", "min_runtime = 0", True),
        ("rq worker --burst", "min_runtime = 0", True),
    ],
)
def test_nothing_that_paces_an_empty_queue(tmp_path, command, keys, warned):
    assert comes(tmp_path, keys, "MS125", command=command) == warned


def test_a_finding_names_its_key_and_its_line(tmp_path):
    text = "[program.a]\ncommand = 'x'\n\n[program.a.queue]\nvisibility_timeout = '60s'\n"
    (finding,) = found(tmp_path, text, "MS108")
    assert (finding.key, finding.line) == ("program.a.queue.visibility_timeout", 5)
