import json

import pytest
from config_kit import JOB, program, read, write

from minisup.check.effective import facts, problem_facts
from minisup.check.explain import explain
from minisup.check.lint import lint
from minisup.check.systemd_unit import Unit
from minisup.config.load import load
from minisup.errors import ConfigError

EXAMPLE = """
[supervisor]
environment = { APP_ENV = "production", DB_PASSWORD = "hunter2" }

[program.email]
command = "php artisan sqs:email --verbose --password=${DB_PASSWORD} --token ${API_TOKEN}"
numprocs = 2
after = ["migrate"]
exit.idle = [3]
stop.drain = "60s"
environment = { DSN = "mysql://${DB_PASSWORD}@h", S3_KEY = "hunter2", NAME = "two words" }
max_runtime = "5m"
max_start_rate = "60/m"
limits = { memory = "256MiB", nofile = 64, nice = 5 }

[program.web]
command = "php-fpm"
kind = "service"
numprocs = 2
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
    pace      a run every 1 s a slot at most: 2.0 runs/s. Jobs of 0.2 s keep it 20 % busy (min_runtime = 1s)
              all slots together start 1/s at most: jobs of 0.2 s keep it 10 % busy
              a run is ended after 5 m (max_runtime): TERM, 10 s, KILL; that is a failure
    idle      exit 3 found no work: waits 1 s, 1.5 s, 2.25 s ... up to 20 s; work wakes two slots
              a queue that stays empty is asked by 6 runs a minute
              these waits pace it: with min_runtime = 0 a backlog would be worked off at full speed
    limits    256 MiB of memory a run, 512 MiB for all slots; above it: TERM, 10 s, KILL; that is a failure
              64 open files a process, priority 5 (nice)
    exits     0 worked, 3 idle, 78 fatal, any other failed
    failure   waits 0.5-1 s, 1-2 s, 2-4 s ... up to 30 s; each new try takes one of 12 tokens
              one comes back every 15 s, and one with each run that goes well
              if everything fails: about 27 tries in the first 3 m 25 s, then at most 4 a minute for ever; \
back within 15 s of recovery
              exit 78 or a command that cannot start: held, and one slot tries every 15 s
    stop      60 s without a signal, TERM, 10 s, KILL: over after 70 s at most
    restart   no signal: each slot when its run has ended by itself, or after 5 m (max_runtime), then at once
    shutdown  4 s without a signal, TERM, 4 s, KILL: over after 8 s of 10 s
    after     migrate
    runs      in /srv
    output    console, prefix, stderr separate
    variables DSN=*** S3_KEY=*** NAME='two words'"""
    )


def test_what_a_service_will_do(text):
    assert (
        part(text, "web")
        == """\
  web      service, 2 slots of: php-fpm
    pace      runs for long; up once it has run for 1 s; recovered after 10 s
    exits     78 fatal, any other failed
    failure   waits 0.5-1 s, 1-2 s, 2-4 s ... up to 30 s; each new try takes one of 12 tokens
              one comes back every 15 s
              if everything fails: about 27 tries in the first 3 m 23 s, then at most 4 a minute; \
back within 15 s of recovery
              after failing for 10 m, about 53 tries, minisup drains and exits 75 (retry.give_up = exit)
              exit 78 or a command that cannot start: held, and one slot tries every 15 s
    stop      QUIT to its first process, 4 s, KILL: over after 4 s at most
    restart   one slot after another: QUIT to its first process, 4 s, KILL, then the new run, \
the next when that has been up for 1 s
    shutdown  QUIT to its first process, 4 s, KILL: over after 4 s of 10 s
    runs      in /srv, umask 022
    output    console, prefix, stderr separate
    variables nothing inherited"""
    )


