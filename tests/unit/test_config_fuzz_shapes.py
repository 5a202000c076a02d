"""Files of any shape: whatever is where nobody expects it, there is a configuration or problems with file and line."""

import pytest
from config_kit import JOB, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minisup.check.explain import explain
from minisup.check.stop_text import shutdown_plans
from minisup.config.files.problems import MOST_PROBLEMS
from minisup.config.load import format_problems, load
from minisup.config.text.toml_lines import DEEPEST, find_lines
from minisup.errors import ConfigError

FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)

VALID = """\
[supervisor]
socket = "run/minisup.sock"
socket_mode = "0660"
platform = "docker"
shutdown_timeout = "10s"
log = { level = "info", time = false }
environment = { APP_ENV = "production", "quoted key" = "x" }

[program.migrate]
kind = "task"
command = "php artisan migrate --force"

[program."email"]
command = ["php", "artisan", "sqs:email", "--queue", "${QUEUE:-email}"]
numprocs = "${WORKERS:-2}"
min_runtime = "1s"
max_runtime = 300
restart = "always"
autostart = true
after = ["migrate"]
directory = "/tmp"
umask = "022"
groups = ["mail", "all-of-it"]
exit.ok = [0]
exit.idle = [66]
idle = { wait = "1s", max_wait = "20s", factor = 1.5 }
retry = { backoff = "1s", max_backoff = "30s", budget = 10, give_up = "never" }
stop = { drain = "60s", signal = "TERM", timeout = "10s", scope = "group" }

[program.email.environment]
TEXT = '''
two # no comment
lines [x]'''

[program.web]
kind = "service"
command = "sh -c 'exec sleep 1000'"
log = { to = "console", format = "prefix", stderr = "join" }
"""
PIECES = st.sampled_from(
    [
        *(
            "[",
            "]",
            "[[",
            "]]",
            "{",
            "}",
            "=",
            ".",
            ",",
            '"',
            "'",
            '"""',
            "'''",
            "#",
            "\n",
            "\r\n",
            "\t",
            "\\",
            "$",
            "${",
        ),
        *(
            "\\u0000",
            "\\n",
            "\x00",
            "\x1b",
            "\u2028",
            "\ufeff",
            "é",
            "😀",
            "-",
            "0x",
            "1e999",
            "nan",
            "9" * 400,
            "true",
        ),
        *("2024-01-01", "program", "supervisor", "email", "[program.email]", "command = 1", "include = ['*']", " "),
    ]
)
EDIT = st.tuples(st.integers(0, len(VALID)), st.integers(0, 30), PIECES | st.text(max_size=5))

