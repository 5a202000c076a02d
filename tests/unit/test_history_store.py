"""The database: what is written is there, what is deleted is old, and what is damaged is kept."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from past_kit import FOR_EVER, Clock, database, record, row, rows, runs

from minisup.core.model import Outcome
from minisup.history import reading
from minisup.history.place import move_aside
from minisup.history.reading import highest_run
from minisup.history.row import UNWELL, document, own_peak, row_of
from minisup.history.store import CHUNK, PIECE, Retention, Store
from minisup.history.writer import MOST_ROWS, Scribe

# --- rows -------------------------------------------------------------------------------------------------------------


def test_a_row_is_what_the_record_says():
    found = row_of(record(7, "email:3", 12.5, 0.25, Outcome.FAILED, code=1), b"so \xff\n", 1000.0, 5)
    assert found == row(7, "email", 3, 1012.5, 0.25, "failed", code=1, output="so \ufffd\n")
    assert found.slot_name == "email:3"


def test_the_memory_that_a_run_inherits_from_minisup_says_nothing_about_it():
    assert row_of(record(max_rss=100), b"", 0.0, 100).max_rss is None
    assert row_of(record(max_rss=101), b"", 0.0, 100).max_rss == 101
    assert row_of(record(max_rss=101), b"", 0.0, None).max_rss is None


def test_the_peak_of_this_process_is_known():
    peak = own_peak()
    assert peak is not None
    assert 5 << 20 < peak < 2 << 30


def test_a_run_that_could_not_be_started_tells_why():
    found = row_of(record(outcome=Outcome.UNSTARTABLE, code=None, cause="cannot start x"), b"", 0.0, None)
    assert found.output == "cannot start x"


def test_the_document_has_the_names_of_the_columns_and_a_time_for_people():
    found = document(row(1, "email", 2, 1_795_600_000.25))
    assert list(found) == [
        *("run", "program", "slot", "started", "duration", "outcome"),
        *("code", "signal", "cpu", "max_rss", "failures", "output", "delay"),
        *("message", "receives", "wait", "boot"),
    ]
    assert (found["slot"], found["started"]) == ("email:2", "2026-11-25T09:46:40.250Z")


@pytest.fixture
def stored(tmp_path):
    """Opens the store of this test's directory."""
    opened = []

    def one(retention=FOR_EVER):
        opened.append(Store(str(tmp_path / "h.db"), retention))
        return opened[-1]

    yield one
    for store in opened:
        store.close()


# --- the store --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_is_written_is_read(tmp_path, count):
    given = [row(run + 1, started=float(run), output="x" if run % 3 else None) for run in range(count)]
    path = database(tmp_path / "h.db", given)
    assert rows(path) == given


def test_a_batch_is_written_as_a_whole_or_not_at_all(stored):
    store = stored()
    with pytest.raises(sqlite3.Error):
        store.write([row(1), row(2)._replace(program=None)])
    store.write([row(3)])
    assert runs(store.path) == [3]
    assert store.rows == 1


def test_only_its_owner_may_read_what_jobs_print(tmp_path):
    path = database(tmp_path / "h.db", [row()])
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_run_that_is_found_lost_does_not_replace_what_is_known_of_it(tmp_path):
    path = database(tmp_path / "h.db", [row(1)])
    database(path, [row(1, duration=None, outcome="lost", code=None), row(2, duration=None, outcome="lost")])
    assert [found.outcome for found in rows(path)] == ["worked", "lost"]
    database(path, [row(2, outcome="failed")])
    assert [found.outcome for found in rows(path)] == ["worked", "failed"]


def test_the_oldest_rows_go_when_there_are_too_many_a_piece_at_a_time(stored):
    store = stored(Retention(1e12, 10))
    store.write([row(run + 1) for run in range(PIECE + 50)])
    assert store.prune(0.0, by_age=False)
    assert store.rows == 50
    assert not store.prune(0.0, by_age=False)
    assert runs(store.path) == list(range(PIECE + 41, PIECE + 51))


def test_the_number_of_rows_is_known_when_it_is_opened_again(tmp_path, stored):
    path = database(tmp_path / "h.db", [row(run + 1) for run in range(20)])
    store = stored(Retention(1e12, 15))
    store.prune(0.0, by_age=False)
    assert len(runs(path)) == 15


def test_rows_go_when_they_are_old_and_a_long_run_is_as_old_as_its_end(stored):
    store = stored(Retention(100.0, 10**6))
    store.write([row(1, started=0.0, duration=950.0), *(row(run, started=run) for run in range(2, 905, 100))])
    while store.prune(1000.0, by_age=True):
        pass
    assert runs(store.path) == [1, 902]


