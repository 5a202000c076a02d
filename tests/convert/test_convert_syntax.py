"""The syntax of supervisord.conf against supervisor's own parser; and no text at all may end in a traceback."""

import re
import shlex
import tempfile
from pathlib import Path

import pytest
from convert_kit import problems
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from supervisor.datatypes import dict_of_key_value_pairs
from supervisor.options import expand as supervisors_expand
from supervisor_reference import sections

from minisup.cell_width import width
from minisup.config.load import load
from minisup.convert.crontab.crontab_file import import_crontab
from minisup.convert.import_report import report_facts, report_text
from minisup.convert.procfile import import_procfile
from minisup.convert.render import render
from minisup.convert.report_builder import Converted, Ledger
from minisup.convert.supervisord.ini import DEFAULT, IniReader
from minisup.convert.supervisord.supervisord_file import import_supervisord
from minisup.convert.supervisord.supervisord_keys import PROGRAM
from minisup.convert.templates import PercentError, Refs, expand
from minisup.errors import ConfigError

FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)

PIECES = st.sampled_from(
    [
        *(
            "[program:a]",
            "[program:b]",
            "[supervisord]",
            "[group:g]",
            "[DEFAULT]",
            "[",
            "]",
            "\n",
            "\n",
            "\n",
            " ",
            "\t",
        ),
        *(
            "command",
            "COMMAND",
            "numprocs",
            "environment",
            "x",
            "=",
            ":",
            ";",
            "#",
            " ;",
            " #",
            "value",
            "%",
            "%%",
            '"',
        ),
        *(
            "%(program_name)s",
            "%(process_num)02d",
            "%(ENV_X)s",
            "%(here)s",
            "'",
            "\r\n",
            "\ufeff",
            "é",
            ",",
            "  more",
            "2",
        ),
    ]
)
LINES = st.lists(PIECES, max_size=30).map("".join)


def ours(text):
    """The sections as `ini` reads them; None: it refuses the text."""
    ledger = Ledger()
    found = {}
    IniReader("x.conf", found, ledger).read(text)
    if ledger.problems:
        return None
    return {
        name: {key: entry.value for key, entry in section.entries.items()}
        for name, section in found.items()
        if name != DEFAULT
    }


@FUZZ
@given(text=LINES, marks=st.sampled_from([";#", "#;"]))
def test_sections_and_keys_are_those_that_supervisor_reads(text, marks):
    """Of the two marks of a comment a line has one kind: versions of Python differ where it has both."""
    text = text.replace(*marks)
    plain = text.replace("\r\n", "\n")  # as a file that is opened as text
    assert ours(text) == sections(plain)


def test_what_surprises():
    text = """
[program:a]
Command : bash -c "one ; two"
environment=A="1",
  B="2"

  C="3" # a comment
stopsignal=TERM;not a comment
[program:b]
[program:a]
numprocs=2
numprocs=3
"""
    assert ours(text) == sections(text)
    assert ours(text)["program:a"] == {
        "command": 'bash -c "one',
        "environment": 'A="1",\nB="2"\n\nC="3"',
        "stopsignal": "TERM;not a comment",
        "numprocs": "3",
    }


def test_lines_that_are_nothing_are_all_named(tmp_path):
    assert problems(tmp_path, "stray=1\n[program:x]\ncommand=true\nnonsense\n=1\n") == [
        "1  is before the first [section]",
        "4  is neither a [section] nor key=value",
        "5  is neither a [section] nor key=value",
    ]


# --- expansions -------------------------------------------------------------------------------------------------------

FORMATS = st.sampled_from(
    [
        *("%(process_num)02d", "%(process_num)d", "%(process_num)s", "%(process_num)5x", "%(process_num)-3d|", "%%"),
        *(
            "%(program_name)s",
            "%(program_name)10s",
            "%(program_name)d",
            "%(process_num)",
            "%",
            "%d",
            "% d",
            "text",
            "$",
        ),
        *("%(process_num)+d", "%(process_num).3f", "%(process_num)ld", "%(nobody)s", "%(process_num)c", "(", ")s"),
    ]
)


@FUZZ
@given(text=st.lists(FORMATS, max_size=5).map("".join), number=st.integers(0, 200))
def test_expansions_are_those_of_supervisor(text, number):
    names = {"process_num": number, "program_name": "mail"}
    refs = Refs(text)

    def lookup(name):
        if name not in names:
            raise PercentError(name)
        return names[name]

    try:
        theirs = supervisors_expand(text, names, "x")
    except ValueError:
        theirs = None
    try:
        mine = expand(text, lookup, refs)
    except PercentError:
        mine = None
    assert mine == theirs


