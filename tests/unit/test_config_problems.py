import pytest
from config_kit import ENVIRON, JOB, problems, program, read, write

from minisup.cell_width import width
from minisup.config.load import format_problems, load
from minisup.config.text.wording import show
from minisup.errors import ConfigError

WRONG = [
    # types
    ("numprocs = 'two'", "numprocs", 'expected a whole number from 0 to 10000, got "two"'),
    ("numprocs = '2'", "numprocs", 'expected a whole number from 0 to 10000, got "2"'),
    ("numprocs = 1.5", "numprocs", "expected a whole number from 0 to 10000, got 1.5"),
    ("numprocs = true", "numprocs", "expected a whole number from 0 to 10000, got true"),
    ("numprocs = [1]", "numprocs", "expected a whole number from 0 to 10000, got a list"),
    ("numprocs = -1", "numprocs", "expected a whole number from 0 to 10000, got -1"),
    ("numprocs = 10001", "numprocs", "expected a whole number from 0 to 10000, got 10001"),
    (
        "numprocs = 0x" + "f" * 90,
        "numprocs",
        "expected a whole number from 0 to 10000, got a number of more than 60 digits",
    ),
    ("autostart = 1", "autostart", "expected true or false, got 1"),
    ("autostart = 'yes'", "autostart", 'expected true or false, got "yes"'),
    ("user = 0", "user", 'expected text, got 0; write "0"'),
    ("user = 1979-05-27", "user", "expected text, got the date 1979-05-27"),
    ("user = 'a\\u0000'".replace("'", '"'), "user", "text cannot hold the character NUL"),
    ("exit = 0", "exit", "expected a table, got 0; its keys are fatal, idle, ok, recycle, reject"),
    ("exit.ok = 0", "exit.ok", "expected a list of exit codes, got 0; write [0]"),
    ("exit.ok = {}", "exit.ok", "expected a list of exit codes, got a table"),
    ("after = 'x'", "after", 'expected a list of text, got "x"; write ["x"]'),
    ("environment = 'A=1'", "environment", 'expected a table as { NAME = "text" }, got "A=1"'),
    ("environment.A = 1", "environment.A", 'expected text, got 1; write "1"'),
    ("environment.API_KEY = 123456", "environment.API_KEY", "expected text; write it in quotes"),
    ('environment."A=B" = "x"', 'environment."A=B"', '"A=B" cannot be the name of a variable'),
    # values
    ("restart = 'alwys'", "restart", 'expected always, on-failure or never, got "alwys"; did you mean always?'),
    ("restart = 1", "restart", "expected always, on-failure or never, got 1"),
    ("min_runtime = '5 minutes'", "min_runtime", '"5 minutes" is not a duration; write "5m" or 300'),
    ("min_runtime = -1", "min_runtime", "expected a duration >= 0, got -1"),
    ("min_runtime = nan", "min_runtime", "expected a duration >= 0, got nan"),
    ("min_runtime = inf", "min_runtime", "expected a duration >= 0 and at most 10 years, got inf"),
    ("min_runtime = 1e300", "min_runtime", "expected a duration >= 0 and at most 10 years, got 1e+300"),
    ("min_runtime = '4000d'", "min_runtime", 'expected a duration >= 0 and at most 10 years, got "4000d"'),
    ("min_runtime = true", "min_runtime", 'expected a duration as "5m" or 300, got true'),
    ("max_runtime = 0", "max_runtime", "expected a duration > 0, got 0"),
    ("umask = 22", "umask", 'expected octal digits in quotes, as "022" or "0600", got 22'),
    ("umask = '088'", "umask", 'expected octal digits in quotes, as "022" or "0600", got "088"'),
    ("umask = '1000'", "umask", 'expected octal digits in quotes, as "022" or "0600", got "1000"'),
    ("max_start_rate = 20", "max_start_rate", 'expected a rate as "20/s" or "60/m", got 20'),
    ("max_start_rate = '20'", "max_start_rate", '"20" is not a rate; write "20/s" or "60/m"'),
    ("max_start_rate = '0/s'", "max_start_rate", 'expected a rate > 0 and <= 10000/s, got "0/s"'),
    ("exit.ok = [256]", "exit.ok", "expected an exit code from 0 to 255, got 256"),
    ("exit.ok = [-1]", "exit.ok", "expected an exit code from 0 to 255, got -1"),
    ("exit.ok = [true]", "exit.ok", "expected an exit code from 0 to 255, got true"),
    ("idle.factor = 0.9", "idle.factor", "expected a number from 1 to 1000, got 0.9"),
    ("idle.factor = nan", "idle.factor", "expected a number from 1 to 1000, got nan"),
    ("idle.factor = '2'", "idle.factor", 'expected a number from 1 to 1000, got "2"'),
    ("retry.max_failure_ratio = 0.96", "retry.max_failure_ratio", "expected a number from 0 to 0.95, got 0.96"),
    ("retry.max_failure_ratio = -0.1", "retry.max_failure_ratio", "expected a number from 0 to 0.95, got -0.1"),
    ("retry.budget = -1", "retry.budget", "expected a whole number from 0 to 1000000, got -1"),
    ("retry.refill = 0", "retry.refill", "expected a duration > 0, got 0"),
    ("retry.give_up = 'stopp'", "retry.give_up", 'expected never, exit or stop, got "stopp"; did you mean stop?'),
    ("stop.signal = 'TRM'", "stop.signal", 'expected a signal as "TERM", got "TRM"; did you mean TERM?'),
    ("stop.signal = 99", "stop.signal", 'expected a signal as "TERM", got 99'),
    ("stop.signal = true", "stop.signal", 'expected a signal as "TERM", got true'),
    ("stop.signal = 'STOP'", "stop.signal", "SIGSTOP does not end a process"),
    (
        "groups = ['a b']",
        "groups",
        "\"a b\" is not a name; a name begins with a letter, a digit or '_', and has these, '.' and '-', at most 100",
    ),
    ("directory = ''", "directory", "the path is empty"),
    ("user = 'no-such-user-here'", "user", 'there is no user "no-such-user-here"'),
    ("user = 'roott'", "user", 'there is no user "roott"; did you mean root?'),
    ("group = 'roott'", "group", 'there is no group "roott"; did you mean root?'),
    ("group = '99999999999'", "group", 'there is no group "99999999999"'),
    # keys
    ("numproc = 2", "numproc", "unknown key; did you mean numprocs?"),
    ("drain = 2", "drain", "unknown key; did you mean stop.drain?"),
    ("every = 2", "every", "unknown key; did you mean schedule.every or scale.every?"),
    ("stop.numprocs = 2", "stop.numprocs", "unknown key; it belongs to program.email: write it above this table"),
    ("exit.zzz = 2", "exit.zzz", "unknown key; there are fatal, idle, ok, recycle, reject"),
    ("on_drain = 'x'", "on_drain", "unknown key; it belongs in [supervisor]"),
    ("shutdown_timeout = 2", "shutdown_timeout", "unknown key; it belongs in [supervisor]"),
    (
        "schedule = '10s'",
        "schedule",
        'expected a table, got "10s"; its keys are catch_up, cron, every, jitter, overlap, timezone',
    ),
    ("qqqqqq = 2", "qqqqqq", "unknown key"),
    ("'' = 2", '""', "unknown key"),
    # variables
    ("user = '${NOPE}'", "user", "NOPE is not set; set it, or write ${NOPE:-default}"),
    ("user = '${APP'", "user", "a ${ is not closed; add } or write $${ for a literal ${"),
    ("environment.A = '${NOPE:?say}'", "environment.A", "NOPE: say"),
    ("directory = '${NOPE}'", "directory", "NOPE is not set; set it, or write ${NOPE:-default}"),
    (
        "user = '${MINISUP_SLOT}'",
        "user",
        "MINISUP_SLOT is known only in command, directory, environment and the log paths of a program",
    ),
    ("numprocs = '${APP}'", "numprocs", 'expected a whole number from 0 to 10000, got "shop" (from "${APP}")'),
    ("numprocs = '${EMPTY}'", "numprocs", 'expected a whole number from 0 to 10000, got "" (from "${EMPTY}")'),
    ("numprocs = '${API_TOKEN}'", "numprocs", 'expected a whole number from 0 to 10000, got "***"'),
    ("min_runtime = '${API_TOKEN}'", "min_runtime", '"***" is not a duration; write "5m" or 300'),
    ("numprocs = '${MINISUP_NUMPROCS}'", "numprocs", "MINISUP_NUMPROCS is not known here"),
    ("numprocs = '${N:-99999999999999999999999}'", "numprocs", None),
    # combinations
    ("idle.wait = 30", "idle.wait", "idle.wait 30s is above idle.max_wait 20s, the default; raise idle.max_wait"),
    ("idle = { wait = 3, max_wait = 2 }", "idle.wait", "idle.wait 3s is above idle.max_wait 2s; raise idle.max_wait"),
    ("idle.max_wait = 0.5", "idle.max_wait", "idle.wait 1s is above idle.max_wait 500ms; raise idle.max_wait"),
    (
        "retry.backoff = '1m'",
        "retry.backoff",
        "retry.backoff 60s is above retry.max_backoff 30s, the default; raise retry.max_backoff",
    ),
    ("exit = { ok = [0, 4], idle = [4] }", "exit.idle", "exit code 4 cannot be both ok and idle"),
    ("exit = { ok = [1, 2], fatal = [1, 2] }", "exit.fatal", "exit codes 1, 2 cannot be both ok and fatal"),
    ("log.path = 'x'", None, 'is only for to = "file", and this is "console"'),
    ("after = ['email']", "after", "names itself"),
    ("after = ['emial']", "after", '"emial" is no program here'),
]


