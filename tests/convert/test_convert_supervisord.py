"""What becomes of single keys of a supervisord.conf, and what is said of them."""

import pytest
from convert_kit import imported, note, notes, problems, program

ARTISAN = "command=php artisan sqs:email"
SERVER = "command=nginx"


# --- kind -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        ([ARTISAN], None),
        ([ARTISAN, "autorestart=false"], "task"),
        ([ARTISAN, "startsecs=5"], "service"),
        ([ARTISAN, "startsecs=4"], None),
        ([ARTISAN, "startsecs=0"], None),
        ([SERVER], "service"),
        ([SERVER, "autorestart=false"], "service"),
        (["command=php artisan queue:work", "startsecs=0"], "service"),
        (["command=php artisan queue:work --once", "startsecs=60"], None),
    ],
)
def test_the_kind_is_decided_by_rules(tmp_path, lines, kind):
    assert program(tmp_path, *lines[1:], head=lines[0]).get("kind") == kind


def test_the_report_says_why_and_how_to_change_it(tmp_path):
    said = imported(tmp_path, f"[program:x]\n{SERVER}\n").remarks[0]
    assert (said.kind, said.programs) == ("service", ("x",))
    assert "nginx is known to run for long" in said.said
    assert 'kind = "job" if it ends' in said.said
    assert 'kind = "service" if it runs' in imported(tmp_path, f"[program:x]\n{ARTISAN}\n").remarks[0].said


# --- ends and starts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "restart", "codes"),
    [
        ([ARTISAN, "autorestart=true"], None, None),
        ([ARTISAN, "autorestart=unexpected"], "on-failure", None),
        ([ARTISAN], "on-failure", None),
        ([ARTISAN, "autorestart=false"], "never", None),
        ([ARTISAN, "autorestart=true", "exitcodes=0,2"], None, {"ok": [0, 2]}),
        ([SERVER, "autorestart=true"], None, {"ok": [0]}),
        ([SERVER], "on-failure", {"ok": [0]}),
        ([SERVER, "exitcodes="], "on-failure", None),
        (["command=php artisan queue:work", "autorestart=true"], None, {"ok": [0], "recycle": [12]}),
        (["command=php artisan queue:work", "exitcodes=0,12"], "on-failure", {"ok": [0, 12]}),
    ],
)
def test_which_ends_are_followed_by_a_start(tmp_path, lines, restart, codes):
    table = program(tmp_path, *lines[1:], head=lines[0])
    assert (table.get("restart"), table.get("exit")) == (restart, codes)


def test_nothing_is_given_up_whatever_startretries_says(tmp_path):
    assert "retry" not in program(tmp_path, "startretries=0")
    fate, said = note(tmp_path, "startretries=5")
    assert fate == "changed"
    assert 'give_up = "stop"' in said


def test_startsecs_is_no_measure_of_success_any_more(tmp_path):
    assert "min_runtime" not in program(tmp_path, "startsecs=0")
    assert note(tmp_path, "startsecs=1")[0] == "changed"
    assert program(tmp_path, "startsecs=30", head=SERVER)["stable_after"] == "30s"
    assert "stable_after" not in program(tmp_path, "startsecs=10", head=SERVER)


def test_a_default_that_ends_a_queue_job_is_said_aloud(tmp_path):
    said = imported(tmp_path, f"[program:x]\n{ARTISAN}\n").remarks[0].said
    assert 'restart = "on-failure", because autorestart is "unexpected" by default' in said
    assert 'write "always"' in said


# --- stops ------------------------------------------------------------------------------------------------------------


def test_a_job_may_finish_in_stopwaitsecs_and_a_service_has_it_after_the_signal(tmp_path):
    assert program(tmp_path, "stopwaitsecs=8")["stop"] == {"drain": "8s"}
    assert program(tmp_path, "stopwaitsecs=8", head=SERVER)["stop"] == {"timeout": "8s"}
    assert note(tmp_path, "stopwaitsecs=8")[0] == "changed"
    assert note(tmp_path, "stopwaitsecs=8", head=SERVER)[0] == "taken over"


@pytest.mark.parametrize(
    ("head", "seconds", "timeout"),
    [(ARTISAN, 10, None), (ARTISAN, 11, "25s"), (ARTISAN, 300, "345s"), (SERVER, 300, "335s"), (SERVER, 90, "100s")],
)
def test_a_long_stop_needs_a_long_shutdown(tmp_path, head, seconds, timeout):
    document = imported(tmp_path, f"[program:x]\n{head}\nstopwaitsecs={seconds}\n").document
    assert document.get("supervisor", {}).get("shutdown_timeout") == timeout