@FUZZ
@given(text=st.lists(st.sampled_from(["$", "{", "}", "A", "%(ENV_X)s", "$$", "${"]), max_size=8).map("".join))
def test_a_dollar_stays_a_dollar(tmp_path, text):
    """What minisup makes of the finished text is what supervisord made of the file's."""
    from minisup.config.text.interpolate import interpolate  # noqa: PLC0415 - the other side

    path = tmp_path / "s.conf"
    path.write_text(f"[program:x]\ncommand=run '-{text}'\n", encoding="utf-8")
    command = import_supervisord(str(path)).document["program"]["x"]["command"]
    words = [interpolate(word, {"X": "<x>"}) for word in shlex.split(command)]
    assert words == ["run", "-" + text.replace("%(ENV_X)s", "<x>")]


PAIRS = st.lists(
    st.sampled_from(
        [*('A="1"', "B=2", "C='x y'", ",", " ", "\n", "=", '"', "'", "a.b/c+d-e():f", "D", "#", "$", "é", "%%")]
    ),
    max_size=8,
).map("".join)


@FUZZ
@given(text=PAIRS)
def test_environments_are_those_that_supervisor_reads(tmp_path, text):
    value = " ".join(text.split())
    try:
        theirs = dict_of_key_value_pairs(supervisors_expand(value, {}, "x"))
    except ValueError:
        theirs = None
    path = tmp_path / "s.conf"
    path.write_text(f"[program:x]\ncommand=true\nenvironment={value}\n", encoding="utf-8")
    if "#" in value:
        return  # a comment may begin there
    try:
        mine = import_supervisord(str(path)).document["program"]["x"].get("environment", {})
    except ConfigError:
        mine = None
    if theirs is not None:
        theirs = {name: text.replace("$$", "$$$$") for name, text in theirs.items()}
    assert mine == theirs


# --- any text ---------------------------------------------------------------------------------------------------------


def answer(make):
    """A TOML file and a report that can be printed, or a sentence for each problem."""
    converted, error = attempt(make)
    if error is not None:
        assert error.problems
        assert str(error).startswith("cannot import: ")
        assert str(error).encode()
        return
    assert isinstance(converted, Converted)
    toml = render(converted.document, ["test"])
    assert report_text(converted).encode()
    assert report_facts(converted, toml)["toml"].encode()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "minisup.toml"
        path.write_text(toml, encoding="utf-8")
        _, refused = attempt(lambda: load(str(path), {"N": "3", "HOME": "/root"}, directory))
    said = [problem.message for problem in refused.problems] if refused else []
    assert [message for message in said if not THIS_MACHINE.search(message)] == []


def attempt(make):
    """What `make` makes, or its ConfigError."""
    try:
        return make(), None
    except ConfigError as error:
        return None, error


THIS_MACHINE = re.compile(
    r"not supported yet|there is no user|only root can run|is not set; set it|user .* has no entry|command is empty"
    r"|(from \".*\$\{)"  # what a variable holds here
)
"""What `minisup check` may say of a result: this machine lacks something. Anything else would be a wrong result."""

KEYS = st.sampled_from(
    [
        *(
            "command",
            "numprocs",
            "numprocs_start",
            "process_name",
            "environment",
            "directory",
            "user",
            "umask",
            "priority",
        ),
        *(
            "autostart",
            "autorestart",
            "exitcodes",
            "startsecs",
            "startretries",
            "stopsignal",
            "stopwaitsecs",
            "stopasgroup",
        ),
        *("redirect_stderr", "stdout_logfile", "stderr_logfile", "stdout_logfile_maxbytes", "stdout_logfile_backups"),
        *("stderr_logfile_maxbytes", "programs", "files", "loglevel", "events", "socket", "nonsense", "chmod"),
    ]
)
VALUES = st.text(max_size=12) | st.sampled_from(
    [
        *(
            "%(process_num)02d",
            "%(ENV_N)s",
            "%(ENV_A B)s",
            "%(here)s/x",
            "5",
            "-1",
            "1_0",
            "99999999999999999999",
            "0",
            "true",
        ),
        *(
            "never",
            "/dev/stdout",
            "/var/log/a",
            "NONE",
            "syslog",
            "AUTO",
            "~/x",
            "10MB",
            "-5MB",
            "1GB",
            "TERM",
            "SIGSTOP",
            "9",
        ),
        *("a,b", "A=1", "*", "0,256", "999999999999GB", "%(process_num)999d", "'", "a 'b", "$", "${", "\x00"),
    ]
)
SECTIONS = st.sampled_from(
    [
        *("program:a", "program:b", "program:a b", "program:", "program:all", "supervisord", "group:g", "group:"),
        *("include", "eventlistener:e", "fcgi-program:f", "unix_http_server", "DEFAULT", "nonsense"),
    ]
)