NAMES = st.sampled_from(
    [
        "program",
        "supervisor",
        "email",
        "command",
        "exit",
        "ok",
        "stop",
        "environment",
        "log",
        "a-b",
        "1",
        "all",
        "include",
    ]
)
ODD_NAMES = st.text(max_size=6).map(lambda text: '"' + "".join(escaped(letter) for letter in text) + '"')
KEYS = st.lists(NAMES | ODD_NAMES, min_size=1, max_size=5).map(".".join)
VALUES = st.recursive(
    st.sampled_from(["1", '"x"', "true", "1.5", "[]", "{}", "'5m'", "1979-05-27", "-0", "0b1", '"""\na\n"""', "inf"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(KEYS, inner), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key} = {value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=6,
)
LINES = st.lists(
    KEYS.map(lambda key: f"[{key}]")
    | KEYS.map(lambda key: f"[[{key}]]")
    | st.tuples(KEYS, VALUES).map(" = ".join)
    | st.just('[program.email]\ncommand = "true"'),
    max_size=12,
)


def escaped(letter):
    return f"\\U{ord(letter):08x}" if not 0xD800 <= ord(letter) < 0xE000 else "?"


def answer(directory, text):
    """The problems of a file; none if it is a configuration, which can then be explained."""
    path = directory / "minisup.toml"
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
    try:
        config = load(str(path), {"QUEUE": "mail"}, "/srv")
    except ConfigError as caught:
        error = caught
    else:
        assert explain(config)
        return ()
    shown = format_problems(error)
    assert len(shown.splitlines()) == 1 + len(error.problems), "a line a problem, whatever a key holds"
    assert all(line.isprintable() for line in shown.splitlines()), "nothing that a terminal would obey"
    for problem in error.problems:
        assert problem.file == str(path)
        assert 0 <= problem.line <= text.count("\n") + 1
    return error.problems


def test_the_file_that_is_edited_has_no_problem(tmp_path):
    assert not answer(tmp_path, VALID)


@FUZZ
@given(edits=st.lists(EDIT, min_size=1, max_size=4))
def test_a_good_file_with_a_few_slips_of_the_hand(tmp_path, edits):
    text = VALID
    for at, cut, piece in edits:
        text = text[:at] + piece + text[at + cut :]
    answer(tmp_path, text)


@FUZZ
@given(order=st.permutations(range(VALID.count("\n"))), kept=st.integers(0, 40))
def test_a_good_file_with_its_lines_in_any_order(tmp_path, order, kept):
    lines = VALID.splitlines()
    answer(tmp_path, "\n".join(lines[number] for number in order[:kept]))


@FUZZ
@given(lines=LINES)
def test_tables_lists_and_keys_of_any_shape(tmp_path, lines):
    answer(tmp_path, "\n".join(lines))


DEEP = {
    "lists": "x = " + "[" * 100_000,
    "closed lists": "x = " + "[" * 450 + "]" * 450,
    "inline tables": "x = " + "{a=" * 50_000,
    "closed inline tables": "[program.a]\ncommand = 'x'\nexit = " + "{a=" * 300 + "1" + "}" * 300,
    "a header": "[" + ".".join("a" * 2000) + "]\nx = 1",
    "a key": "[program.a]\ncommand = 'x'\nexit." + ".".join("a" * 2000) + " = 1",
    "variables": "[program.a]\ncommand = '" + "${A:-" * 2000 + "}" * 2000 + "'",
    "a number": "[program.a]\ncommand = 'x'\nnumprocs = " + "9" * 5000,
    "a hexadecimal number": "[program.a]\ncommand = 'x'\nnumprocs = 0x" + "f" * 50_000,
    "many lists of one table": "[[program.a]]\n" * 3000,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_what_is_very_deep_or_very_long_is_a_problem(tmp_path, text):
    assert answer(tmp_path, text)


@pytest.mark.parametrize("text", ["{} = 1", "[{}]", "[[{}]]", "x = 1\n{} = 1"])
def test_a_key_of_thousands_of_parts_takes_neither_time_nor_memory(tmp_path, text):
    assert find_lines(text.format(".".join("a" * DEEPEST)))
    with pytest.raises(ConfigError) as error:  # tomllib alone would take a minute
        read(tmp_path, JOB + text.format(".".join("a" * 20_000)))
    assert [(found.line, found.message) for found in error.value.problems] == [
        (3 + text.count("\n"), "a key of more than 32 parts; this cannot be meant as configuration")
    ]


def test_thousands_of_programs_that_are_after_one_another_are_looked_at_in_seconds(tmp_path):
    """Each step of these was quadratic once, and 18 s became minutes; the limit of a test would end it."""
    names = [f"p{number}" for number in range(1500)]
    tables = [
        f'[program.{name}]\ncommand = "true"\nkind = "task"\nafter = {names[max(0, number - 8) : number]}\n'
        for number, name in enumerate(names)
    ]
    config = read(tmp_path, "".join(tables))
    plans = shutdown_plans(config)
    assert (plans["p0"].level, plans["p0"].first, plans["p1499"].level) == (1499, tuple(names[1:9]), 0)


def test_thousands_of_programs_in_many_circles_are_refused_in_seconds(tmp_path):
    names = [f"p{number}" for number in range(1000)]
    tables = [
        f'[program.{name}]\ncommand = "true"\nkind = "task"\nafter = {[*names[:number], *names[number + 1 :]][:20]}\n'
        for number, name in enumerate(names)
    ]
    with pytest.raises(ConfigError, match="is a circle"):
        read(tmp_path, "".join(tables))


@pytest.mark.parametrize(
    "text",
    [
        JOB + "".join(f"key{number} = 1\n" for number in range(20_000)),
        "".join(f"key{number} = 1\n" for number in range(20_000)),
        "".join(f'[program.p{number}]\ncommand = ""\nnumproc = 1\n' for number in range(3000)),
        "".join(f'[program.p{number}]\ncommand = "x"\nafter = ["q{number}"]\n' for number in range(1500)),
    ],
    ids=["keys", "tables", "programs", "after"],
)
def test_thousands_of_problems_are_not_all_looked_at(tmp_path, text):
    with pytest.raises(ConfigError) as error:
        read(tmp_path, text)
    assert len(error.value.problems) == MOST_PROBLEMS + 1
    assert "500 problems are enough" in str(error.value)
