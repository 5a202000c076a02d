import json

import pytest
from config_kit import JOB, program, read, write

from minisup.config.explain import explain
from minisup.config.facts import facts, problem_facts
from minisup.config.load import load
from minisup.config.outage import outage
from minisup.core.model import Retry
from minisup.errors import ConfigError

EXAMPLE = """
[supervisor]
environment = { APP_ENV = "production", DB_PASSWORD = "hunter2" }

[program.email]
command = "php artisan sqs:email --verbose --password=${DB_PASSWORD} --token ${API_TOKEN}"
numprocs = 2
after = ["migrate"]
exit.idle = [3]
environment = { DSN = "mysql://${DB_PASSWORD}@h", S3_KEY = "hunter2", NAME = "two words" }
max_runtime = "5m"
max_start_rate = "60/m"

[program.web]
command = "php-fpm"
kind = "service"
stop = { signal = "QUIT", timeout = "4s" }
retry = { give_up = "exit", give_up_after = "10m" }
clear_env = true
umask = "022"

[program.migrate]
command = ["sh", "-c", "exit $MINISUP_SLOT"]
kind = "task"
log.to = "none"
"""


@pytest.fixture
def text(tmp_path):
    return explain(read(tmp_path, EXAMPLE))


def part(text, name):
    blocks = text.split("\n\n")
    return next(block for block in blocks if block.startswith(f"  {name}"))


def test_the_first_line_says_that_all_is_well(text, tmp_path):
    assert text.splitlines()[0] == f"{tmp_path}/minisup.toml: 3 programs, no errors"


def test_what_a_job_will_do(text):
    assert (
        part(text, "email")
        == """\
  email    2 slots of: php artisan sqs:email --verbose --password=*** --token ***
    pace      a run every 1 s a slot at most: 2.0 runs/s. Jobs of 0.2 s keep it 20 % busy (min_runtime = 1s); \
all slots together start 1/s at most
              a run is ended after 5 m (max_runtime)
    idle      exit 3 found no work: waits 1 s, 1.5 s, 2.25 s ... up to 20 s; work wakes two slots
    failure   waits 0.5-1 s, 1-2 s, 2-4 s ... up to 30 s; the budget is 12 tokens, one back every 15 s
              if everything fails: about 27 tries in the first 3 m 23 s, then at most 4 a minute; \
back within 15 s of recovery
    stop      60 s without a signal, TERM, 10 s, KILL; at shutdown (10 s): 4 s without a signal, TERM, 4 s, KILL
    exits     0 worked, 3 idle, 78 fatal, any other failed
    after     migrate
    runs      in /srv
    output    console, prefix, stderr separate
    variables DSN=mysql://***@h S3_KEY=*** NAME='two words'"""
    )


def test_what_a_service_will_do(text):
    web = part(text, "web")
    assert "runs for long; up once it has run for 1 s; recovered after 10 s" in web
    assert "after failing for 10 m minisup drains and exits 75 (retry.give_up = exit)" in web
    assert "stop      QUIT to its first process, 4 s, KILL; at shutdown (10 s): QUIT, 4 s, KILL" in web
    assert "exits     78 fatal, any other failed" in web
    assert "runs      in /srv, umask 022" in web
    assert web.endswith("variables nothing inherited")


def test_who_others_are_after_is_stopped_after_them(text):
    migrate = part(text, "migrate")
    assert "task, 1 slot of: sh -c 'exit $MINISUP_SLOT'" in migrate
    assert "at shutdown (10 s): after email, at the latest at 8 s: 0.5 s without a signal, TERM, 0.5 s, KILL" in migrate
    assert "output    discarded" in migrate


def test_a_drain_that_does_not_fit_into_the_shutdown_is_noted_with_the_fix(text, tmp_path):
    assert (
        "  note email: stop.drain 60s does not fit into shutdown_timeout 10s: a run longer than 4 s "
        "is cut at shutdown.\n"
        f'      fix: shutdown_timeout = "79s" here and the same in the platform          {tmp_path}/minisup.toml:5'
    ) in text


def test_the_fix_of_the_note_is_enough_and_the_least(tmp_path):
    for seconds, noted in ((78, True), (79, False)):
        config = read(tmp_path, EXAMPLE.replace("[supervisor]", f"[supervisor]\nshutdown_timeout = {seconds}"))
        assert ("note email" in explain(config)) is noted