@pytest.mark.parametrize(("keys", "key", "message"), WRONG, ids=[row[0][:40] for row in WRONG])
def test_what_is_wrong_is_said(tmp_path, keys, key, message):
    found = problems(tmp_path, JOB + keys)
    told = [(name.removeprefix("program.email."), said) for _, name, said in found]
    if message is None:
        assert [name for name, _ in told] == [key]
    elif key is None:
        assert message in [said for _, said in told]
    else:
        assert told == [(key, message)]
    assert [line for line, _, _ in found] == [3] * len(found)


COMMANDS = [
    ("", "command is missing"),
    ("command = ''", "the command is empty"),
    ("command = '   '", "the command is empty"),
    ("command = []", "the command is empty"),
    ("command = ['']", "the command is empty"),
    ("command = '${EMPTY}'", "the command is empty"),
    ("command = 3", "expected a command as text or a list of words, got 3"),
    ("command = ['echo', 3]", 'expected text, got 3; write "3"'),
    ("command = ['echo', 'a\\u0000b']".replace("'", '"'), "text cannot hold the character NUL"),
    ('command = "echo \'open"', '"echo \'open" cannot be split into words: no closing quotation'),
    ("command = 'echo ${NOPE}'", "NOPE is not set; set it, or write ${NOPE:-default}"),
    ("command = 'echo ${NOPE:-a b}'", None),
    (
        "command = 'echo ${MINISUP_RUN_ID}'",
        "MINISUP_RUN_ID exists only in the run's own environment; a shell can read it there",
    ),
]


