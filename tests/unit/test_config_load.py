import os
import pwd

import pytest
from config_kit import ENVIRON, JOB, program, read, write

from minisup.config.keys.log_tables import LogFormat, LogStderr, LogTo
from minisup.config.keys.supervisor_table import Platform
from minisup.config.load import find_config, load
from minisup.config.schema import Identity, Origin
from minisup.core.model import ExitCodes, GiveUp, Kind, Policy, Restart, Scope
from minisup.errors import ConfigError

FULL = """
[supervisor]
socket = "run/minisup.sock"
socket_mode = "0660"
socket_group = "0"
state_dir = "/var/lib/${APP}"
platform = "ecs"
shutdown_timeout = "25s"
log = { format = "text", level = "debug", time = true }
environment = { APP_ENV = "production", PATH = "/opt:${PATH}" }

[program.migrate]
command = "true"
kind = "task"

[program.email]
command = "php artisan 'sqs:email' --env=${APP_ENV} --slot=${MINISUP_SLOT}"
kind = "job"
numprocs = "${WORKERS:-2}"
min_runtime = "500ms"
max_runtime = "${SLOW}"
restart = "on-failure"
autostart = "${AUTO:-false}"
after = ["migrate"]
stable_after = 20
directory = "work/${MINISUP_SLOT}"
user = "0"
umask = "022"
environment = { QUEUE = "${MINISUP_PROGRAM}-${MINISUP_SLOT}/${MINISUP_NUMPROCS}" }
clear_env = true
groups = ["mail", "m.2"]
max_start_rate = "20/s"
exit = { ok = [0, 3], idle = [4], recycle = [12], fatal = [] }
idle = { wait = "2s", max_wait = "40s", factor = 2 }
retry = { backoff = "2s", max_backoff = "60s", budget = 5, refill = "10s", max_failure_ratio = 0.9, give_up = "exit", give_up_after = "1m" }
stop = { drain = "30s", signal = "QUIT", timeout = 5, scope = "leader" }
log = { to = "none", format = "raw", stderr = "join" }
"""  # noqa: E501 - one line in the file


def test_every_supported_key(tmp_path):
    config = read(tmp_path, FULL)
    email = config.programs["email"]
    assert email.policy() == Policy(
        name="email",
        kind=Kind.JOB,
        numprocs=3,
        min_runtime=0.5,
        max_runtime=120,
        restart=Restart.ON_FAILURE,
        autostart=False,
        after=("migrate",),
        stable_after=20,
        groups=("mail", "m.2"),
        max_start_rate=20,
        exit=ExitCodes(ok=frozenset({0, 3}), idle=frozenset({4}), recycle=frozenset({12}), fatal=frozenset()),
        idle=type(email.idle)(wait=2, max_wait=40, factor=2),
        retry=type(email.retry)(
            backoff=2,
            max_backoff=60,
            budget=5,
            refill=10,
            max_failure_ratio=0.9,
            give_up=GiveUp.EXIT,
            give_up_after=60,
        ),
        stop=type(email.stop)(drain=30, signal="SIGQUIT", timeout=5, scope=Scope.LEADER),
    )
    assert (email.umask, email.clear_env) == (0o22, True)
    assert (email.log.to, email.log.format, email.log.stderr) == (LogTo.NONE, LogFormat.RAW, LogStderr.JOIN)


def test_the_supervisor_table(tmp_path):
    supervisor = read(tmp_path, FULL).supervisor
    assert supervisor.socket == f"{tmp_path}/run/minisup.sock"
    assert (supervisor.socket_mode, supervisor.socket_gid) == (0o660, 0)
    assert supervisor.state_dir == "/var/lib/shop"
    assert (supervisor.platform, supervisor.shutdown_timeout) == (Platform.ECS, 25)
    assert (supervisor.log.level, supervisor.log.time) == ("debug", True)
    assert supervisor.environment == {"APP_ENV": "production", "PATH": "/opt:/usr/bin:/bin"}


