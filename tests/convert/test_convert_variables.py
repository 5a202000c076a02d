"""Variables of supervisord in keys: filled in and then split, and where minisup takes none."""

import shlex

import pytest
from convert_kit import imported, loaded, note, notes, problems, program, words_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from supervisor.options import expand as supervisors_expand

from minisup.convert.supervisord.late_words import pieces_of
from minisup.convert.templates import Refs


def argv(tmp_path, command, environ):
    """The words with which the program's command is run in the end, whoever splits them."""
    document = imported(tmp_path, f"[program:x]\ncommand={command}\nautorestart=true\n").document
    made = loaded(tmp_path, document, environ | {"HOSTNAME": "h"}).programs["x"].for_slot(0)
    return words_of(made.argv, environ | made.environment)


@pytest.mark.parametrize(
    ("command", "becomes"),
    [
        ("%(ENV_CMD)s", ["sh", "-fc", "exec $CMD"]),
        ("worker %(ENV_OPTS)s", ["sh", "-fc", "exec worker $OPTS"]),
        ("worker '%(ENV_OPTS)s' \"a b\" %(ENV_A)s%(ENV_B)s", ["sh", "-fc", "exec worker \"$OPTS\" 'a b' $A$B"]),
        ("%(here)s/run $X %(ENV_A)s ''", ["sh", "-fc", "exec $MINISUP_HERE/run '$X' $A ''"]),
        ("run %(ENV_A)s --x=%(ENV_A)sy", ["sh", "-fc", 'exec run $A --x=$A""y']),
    ],
)
def test_a_variable_that_is_a_word_is_split_after_it_is_filled_in(tmp_path, command, becomes):
    assert program(tmp_path, head=f"command={command}")["command"] == becomes


@pytest.mark.parametrize(
    ("command", "becomes"),
    [
        ("worker '%(ENV_OPTS)s'", "worker '${OPTS}'"),
        ("worker --queue=%(ENV_QUEUE)s", "worker --queue=${QUEUE}"),
        ("%(ENV_ROOT)s/bin/worker", "${ROOT}/bin/worker"),
        ('bash -c "exec worker %(ENV_OPTS)s"', 'bash -c "exec worker ${OPTS}"'),
        ("worker %(process_num)d %(host_node_name)s", "worker 0 ${HOSTNAME}"),
    ],
)
def test_a_variable_in_a_word_stays_in_it(tmp_path, command, becomes):
    assert program(tmp_path, head=f"command={command}")["command"] == becomes


def test_a_variable_that_is_not_set_is_an_error_at_the_start_as_it_was(tmp_path):
    table = program(tmp_path, 'environment=Q="1"', head="command=worker %(ENV_OPTS)s %(ENV_Q)s")
    assert table["environment"] == {"Q": "1", "OPTS": "${OPTS}"}
    text = '[supervisord]\nenvironment=OPTS="-a -b"\n[program:x]\ncommand=worker %(ENV_OPTS)s\n'
    assert "environment" not in imported(tmp_path, text).document["program"]["x"]


def test_the_report_says_that_a_shell_splits_it(tmp_path):
    fate, said = notes(imported(tmp_path, "[program:x]\ncommand=worker %(ENV_A)s %(ENV_B)s\n"))["command"]
    assert fate == "changed"
    assert said.startswith('["sh", "-fc", "exec worker $A $B"]: a shell splits $A and $B into words')


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", ["worker", "end"]),
        ("-v --tries 3", ["worker", "-v", "--tries", "3", "end"]),
        ("/etc/*  $HOME;`id`&|<>()#~ ", ["worker", "/etc/*", "$HOME;`id`&|<>()#~", "end"]),
    ],
)
def test_what_the_value_holds_is_no_shell_command(tmp_path, value, words):
    assert argv(tmp_path, "worker %(ENV_OPTS)s end", {"OPTS": value}) == words


