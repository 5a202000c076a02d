"""A Procfile and the .env beside it."""

import os
import subprocess

import pytest
from convert_kit import loaded, notes

from minisup.convert.procfile import import_procfile
from minisup.errors import ConfigError, UsageError

TEXT = """\
# what runs
web: gunicorn site.wsgi --bind 0.0.0.0:$PORT
worker: celery -A site worker
release: python manage.py migrate
clock: python clock.py
mail: bundle exec rake mail:send --once
"""


def imported(tmp_path, text, **keys):
    path = tmp_path / "Procfile"
    path.write_text(text, encoding="utf-8")
    return import_procfile(str(path), **keys)


def test_a_procfile(tmp_path):
    (tmp_path / ".env").write_text("A=1\n")
    converted = imported(tmp_path, TEXT, scale="web=2,worker=0")
    assert converted.document["program"] == {
        "web": {
            "command": [
                *("sh", "-c"),
                "export PORT=$((${PORT:-5000} + MINISUP_SLOT)); exec gunicorn site.wsgi --bind 0.0.0.0:$PORT",
            ],
            "kind": "service",
            "numprocs": 2,
            "after": ["release"],
            "env_file": ".env",
        },
        "worker": {
            "command": "celery -A site worker",
            "kind": "service",
            "numprocs": 0,
            "environment": {"PORT": "5100"},
            "after": ["release"],
            "env_file": ".env",
        },
        "release": {
            "command": "python manage.py migrate",
            "kind": "task",
            "environment": {"PORT": "5200"},
            "env_file": ".env",
        },
        "clock": {
            "command": "python clock.py",
            "kind": "service",
            "environment": {"PORT": "5300"},
            "after": ["release"],
            "env_file": ".env",
        },
        "mail": {
            "command": "bundle exec rake mail:send --once",
            "environment": {"PORT": "5400"},
            "after": ["release"],
            "env_file": ".env",
        },
    }
    config = loaded(tmp_path, converted.document)
    assert config.programs["web"].for_slot(1).environment["A"] == "1"


def test_the_report_has_every_line(tmp_path):
    (tmp_path / ".env").write_text("A=1\n")
    converted = imported(tmp_path, TEXT)
    assert [note.spot.line for note in converted.notes] == [0, 2, 3, 4, 5, 6]
    assert [remark.spot.line for remark in converted.remarks] == [0]
    said = notes(converted)
    assert "a shell runs it" in said["web"][1]
    assert 'kind = "job" if it ends' in said["clock"][1]
    assert "a task" in said["release"][1]


@pytest.mark.parametrize(
    ("command", "becomes"),
    [
        ("run 'a b'", "run 'a b'"),
        ("bash -c 'cd x && run $A'", "bash -c 'cd x && run $A'"),
        ("run '${A}' \\; \"b; c\"", "run '$${A}' \\; \"b; c\""),
        ('run "$A;b"', ["sh", "-c", 'exec run "$A;b"']),
        ("run $A", ["sh", "-c", "exec run $A"]),
        ("run ${A:-1}", ["sh", "-c", "exec run $${A:-1}"]),
        ("A=1 run", ["sh", "-c", "exec env A=1 run"]),
        ("run 2>&1", ["sh", "-c", "exec run 2>&1"]),
        ("run &", ["sh", "-c", "run &"]),
        ("run | tee log", ["sh", "-c", "run | tee log"]),
        ("cd x && run", ["sh", "-c", "cd x && run"]),
    ],
)
def test_commands_that_need_a_shell_get_one(tmp_path, command, becomes):
    table = imported(tmp_path, f"web: {command}\n").document["program"]["web"]
    assert table["command"] == becomes
    assert table.get("stop") == (
        {"scope": "group"} if isinstance(becomes, list) and set(command) & {"|", "&"} and ">" not in command else None
    )


def ports(tmp_path, document, name, slots, environ):
    """The PORT that each of the slots has in the end, whoever sets it."""
    found = []
    for slot in slots:
        made = loaded(tmp_path, document, environ).programs[name].for_slot(slot, len(slots))
        shown = (
            [*made.argv[:2], made.argv[2].replace("exec run", "echo")] if made.argv[0] == "sh" else ["printenv", "PORT"]
        )
        done = subprocess.run(shown, env={**os.environ, **made.environment}, capture_output=True, text=True, check=True)
        found.append(int(done.stdout))
    return found


def test_every_process_has_a_port_as_the_runners_of_procfiles_give_it(tmp_path):
    document = imported(tmp_path, "api: run\nweb: run $PORT\nworker: run\n").document
    environments = {name: table["environment"]["PORT"] for name, table in document["program"].items()}
    assert environments == {"api": "5000", "web": "${PORT:-5100}", "worker": "5200"}
    assert ports(tmp_path, document, "worker", [0], {}) == [5200]


def test_each_of_twelve_slots_has_a_port_of_its_own_and_so_has_a_thirteenth(tmp_path):
    document = imported(tmp_path, "web: run $PORT\napi: run $PORT\n", scale="all=12").document
    assert ports(tmp_path, document, "web", [0, 1, 9, 10, 11, 12], {}) == [5000, 5001, 5009, 5010, 5011, 5012]
    assert ports(tmp_path, document, "api", [0, 10], {}) == [5100, 5110]
    assert ports(tmp_path, document, "web", [0, 1], {"PORT": "8080"}) == [8080, 8081]


def test_a_port_in_the_env_file_is_where_ports_begin(tmp_path):
    (tmp_path / ".env").write_text("PORT=3000\n")
    document = imported(tmp_path, "web: run\nworker: run\n").document
    assert [table["environment"]["PORT"] for table in document["program"].values()] == ["3000", "3100"]


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        ("web=two", "expected NAME=NUMBER"),
        ("web", "expected NAME=NUMBER"),
        ("wbe=2", "did you mean web?"),
        ("web=-1", "expected NAME=NUMBER"),
        ("web=100000", "expected NAME=NUMBER"),
    ],
)
def test_a_scale_that_makes_no_sense(tmp_path, scale, words):
    with pytest.raises(UsageError, match=words.replace("?", r"\?")):
        imported(tmp_path, "web: run\n", scale=scale)


@pytest.mark.parametrize(("text", "line"), [("web run\n", 1), ("\nweb:\n", 2), ("", 0), ("we b: run\n", 1)])
def test_lines_that_are_no_processes(tmp_path, text, line):
    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, text)
    assert [problem.line for problem in caught.value.problems] == [line]


def test_the_last_of_a_name_counts(tmp_path):
    converted = imported(tmp_path, "web: one\nweb: two\n")
    assert converted.document["program"]["web"]["command"] == "two"
    assert [(note.spot.line, str(note.fate)) for note in converted.notes] == [(1, "not needed"), (2, "taken over")]
