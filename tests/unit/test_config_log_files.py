"""The `log` table with `to = "file"`: paths for each slot, and what is impossible."""

import pytest
from config_kit import JOB, problem, problems, program, read

from minisup.check.explain import explain
from minisup.config.keys.log_tables import LogFormat, LogStderr, LogTo, Rotation

FILE = "log = { to = 'file', path = 'logs/${MINISUP_PROGRAM}-${MINISUP_SLOT}-${APP}.log' }"


def test_a_file_has_defaults_and_joins_stderr(tmp_path):
    log = program(tmp_path, FILE).log
    assert (log.to, log.format, log.stderr, log.time) == (LogTo.FILE, LogFormat.PREFIX, LogStderr.JOIN, False)
    assert log.rotation == Rotation(50_000_000, 10, True)


def test_paths_are_filled_in_for_each_slot_relative_to_the_file_that_names_them(tmp_path):
    email = program(tmp_path, f"numprocs = 2\n{FILE}")
    assert [email.log_paths(slot) for slot in range(2)] == [
        (f"{tmp_path}/logs/email-0-shop.log", None),
        (f"{tmp_path}/logs/email-1-shop.log", None),
    ]
    twice = program(tmp_path, "log = { to = 'file', path = '/a/../b', stderr = 'separate', stderr_path = './c' }")
    assert twice.log_paths(7) == ("/b", f"{tmp_path}/c")


def test_a_program_without_a_file_has_no_paths(tmp_path):
    assert program(tmp_path, "").log_paths(0) == (None, None)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/tty", "/dev/stdout.log", "/proc.log", "/dev/fd.log"])
def test_a_device_may_be_written(tmp_path, path):
    assert program(tmp_path, f"log = {{ to = 'file', path = '{path}' }}").log_paths(0) == (path, None)


def test_json_is_a_format_of_programs_and_of_minisup(tmp_path):
    config = read(tmp_path, "supervisor.log.format = 'json'\n" + JOB + "log.format = 'json'")
    assert (config.supervisor.log.format, config.programs["email"].log.format) == ("json", "json")
    assert "info, as json" in explain(config)


def test_check_says_where_the_output_goes(tmp_path):
    said = explain(
        read(tmp_path, JOB + "log = { to = 'file', path = '/var/log/a.log', max_size = '1MiB', time = true }")
    )
    assert "file /var/log/a.log, prefix with the time, stderr join; rotated at 1 MiB, 10 kept, compressed" in said
    said = explain(read(tmp_path, JOB + "log = { to = 'file', path = 'a', keep = 0 }"))
    assert "0 kept" in said
    assert "compressed" not in said


WRONG = [
    ("log.to = 'file'", "log", 'to = "file" needs a path'),
    ("log = { to = 'file', path = '' }", "log.path", "the path is empty"),
    ("log = { to = 'file', path = 'x/' }", "log.path", '"x/" is a directory; name a file in it'),
    ("log = { to = 'file', path = '${NOPE}' }", "log.path", "NOPE is not set; set it, or write ${NOPE:-default}"),
    ("log = { to = 'file', path = 'x', stderr = 'separate' }", "log.stderr", 'stderr = "separate" needs a stderr_path'),
    (
        "log = { to = 'file', path = 'x', stderr = 'join', stderr_path = 'y' }",
        "log.stderr_path",
        'stderr = "join" has no file of its own',
    ),
    *(
        (
            f"log = {{ to = 'file', path = '{path}' }}",
            "log.path",
            f'"{path}" is no file of its own; for minisup\'s own output write to = "console", without a path',
        )
        for path in ("/dev/stdout", "/dev/stderr", "/dev/fd/1", "/proc/self/fd/2", "/proc/1/fd/1")
    ),
    (
        "log = { to = 'file', path = 'x', stderr = 'separate', stderr_path = '/dev/../dev/stderr' }",
        "log.stderr_path",
        '"/dev/stderr" is no file of its own; for minisup\'s own output write to = "console", without a path',
    ),
    ("log = { to = 'file', path = 'x', max_size = 10 }", "log.max_size", None),
    ("log = { to = 'file', path = 'x', keep = -1 }", "log.keep", "expected a whole number from 0 to 10000, got -1"),
    ("log = { to = 'none', max_size = '1MB' }", "log.max_size", 'is only for to = "file", and this is "none"'),
    (
        "log = { format = 'raw', time = true }",
        "log.time",
        'is only for format = "prefix": raw lines are never changed',
    ),
    (
        "log = { format = 'json', time = true }",
        "log.time",
        'is only for format = "prefix": json lines always have it',
    ),
    (
        "log = { to = 'inherit', time = true }",
        "log.time",
        'is only for what minisup writes, and to is "inherit"',
    ),
]


@pytest.mark.parametrize(("keys", "key", "message"), WRONG, ids=[row[0][6:50] for row in WRONG])
def test_what_is_wrong_is_said(tmp_path, keys, key, message):
    found = problem(tmp_path, keys)
    assert found[0] == key
    assert message is None or found[1] == message


def of(name, path, more=""):
    return f"[program.{name}]\ncommand = 'x'\nnumprocs = 3\nlog = {{ to = 'file', path = '{path}'{more} }}\n"


def test_programs_may_share_a_file_that_they_want_rotated_alike(tmp_path):
    assert problems(tmp_path, of("a", "x.log", ", keep = 3") + of("b", "./x.log", ", keep = 3, format = 'raw'")) == []


def test_a_shared_file_that_is_to_be_rotated_in_two_ways_is_a_problem(tmp_path):
    found = problems(tmp_path, of("a", "x.log", ", keep = 3") + of("b", "${MINISUP_HERE}/x.log", ", compress = false"))
    said = "a writes to the same file with another keep and another compress; make them the same"
    assert found == [(8, "program.b.log.path", said)]


def test_it_is_said_once_however_many_slots_collide(tmp_path):
    found = problems(tmp_path, of("a", "x-${MINISUP_SLOT}", ", keep = 3") + of("b", "x-${MINISUP_SLOT}"))
    assert [key for _, key, _ in found] == ["program.b.log.path"]