@pytest.mark.parametrize(
    ("lines", "stop"),
    [
        (["stopsignal=INT"], {"signal": "INT"}),
        (["stopsignal=SIGQUIT"], {"signal": "QUIT"}),
        (["stopsignal=10"], {"signal": "USR1"}),
        (["stopsignal=TERM"], None),
        (["stopsignal=%(ENV_STOP)s"], {"signal": "${STOP}"}),
        (["stopasgroup=true"], None),
        (["stopasgroup=false"], {"scope": "leader"}),
        (["killasgroup=true"], None),
    ],
)
def test_signals_and_whom_they_reach(tmp_path, lines, stop):
    assert program(tmp_path, *lines).get("stop") == stop


def test_the_group_of_a_service_is_signalled_if_supervisord_did(tmp_path):
    assert program(tmp_path, "stopasgroup=true", head=SERVER)["stop"] == {"scope": "group"}
    assert "stop" not in program(tmp_path, "stopasgroup=false", head=SERVER)


# --- output -----------------------------------------------------------------------------------------------------------

OUT = "stdout_logfile=/dev/stdout"


@pytest.mark.parametrize(
    ("lines", "log"),
    [
        ([], None),
        ([OUT, "stdout_logfile_maxbytes=0"], None),
        ([OUT, "redirect_stderr=true"], {"stderr": "join"}),
        ([OUT, "stderr_logfile=/dev/stdout"], {"stderr": "join"}),
        ([OUT, "stderr_logfile=/dev/stderr"], None),
        ([OUT, "stderr_logfile=/var/log/x.err"], None),
        (["stdout_logfile=/dev/fd/1"], None),
        (["stdout_logfile=NONE", "stderr_logfile=NONE"], {"to": "none"}),
        (["stdout_logfile=/dev/null", "redirect_stderr=true"], {"to": "none"}),
        (["stdout_logfile=NONE", "stderr_logfile=/dev/stderr"], None),
        (["stdout_logfile=syslog"], None),
        (["stdout_logfile=/l/x"], {"to": "file", "path": "/l/x", "format": "raw"}),
        (
            ["stdout_logfile=/l/x", "stderr_logfile=/l/y"],
            {"to": "file", "path": "/l/x", "format": "raw", "stderr": "separate", "stderr_path": "/l/y"},
        ),
        (["stdout_logfile=/l/x", "stderr_logfile=/l/x"], {"to": "file", "path": "/l/x", "format": "raw"}),
        (
            ["stdout_logfile=/l/x", "stderr_logfile=/l/y", "redirect_stderr=true"],
            {"to": "file", "path": "/l/x", "format": "raw", "stderr": "join"},
        ),
        (["stderr_logfile=/l/y"], {"to": "file", "path": "/l/y", "format": "raw"}),
        (["stdout_logfile=~/x"], {"to": "file", "path": "${HOME}/x", "format": "raw"}),
        (
            ["stdout_logfile=/l/%(program_name)s-%(process_num)02d", "numprocs=2"],
            {"to": "file", "path": "/l/x-0${MINISUP_SLOT}", "format": "raw"},
        ),
    ],
)
def test_where_output_goes(tmp_path, lines, log):
    assert program(tmp_path, *lines).get("log") == log


@pytest.mark.parametrize(
    ("size", "max_size"),
    [("10MB", "10MiB"), ("1gb", "1GiB"), ("5000", 5000), ("0", "1TiB"), ("100", 1024), ("64KB", "64KiB")],
)
def test_when_files_are_rotated(tmp_path, size, max_size):
    lines = ("stdout_logfile=/l/x", f"stdout_logfile_maxbytes={size}", "stdout_logfile_backups=3")
    log = program(tmp_path, *lines)["log"]
    assert (log["max_size"], log["keep"]) == (max_size, 3)


def test_programs_that_share_a_file_agree_on_its_rotation(tmp_path):
    text = """
[program:a]
command=true
stdout_logfile=/l/x
stdout_logfile_maxbytes=1MB
[program:b]
command=true
stdout_logfile=/l/x
stdout_logfile_maxbytes=2MB
stdout_logfile_backups=2
"""
    converted = imported(tmp_path, text)
    a, b = (converted.document["program"][name]["log"] for name in "ab")
    assert a == b
    assert notes(converted)["stdout_logfile_maxbytes"][0] == "changed"


