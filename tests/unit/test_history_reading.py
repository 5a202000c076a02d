"""What is asked of the history, and how it is found among a million rows."""

import os
import shutil
import sqlite3
from contextlib import closing

import pytest
from past_kit import FOR_EVER, database, row, rows, runs

from minisup.history import reading
from minisup.history.reading import HistoryError, Wanted, in_memory, open_file, programs, select, slots
from minisup.history.row import UNWELL, document
from minisup.history.store import Store, create

FAILED = frozenset(map(str, UNWELL))
GIVEN = [
    row(1, "email", 0, 100.0, 0.5),
    row(2, "email", 1, 101.0, 9.0, "failed", code=1, output="boom\n"),
    row(3, "sms", 0, 102.0, 0.1, "idle", code=66),
    row(4, "sms", 0, 103.0, 6.0, "timeout", code=None, signal="SIGTERM"),
    row(5, "email", 0, 104.0, None, "lost", code=None),
]


@pytest.fixture
def path(tmp_path):
    return database(tmp_path / "h.db", GIVEN)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"limit": 2}, [4, 5]),
        ({"places": (("email", None),)}, [1, 2, 5]),
        ({"places": (("email", 1),)}, [2]),
        ({"places": (("email", 0), ("sms", None)), "limit": 3}, [3, 4, 5]),
        ({"places": ()}, []),
        ({"outcomes": FAILED}, [2, 4]),
        ({"outcomes": frozenset({"timeout"})}, [4]),
        ({"outcomes": frozenset({"worked", "timeout"})}, [1, 4]),
        ({"outcomes": frozenset()}, []),
        ({"outcomes": FAILED, "places": (("email", None),)}, [2]),
        ({"outcomes": FAILED, "places": (("email", None), ("sms", None)), "limit": 1}, [4]),
        ({"since": 102.0}, [3, 4, 5]),
        ({"until": 102.0}, [1, 2]),
        ({"slower_than": 6.0}, [2]),
        ({"run": 4}, [4]),
        ({"run": 4, "places": (("email", None),)}, []),
        ({"run": 99}, []),
    ],
)
def test_the_newest_that_are_wanted_come_in_the_order_of_their_starts(path, wanted, found):
    assert runs(path, **wanted) == found


@pytest.mark.parametrize(
    ("wanted", "plan"),
    [
        ({}, "SCAN run"),
        ({"places": (("email", None),)}, "USING INDEX by_program"),
        ({"outcomes": FAILED}, "USING INDEX unwell"),
        ({"outcomes": frozenset({"oom"}), "places": (("email", None),)}, "USING INDEX unwell"),
        ({"run": 4}, "USING INTEGER PRIMARY KEY"),
        ({"places": (("email", None), ("sms", None))}, "SCAN run"),
    ],
)
def test_no_question_for_the_last_ones_sorts_the_whole_history(path, wanted, plan):
    with closing(open_file(path)) as opened:
        steps = []
        opened.set_trace_callback(steps.append)
        list(select(opened, Wanted(**wanted)))
        opened.set_trace_callback(None)
        (query,) = steps
        inner = query[query.index("(") + 1 : query.rindex(")")]
        found = " ".join(step[3] for step in opened.execute(f"EXPLAIN QUERY PLAN {inner}"))
    assert plan in found
    assert "TEMP B-TREE" not in found


def test_names_are_those_that_have_rows(path):
    with closing(open_file(path)) as opened:
        assert programs(opened) == ["email", "sms"]
        assert sorted(slots(opened, "email")) == [0, 1]
        assert slots(opened, "nope") == []


def test_what_a_minisup_tells_from_memory_is_read_like_a_file():
    with closing(in_memory([document(one) for one in GIVEN])) as opened:
        assert list(select(opened, Wanted())) == GIVEN


def test_it_is_read_while_it_is_written(tmp_path):
    store = Store(str(tmp_path / "h.db"), FOR_EVER)
    store.write(GIVEN[:2])
    assert runs(store.path) == [1, 2]
    store.write(GIVEN[2:])
    assert len(rows(store.path)) == 5
    store.close()


def test_it_is_read_after_a_writer_that_was_killed(tmp_path):
    store = Store(str(tmp_path / "h.db"), FOR_EVER)
    store.write(GIVEN)
    (tmp_path / "copy").mkdir()
    for name in ("h.db", "h.db-wal"):
        shutil.copy(tmp_path / name, tmp_path / "copy" / name)
    store.close()
    assert os.path.getsize(tmp_path / "copy" / "h.db-wal") > 0
    assert len(rows(tmp_path / "copy" / "h.db")) == 5


def test_reading_changes_nothing(path):
    with closing(open_file(path)) as opened, pytest.raises(sqlite3.OperationalError, match="readonly"):
        opened.execute("DELETE FROM run")


def test_a_path_may_have_any_characters(tmp_path):
    path = database(tmp_path / "50%?#x.db", GIVEN)
    assert len(rows(path)) == 5


@pytest.mark.parametrize("content", ["", "this is no database" * 100])
def test_what_is_no_history_is_said_with_what_to_do(tmp_path, content):
    path = tmp_path / "h.db"
    path.write_text(content)
    with pytest.raises(HistoryError, match=f"^cannot read the history {path}: ") as told:
        open_file(str(path))
    assert "\n  " in str(told.value) or "; " in str(told.value)


def test_a_history_of_another_version_is_refused(path):
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA user_version = 9")
    with pytest.raises(HistoryError, match="schema 9, this minisup knows 3"):
        open_file(path)


def test_a_history_that_is_not_there_says_where_it_may_be(tmp_path):
    with pytest.raises(HistoryError, match="-c FILE"):
        open_file(str(tmp_path / "none.db"))


def test_a_history_that_may_not_be_read_says_who_may(tmp_path, monkeypatch):
    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reading, "open", refused, raising=False)
    with pytest.raises(HistoryError, match="as the user that runs minisup"):
        open_file(str(tmp_path / "h.db"))


def test_a_history_that_is_just_being_made_is_waited_for(tmp_path, monkeypatch):
    path = tmp_path / "history.db"
    path.touch()

    def made_meanwhile(_seconds):
        database = sqlite3.connect(path, isolation_level=None)
        create(database)
        database.close()

    monkeypatch.setattr("minisup.history.reading.time.sleep", made_meanwhile)
    assert list(select(open_file(str(path)), Wanted())) == []
