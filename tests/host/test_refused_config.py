"""A configuration with problems: exit 78, every problem with its file and line, and nothing is started."""

import os
import re
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from kit import AT_ONCE, Stage, program, sh

from minisup.errors import ConfigError

BEFORE_ANYTHING = "[program.started]\ncommand = 'touch started'\n"


def refused(stage: Stage, text: str) -> CompletedProcess[str]:
    """`minisup up` on this text; asserts the exit code and that nothing was started."""
    head = f'supervisor.socket = "{stage.socket}"\nsupervisor.state_dir = "{stage.root}/state"\n'
    stage.write("minisup.toml", head + text)
    done = stage.run("up", "-c", "minisup.toml")
    assert (done.returncode, done.stdout) == (78, ""), done.stderr
    assert not stage.path("started").exists()
    assert not stage.socket.exists()
    return done


def line_of(text: str, words: str) -> int:
    """The number, in the file that `refused` writes, of the line that holds these words."""
    return next(number for number, line in enumerate(text.splitlines(), start=3) if words in line)


def assert_told(done: CompletedProcess[str], text: str, words: str, *facts: str) -> None:
    """One line of stderr names the file and the line that holds `words`, and all of `facts`."""
    where = f"minisup.toml:{line_of(text, words)}"
    told = [line for line in done.stderr.splitlines() if re.search(re.escape(where) + r"\b", line)]
    assert any(all(fact in line for fact in facts) for line in told), f"{where} {facts}:\n{done.stderr}"


def test_broken_toml_names_the_line(stage: Stage) -> None:
    text = BEFORE_ANYTHING + "[program.email\ncommand = 'x'\n"
    assert_told(refused(stage, text), text, "[program.email")


def test_every_problem_is_told_at_once_with_file_and_line(stage: Stage) -> None:
    text = f"""{BEFORE_ANYTHING}
[program.email]
command = 'x'
numproc = 2
min_runtime = '5 minutes'
numprocs = 'two'
after = ['migrat']

[program.migrate]
kind = 'task'
command = 'x'
umask = '999'
"""
    done = refused(stage, text)
    assert_told(done, text, "numproc = 2", "program.email.numproc", "numprocs")
    assert_told(done, text, "5 minutes", "program.email.min_runtime", "5 minutes")
    assert_told(done, text, "'two'", "program.email.numprocs", "two")
    assert_told(done, text, "migrat'", "program.email.after", "migrate")
    assert_told(done, text, "'999'", "program.migrate.umask", "999")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("numprocs = -1", "numprocs"),
        ("numprocs = 1.5", "numprocs"),
        ("numprocs = true", "numprocs"),
        ("exit = { ok = [256] }", "exit"),
        ("exit = { ok = [0], idle = [0] }", "exit"),
        ("idle = { factor = 0.5 }", "idle"),
        ("idle = { wait = '30s', max_wait = '1s' }", "idle"),
        ("retry = { max_failure_ratio = 1.5 }", "retry"),
        ("retry = { give_up = 'perhaps' }", "retry"),
        ("stop = { signal = 'SIGNOTHING' }", "stop"),
        ("max_runtime = '-5s'", "max_runtime"),
        ("umask = 'rw'", "umask"),
        ("environment = { QUEUE = '${UNSET_HERE}' }", "environment"),
        ("environment = { QUEUE = '${UNCLOSED' }", "environment"),
        ("environment = { QUEUE = 5.5e300000 }", "environment"),
        ("user = 'nobody-has-this-name'", "user"),
        ("env_file = 'missing.env'", "env_file"),
        ("after = ['email']", "after"),
        ("kind = 'daemon'", "kind"),
        ("scale = { min = 3, max = 1 }", "scale"),
        ("schedule = { every = '10s', cron = '* * * * *' }", "schedule"),
        ("numprocs = 2\nscale = { min = 1, max = 3 }", "scale"),
        ("log = { to = 'nowhere' }", "log"),
        ("idle = { output = 'empty' }\nlog = { to = 'inherit' }", "idle"),
    ],
)
def test_an_impossible_value_is_refused(stage: Stage, line: str, key: str) -> None:
    text = f"{BEFORE_ANYTHING}[program.email]\ncommand = 'x'\n{line}\n"
    done = refused(stage, text)
    assert re.search(rf"minisup\.toml:\d+\s+program\.email\.{key}\b", done.stderr), done.stderr


def test_a_missing_include_is_refused(stage: Stage) -> None:
    text = f"supervisor.include = ['there-is-none.toml']\n{BEFORE_ANYTHING}"
    assert_told(refused(stage, text), text, "there-is-none", "there-is-none.toml")


def test_a_problem_in_an_included_file_names_that_file(stage: Stage) -> None:
    stage.path("conf.d").mkdir()
    stage.write("conf.d/mail.toml", "[program.email]\ncommand = 'x'\n\nnumproc = 2\n")
    done = refused(stage, f"supervisor.include = ['conf.d/*.toml']\n{BEFORE_ANYTHING}")
    assert re.search(r"mail\.toml:4\s+program\.email\.numproc\b", done.stderr), done.stderr


def test_a_file_without_a_program_is_refused(stage: Stage) -> None:
    assert "program" in refused(stage, "").stderr


def test_a_file_that_is_not_there_is_refused(stage: Stage) -> None:
    done = stage.run("up", "-c", "there-is-none.toml")
    assert done.returncode == 78
    assert "there-is-none.toml" in done.stderr
    assert "No such file or directory" in done.stderr


def test_a_file_that_is_not_text_is_refused(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "minisup.toml").write_bytes(b"[program.email]\ncommand = '\xff\xfe'\n")
    done = stage.run("up", "-c", "minisup.toml")
    assert done.returncode == 78
    assert "Traceback" not in done.stderr


def test_a_cycle_of_after_is_refused(stage: Stage) -> None:
    tasks = [program("a", "x", kind="task", after=["b"]), program("b", "x", kind="task", after=["a"])]
    assert "after" in refused(stage, BEFORE_ANYTHING + "".join(tasks)).stderr


def test_check_and_up_tell_the_same_problems(stage: Stage) -> None:
    up = refused(stage, BEFORE_ANYTHING + program("email", sh("true"), numproc=2))
    check = stage.run("check", "-c", "minisup.toml")
    assert check.returncode == 78
    problem = next(line for line in up.stderr.splitlines() if "numproc" in line)
    assert problem.strip() in check.stdout + check.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_root_on_a_host_does_not_start_what_somebody_else_may_write_nor_reload_it(stage: Stage) -> None:
    host = 'shutdown_timeout = "4s"\nplatform = "host"'
    config = stage.config(program("long", "sleep 1000", stop=AT_ONCE), supervisor=host)
    os.chown(config, 12345, 12345)
    refused = stage.run("up", "-c", config)
    assert (refused.returncode, "it belongs to 12345, and minisup is root" in refused.stderr) == (78, True)
    daemon = stage.up_file(config, env={"MINISUP_TRUST": "12345"})
    daemon.running_pid("long:0")
    os.chown(config, 23456, 23456)
    with pytest.raises(ConfigError, match="it belongs to 23456, and minisup is root"):
        daemon.ask("reload")
    assert daemon.slot("long:0")["pid"], "the old configuration goes on"