def test_what_a_task_will_do_and_who_others_are_after_is_stopped_after_them(text):
    assert (
        part(text, "migrate")
        == """\
  migrate  task, 1 slot of: sh -c 'exit $MINISUP_SLOT'
    pace      each slot until a run has worked
    exits     0 worked, 78 fatal, any other failed
    failure   waits 0.5-1 s, 1-2 s, 2-4 s ... up to 30 s; each new try takes one of 11 tokens
              one comes back every 15 s, and one with each run that goes well
              if everything fails: about 2.7 a minute for ever, the tokens last; back within 30 s of recovery
              exit 78 or a command that cannot start: held, and one slot tries every 15 s
    stop      60 s without a signal, TERM, 10 s, KILL: over after 70 s at most
    restart   no signal: each slot when its run has ended by itself, then at once; what is done runs again if named
    shutdown  after email, at the latest at 8 s: 0.5 s without a signal, TERM, 0.5 s, KILL: over after 9 s of 10 s
    runs      in /srv
    output    discarded
"""
    )


def test_warnings_are_counted_and_come_last_with_their_fix(tmp_path):
    config = read(tmp_path, EXAMPLE)
    said = explain(config, lint(config))
    assert said.splitlines()[0] == f"{tmp_path}/minisup.toml: 3 programs, no errors, 1 warning"
    assert said.endswith(
        "\n\n  warning MS104 email: stop.drain 60s does not fit into shutdown_timeout 10s: "
        "a run longer than 4 s is cut at shutdown\n"
        '      fix: shutdown_timeout = "79s" here and the same in the platform '
        f"(docker stop -t 79, stop_grace_period: 79s)          {tmp_path}/minisup.toml:10\n"
    )


def test_a_warning_about_a_whole_file_names_no_line(tmp_path):
    config = read(tmp_path, EXAMPLE)
    finding = lint(config, Unit("minisup.service", oom_policy="continue"))[1]
    assert explain(config, [finding]).endswith(
        "  warning MS105: KillMode=control-group: systemd sends SIGTERM to every job when it stops minisup, "
        "and nothing drains\n      fix: KillMode=mixed          minisup.service\n"
    )


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
        (
            "min_runtime = 0",
            "starts at once (min_runtime = 0): jobs of 0.2 s are 5.0 runs/s, 100 % busy while there is work",
        ),
        ("min_runtime = '100ms'", "a run every 0.1 s a slot at most: 10.0 runs/s (min_runtime = 100ms)"),
        ("min_runtime = '30s'", "a run every 30 s a slot at most: 2 runs a minute. Jobs of 0.2 s keep it 0.67 % busy"),
        ("restart = 'never'", "not started again (restart = never)"),
        ("restart = 'on-failure'", "each slot until a run has worked"),
        ("autostart = false", "not before `minisup start`"),
        ("numprocs = 0", "no slots: nothing runs"),
        ("min_runtime = '4h'", "a run every 4 h a slot at most: 0.25 runs an hour"),
        ("max_start_rate = '20/s'", "all slots together start 20/s at most: more than jobs of 0.2 s reach"),
        ("max_start_rate = '20/s'\nkind = 'service'", "all slots together start 20/s at most\n"),
        ("retry = { backoff = 0, max_backoff = 0 }", "waits not at all; each new try"),
        ("retry = { backoff = '20s' }", "waits 10-20 s, 15-30 s; each new try"),
        ("retry = { max_failure_ratio = 0 }", "one comes back every 15 s\n"),
        ("retry = { max_failure_ratio = 0.75 }", "one comes back every 15 s, and 3 with each run that goes well"),
        ("exit = { fatal = [] }", "              a command that cannot start: held, and one slot tries every 15 s"),
        ("exit.idle = [3]\nidle = { wait = '5s', max_wait = '5s' }", "found no work: waits 5 s; work wakes two slots"),
        (
            "exit.idle = [3]\nidle = { wait = 0, max_wait = 0 }\nmin_runtime = 0",
            "waits 0 s; work wakes two slots\n    exits",
        ),
        ("limits.memory = '1GiB'", "limits    1 GiB of memory a run; above it: TERM, 10 s, KILL"),
        ("limits.nice = -3", "limits    priority -3 (nice)"),
        ("kind = 'service'", "restart   TERM to its first process, 10 s, KILL, then the new run\n"),
        (
            "retry.give_up = 'stop'",
            "after failing for 5 m, about 18 tries, the program goes off (retry.give_up = stop)",
        ),
        ("stop = { drain = 0 }", "stop      TERM, 10 s, KILL: over after 10 s at most"),
        ("exit = { ok = [], fatal = [] }", "exits     every code failed"),
        ("log.to = 'inherit'", "output    written by the runs themselves"),
        ("user = '0'", "as root (uid 0, gid 0)"),
        ("groups = ['a', 'b']", "groups    @a @b"),
    ],
)
def test_what_settings_say(tmp_path, keys, words):
    program(tmp_path, keys)
    assert words in explain(load(write(tmp_path, JOB + keys), {}, "/srv"))