# --- numbers and expansions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "command"),
    [
        (["command=run %(process_num)d of %(numprocs)d", "numprocs=3"], "run ${MINISUP_SLOT} of ${MINISUP_NUMPROCS}"),
        (["command=run %(process_num)03d", "numprocs=10"], "run 00${MINISUP_SLOT}"),
        (["command=run %(process_num)03d", "numprocs_start=7"], "run 007"),
        (["command=run %(numprocs)02d", "numprocs=3"], "run 0${MINISUP_NUMPROCS}"),
        (["command=run %(program_name)s %(group_name)s"], "run x x"),
        (["command=run --x=%(ENV_A)s"], "run --x=${A}"),
        (["command=run %(ENV_A)s", 'environment=A="b c"'], "run b c"),
        (["command=run 100%%"], "run 100%"),
        (["command=%(here)s/run"], "${MINISUP_HERE}/run"),
        (["command=run %(host_node_name)s"], "run ${HOSTNAME}"),
        (["command=run $HOME ${X} $$"], "run $$HOME $${X} $$$$"),
        (["command=run $HOME"], "run $HOME"),
    ],
)
def test_expansions(tmp_path, lines, command):
    assert program(tmp_path, *lines[1:], head=lines[0])["command"] == command


def test_numbers_that_slots_do_not_have_make_a_program_each(tmp_path):
    document = imported(tmp_path, "[program:x]\ncommand=run %(process_num)02d\nnumprocs=11\n").document["program"]
    assert list(document) == [f"x-{number}" for number in range(11)]
    assert [table["command"] for table in document.values()] == [f"run {number:02d}" for number in range(11)]
    assert all(table["groups"] == ["x"] for table in document.values())
    started = imported(tmp_path, "[program:x]\ncommand=run %(process_num)d\nnumprocs=2\nnumprocs_start=8001\n")
    assert [table["command"] for table in started.document["program"].values()] == ["run 8001", "run 8002"]


def test_no_program_takes_the_name_of_another(tmp_path):
    text = "[program:x-1]\ncommand=true\n[program:x]\ncommand=run %(process_num)d\nnumprocs=2\nnumprocs_start=1\n"
    assert list(imported(tmp_path, text).document["program"]) == ["x-1", "x-1-2", "x-2"]


def test_here_is_seen_from_where_the_toml_file_will_be(tmp_path):
    (tmp_path / "out").mkdir()
    text = "[program:x]\ncommand=%(here)s/run\n"
    command = imported(tmp_path, text, out=str(tmp_path / "out")).document["program"]["x"]["command"]
    assert command == "${MINISUP_HERE}/../run"


def test_a_command_over_several_lines_is_one_line(tmp_path):
    assert program(tmp_path, "  --verbose", "  'two words'", head="command=run") == {
        "command": "run --verbose 'two words'",
        "restart": "on-failure",
    }


# --- world ------------------------------------------------------------------------------------------------------------


def test_root_stays_root_without_being_asked(tmp_path):
    assert "user" not in program(tmp_path, "user=root")
    assert program(tmp_path, "user=www-data")["user"] == "www-data"


def test_what_supervisord_sets_for_all_is_set_for_each(tmp_path):
    text = "[supervisord]\numask=002\ndirectory=/srv\nuser=www-data\n[program:x]\ncommand=true\n[program:y]\n"
    text += "command=true\nuser=nobody\numask=077\ndirectory=/\n"
    tables = imported(tmp_path, text).document["program"]
    assert [tables["x"][key] for key in ("umask", "directory", "user")] == ["002", "/srv", "www-data"]
    assert [tables["y"][key] for key in ("umask", "directory", "user")] == ["077", "/", "nobody"]
    quiet = imported(tmp_path, text.replace("umask=002", "nodaemon=true\numask=002")).document["program"]["x"]
    assert "umask" not in quiet
    assert "directory" not in quiet


def test_groups_and_priorities(tmp_path):
    text = """
[program:migrate]
command=true
autorestart=false
priority=1
[program:web]
command=nginx
priority=5
[program:mail]
command=true
autorestart=true
[group:all]
programs=web, mail
priority=2
"""
    plain = imported(tmp_path, text)
    assert [table.get("groups") for table in plain.document["program"].values()] == [None, ["all-2"], ["all-2"]]
    assert not any("after" in table for table in plain.document["program"].values())
    assert "--after-priority" in notes(plain)["priority"][1]
    tables = imported(tmp_path, text, after_priority=True).document["program"]
    assert [table.get("after") for table in tables.values()] == [None, ["migrate"], ["web"]]


def test_nobody_waits_for_what_does_not_start_by_itself(tmp_path):
    text = "[program:a]\ncommand=nginx\npriority=1\nautostart=false\n[program:b]\ncommand=true\n"
    assert "after" not in imported(tmp_path, text, after_priority=True).document["program"]["b"]


def test_names_that_minisup_cannot_have(tmp_path):
    text = "".join(f"[program:{name}]\ncommand=true\n" for name in ("all", "é!", "a b", "a-b"))
    assert list(imported(tmp_path, text).document["program"]) == ["all-2", "program", "a-b", "a-b-2"]