def test_old_rows_stay_while_nobody_looks_at_their_age(stored):
    store = stored(Retention(100.0, 10**6))
    store.write([row(1, started=0.0)])
    assert not store.prune(1000.0, by_age=False)
    assert store.rows == 1


def test_a_database_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "h.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(sqlite3.OperationalError, match="not a history"):
        Store(str(path), FOR_EVER)


def test_the_condition_of_the_index_of_unwell_runs_is_the_one_that_is_asked_for(tmp_path):
    path = database(tmp_path / "h.db", [row(1), row(2, outcome="oom"), row(3, outcome="failed")])
    assert runs(path, outcomes=frozenset(map(str, UNWELL))) == [2, 3]


# --- places -----------------------------------------------------------------------------------------------------------


def test_nothing_is_lost_when_files_are_moved_aside_twice_in_a_second(tmp_path):
    path = tmp_path / "h.db"
    names = set()
    for content in ("one", "two"):
        path.write_text(content)
        (tmp_path / "h.db-wal").write_text(f"{content}-wal")
        names.add(move_aside(str(path)))
    assert len(names) == 2
    kept = {file.read_text() for file in tmp_path.iterdir()}
    assert kept == {"one", "one-wal", "two", "two-wal"}


def test_the_highest_run_is_known_and_none_where_there_is_no_history(tmp_path):
    assert highest_run(database(tmp_path / "h.db", [row(5), row(812)])) == 812
    (tmp_path / "no.db").write_text("nonsense" * 200)
    assert highest_run(str(tmp_path / "no.db")) == 0
    assert highest_run(str(tmp_path / "missing.db")) == 0


# --- the scribe -------------------------------------------------------------------------------------------------------


class Told:
    def __init__(self):
        self.sentences = []

    def __call__(self, sentence, level):
        self.sentences.append(f"{level}: {sentence}")


@pytest.fixture
def scribe():
    """Makes scribes that are closed at the end."""
    made = []

    def one(path, told, retention=FOR_EVER, clock=None):
        made.append(Scribe(str(path), retention, clock or Clock(), told))
        return made[-1]

    yield one
    for each in made:
        each.close()


def write(one, *numbers):
    one.write([(record(number), b"") for number in numbers], lambda: False)


def test_the_scribe_stamps_rows_with_the_wall_clock(tmp_path, scribe):
    told = Told()
    one = scribe(tmp_path / "h.db", told)
    one.write([(record(1, started=-3.0), b"")], lambda: False)
    one.close()
    assert [found.started for found in rows(tmp_path / "h.db")] == [999_997.0]
    assert told.sentences == []


def test_a_damaged_history_is_kept_under_another_name_and_a_new_one_begins(tmp_path, scribe):
    path, told = tmp_path / "h.db", Told()
    path.write_text("this is no database " * 100)
    one = scribe(path, told)
    write(one, 1)
    one.close()
    assert runs(path) == [1]
    assert len(told.sentences) == 1
    (aside,) = [file for file in tmp_path.iterdir() if "damaged" in file.name]
    assert aside.name in told.sentences[0]
    assert aside.read_text().startswith("this is no database")


def test_a_history_that_is_damaged_while_it_is_open_is_replaced_and_the_rows_are_kept(tmp_path, scribe):
    path, told = tmp_path / "h.db", Told()
    database(path, [row(run + 1, output="x" * 500) for run in range(2000)])
    size = os.path.getsize(path)
    with path.open("r+b") as file:  # every page but the first, which holds the schema
        file.seek(4096)
        file.write(b"\x55" * (size - 4096))
    one = scribe(path, told)
    write(one, 5001, 5002)
    one.close()
    assert runs(path) == [5001, 5002]
    assert [sentence for sentence in told.sentences if "damaged" in sentence]


def test_rows_wait_while_there_is_no_place_for_them_and_that_is_said_once(tmp_path, scribe):
    path, told = tmp_path / "gone" / "h.db", Told()
    one = scribe(path, told)
    write(one, 1)
    write(one, 2)
    assert one.trouble
    assert [sentence.partition(":")[0] for sentence in told.sentences] == ["warning"]
    path.parent.mkdir()
    write(one, 3)
    assert not one.trouble
    assert runs(path) == [1, 2, 3]
    assert told.sentences[1:] == [f"info: the history {path} can be written again; no run is missing in it"]


def test_what_does_not_fit_while_it_waits_is_counted(tmp_path, scribe):
    path, told = tmp_path / "gone" / "h.db", Told()
    one = scribe(path, told)
    write(one, *range(1, MOST_ROWS + 1))
    write(one, *range(MOST_ROWS + 1, MOST_ROWS + 11))
    path.parent.mkdir()
    write(one, 99_999)
    assert runs(path)[0] == 11
    assert "10 runs are missing in it" in told.sentences[-1]