def test_a_slot_has_its_own_words_and_variables(tmp_path):
    slot = read(tmp_path, FULL).programs["email"].for_slot(2)
    assert slot.argv == ("php", "artisan", "sqs:email", "--env=production", "--slot=2")
    assert slot.directory == f"{tmp_path}/work/2"
    assert slot.environment == {
        "QUEUE": "email-2/3",
        "MINISUP_PROGRAM": "email",
        "MINISUP_SLOT": "2",
        "MINISUP_NUMPROCS": "3",
        "MINISUP_HERE": str(tmp_path),
    }


def test_a_slot_of_a_program_that_was_scaled_knows_it(tmp_path):
    assert read(tmp_path, FULL).programs["email"].for_slot(5, 9).environment["QUEUE"] == "email-5/9"


def test_defaults_of_a_job(tmp_path):
    email = program(tmp_path, "")
    assert email.policy() == Policy(name="email")
    assert email.for_slot(0).directory == "/srv"
    assert (email.identity, email.umask, email.log.to, email.log.stderr) == (None, None, "console", "separate")
    assert email.origin == Origin(str(tmp_path / "minisup.toml"), 1, str(tmp_path), str(tmp_path), "/srv", ENVIRON)


def test_defaults_of_a_service(tmp_path):
    web = program(tmp_path, 'kind = "service"')
    assert (web.exit.ok, web.exit.idle, web.exit.fatal) == (frozenset(), frozenset(), frozenset({78}))
    assert (web.stop.drain, web.stop.scope, web.stop.signal, web.stop.timeout) == (0, Scope.LEADER, "SIGTERM", 10)
    assert web.restart is Restart.ALWAYS


def test_what_a_service_says_wins_over_its_defaults(tmp_path):
    web = program(tmp_path, 'kind = "service"\nexit = { ok = [0] }\nstop = { scope = "group" }')
    assert (web.exit.ok, web.stop.scope, web.stop.drain) == ({0}, Scope.GROUP, 0)


def test_a_task_is_not_repeated_once_it_has_worked(tmp_path):
    assert program(tmp_path, 'kind = "task"').restart is Restart.ON_FAILURE
    assert program(tmp_path, 'kind = "task"\nrestart = "never"').restart is Restart.NEVER


@pytest.mark.parametrize(
    ("keys", "codes"),
    [
        ("exit.idle = [0]", ExitCodes(ok=frozenset(), idle=frozenset({0}))),
        ("exit.ok = [0, 78]", ExitCodes(ok=frozenset({0, 78}), fatal=frozenset())),
        ("exit.recycle = [12]", ExitCodes(recycle=frozenset({12}))),
        ("exit.ok = []", ExitCodes(ok=frozenset())),
    ],
)
def test_a_code_that_is_named_leaves_the_defaults_of_the_other_sets(tmp_path, keys, codes):
    assert program(tmp_path, keys).exit == codes


@pytest.mark.parametrize(("platform", "seconds"), [("docker", 10), ("ecs", 30), ("kubernetes", 30), ("host", 90)])
def test_the_platform_decides_how_long_a_shutdown_may_take(tmp_path, platform, seconds):
    config = read(tmp_path, f'supervisor.platform = "{platform}"\n{JOB}')
    assert config.supervisor.shutdown_timeout == seconds


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("\"a 'b c' d\\\\ e\"", ("a", "b c", "d e")),
        ('"run ${SPACED}"', ("run", "two words")),
        ("\"run '${NONE:-a b}'\"", ("run", "a b")),
        ('["sh", "-c", "echo $HOME | cat"]', ("sh", "-c", "echo $HOME | cat")),
        ("\"sh -c 'exit $$?'\"", ("sh", "-c", "exit $?")),
        ('["echo", ""]', ("echo", "")),
        ('"${MINISUP_HERE}/run ${MINISUP_PROGRAM}"', ("HERE/run", "email")),
    ],
)
def test_commands_become_words_before_variables_are_filled_in(tmp_path, command, argv):
    text = f"[program.email]\ncommand = {command}"
    slot = read(tmp_path, text, {**ENVIRON, "SPACED": "two words"}).programs["email"].for_slot(0)
    assert slot.argv == tuple(word.replace("HERE", str(tmp_path)) for word in argv)


def test_umask_zero_is_a_umask(tmp_path):
    assert program(tmp_path, 'umask = "000"').umask == 0