def test_includes_are_part_of_it(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.conf").write_text("[program:b]\ncommand=%(here)s/b\n[include]\nfiles=c.conf\n")
    (tmp_path / "conf.d" / "a.conf").write_text("[program:a]\ncommand=true\nnonsense=1\n")
    converted = imported(tmp_path, "[include]\nfiles = conf.d/*.conf none/*.conf\n")
    assert list(converted.document["program"]) == ["a", "b"]
    assert converted.document["program"]["b"]["command"] == "${MINISUP_HERE}/conf.d/b"
    assert [note.spot.file for note in converted.notes if note.key == "nonsense"] == [f"{tmp_path}/conf.d/a.conf"]


def test_keys_that_nobody_reads_are_named_with_what_was_meant(tmp_path):
    assert note(tmp_path, "startretry=1") == (
        "unknown",
        "supervisord does not read this key; did you mean startretries?",
    )
    assert note(tmp_path, "depends_on=y") == ("unknown", "supervisord does not read this key; minisup has after")


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("eventlistener:memmon\ncommand=memmon\nevents=TICK_60", "limits = { memory"),
        ("eventlistener:x\ncommand=./kill.py\nevents=PROCESS_STATE_FATAL", 'give_up = "exit"'),
        ("eventlistener:x\ncommand=./log.py\nevents=PROCESS_LOG", "minisup events -f --json"),
        ("fcgi-program:x\ncommand=app\nsocket=unix:///s", "spawn-fcgi"),
        ("inet_http_server\nport=9001", "no port"),
        ("unix_http_server:x\nfile=/s", "socket_mode"),
        ("rpcinterface:supervisor\nx=y", "JSON-RPC"),
        ("supervisorctl\nserverurl=unix:///s", "MINISUP_SOCKET"),
    ],
)
def test_sections_that_are_not_supported_say_what_to_do_instead(tmp_path, section, words):
    converted = imported(tmp_path, f"[program:a]\ncommand=true\n[{section.replace(chr(10), ']' + chr(10), 1)}\n")
    assert any(remark.said.startswith("Not supported:") and words in remark.said for remark in converted.remarks)
    assert {str(note.fate) for note in converted.notes if not note.spot.section.startswith("program:")} == {
        "not supported"
    }


# --- problems ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("numprocs=two", '3 numprocs expected a whole number, got "two"'),
        ("numprocs=20000", "3 numprocs 20000 is more than minisup can run of a program, 10000"),
        ("autostart=maybe", '3 autostart expected true or false, got "maybe"'),
        ("autorestart=always", '3 autorestart expected true or false, got "always"'),
        ("exitcodes=0,300", '3 exitcodes expected exit codes from 0 to 255 as 0,2, got "0,300"'),
        ("stopsignal=TREM", '3 stopsignal expected a signal as TERM, got "TREM"; did you mean TERM?'),
        ("stopsignal=STOP", "3 stopsignal SIGSTOP does not end a process"),
        ("umask=9", '3 umask expected octal digits as 022, got "9"'),
        ("environment=A", '3 environment expected NAME="value" pairs with commas between them; quote the value of "A"'),
        ("directory=%(progam_name)s", "3 directory %(progam_name)s is not known here; did you mean program_name?"),
        ("directory=100%", "3 directory a % is neither %% nor the beginning of an expansion such as %(program_name)s"),
        ("stdout_logfile_maxbytes=big", '3 stdout_logfile_maxbytes expected a size as 50MB, got "big"'),
    ],
)
def test_values_that_supervisord_would_refuse(tmp_path, line, problem):
    more = "\nstdout_logfile=/l/x" if "logfile" in line else ""
    assert problems(tmp_path, f"[program:x]\ncommand=true\n{line}{more}\n") == [problem]


def test_a_comment_inside_quotes_is_a_trap_that_is_named(tmp_path):
    found = problems(tmp_path, '[program:x]\ncommand=sh -c "a ; b"\n')
    hint = "a ; or # after a space begins a comment, also inside quotes"
    assert found == [f"2 command cannot be split into words: no closing quotation; {hint}"]


def test_all_problems_are_told_at_once(tmp_path):
    text = "[program:x]\nnumprocs=x\n[group:g]\nprograms=x,z\n[include]\n[program:y]\ncommand=\n"
    assert problems(tmp_path, text) == [
        "1 command is missing; supervisord would not start",
        '2 numprocs expected a whole number, got "x"',
        '4 programs "z" is no program here',
        "5 files is missing; remove [include] or name files",
        "7 command is empty",
    ]


@pytest.mark.parametrize("text", ["", "[supervisord]\n", "[eventlistener:x]\ncommand=x\nevents=TICK_5\n"])
def test_a_file_without_programs_is_no_configuration(tmp_path, text):
    assert problems(tmp_path, text) == ["0  there is no [program:NAME] in it"]