def test_the_output_of_rows_that_wait_is_bounded(tmp_path, scribe):
    one = scribe(tmp_path / "gone" / "h.db", Told())
    bad = Outcome.FAILED
    for number in range(40):
        one.write([(record(number + 1, outcome=bad), b"x" * (1 << 18))], lambda: False)
    (tmp_path / "gone").mkdir()
    one.write((), lambda: False)
    one.close()
    found = rows(tmp_path / "gone" / "h.db")
    assert len(found) == 40
    kept = [each.run for each in found if each.output]
    assert kept == list(range(25, 41))


def test_what_can_never_be_written_is_said_at_the_end(tmp_path, scribe):
    told = Told()
    one = scribe(tmp_path / "gone" / "h.db", told)
    write(one, 1, 2)
    one.close()
    assert "2 runs are not in the history" in told.sentences[-1]


def test_a_file_that_somebody_removed_is_made_anew(tmp_path, scribe):
    path = tmp_path / "h.db"
    one = scribe(path, Told())
    write(one, 1)
    for file in tmp_path.iterdir():
        file.unlink()
    write(one, 2)
    one.close()
    assert runs(path) == [2]


def test_old_rows_go_at_the_first_batch_and_then_once_a_minute(tmp_path, scribe):
    path, clock = tmp_path / "h.db", Clock(wall=1_000_000.0)
    one = scribe(path, Told(), Retention(50.0, 1000), clock)
    one.write([(record(1, started=-100.0), b""), (record(2), b"")], lambda: False)
    assert runs(path) == [2]
    clock.now = 55.0
    one.write([(record(3, started=54.0), b"")], lambda: False)
    assert runs(path) == [2, 3]
    clock.now = 61.0
    one.write([(record(4, started=60.0), b"")], lambda: False)
    assert runs(path) == [3, 4]


# --- the age of rows and a clock that is wrong ------------------------------------------------------------------------

A_DAY = 86_400.0
A_MONTH = Retention(30 * A_DAY, 10**6)


def written(one, clock, run):
    """A run that ended just now."""
    one.write([(record(run, started=clock.now - 1.0), b"")], lambda: False)


def test_a_clock_that_is_forty_days_ahead_for_a_minute_deletes_nothing(tmp_path, scribe):
    path, clock = tmp_path / "h.db", Clock(wall=1e9)
    database(path, [row(run, started=1e9 - run * A_DAY) for run in range(20, 0, -1)])
    one = scribe(path, Told(), A_MONTH, clock)
    for minute in range(300):
        clock.now = 60.0 * minute + 1.0
        clock.ahead = 1e9 + 40 * A_DAY * (minute in (100, 101))
        written(one, clock, 100 + minute)
    assert len(runs(path)) == 320


@pytest.mark.parametrize("after", [2 * A_DAY, 40 * A_DAY])
def test_a_clock_is_believed_an_hour_after_a_long_pause_or_a_wrong_time_at_the_start(tmp_path, scribe, after):
    path, clock = tmp_path / "h.db", Clock(wall=1e9 + after)
    database(path, [row(1, started=1e9 - 29 * A_DAY), row(2, started=1e9)])
    one = scribe(path, Told(), A_MONTH, clock)
    for minute in range(60):
        clock.now = 60.0 * minute
        written(one, clock, 100 + minute)
    assert {1, 2} < set(runs(path))
    clock.now = 3601.0
    written(one, clock, 200)
    assert {1, 2} & set(runs(path)) == ({2} if after < 30 * A_DAY else set())


def test_a_minisup_that_lives_for_a_moment_each_day_deletes_what_is_old(tmp_path, scribe):
    path, clock = tmp_path / "h.db", Clock(wall=1e9)
    database(path, [row(1, started=1e9 - 31 * A_DAY), row(2, started=1e9 - A_DAY / 2)])
    written(scribe(path, Told(), A_MONTH, clock), clock, 3)
    assert runs(path) == [2, 3]


def test_a_clock_that_drifts_is_believed(tmp_path, scribe):
    path, clock = tmp_path / "h.db", Clock(wall=1e9)
    one = scribe(path, Told(), Retention(7200.0, 1000), clock)
    written(one, clock, 1)
    for minute in range(240):
        clock.now = 60.0 * minute + 1.0
        clock.ahead += 0.01
        written(one, clock, 2 + minute)
    assert runs(path)[0] > 100


# --- what one batch brings --------------------------------------------------------------------------------------------