def test_facts_are_json_and_complete(tmp_path):
    found = json.loads(json.dumps(facts(read(tmp_path, EXAMPLE))))
    assert list(found) == ["schema", "files", "supervisor", "programs", "problems", "warnings", "ignored"]
    assert (found["schema"], found["problems"], found["files"]) == (1, [], [f"{tmp_path}/minisup.toml"])
    assert found["supervisor"]["shutdown_usable"] == 9
    email = found["programs"][0]
    assert (email["name"], email["line"], email["numprocs"]) == ("email", 5, 2)
    assert email["command"][3:] == ["--verbose", "--password=***", "--token", "***"]
    assert email["environment"] == {"DSN": "***", "S3_KEY": "***", "NAME": "two words"}
    assert email["exit"] == {"ok": [0], "idle": [3], "recycle": [], "fatal": [78], "reject": []}
    assert email["shutdown"] == {"begins_within": 0, "drain": 4, "timeout": 4}
    assert found["programs"][1]["umask"] == "0022"


def test_facts_list_the_warnings(tmp_path):
    config = read(tmp_path, EXAMPLE)
    found = json.loads(json.dumps(facts(config, lint(config, Unit("u.service", "mixed", 90.0, "stop")))))["warnings"]
    assert [
        (entry["code"], entry["severity"], entry["key"], entry["program"], entry["file"], entry["line"])
        for entry in found
    ] == [
        ("MS104", "warning", "program.email.stop.drain", "email", f"{tmp_path}/minisup.toml", 10),
        ("MS107", "warning", "OOMPolicy", None, "u.service", None),
    ]
    assert found[1]["fix"] == "OOMPolicy=continue"


def test_facts_of_a_configuration_with_problems(tmp_path):
    with pytest.raises(ConfigError) as caught:
        program(tmp_path, "x = 1")
    found = json.loads(json.dumps(problem_facts(caught.value)))
    assert found["programs"] == []
    assert found["problems"] == [
        {
            "severity": "error",
            "file": f"{tmp_path}/minisup.toml",
            "line": 3,
            "key": "program.email.x",
            "message": found["problems"][0]["message"],
        }
    ]
    assert found["problems"][0]["message"].startswith("unknown key")


def test_what_is_watched_is_said_in_words_and_as_facts(tmp_path):
    config = read(tmp_path, JOB + "watch = ['*.toml', 'app/*.php']")
    missing = f"no file today, there is no directory {tmp_path}/app"
    lines = f"""\
    watch     {tmp_path}/*.toml: 1 file
              {tmp_path}/app/*.php: {missing}
              a change lets each run finish and starts the next one at once
"""
    assert lines in explain(config)
    [made] = facts(config)["programs"]
    assert made["watched"] == [
        {"pattern": f"{tmp_path}/*.toml", "files": 1, "remark": ""},
        {"pattern": f"{tmp_path}/app/*.php", "files": 0, "remark": missing},
    ]


def test_of_a_program_with_a_schedule_a_change_starts_nothing(tmp_path):
    said = explain(read(tmp_path, JOB + "watch = ['*.toml']\nschedule = { every = '10s' }"))
    assert "              a change starts nothing: the next planned run has the new files\n" in said
