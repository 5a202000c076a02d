"""The command line as its users meet it: exit codes, sentences, both places for global options, lean imports."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from command_reference import reference
from fake_minisup import answering

import minisup
from minisup import __version__ as version
from minisup.cli.argv import GLOBAL_OPTIONS, LATER_COMMANDS, command_of, read
from minisup.cli.commands import all_commands
from minisup.cli.complete.offers import offers
from minisup.cli.connect import configured
from minisup.cli.timeparse import seconds
from minisup.errors import ConfigError, UsageError

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
COMMANDS = all_commands()
NAMES = [command.name for command in COMMANDS]
CONTROL = ["status", "logs", "logs -f", "events", "events -f", "reopen"]
CONTROL += ["start email", "stop email", "restart email", "shutdown"]
CONTROL += ["pause email", "resume email", "signal TERM email", "scale email=2", "run email"]


def text(process):
    return process.stdout + process.stderr


# --- help and reference -----------------------------------------------------------------------------------------------


def test_the_reference_is_what_the_declarations_say():
    assert REFERENCE.read_text(encoding="utf-8") == reference(), (
        "python tests/tools/command_reference.py > docs/reference/commands.md"
    )


def test_help_lists_every_command_targets_and_exit_codes(minisup):
    process = minisup("--help")
    assert process.returncode == 0
    assert process.stderr == ""
    for word in [*NAMES, "@mail", "73", "--config", "--socket", "--install-completion"]:
        assert word in process.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_help_of_a_command_has_its_options_and_examples(minisup, command):
    process = minisup(command.name, "--help")
    assert process.returncode == 0
    assert process.stderr == ""
    if command.name not in {"import", "post"}:  # they need neither a minisup nor its configuration
        assert "--config" in process.stdout
        assert "--socket" in process.stdout
    for example in command.examples:
        assert f"  {example}\n" in process.stdout


# --- exit codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "status --nonsense",
        "start",
        "logs -n many",
        "history -n many",
        "history --outcome nonsense",
        "history --since yesterday",
        "history --slower-than soon",
        "history --json --csv",
        "report --since 1h --until 2h",
        "report --until nonsense",
        "report --json --html x.html",
        "logs -n -1",
        "up --nonsense",
        "up -c",
        "health --max-age 5x",
        "health --max-age",
        "health --max-age 5m",
        "stop email --timeout 5s",
        "stop email --wait --timeout soon",
        "pause",
        "signal",
        "signal TERM",
        "signal NONSENSE email",
        "signal 99 email",
        "scale",
        "scale email",
        "scale email=",
        "scale =5",
        "scale email=five",
        "scale email=-1",
        "scale email=10001",
        "scale email=99999999999999999999",
        "scale email=5 --timeout 5s",
        "init one two",
        *LATER_COMMANDS,
    ],
)
def test_a_command_line_that_makes_no_sense_is_two_and_says_what_to_do(minisup, line):
    process = minisup(*line.split())
    assert process.returncode == 2
    assert process.stdout == ""
    assert process.stderr.startswith("cannot ")
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("scale email", "cannot scale email: that is no size; write PROGRAM=NUMBER, as in email=5\n"),
        ("scale email=x", "cannot scale email=x: that is no size; write PROGRAM=NUMBER, as in email=5\n"),
        ("scale email=10001", "cannot scale email=10001: the number must be a whole number from 0 to 10,000\n"),
        (
            "signal WHAT email",
            'cannot signal WHAT: it must be a signal such as "TERM", "SIGTERM" or 15; `kill -l` lists them\n',
        ),
        (
            "pause email --timeout 5s",
            "cannot use --timeout without --wait: nothing is waited for; add --wait or leave it out\n",
        ),
    ],
)
def test_the_sentences_of_control_say_what_to_write(minisup, line, sentence):
    assert minisup(*line.split()).stderr == sentence


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("logs -n many", 'cannot read -n: "many" is not a whole number; write 20\n'),
        ("logs -n -1", 'cannot read -n: "-1" is not a whole number; write 20\n'),
        ("logs --run 0", 'cannot read --run: "0" is not a whole number of at least 1; write 20\n'),
        ("events -n 1.5", 'cannot read -n: "1.5" is not a whole number; write 20\n'),
        ("history -n many", 'cannot read -n: "many" is not a whole number; write 20\n'),
        ("history -n many -- email", 'cannot read -n: "many" is not a whole number; write 20\n'),
        ("simulate --seeds 0", 'cannot read --seeds: "0" is not a whole number from 1 to 1,000; write 2\n'),
        ("simulate --seed x", 'cannot read --seed: "x" is not a whole number; write 20\n'),
    ],
)
def test_what_is_no_number_is_said_in_plain_words(minisup, line, said):
    process = minisup(*line.split())
    assert (process.returncode, process.stderr) == (2, said)


@pytest.mark.parametrize("line", ["--version", "-V", "-c nowhere.toml --version"])
def test_the_version_of_this_command_needs_nothing(minisup, line):
    process = minisup(*line.split())
    assert (process.returncode, text(process)) == (0, f"minisup {version}\n")


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_help_speaks_of_no_types_of_python(minisup, command):
    shown = minisup(command.name, "--help").stdout
    assert not re.search(r"<\w+|list\[", shown)


@pytest.mark.parametrize("line", ["web"])
def test_what_comes_later_says_so(minisup, line):
    assert "not supported yet" in minisup(*line.split()).stderr


@pytest.mark.parametrize("line", CONTROL)
def test_no_minisup_is_three_and_names_what_was_tried(minisup, line, tmp_path):
    process = minisup("-s", str(tmp_path / "none"), *line.split())
    assert process.returncode == 3
    assert process.stdout == ""
    assert process.stderr.startswith(f"cannot reach minisup: no socket at {tmp_path}/none\n")
    assert "is `minisup up` running?" in process.stderr


def test_no_socket_named_names_all_default_places(minisup):
    process = minisup("status", environ={"XDG_RUNTIME_DIR": "/nonexistent"})
    if process.returncode == 0:
        pytest.skip("a minisup is running on this machine")
    assert process.returncode == 3
    for place in ("/run/minisup.sock", "/nonexistent/minisup.sock", f"/tmp/minisup-{os.getuid()}/minisup.sock"):
        assert place in process.stderr


@pytest.mark.parametrize(
    "line",
    [
        *(f"{command} nope" for command in ("status", "logs", "history", "report", "health")),
        *(f"{command} nope" for command in ("start", "stop", "restart", "pause", "resume", "signal USR1")),
        "scale nope=1",
    ],
)
def test_no_such_target_is_four(minisup, fake, line):
    process = minisup(*line.split(), "-s", fake)
    assert process.returncode == 4
    assert process.stderr == "cannot find nope: no program or slot has that name\n  programs: email\n"


def test_what_is_refused_is_one(minisup, fake):
    process = minisup("stop", "boom", "-s", fake)
    assert (process.returncode, process.stderr) == (1, "cannot do that: it is broken\n")


def test_waiting_no_longer_is_one(minisup, fake):
    process = minisup("stop", "slow", "--wait", "--timeout", "50ms", "-s", fake)
    assert process.returncode == 1
    assert "not done after 0.05 s" in process.stderr


@pytest.mark.parametrize("line", ["check", "up"])
def test_a_configuration_with_problems_is_seventy_eight_and_shows_all(minisup, tmp_path, line):
    (tmp_path / "minisup.toml").write_text('[program.email]\ncommand = "true"\nnumproc = 2\nmin_runtime = "soon"\n')
    process = minisup(line)
    assert process.returncode == 78
    assert process.stderr.startswith("cannot start: minisup.toml has 2 problems\n")
    assert "minisup.toml:3" in process.stderr
    assert "minisup.toml:4" in process.stderr
    assert process.stdout == ""


@pytest.mark.parametrize("line", ["check", "up", "check -c none.toml", "up -c none.toml", "status -c none.toml"])
def test_no_configuration_is_seventy_eight(minisup, line):
    process = minisup(*line.split())
    assert process.returncode == 78
    assert process.stderr.startswith("cannot ")
    assert "minisup.toml" in process.stderr or "none.toml" in process.stderr


# --- what is printed --------------------------------------------------------------------------------------------------


def test_status_is_a_table_or_the_document(minisup, fake):
    lines = minisup("status", "-s", fake).stdout.splitlines()
    assert lines[1].split()[:3] == ["PROGRAM", "STATE", "SLOTS"]
    assert lines[2].startswith("email    running  ●●")
    assert len(minisup("status", "--slots", "--once", "email", "-s", fake).stdout.splitlines()) == 5
    document = json.loads(minisup("status", "--json", "-s", fake).stdout)
    assert document["schema"] == 1
    assert document["programs"][0]["slots"][1]["name"] == "email:1"


def test_an_ascii_terminal_gets_ascii(minisup, fake):
    process = minisup("status", "-s", fake, environ={"PYTHONIOENCODING": "ascii"}, apart=True)
    assert process.returncode == 0
    assert "**" in process.stdout


def test_control_says_what_was_accepted_or_done(minisup, fake):
    assert minisup("start", "email", "-s", fake).stdout == "start accepted: email:0, email:1\n"
    assert minisup("stop", "email", "--wait", "-s", fake).stdout == "stopped: email:0, email:1\n"
    assert minisup("restart", "email", "--wait", "--timeout", "1m", "-s", fake).stdout == (
        "restarted: email:0, email:1\n"
    )
    assert json.loads(minisup("restart", "email", "--json", "-s", fake).stdout)["accepted"] is True
    assert minisup("pause", "email", "-s", fake).stdout == "pause accepted: email:0, email:1\n"
    assert minisup("pause", "email", "--wait", "-s", fake).stdout == "paused: email:0, email:1\n"
    assert minisup("resume", "email", "--now", "-s", fake).stdout == "resume accepted: email:0, email:1\n"
    assert minisup("resume", "email", "--wait", "-s", fake).stdout == "resumed: email:0, email:1\n"


def test_scale_says_what_leaves(minisup, fake):
    assert minisup("scale", "email=5", "-s", fake).stdout == "scale accepted: email=5; email:5, email:6 may finish\n"
    lines = minisup("scale", "email=5", "sms=0", "--wait", "--timeout", "1m", "-s", fake).stdout.splitlines()
    assert lines == ["scaled: email=5", "scaled: sms=0"]
    document = json.loads(minisup("scale", "email=1", "--json", "-s", fake).stdout)
    assert document["scaled"][0]["slots"] == ["email:0"]


def test_nothing_is_scaled_when_one_of_the_programs_is_unknown(minisup, fake):
    process = minisup("scale", "email=5", "nope=1", "-s", fake)
    assert (process.returncode, process.stdout) == (4, "")


@pytest.mark.parametrize("name", ["TERM", "SIGTERM", "15", "term"])
def test_signals_go_by_name_or_number(minisup, fake, name):
    assert minisup("signal", name, "email", "-s", fake).stdout == "SIGTERM sent: email:0, email:1\n"
    assert json.loads(minisup("signal", name, "email", "--json", "-s", fake).stdout)["got"] == "SIGTERM"


def test_logs_are_lines_with_their_slot(minisup, fake):
    lines = minisup("logs", "email", "-n", "1", "--run", "7", "-s", fake).stdout.splitlines()
    assert lines == ['email:0 | {"targets": ["email"], "lines": 1, "run": 7}']
    assert minisup("logs", "-n", "0", "-s", fake).stdout == ""
    assert len(json.loads(minisup("logs", "--json", "-s", fake).stdout)["lines"]) == 2


def test_followed_logs_begin_with_the_last_lines_and_end_with_minisup(minisup, fake):
    process = minisup("logs", "email", "-f", "-n", "1", "--run", "7", "-s", fake)
    assert process.stdout.splitlines() == ['email:0 | {"targets": ["email"], "lines": 1, "run": 7}', "email:0 | two"]
    assert (process.returncode, process.stderr) == (0, "minisup has ended\n")
    lines = [json.loads(line) for line in minisup("logs", "-f", "--json", "-s", fake).stdout.splitlines()]
    assert [(line["slot"], line["run"]) for line in lines] == [("email:0", 812)] * 2
    assert (json.loads(lines[0]["text"])["lines"], lines[1]["text"]) == (100, "two")


def test_who_follows_too_slowly_is_told(minisup, fake):
    process = minisup("logs", "slow", "-f", "-s", fake)
    assert process.returncode == 1
    assert process.stderr.startswith("cannot follow any longer: what is printed comes faster than it is read")


def test_reopen_counts_the_files(minisup, fake):
    process = minisup("reopen", "-s", fake)
    assert (process.returncode, process.stdout, process.stderr) == (0, "opened anew: 1 log file\n", "")
    assert json.loads(minisup("reopen", "--json", "-s", fake).stdout)["files"] == ["/var/log/a.log"]


def test_version_is_known_with_and_without_a_minisup(minisup, fake, tmp_path):
    assert minisup("version", "-s", str(tmp_path / "none")).stdout == "minisup 0.1.0\nrunning: none that answers\n"
    assert "instance 7f3a" in minisup("version", "-s", fake).stdout
    assert json.loads(minisup("version", "--json", "-s", fake).stdout)["running"]["instance"] == "7f3a"


def test_health_is_silent_when_well_and_one_line_when_not(minisup, fake, tmp_path):
    well = minisup("health", "-s", fake)
    assert (well.returncode, text(well)) == (0, "")
    ill = minisup("health", "email", "--max-age", "5m", "-s", fake)
    assert (ill.returncode, text(ill)) == (1, "unhealthy: email has not worked for 300 s\n")
    gone = minisup("health", "-s", str(tmp_path / "none"))
    assert gone.returncode == 1
    assert gone.stderr.count("\n") == 1


def test_health_gives_up_after_two_seconds(minisup, fake):
    deaf = minisup("health", "deaf", "-s", fake)
    assert deaf.returncode == 1
    assert deaf.stderr.startswith("unhealthy: ")


def test_shutdown_waits_until_the_process_has_gone(minisup, tmp_path):
    path = tmp_path / "m.sock"
    with answering(path) as process:
        assert minisup("shutdown", "--wait", "-s", str(path)).stdout == "minisup has ended\n"
        assert process.wait(5) == 0
    assert not path.exists()


def test_check_explains_or_prints_the_facts(minisup, tmp_path):
    (tmp_path / "minisup.toml").write_text('[program.email]\ncommand = "true"\n')
    assert minisup("check").stdout.startswith("minisup.toml: 1 program, no errors")
    facts = json.loads(minisup("check", "--json").stdout)
    assert facts["programs"][0]["name"] == "email"
    (tmp_path / "minisup.toml").write_text("[program.email]\n")
    broken = minisup("check", "--json")
    assert broken.returncode == 78
    assert json.loads(broken.stdout)["problems"][0]["file"] == "minisup.toml"
    assert broken.stderr.startswith("cannot ")


def test_check_takes_the_file_as_its_argument(minisup, tmp_path):
    (tmp_path / "other.toml").write_text('[program.email]\ncommand = "true"\n')
    assert minisup("check", "other.toml").stdout.startswith("other.toml: 1 program, no errors")
    assert minisup("check", "other.toml", "-c", "other.toml").returncode == 0
    both = minisup("check", "other.toml", "-c", "minisup.toml")
    assert (both.returncode, both.stderr) == (
        2,
        "cannot check two configurations at once, other.toml and minisup.toml; name one\n",
    )
    assert minisup("check", "none.toml").returncode == 78


def test_check_explains_unless_told_otherwise(minisup, tmp_path):
    (tmp_path / "minisup.toml").write_text('[program.email]\ncommand = "true"\nstop.drain = 60\n')
    assert "    pace      " in minisup("check", "--explain").stdout
    short = minisup("check", "--no-explain").stdout
    assert short.startswith("minisup.toml: 1 program, no errors, 1 warning\n\n  warning MS104 email: ")
    assert "    pace      " not in short


def test_check_warns_and_fails_only_if_it_is_to_be_strict(minisup, tmp_path):
    (tmp_path / "minisup.toml").write_text('[program.email]\ncommand = "true"\nstop.drain = 60\n')
    warned = minisup("check")
    assert warned.returncode == 0
    assert "  warning MS104 email: stop.drain 60s does not fit" in warned.stdout
    assert minisup("check", "--strict").returncode == 1
    facts = minisup("check", "--strict", "--json")
    assert facts.returncode == 1
    assert [entry["code"] for entry in json.loads(facts.stdout)["warnings"]] == ["MS104"]
    (tmp_path / "minisup.toml").write_text('[program.email]\ncommand = "true"\nstop.drain = 4\n')
    assert minisup("check", "--strict").returncode == 0


def test_check_looks_at_a_unit_that_is_named(minisup, tmp_path):
    (tmp_path / "minisup.toml").write_text('supervisor.platform = "host"\n[program.email]\ncommand = "true"\n')
    (tmp_path / "m.service").write_text("[Service]\nTimeoutStopSec=30\n")
    said = minisup("check", "--strict", "--unit", "./m.service")
    assert said.returncode == 1
    assert [line.split(":")[0] for line in said.stdout.splitlines() if "warning MS" in line] == [
        "  warning MS105",
        "  warning MS106",
        "  warning MS107",
    ]
    missing = minisup("check", "--unit", "./none.service")
    assert (missing.returncode, missing.stderr) == (
        2,
        "cannot read the unit ./none.service: No such file or directory\n",
    )


# --- init -------------------------------------------------------------------------------------------------------------


def test_init_writes_a_file_that_passes_check_and_explains_the_pace(minisup, tmp_path):
    assert minisup("init").stdout == "wrote minisup.toml; next: minisup check, then minisup up\n"
    checked = minisup("check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "no errors" in checked.stdout
    assert minisup("check", "--strict").returncode == 0
    text = (tmp_path / "minisup.toml").read_text()
    assert "busy 20 % of the time" in text
    assert "exit = { idle = [66] }" in text
    assert max(map(len, text.splitlines())) <= 120


def test_what_the_starter_file_suggests_is_valid_too(tmp_path, minisup):
    minisup("init")
    lines = (tmp_path / "minisup.toml").read_text().splitlines()
    told = [line.removeprefix("# ") if re.match(r"# (\[|\w+ = )", line) else line for line in lines]
    told.remove('min_runtime = "1s"')
    (tmp_path / "minisup.toml").write_text("\n".join(told))
    facts = json.loads(minisup("check", "--json").stdout)
    assert [program["name"] for program in facts["programs"]] == ["email", "schedule", "migrate"]
    assert facts["programs"][0]["exit"]["idle"] == [66]


def test_init_never_overwrites_unless_it_is_forced(minisup, tmp_path):
    (tmp_path / "minisup.toml").write_text("mine")
    process = minisup("init")
    assert (process.returncode, process.stdout) == (1, "")
    assert (
        process.stderr
        == "cannot write minisup.toml: it exists; --force overwrites it, another name keeps it, - prints\n"
    )
    assert (tmp_path / "minisup.toml").read_text() == "mine"
    assert minisup("init", "other.toml").stdout.endswith(
        "next: minisup check -c other.toml, then minisup up -c other.toml\n"
    )
    assert minisup("init", "--force").returncode == 0
    assert minisup("check").returncode == 0


def test_init_prints(minisup, tmp_path):
    assert minisup("init", "-").stdout.startswith("# minisup: ")
    assert list(tmp_path.iterdir()) == []


def test_init_says_why_it_cannot_write(minisup):
    process = minisup("init", "missing/minisup.toml")
    assert process.returncode == 1
    assert process.stderr == (
        "cannot write missing/minisup.toml: no such file or directory; name another place, or - to print it\n"
    )


# --- global options ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["-s {} status", "status -s {}", "--socket {} status --json", "status --socket={}"])
def test_the_socket_may_be_named_before_and_after_the_command(minisup, fake, line):
    assert minisup(*line.format(fake).split()).returncode == 0


@pytest.mark.parametrize(
    "line", ["-s {} version", "version -s {}", "-s {} health", "health --socket {}", "health -s{}"]
)
def test_the_socket_may_be_named_in_both_places_of_every_command(minisup, fake, line):
    process = minisup(*line.format(fake).split())
    assert process.returncode == 0
    assert "none that answers" not in process.stdout


@pytest.mark.parametrize("line", ["-c {} check", "check -c {}", "check --config={}"])
def test_the_configuration_may_be_named_before_and_after_the_command(minisup, tmp_path, line):
    file = tmp_path / "other.toml"
    file.write_text('[program.email]\ncommand = "true"\n')
    assert minisup(*line.format(file).split()).returncode == 0


def test_the_environment_and_the_configuration_name_the_socket(minisup, fake, tmp_path):
    assert minisup("health", environ={"MINISUP_SOCKET": fake}).returncode == 0
    (tmp_path / "minisup.toml").write_text('[supervisor]\nsocket = "m.sock"\nbroken = [\n')
    assert minisup("health").returncode == 0, "a broken file still names its socket"
    assert minisup("status", "-s", str(tmp_path / "none")).returncode == 3
    (tmp_path / "minisup.toml").unlink()
    (tmp_path / "other.toml").write_text("supervisor = { socket = '${HERE:-m.sock}' }")
    assert minisup("health", environ={"MINISUP_CONFIG": "other.toml"}).returncode == 0


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("", None),
        ("# socket\n", None),
        ('[supervisor]\nsocket = "/a/b"\n', "/a/b"),
        ("[supervisor] # mine\nsocket = '/a/b' # here\n", "/a/b"),
        ('[supervisor]\nsocket = "b"\n', "{here}/b"),
        ('supervisor.socket = "/a/b"\n', "/a/b"),
        ('[supervisor]\nsocket = "/a/\\u0062"\n', "/a/b"),
        ('[program.x]\nsocket = "/no"\n', None),
        ('[program.x]\nenvironment = { socket = "/no" }\n[supervisor]\nplatform = "ecs"\n', None),
        ('[program.x]\ncommand = """\n[supervisor]\nsocket = "/no"\n"""\n', None),
        ('[supervisor]\nsocket = "${DIR}/s"\nenvironment = { DIR = "/e" }\n', "/e/s"),
        ('[supervisor]\nsocket = "${MINISUP_HERE}/s"\n', "{here}/s"),
        ('[supervisor]\nsocket = "${MISSING}/s"\n', None),
        ("[supervisor]\nsocket = 5\n", None),
        ("supervisor = 5 # socket", None),
        ('[supervisor]\nsocket = "/a/b"\n[[[', "/a/b"),
    ],
)
def test_the_socket_that_a_configuration_names(tmp_path, toml, named):
    file = tmp_path / "c.toml"
    file.write_text(toml)
    assert configured(str(file), {}) == (named and named.format(here=tmp_path))


HOSTILE = {
    "fifo": os.mkfifo,
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "huge": lambda path: path.touch() or os.truncate(path, 1 << 40),
    "directory": lambda path: path.mkdir(),
    "deep": lambda path: path.write_text("x.socket = " + "[" * 100_000),
    "long key": lambda path: path.write_text(f"socket = 1\n{'.'.join('a' * 100_000)} = 1\n"),
}
"""What root may find as `./minisup.toml` in a directory of somebody else."""


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_in_the_place_of_a_configuration_holds_up_who_looks_for_a_socket(tmp_path, monkeypatch, kind):
    HOSTILE[kind](tmp_path / "minisup.toml")
    monkeypatch.chdir(tmp_path)
    begun = time.thread_time()
    assert configured(None, {}) is None
    assert offers("program", None, str(tmp_path / "none"), "") == []
    assert time.thread_time() - begun < 2


def test_a_pipe_that_the_caller_has_named_is_read():
    reader, writer = os.pipe()
    os.write(writer, b'[supervisor]\nsocket = "/a/b"\n')
    os.close(writer)
    with open(reader, "rb"):
        assert configured(f"/dev/fd/{reader}", {}) == "/a/b"


def test_only_a_configuration_that_was_named_must_be_there(tmp_path):
    missing = str(tmp_path / "missing")
    assert configured(None, {"MINISUP_CONFIG": missing}) is None
    with pytest.raises(ConfigError, match="cannot read config"):
        configured(missing, {})


# --- reading the command line without the declarations ----------------------------------------------------------------


def test_the_command_is_found_behind_global_options():
    assert command_of(["-c", "up", "--socket", "health", "status"]) == "status"
    assert command_of(["--socket=x", "-cup", "health"]) == "health"
    assert command_of(["--help"]) == ""
    assert command_of(["-c"]) == ""


def test_plain_words_are_read():
    words = read(["-c", "f", "up", "email", "--flag", "-ss", "--age=5", "b:1"], {"--age": "age"}, {"--flag": "flag"})
    assert words.command == "up"
    assert words.targets == ["email", "b:1"]
    assert words.options == {"config": "f", "socket": "s", "age": "5"}
    assert words.flags == {"flag"}


@pytest.mark.parametrize(
    "line", ["up --help", "up -h", "up -c", "up -c -s", "up --nonsense", "up --config=", "up --flag=1", "up --", "up -"]
)
def test_unusual_words_are_left_to_the_full_parser(line):
    assert read(line.split(), {}, {"--flag": "flag"}) is None


def test_every_command_has_the_global_options(minisup):
    for option in GLOBAL_OPTIONS:
        assert option in minisup("--help", apart=True).stdout


@pytest.mark.parametrize(("given", "wanted"), [("5m", 300), ("300ms", 0.3), ("90", 90), ("1m30s", 90), ("1.5", 1.5)])
def test_durations_are_those_of_the_configuration(given, wanted):
    assert seconds(given, "--max-age") == pytest.approx(wanted)


@pytest.mark.parametrize("given", ["", "x", "-1", "5 minutes", "ms", "\u0665m"])
def test_what_is_no_duration_names_its_option(given):
    with pytest.raises(UsageError, match="--max-age"):
        seconds(given, "--max-age")


# --- quiet ends -------------------------------------------------------------------------------------------------------


def test_a_reader_that_has_seen_enough_ends_it_quietly(fake):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "minisup", "status", "-s", fake]
    process = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, "")


def test_a_full_disk_is_told(fake):
    command = [sys.executable, "-m", "minisup", "status", "-s", fake]
    with open("/dev/full", "w", encoding="utf-8") as full:
        process = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert process.returncode == 1
    assert "No space left" in process.stderr
    assert process.stderr.startswith("cannot ")
    assert process.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stop slow --wait", "no longer waiting; stop slow goes on: `minisup status` shows how far it is\n"),
        ("scale slow=1 --wait", "no longer waiting; scale slow=1 goes on: `minisup status` shows how far it is\n"),
        ("health deaf", ""),
    ],
)
def test_ctrl_c_ends_the_waiting_alone_and_says_so(fake, line, said):
    script = textwrap.dedent("""
        import os, signal, sys, threading
        from minisup.control import client
        from minisup.__main__ import main
        sent = client.Client._send
        def send(self, *given):
            sent(self, *given)
            if b'"scale"' in given[0] and b'"wait": true' not in given[0]:
                return
            os.kill(os.getpid(), signal.SIGINT)
        client.Client._send = send
        main()
    """)
    command = [sys.executable, "-c", script, *line.split(), "-s", fake]
    process = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (process.returncode, process.stdout, process.stderr) == (128 + signal.SIGINT, "", said)


# --- lean imports -----------------------------------------------------------------------------------------------------

HEAVY = {"typer", "click", "rich", "pydantic", "psutil", "asyncio", "watchfiles", "logging", "argparse", "subprocess"}
HEAVY_FOR_HEALTH = HEAVY | {"typing", "dataclasses", "inspect", "pathlib", "tomllib", "shutil", "tempfile", "datetime"}

LOADED = """
import atexit, sys
before = set(sys.modules)
from minisup.__main__ import main
atexit.register(lambda: print(*sorted(set(sys.modules) - before), file=sys.stderr))
main()
"""


def loaded(*arguments, cwd=None):
    command = [sys.executable, "-S", "-c", LOADED, *arguments]
    environ = {**os.environ, "PYTHONPATH": str(Path(minisup.__file__).parents[1])}
    process = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=30, check=False)
    return process, set(process.stderr.splitlines()[-1].split())


def test_health_loads_next_to_nothing(fake, tmp_path):
    (tmp_path / "minisup.toml").write_text(f'[supervisor]\nsocket = "{fake}"\n[program.x]\ncommand = "true"\n')
    process, modules = loaded("health", "email", cwd=tmp_path)
    assert process.returncode == 0
    assert modules & HEAVY_FOR_HEALTH == set()
    assert "minisup.control.client" in modules


@pytest.mark.parametrize("line", ["status", "status --json"])
def test_status_does_without_the_declarations(fake, line):
    process, modules = loaded(*line.split(), "-s", fake)
    assert process.returncode == 0
    assert modules & (HEAVY | {"dataclasses", "inspect"}) == set()


def test_up_does_without_the_declarations(tmp_path):
    (tmp_path / "minisup.toml").write_text(
        '[supervisor]\nsocket = "s"\nstate_dir = "state"\n[program.x]\nkind = "task"\ncommand = "true"\n'
    )
    process, modules = loaded("up", "--exit-when-done", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert "minisup.host.supervisor" in modules
    assert modules & HEAVY == set()
    assert "minisup.control.client" not in modules