@pytest.mark.parametrize(("keys", "message"), COMMANDS, ids=[row[0] for row in COMMANDS])
def test_commands_that_cannot_be(tmp_path, keys, message):
    found = problems(tmp_path, "[program.email]\n" + keys)
    assert len(found) == 1 or message is None
    assert message in {None, found[0][2]}
    assert found[0][1] in {"program.email", "program.email.command"}


SUPERVISOR = [
    ("shutdown_timeout = 0", "shutdown_timeout", "expected a duration >= 1 s, got 0"),
    ("shutdown_timeout = -5", "shutdown_timeout", "expected a duration >= 1 s, got -5"),
    ("platform = 'dokcer'", "platform", 'expected docker, ecs, kubernetes or host, got "dokcer"; did you mean docker?'),
    ("socket_mode = 600", "socket_mode", 'expected octal digits in quotes, as "022" or "0600", got 600'),
    ("socket_group = 'no-such-group-here'", "socket_group", 'there is no group "no-such-group-here"'),
    ("socket = '/" + "s" * 107 + "'", "socket", "the path has more than 107 bytes; no socket can have it"),
    ("log = 'info'", "log", 'expected a table, got "info"; its keys are format, level, time'),
    ("log.level = 'loud'", "log.level", 'expected debug, info, warning or error, got "loud"'),
    ("sokcet = 'x'", "sokcet", "unknown key; did you mean socket?"),
    ("numprocs = 2", "numprocs", "unknown key; it belongs in [program.NAME]"),
    ("environment.A = '${NOPE}'", "environment.A", "NOPE is not set; set it, or write ${NOPE:-default}"),
    (
        "environment.A = '${MINISUP_SLOT}'",
        "environment.A",
        "MINISUP_SLOT is known only in command, directory, environment and the log paths of a program",
    ),
    ("include = 'x.toml'", "include", 'expected a list of text, got "x.toml"; write ["x.toml"]'),
]


