"""A Procfile and the .env beside it."""

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
            "command": ["sh", "-c", "exec gunicorn site.wsgi --bind 0.0.0.0:$PORT"],
            "kind": "service",
            "numprocs": 2,
            "environment": {"PORT": "500${MINISUP_SLOT}"},
            "after": ["release"],
            "env_file": ".env",
        },
        "worker": {
            "command": "celery -A site worker",
            "kind": "service",
            "numprocs": 0,
            "after": ["release"],
            "env_file": ".env",
        },
        "release": {"command": "python manage.py migrate", "kind": "task", "env_file": ".env"},
        "clock": {"command": "python clock.py", "kind": "service", "after": ["release"], "env_file": ".env"},
        "mail": {"command": "bundle exec rake mail:send --once", "after": ["release"], "env_file": ".env"},
    }
    config = loaded(tmp_path, converted.document)
    assert config.programs["web"].for_slot(1).environment["PORT"] == "5001"
    assert config.programs["web"].for_slot(1).environment["A"] == "1"


def test_the_report_has_every_line(tmp_path):
    (tmp_path / ".env").write_text("A=1\n")
    converted = imported(tmp_path, TEXT)
    assert [note.spot.line for note in converted.notes] == [0, 2, 3, 4, 5, 6]
    said = notes(converted)
    assert "a shell runs it" in said["web"][1]
    assert 'kind = "job" if it ends' in said["clock"][1]
    assert "a task" in said["release"][1]


@pytest.mark.parametrize(
    ("command", "becomes"),
    [
        ("run 'a b'", "run 'a b'"),
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
    assert table.get("stop") == ({"scope": "group"} if set(command) & {"|", "&"} and ">" not in command else None)


def test_ports_are_those_that_runners_of_procfiles_give(tmp_path):
    text = "web: run $PORT\napi: run $PORT\n"
    tables = imported(tmp_path, text).document["program"]
    assert [table["environment"]["PORT"] for table in tables.values()] == ["${PORT:-5000}", "5100"]
    tables = imported(tmp_path, text, scale="all=11").document["program"]
    assert [table["environment"]["PORT"] for table in tables.values()] == ["50${MINISUP_SLOT}", "51${MINISUP_SLOT}"]


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