def test_no_secret_is_shown_anywhere(tmp_path):
    write(tmp_path, "APP_SECRET=hunter2\nPLAIN=1\n", "env")
    config = read(tmp_path, EXAMPLE.replace('kind = "task"', 'kind = "task"\nenv_file = "env"'))
    said = explain(config) + json.dumps(facts(config))
    assert "hunter2" not in said
    assert "s3cret" not in said
    assert "APP_SECRET=*** PLAIN=1" in said


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("min_runtime = 0", "the next run starts at once (min_runtime = 0)"),
        ("min_runtime = '100ms'", "a run every 0.1 s a slot at most: 10.0 runs/s (min_runtime = 100ms)"),
        ("min_runtime = '30s'", "a run every 30 s a slot at most: 0.033 runs/s. Jobs of 0.2 s keep it 0.67 % busy"),
        ("restart = 'never'", "not started again (restart = never)"),
        ("restart = 'on-failure'", "each slot until a run has worked"),
        ("autostart = false", "not before `minisup start`"),
        ("numprocs = 0", "no slots: nothing runs"),
        ("retry = { backoff = 0, max_backoff = 0 }", "waits not at all; the budget"),
        ("retry.give_up = 'stop'", "after failing for 5 m the program goes off"),
        ("stop = { drain = 0 }", "stop      TERM, 10 s, KILL; at shutdown (10 s): TERM, 4.5 s, KILL"),
        ("exit = { ok = [], fatal = [] }", "exits     every code failed"),
        ("log.to = 'inherit'", "output    written by the runs themselves"),
        ("user = '0'", "as root (uid 0, gid 0)"),
        ("groups = ['a', 'b']", "groups    @a @b"),
    ],
)
def test_what_settings_say(tmp_path, keys, words):
    program(tmp_path, keys)
    assert words in explain(load(write(tmp_path, JOB + keys), {}, "/srv"))


@pytest.mark.parametrize(("count", "launches"), [(1, 30), (2, 53), (8, 65), (20, 89), (50, 148)])
def test_the_tries_of_an_outage_are_those_of_the_policy(count, launches):
    course = outage(Retry(), count)
    later = 0 if course.empty_after is None else (600 - course.empty_after) / 60 * course.per_minute
    expected = course.per_minute * 10 if course.empty_after is None else course.tries + later
    assert expected == pytest.approx(launches, rel=0.15)


def test_a_budget_that_never_ends_is_not_followed_for_ever():
    assert outage(Retry(backoff=0.0, max_backoff=0.0, budget=10**6), 1).tries <= 10_000
    assert outage(Retry(refill=1e-9), 3).empty_after is None


def test_facts_are_json_and_complete(tmp_path):
    found = json.loads(json.dumps(facts(read(tmp_path, EXAMPLE))))
    assert list(found) == ["schema", "files", "supervisor", "programs", "problems"]
    assert (found["schema"], found["problems"], found["files"]) == (1, [], [f"{tmp_path}/minisup.toml"])
    assert found["supervisor"]["shutdown_usable"] == 9
    email = found["programs"][0]
    assert (email["name"], email["line"], email["numprocs"]) == ("email", 5, 2)
    assert email["command"][3:] == ["--verbose", "--password=***", "--token", "***"]
    assert email["environment"] == {"DSN": "mysql://***@h", "S3_KEY": "***", "NAME": "two words"}
    assert email["exit"] == {"ok": [0], "idle": [3], "recycle": [], "fatal": [78]}
    assert email["shutdown"] == {"begins_within": 0, "drain": 4, "timeout": 4}
    assert found["programs"][1]["umask"] == "0022"


def test_facts_of_a_configuration_with_problems(tmp_path):
    with pytest.raises(ConfigError) as caught:
        program(tmp_path, "x = 1")
    found = json.loads(json.dumps(problem_facts(caught.value)))
    assert found["programs"] == []
    assert found["problems"] == [
        {
            "file": f"{tmp_path}/minisup.toml",
            "line": 3,
            "key": "program.email.x",
            "message": found["problems"][0]["message"],
        }
    ]
    assert found["problems"][0]["message"].startswith("unknown key")