WORDS = st.lists(
    st.sampled_from(
        ["run", " ", " ", "%(ENV_A)s", "%(ENV_B)s", "'", '"', "$X", "\\ ", "*", "--a=", "b1", "é", "%(process_num)d"]
    ),
    max_size=10,
).map("".join)
VALUES = st.text(alphabet="ab $*;&/-=  ", max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(text=WORDS, first=VALUES.filter(str.strip), second=VALUES)
def test_the_words_are_those_of_supervisord(tmp_path, text, first, second):
    """Of a variable inside a word, as `--a=%(ENV_A)s`, the value is taken to be one word."""
    environ = {"A": first, "B": second}
    command = f"true {text}"
    inside = pieces_inside(command)
    environ |= {name: environ[name].replace(" ", "_") for name in inside}
    names = {f"ENV_{name}": value for name, value in environ.items()} | {"process_num": 0}
    try:
        theirs = shlex.split(supervisors_expand(command, names, "x"))
    except ValueError:
        return
    if problems(tmp_path, f"[program:x]\ncommand={command}\n"):
        return
    assert argv(tmp_path, command, environ) == theirs


def pieces_inside(command):
    """The variables that stand beside something else in a word."""
    refs = Refs(command)
    text = command.replace("%(ENV_A)s", refs.ref("A")).replace("%(ENV_B)s", refs.ref("B"))
    try:
        words = pieces_of(text)
    except ValueError:
        return set()
    assert [["".join(piece.text for piece in word)] for word in words] == [[word] for word in shlex.split(text)]
    return {
        name
        for word in words
        for piece in word
        if len(word) > 1 or piece.quoted or not refs.is_whole(piece.text)
        for name in refs.names(piece.text)
    }


def test_a_command_that_is_all_in_a_variable_is_a_service(tmp_path):
    assert program(tmp_path, head="command=%(ENV_SUPERVISOR_PHP_COMMAND)s")["kind"] == "service"


# --- keys that take no variable ---------------------------------------------------------------------------------------

LOG = "stdout_logfile=/l/x"


@pytest.mark.parametrize(
    ("lines", "key", "words"),
    [
        (["stdout_logfile=%(ENV_X)s"], "stdout_logfile", "goes to the console: whether a variable holds a path"),
        (["stderr_logfile=%(ENV_X)s"], "stderr_logfile", "goes to the console"),
        ([LOG, "stdout_logfile_maxbytes=%(ENV_X)s"], "stdout_logfile_maxbytes", "it cannot come from a variable"),
        ([LOG, "stdout_logfile_maxbytes=%(ENV_X)sMB"], "stdout_logfile_maxbytes", "it cannot come from a variable"),
        (["redirect_stderr=%(ENV_X)s"], "redirect_stderr", "it cannot come from a variable"),
        (["numprocs=2", "numprocs_start=%(ENV_X)s"], "numprocs_start", "it cannot come from a variable"),
        (['environment=A="1",%(ENV_X)s'], "environment", "without ${X}: pairs cannot come from a variable"),
        (["priority=%(ENV_X)s"], "priority", "it cannot come from a variable"),
        (["autorestart=%(ENV_X)s"], "autorestart", "it cannot come from a variable"),
        (["exitcodes=%(ENV_X)s"], "exitcodes", "cannot come from a variable"),
        (["stopasgroup=%(ENV_X)s"], "stopasgroup", "it cannot come from a variable"),
    ],
)
def test_a_key_that_takes_no_variable_is_changed_and_not_refused(tmp_path, lines, key, words):
    text = "\n".join(["[program:x]", "command=nginx", *lines])
    converted = imported(tmp_path, text)
    fate, said = notes(converted)[key]
    assert (fate, words in said) == ("changed", True), said
    loaded(tmp_path, converted.document, {"X": "NONE"})


@pytest.mark.parametrize(
    ("line", "table"),
    [
        ("numprocs=%(ENV_X)s", {"numprocs": "${X}"}),
        ("autostart=%(ENV_X)s", {"autostart": "${X}"}),
        ("umask=%(ENV_X)s", {"umask": "${X}"}),
        ("startsecs=%(ENV_X)s", {"stable_after": "${X}"}),
        ("stopwaitsecs=%(ENV_X)s", {"stop": {"timeout": "${X}"}}),
        ("stdout_logfile=%(ENV_X)s/x.log", {"log": {"to": "file", "path": "${X}/x.log", "format": "raw"}}),
    ],
)
def test_a_key_that_takes_a_variable_has_it(tmp_path, line, table):
    document = imported(tmp_path, f"[program:x]\ncommand=nginx\nautorestart=true\n{line}\n").document
    assert table.items() <= document["program"]["x"].items()
    loaded(tmp_path, document, {"X": "1"})


def test_the_level_and_a_group_cannot_come_from_a_variable(tmp_path):
    text = "[supervisord]\nloglevel=%(ENV_X)s\n[program:x]\ncommand=true\n"
    text += "[group:g]\nprograms=%(ENV_X)s\npriority=%(ENV_X)s\n"
    converted = imported(tmp_path, text)
    assert {key: notes(converted)[key][0] for key in ("loglevel", "programs", "priority")} == dict.fromkeys(
        ("loglevel", "programs", "priority"), "changed"
    )
    assert "supervisor" not in converted.document


@pytest.mark.parametrize("line", ["environment=%(ENV_X)s=1 2", "umask=9%(process_num)d", "numprocs=a%(ENV_X)s"])
def test_no_made_up_word_is_in_a_message(tmp_path, line):
    converted = problems(tmp_path, f"[program:x]\ncommand=true %(ENV_A)s\n{line}\n")
    assert not any("Var" in message or "var0" in message for message in converted)


def test_how_many_from_a_variable_with_padded_numbers_is_no_refused_file(tmp_path):
    text = "[program:x]\ncommand=run %(process_num)02d\nnumprocs=%(ENV_N)s\nprocess_name=%(process_num)03d\n"
    converted = imported(tmp_path, text)
    assert converted.document["program"]["x"]["command"] == "run 0${MINISUP_SLOT}"
    assert notes(converted)["numprocs"][0] == "changed"
    started = imported(tmp_path, text + "numprocs_start=5\n")
    assert started.document["program"]["x"]["command"] == "run 0${MINISUP_SLOT}"
    assert "the numbers begin at 0" in notes(started)["numprocs_start"][1]


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        (["numprocs=12", "stdout_logfile=/l/x-%(process_num)02d"], "/l/x-${MINISUP_SLOT}"),
        (["numprocs=10", "stdout_logfile=/l/x-%(process_num)02d"], "/l/x-0${MINISUP_SLOT}"),
        (["numprocs=4", "numprocs_start=1", "stdout_logfile=/l/x-%(process_num)d"], "/l/x-${MINISUP_SLOT}"),
        (["numprocs=%(ENV_N)s", "stdout_logfile=/l/x-%(process_num)02d"], "/l/x-0${MINISUP_SLOT}"),
    ],
)
def test_the_name_of_a_log_file_alone_makes_no_programs(tmp_path, lines, path):
    text = "\n".join(["[program:x]", "command=run", *lines])
    converted = imported(tmp_path, text)
    assert list(converted.document["program"]) == ["x"]
    assert converted.document["program"]["x"]["log"]["path"] == path
    assert notes(converted)["stdout_logfile"][0] == ("taken over" if path.startswith("/l/x-0") else "changed")