def test_without_memory_the_rows_wait_and_the_history_goes_on(tmp_path, scribe, monkeypatch):
    path, told = tmp_path / "h.db", Told()
    one = scribe(path, told)
    write(one, 1)
    with monkeypatch.context() as full:
        full.setattr(Store, "write", raising(MemoryError()))
        write(one, 2)
        write(one, 3)
    write(one, 4)
    assert runs(path) == [1, 2, 3, 4]
    assert told.sentences == [
        f"warning: cannot write the history {path}: no memory is left; runs go on",
        f"info: the history {path} can be written again; no run is missing in it",
    ]


def test_rows_for_which_there_is_no_memory_are_counted(tmp_path, scribe, monkeypatch):
    path, told = tmp_path / "h.db", Told()
    one = scribe(path, told)
    with monkeypatch.context() as full:
        full.setattr("minisup.history.writer.row_of", raising(MemoryError()))
        write(one, 1, 2)
    write(one, 3)
    assert runs(path) == [3]
    assert "2 runs are missing in it" in told.sentences[-1]


@pytest.mark.parametrize("bad", [record(2**70), record(2)._replace(code=object())], ids=["too large", "no value"])
def test_a_row_that_cannot_be_written_does_not_stand_in_the_way_of_the_next(tmp_path, scribe, bad):
    path, told = tmp_path / "h.db", Told()
    one = scribe(path, told)
    one.write([(bad, b"")], lambda: False)
    write(one, 3)
    assert runs(path) == [3]
    assert "1 runs are missing in it" in told.sentences[-1]


def raising(error):
    def refuse(*_arguments, **_more):
        raise error

    return refuse


def test_an_error_of_the_history_names_no_file_of_minisup(tmp_path, scribe, monkeypatch):
    path, told = tmp_path / "h.db", Told()
    schema = str(Path(reading.__file__).with_name("schema.sql"))
    one = scribe(path, told)
    with monkeypatch.context() as full:
        full.setattr("minisup.history.store.open", raising(OSError(24, "Too many open files", schema)), raising=False)
        write(one, 1)
    assert told.sentences == [f"warning: cannot write the history {path}: Too many open files; runs go on"]
    write(one, 2)
    assert runs(path) == [1, 2]


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("kind", ["fifo", "link", "directory"])
def test_what_is_no_file_in_the_place_of_the_database_is_refused_and_not_waited_for(tmp_path, scribe, ending, kind):
    path, victim = tmp_path / "h.db", tmp_path / "victim"
    victim.write_text("precious")
    place = Path(f"{path}{ending}")
    if ending:
        database(path, [row(7)])
    {"fifo": os.mkfifo, "link": lambda at: at.symlink_to(victim), "directory": Path.mkdir}[kind](place)
    told = Told()
    one = scribe(path, told)
    write(one, 1)
    assert told.sentences == [f"warning: cannot write the history {path}: {place.name} is no regular file; runs go on"]
    with pytest.raises(reading.HistoryError, match="no regular file"):
        reading.open_file(str(path))
    assert victim.read_text() == "precious"
    place.rmdir() if kind == "directory" else place.unlink()
    write(one, 2)
    assert runs(path)[:2] == [1, 2]


@pytest.mark.parametrize(
    ("version", "last", "values"),
    [
        (1, "    output   TEXT", "NULL"),
        (2, "    delay    REAL", "NULL, NULL"),
    ],
)
def test_a_database_of_an_older_schema_gets_the_columns_and_keeps_its_rows(tmp_path, version, last, values):
    path = tmp_path / "history.db"
    old = Path(reading.__file__).with_name("schema.sql").read_text(encoding="utf-8")
    begin, end = old.index(f"{last},"), old.index(");", old.index("    boot     REAL"))
    with closing(sqlite3.connect(path)) as database:
        database.executescript(f"{old[:begin]}{last}\n{old[end:]}\nPRAGMA user_version = {version};")
        database.execute(f"INSERT INTO run VALUES (1, 'a', 0, 5.0, 1.0, 'worked', 0, NULL, 0.0, NULL, 0, {values})")
        database.commit()
    with closing(reading.open_file(str(path))) as database:  # by a reader, before any minisup has opened it
        assert [(found.run, found.delay) for found in reading.select(database, reading.Wanted())] == [(1, None)]
        assert list(reading.select(database, reading.Wanted(message="m1"))) == []
    opened = Store(str(path), Retention(60.0, 100))
    opened.write([row(2, "a", 0, 6.0)._replace(delay=0.25, message="m1", receives=2, wait=0.5, boot=1.5)])
    opened.close()
    with closing(reading.open_file(str(path))) as database:
        assert [(found.run, found.delay) for found in reading.select(database, reading.Wanted())] == [
            (1, None),
            (2, 0.25),
        ]
        (had,) = reading.select(database, reading.Wanted(message="m1"))
        assert (had.run, had.message, had.receives, had.wait, had.boot) == (2, "m1", 2, 0.5, 1.5)