@pytest.mark.parametrize(("keys", "key", "message"), SUPERVISOR, ids=[row[1] for row in SUPERVISOR])
def test_what_is_wrong_with_the_supervisor(tmp_path, keys, key, message):
    assert problems(tmp_path, f"[supervisor]\n{keys}\n{JOB}") == [(2, f"supervisor.{key}", message)]


def test_a_bad_variable_of_the_supervisor_is_not_reported_wherever_it_is_used(tmp_path):
    found = problems(tmp_path, f"supervisor.environment.A = 3\n{JOB}environment.B = '${{A}}'")
    assert [key for _, key, _ in found] == ["supervisor.environment.A"]


TOPS = [
    ("programs.email.command = 'x'", "programs", "unknown table; did you mean program?"),
    ("numprocs = 2\n" + JOB, "numprocs", "unknown key; there are program, supervisor"),
    ("program = 3", "program", "expected tables [program.NAME], got 3"),
    ("[[program]]\ncommand = 'x'", "program", "expected tables [program.NAME], got a list"),
    ("program.email = 'x'", "program.email", 'expected a table, got "x"'),
    ("supervisor = 3\n" + JOB, "supervisor", "expected a table, got 3"),
    ("", "", "there is no program; add a table [program.NAME] with a command"),
    ("[program]", "", "there is no program; add a table [program.NAME] with a command"),
    ("program.all.command = 'x'", "program.all", '"all" means every program; choose another name'),
    (
        "program.'a b'.command = 'x'",
        'program."a b"',
        "\"a b\" is not a name; a name begins with a letter, a digit or '_', and has these, '.' and '-', at most 100",
    ),
    (
        "program.'-x'.command = 'x'",
        "program.-x",
        "\"-x\" is not a name; a name begins with a letter, a digit or '_', and has these, '.' and '-', at most 100",
    ),
    (
        "program.'..'.command = 'x'",
        'program.".."',
        "\"..\" is not a name; a name begins with a letter, a digit or '_', and has these, '.' and '-', at most 100",
    ),
    (
        "program.''.command = 'x'",
        'program.""',
        "\"\" is not a name; a name begins with a letter, a digit or '_', and has these, '.' and '-', at most 100",
    ),
]


@pytest.mark.parametrize(("text", "key", "message"), TOPS, ids=[row[0][:30] for row in TOPS])
def test_what_is_wrong_at_the_top(tmp_path, text, key, message):
    assert (key, message) in [(name, said) for _, name, said in problems(tmp_path, text)]


