"""`scale`: what it may be, what is impossible, and what `check` says of it."""

import pytest
from config_kit import JOB, problem, problems, program, read

from minisup.check.explain import explain
from minisup.config.reload_plan import plan
from minisup.core.model import Scale

IDLE = "exit.idle = [7]\n"


def probe(words):
    return f"scale.probe = {{ {words} }}"


def test_the_core_is_told_what_it_needs_and_starts_with_the_least(tmp_path):
    made = program(tmp_path, "scale = { min = 2, max = 20, target_wait = '10s', probe = { command = 'count email' } }")
    assert made.policy().scale == Scale(min=2, max=20, target_wait=10.0, every=5.0, probed=True)
    assert made.policy().numprocs == 2
    assert made.most_slots == 20


def test_without_a_probe_the_runs_say_whether_they_found_work(tmp_path):
    made = program(tmp_path, IDLE + "scale.max = 4")
    assert made.policy().scale == Scale(min=1, max=4, probed=False)


def test_a_command_is_filled_in_and_its_secrets_are_masked(tmp_path):
    made = program(tmp_path, probe("command = 'count ${MINISUP_PROGRAM} ${API_TOKEN}'"))
    assert made.probe_command() == ("count", "email", "s3cret")
    assert made.probe_command(hide=True)[:2] == ("count", "email")
    assert "s3cret" not in made.probe_command(hide=True)


@pytest.mark.parametrize(
    "words",
    [
        "sqs = 'https://sqs.eu-west-1.amazonaws.com/123456789012/email'",
        "redis = 'redis://localhost', list = 'queues:default'",
        "redis = 'rediss://:secret@cache:6380/1', stream = 'mail', group = 'senders'",
        "redis = 'unix:///run/redis.sock', key = 'waiting'",
        "http = 'https://rabbit/api/queues/%2f/email', json = 'messages_ready', timeout = '3s'",
        "command = ['sh', '-c', 'ls spool | wc -l']",
        "command = 'count', json = '0.waiting'",
    ],
)
def test_what_a_probe_may_be(tmp_path, words):
    assert problems(tmp_path, JOB + probe(words)) == []


IMPOSSIBLE = [
    ("scale = { min = 3, max = 1, probe = { command = 'x' } }", "scale.min", "scale.min 3 is above scale.max 1"),
    ("scale = { max = 0, probe = { command = 'x' } }", "scale.max", "expected a whole number from 1 to 10000, got 0"),
    ("scale = { max = 3 }", "scale", "needs a probe, or runs that say when they found no work: exit.idle = [CODE]"),
    (IDLE + "scale.min = 0", "scale.min", "0 needs a probe: nobody else would see that work has arrived"),
    (
        "kind = 'service'\n" + probe("command = 'x'"),
        "scale",
        "is only for jobs, and this is a service; write numprocs",
    ),
    (
        "restart = 'on-failure'\n" + probe("command = 'x'"),
        "scale",
        'is only for programs that run again and again: restart = "always"',
    ),
    (
        "numprocs = 2\n" + probe("command = 'x'"),
        "numprocs",
        "cannot be given together with scale; scale.min and scale.max say how many",
    ),
    ("scale.probe = {}", "scale.probe", "needs one of command, sqs, redis, http"),
    (probe("json = 'x'"), "scale.probe", "needs one of command, sqs, redis, http"),
    (
        probe("command = 'x', http = 'http://a'"),
        "scale.probe",
        "has command and http; give one of them",
    ),
    (probe("command = ''"), "scale.probe.command", "the command is empty"),
    (probe("redis = 'redis://a'"), "scale.probe", "needs a list, a stream or a key"),
    (
        probe("redis = 'redis://a', list = 'x', key = 'y'"),
        "scale.probe",
        "has list and key; give one of them",
    ),
    (probe("http = 'http://a', list = 'x'"), "scale.probe.list", "is only for redis"),
    (probe("redis = 'redis://a', list = 'x', group = 'g'"), "scale.probe.group", "is only for a stream"),
    (
        probe("sqs = 'https://a', json = 'x'"),
        "scale.probe.json",
        "is only for command and http",
    ),
    (
        probe("sqs = 'email'"),
        "scale.probe.sqs",
        "expected an address that begins with http:// or https://",
    ),
    (
        probe("redis = 'localhost:6379', list = 'x'"),
        "scale.probe.redis",
        "expected an address that begins with redis:// or rediss:// or unix://",
    ),
    (
        probe("http = 'file:///etc/passwd'"),
        "scale.probe.http",
        "expected an address that begins with http:// or https://",
    ),
]