@pytest.mark.parametrize("signal", ['"TERM"', '"SIGTERM"', '"sigterm"', "15", '"15"'])
def test_signals_have_one_name(tmp_path, signal):
    assert program(tmp_path, f"stop.signal = {signal}").stop.signal == "SIGTERM"


@pytest.mark.parametrize("word", ["true", "True", "yes", "on", "1"])
def test_booleans_from_variables(tmp_path, word):
    assert program(tmp_path, 'clear_env = "${IT}"', {**ENVIRON, "IT": word}).clear_env is True


def test_numbers_from_variables(tmp_path):
    email = program(tmp_path, 'idle.factor = "${F:-2.5}"\nexit.idle = ["${C:-4}"]\nmin_runtime = "${S:-0}"')
    assert (email.idle.factor, email.exit.idle, email.min_runtime) == (2.5, {4}, 0)


def test_variables_of_an_outer_minisup_are_not_used(tmp_path):
    email = program(tmp_path, 'environment = { X = "${MINISUP_SLOT}" }', {**ENVIRON, "MINISUP_SLOT": "77"})
    assert email.for_slot(1).environment["X"] == "1"


def test_no_slots_at_all_are_allowed(tmp_path):
    assert program(tmp_path, "numprocs = 0").numprocs == 0


def test_a_file_with_a_byte_order_mark_and_windows_lines(tmp_path):
    config = read(tmp_path, b"\xef\xbb\xbf[program.email]\r\ncommand = 'true'\r\n")
    assert list(config.programs) == ["email"]


def test_the_current_directory_is_the_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load(write(tmp_path, JOB)).programs["email"].for_slot(0).directory == str(tmp_path)


def test_secrets_of_a_slot_can_be_hidden(tmp_path):
    keys = 'command = "run --token ${API_TOKEN}"\nenvironment = { URL = "https://${API_TOKEN}@host" }'
    email = read(tmp_path, f"[program.email]\n{keys}").programs["email"]
    assert email.for_slot(0).argv[2] == "s3cret"
    hidden = email.for_slot(0, hide=True)
    assert (hidden.argv[2], hidden.environment["URL"]) == ("***", "https://***@host")


def test_configurations_can_be_compared(tmp_path):
    assert read(tmp_path, FULL) == read(tmp_path, FULL)
    assert read(tmp_path, FULL) != read(tmp_path, FULL.replace("500ms", "501ms"))


# --- users -----------------------------------------------------------------------------------------------------------


def ours():
    return pwd.getpwuid(os.geteuid())


def test_our_own_user_needs_no_root(tmp_path):
    me = ours()
    who = program(tmp_path, f'user = "{me.pw_name}"').identity
    assert (who.name, who.uid, who.gid, who.home) == (me.pw_name, me.pw_uid, me.pw_gid, me.pw_dir)
    assert me.pw_gid in who.groups


def test_another_user_without_root_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ConfigError, match=r"program\.email\.user +only root can run as another user than its own"):
        program(tmp_path, 'user = "root"')


def test_another_group_without_root_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "getegid", lambda: 12345)
    with pytest.raises(ConfigError, match=r"program\.email\.group +only root can run as another group than its own"):
        program(tmp_path, 'group = "0"')


def test_a_user_by_number_without_an_entry_needs_a_group(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(ConfigError, match="set group too"):
        program(tmp_path, 'user = "3999999999"')
    assert program(tmp_path, 'user = "3999999999"\ngroup = "0"').identity == Identity(
        "3999999999", 3999999999, 0, (0,), None
    )


def test_a_group_alone_changes_the_group_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert program(tmp_path, 'group = "root"').identity == Identity(gid=0)


# --- which file ------------------------------------------------------------------------------------------------------


def test_the_option_wins_over_the_variable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, JOB)
    assert find_config("mine.toml", {"MINISUP_CONFIG": "other.toml"}) == "mine.toml"
    assert find_config(None, {"MINISUP_CONFIG": "other.toml"}) == "other.toml"
    assert find_config(None, {"MINISUP_CONFIG": ""}) == "minisup.toml"


def test_no_configuration_anywhere_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minisup.config.load.DEFAULT_PATHS", ("minisup.toml", "etc/minisup.toml"))
    with pytest.raises(ConfigError, match=r"there is no minisup\.toml and no etc/minisup\.toml; name a file"):
        find_config(None, {})