AFTER = """
[program.a]
command = "x"
kind = "task"
after = ["b"]
[program.b]
command = "x"
kind = "service"
after = ["c", "migrat"]
[program.c]
command = "x"
kind = "task"
after = ["a", "j"]
[program.j]
command = "x"
[program.migrate]
command = "x"
kind = "task"
after = ["migrate"]
"""


def test_after_names_tasks_and_services_and_no_circle(tmp_path):
    assert problems(tmp_path, AFTER) == [
        (5, "program.a.after", "is a circle: a -> b -> c -> a; nobody could start"),
        (9, "program.b.after", '"migrat" is no program here; did you mean migrate?'),
        (13, "program.c.after", '"j" is a job, and a job never ends; name tasks and services'),
        (19, "program.migrate.after", "names itself"),
    ]


def test_after_a_program_whose_kind_is_not_understood_is_not_reported_as_well(tmp_path):
    found = problems(tmp_path, f"{JOB}kind = 'serv'\n[program.sms]\ncommand = 'x'\nafter = ['email']")
    assert [key for _, key, _ in found] == ["program.email.kind"]


def test_a_long_chain_of_programs_is_no_circle(tmp_path):
    links = [f"[program.p{n}]\ncommand = 'x'\nkind = 'task'\nafter = ['p{n + 1}']" for n in range(1500)]
    config = read(tmp_path, "\n".join([*links, "[program.p1500]\ncommand = 'x'\nkind = 'task'"]))
    assert len(config.programs) == 1501


MANY = """\
[supervisor]
platform = "moon"

[program.email]
command = "php 'artisan"
numproc = 2
stop.drain = "5 minutes"
idle = { wait = 1, factor = 0.5, max = 3 }

[program.sms]
after = ["migrat"]

[program.migrate]
command = "true"
kind = "task"
"""


def test_all_problems_are_reported_at_once_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, MANY)
    with pytest.raises(ConfigError) as caught:
        load("minisup.toml", ENVIRON)
    assert format_problems(caught.value, "start") == (
        "cannot start: minisup.toml has 8 problems\n"
        '  minisup.toml:2   supervisor.platform        expected docker, ecs, kubernetes or host, got "moon"\n'
        '  minisup.toml:5   program.email.command      "php \'artisan" cannot be split into words: '
        "no closing quotation\n"
        "  minisup.toml:6   program.email.numproc      unknown key; did you mean numprocs?\n"
        '  minisup.toml:7   program.email.stop.drain   "5 minutes" is not a duration; write "5m" or 300\n'
        "  minisup.toml:8   program.email.idle.factor  expected a number from 1 to 1000, got 0.5\n"
        "  minisup.toml:8   program.email.idle.max     unknown key; "
        "there are factor, faster_than, max_wait, output, unless_output, wait\n"
        "  minisup.toml:10  program.sms                command is missing\n"
        '  minisup.toml:11  program.sms.after          "migrat" is no program here; did you mean migrate?'
    )


def test_one_problem_is_not_many(tmp_path):
    with pytest.raises(ConfigError, match=r"minisup\.toml has 1 problem\n"):
        program(tmp_path, "x = 1")


def test_values_are_shown_short_and_printable():
    assert show("a" * 100) == '"' + "a" * 59 + '…"'
    assert show('q"\\\n\x1b\udcff') == '"q\\"\\\\\\n\\x1b\\udcff"'


def test_problems_of_keys_with_wide_letters_stand_in_columns(tmp_path):
    text = "[program.email]\ncommand = 'x'\n'名前' = 1\nnumproc = 2\n"
    with pytest.raises(ConfigError) as raised:
        load(str(write(tmp_path, text)), ENVIRON)
    lines = str(raised.value).splitlines()[1:]
    assert len({width(line[: line.index("unknown key")]) for line in lines}) == 1