@pytest.mark.parametrize(
    ("keys", "key", "message"), IMPOSSIBLE, ids=[row[2] + str(n) for n, row in enumerate(IMPOSSIBLE)]
)
def test_what_is_impossible_says_what_to_write(tmp_path, keys, key, message):
    assert problem(tmp_path, keys) == (key, message)


def test_scale_and_schedule_exclude_each_other(tmp_path):
    said = problems(tmp_path, JOB + "schedule.every = '10s'\n" + probe("command = 'x'"))
    assert "cannot be given together with schedule; write numprocs" in [message for _, _, message in said]


def test_check_says_in_words_what_it_will_do(tmp_path):
    said = explain(
        read(tmp_path, JOB + "scale = { max = 20, target_wait = '10s', probe = { command = 'count email' } }")
    )
    assert "email  1 to 20 slots of: true" in said
    assert "1 to 20 slots, looked at every 5 s: what count email prints" in said
    assert "clear what waits within 10 s" in said
    assert "each new try takes one of 30 tokens" in said, "what follows is said of all 20"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sqs = 'https://sqs/1/email'", "visible messages of https://sqs/1/email"),
        ("redis = 'redis://u:secret@cache', list = 'mail'", "mail at redis://***@cache"),
        ("redis = 'redis://cache', stream = 'mail'", "mail at redis://cache"),
        ("redis = 'redis://cache', key = 'mail'", "mail at redis://cache"),
        ("http = 'http://u:secret@rabbit/x'", "what http://***@rabbit/x answers"),
    ],
)
def test_check_names_what_is_asked_and_no_password(tmp_path, words, said):
    text = explain(read(tmp_path, JOB + probe(words)))
    assert said in text
    assert "secret" not in text


def test_check_without_a_probe(tmp_path):
    said = explain(read(tmp_path, JOB + IDLE + "scale.max = 4"))
    assert "1 to 4 slots, looked at every 5 s, by how the runs end" in said


def test_a_reload_shows_scale_alone_and_no_password(tmp_path):
    old = read(tmp_path, JOB + "scale = { probe = { redis = 'redis://:secret@a', list = 'x' } }")
    new = read(tmp_path, JOB + "scale = { min = 2, probe = { redis = 'redis://:secret@b', list = 'x' } }")
    changes = {change.key: (change.old, change.new) for change in plan(old, new).changes}
    assert changes == {"scale.min": (1, 2), "scale.probe.redis": ("redis://***@a", "redis://***@b")}


def test_scale_that_comes_or_goes(tmp_path):
    plain = read(tmp_path, JOB + "numprocs = 3")
    scaled = read(tmp_path, JOB + "scale = { min = 2, probe = { command = 'count ${API_TOKEN}' } }")
    assert {change.key for change in plan(plain, scaled).changes} >= {"numprocs", "scale.min", "scale.probe.command"}
    assert "s3cret" not in str(plan(plain, scaled).changes)


def test_log_files_of_slots_that_may_come_are_looked_at(tmp_path):
    text = (
        "[program.a]\ncommand = 'x'\nscale = { max = 3, probe = { command = 'x' } }\n"
        "log = { to = 'file', path = 'a-${MINISUP_SLOT}.log' }\n"
        "[program.b]\ncommand = 'x'\nlog = { to = 'file', path = 'a-2.log', keep = 3 }\n"
    )
    [(_, key, message)] = problems(tmp_path, text)
    assert (key, message.split(";")[0]) == ("program.b.log.path", "a writes to the same file with another keep")