@FUZZ
@given(entries=st.lists(st.tuples(SECTIONS, KEYS, VALUES), max_size=12), after=st.booleans())
def test_any_value_in_any_key_is_a_configuration_or_a_sentence(tmp_path, entries, after):
    path = tmp_path / "s.conf"
    lines = [f"[{section}]\n{key}={value}\n" for section, key, value in entries]
    path.write_text("[program:a]\ncommand=true\n" + "".join(lines), encoding="utf-8")
    answer(lambda: import_supervisord(str(path), after_priority=after, environ={"N": "3"}))


ODD = [
    *(
        "",
        "-1",
        "0",
        "1",
        "1e3",
        "0x10",
        "1_0",
        "077777",
        "99999999999999999999",
        "9" * 30 + "MB",
        "10MB",
        "-5MB",
        "true",
    ),
    *(
        "%(ENV_N)s",
        "%(ENV_N)sx",
        "%(ENV_A B)s",
        "%(here)s/x",
        "%(process_num)02d",
        "%(process_num)999d",
        "%",
        "x" * 300,
    ),
    *(
        "never",
        "unexpected",
        "/dev/stdout",
        "/var/log/a",
        "NONE",
        "syslog",
        "AUTO",
        "~/x",
        "TERM",
        "SIGSTOP",
        "9",
        "0,256",
    ),
    *("a,b", "A=1", "*", "'", "a 'b", "$", "${", "a\x00b", "\x07", "a\n b", "10 ; x", "\u202e"),
]


@pytest.mark.parametrize("key", PROGRAM)
def test_any_odd_value_of_a_key_is_a_configuration_or_a_sentence(tmp_path, key):
    path = tmp_path / "s.conf"
    for value in ODD:
        head = "[program:a]\ncommand=true %(process_num)d\nnumprocs=12\n[group:g]\nprograms=a\n"
        path.write_text(f"{head}[program:a]\n{key}={value}\n", encoding="utf-8")
        answer(lambda: import_supervisord(str(path), after_priority=True, environ={"N": "3"}))


@FUZZ
@given(text=LINES | st.text(max_size=80))
def test_any_text_is_a_configuration_or_a_sentence(tmp_path, text):
    path = tmp_path / "s.conf"
    path.write_text(text, encoding="utf-8")
    answer(lambda: import_supervisord(str(path)))
    answer(lambda: import_procfile(str(path)))
    answer(lambda: import_crontab(str(path)))


@FUZZ
@given(raw=st.binary(max_size=60))
def test_any_bytes_are_a_configuration_or_a_sentence(tmp_path, raw):
    path = tmp_path / "s.conf"
    path.write_bytes(raw)
    answer(lambda: import_supervisord(str(path)))
    answer(lambda: import_procfile(str(path)))
    answer(lambda: import_crontab(str(path), system=True))


CRON = st.lists(
    st.sampled_from(
        [
            *(
                "* * * * * ",
                "*/5 1-3 * jan mon ",
                "@hourly ",
                "@reboot ",
                "@every 5m ",
                "60 * * * * ",
                "root ",
                "run.sh ",
            ),
            *(
                "%",
                "\\%",
                "A=1",
                "SHELL=/bin/bash",
                "CRON_TZ=UTC",
                "\n",
                "\n",
                "#",
                "'",
                '"',
                "\t",
                "MAILTO=x",
                "$HOME",
                " ",
            ),
        ]
    ),
    max_size=12,
).map("".join)


@FUZZ
@given(text=CRON, system=st.booleans())
def test_any_crontab_is_a_configuration_or_a_sentence(tmp_path, text, system):
    path = tmp_path / "crontab"
    path.write_text(text, encoding="utf-8")
    answer(lambda: import_crontab(str(path), system=system))


def test_wide_letters_do_not_push_the_columns_of_a_report_apart(tmp_path):
    file = tmp_path / "supervisord.conf"
    file.write_text("[program:a]\ncommand=true\n設定の名前=1\nfoo=1\n" + "[program:b]\ncommand=true\n名前=1\n", "utf-8")
    lines = report_text(import_supervisord(str(file))).splitlines()
    notes = [line for line in lines if " unknown " in line]
    assert len(notes) == 3
    assert len({width(line.partition("unknown")[0]) for line in notes}) == 1
    assert max(map(width, lines[1:])) <= 118