# --- ties to supervisord ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sh -c 'sleep 9; supervisorctl restart all'", "`minisup start`, `stop`, `restart`"),
        ("sh -c 'kill $(cat /var/run/supervisord.pid)'", "`minisup shutdown` ends minisup"),
        ("run --name $SUPERVISOR_PROCESS_NAME", "MINISUP_PROGRAM"),
        ("/usr/bin/pidproxy /run/x.pid /usr/bin/mysqld_safe", "without pidproxy"),
    ],
)
def test_what_a_command_uses_of_supervisord_is_said(tmp_path, command, words):
    fate, said = note(tmp_path, f"command={command}", head="")
    assert fate == "changed"
    assert words in said


def test_pidproxy_is_left_out_and_all_processes_are_signalled(tmp_path):
    table = program(tmp_path, "autorestart=true", head="command=pidproxy /run/x.pid /usr/bin/mysqld_safe --x='a b'")
    assert table["command"] == "/usr/bin/mysqld_safe '--x=a b'"
    assert table["stop"] == {"scope": "group"}


def test_an_include_pattern_that_matches_nothing_is_named(tmp_path):
    (tmp_path / "a.conf").write_text("[program:a]\ncommand=true\n")
    said = notes(imported(tmp_path, "[include]\nfiles = a.conf none/*.conf *.ini\n"))["files"]
    assert said == ("taken over", '1 file, which this import holds; no file matches "none/*.conf" or "*.ini"')


def test_the_environment_of_supervisord_is_filled_in_twice(tmp_path, monkeypatch):
    from supervisor_reference import processes  # noqa: PLC0415 - for this test alone

    path = tmp_path / "s.conf"
    text = '[supervisord]\nenvironment=A="100%%%%",B="%%(ENV_X)s"\n[program:x]\ncommand=true\n'
    path.write_text(text)
    theirs = processes(path, {"X": "x", "HOSTNAME": "h"}, monkeypatch)[0].environment
    assert theirs == {"A": "100%", "B": "x"}
    assert imported(tmp_path, text).document["supervisor"]["environment"] == {"A": "100%", "B": "${X}"}


def test_the_keys_of_the_plugin_for_dependencies_say_that_there_is_after(tmp_path):
    for key in ("dependent_startup", "dependent_startup_wait_for"):
        fate, said = note(tmp_path, f"{key}=true")
        assert fate == "not supported"
        assert "after = [...]" in said
