"""Rotated files: their numbers, what is dropped, and compressing while the numbers change."""

import errno
import gzip
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import SOON, Stage, wait_until
from plumbing import Plumbing
from ways import needs_root

from minisup.config.keys.log_tables import Rotation
from minisup.host.output.files import rotate, safe_path
from minisup.host.output.files.logfile import LogFile
from minisup.host.output.files.rotate import Rotated, squeeze

NOBODY = 65534
PLANTER = Path(__file__).parent / "jobs" / "plant.py"


@pytest.fixture
def plumbing() -> Iterator[Plumbing]:
    plumbing = Plumbing()
    yield plumbing
    plumbing.end()


def files(directory: Path) -> dict[str, str]:
    return {
        path.name: gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
        for path in sorted(directory.iterdir())
    }


def write(directory: Path, **names: str) -> Path:
    """Files of these names (`__` is a dot) and contents; those of `.gz` are compressed."""
    for name, text in names.items():
        path = directory / name.replace("__", ".")
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return directory / "log"


def shift(path: Path, keep: int) -> None:
    with safe_path.find(str(path)) as spot:
        rotate.shift(spot, keep)


def test_each_file_moves_on_by_a_number_and_the_oldest_is_dropped(tmp_path: Path) -> None:
    path = write(tmp_path, log="new", log__1="a", log__2__gz="b", log__3="c")
    shift(path, 3)
    assert files(tmp_path) == {"log.1": "new", "log.2": "a", "log.3.gz": "b"}


def test_a_gap_ends_the_line_and_what_others_have_named_is_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path, log="new", log__1="a", log__3="c", log__20261124="mine")
    shift(path, 2)
    assert files(tmp_path) == {"log.1": "new", "log.2": "a", "log.3": "c", "log.20261124": "mine"}


def test_when_fewer_are_to_be_kept_the_others_go(tmp_path: Path) -> None:
    path = write(tmp_path, log="new", log__1="a", log__2="b", log__3__gz="c")
    shift(path, 1)
    assert files(tmp_path) == {"log.1": "new"}


def test_none_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path, log="new", log__1="a")
    shift(path, 0)
    assert files(tmp_path) == {}


def rotated(plumbing: Plumbing, path: Path, errors: list[OSError | None]) -> Rotated:
    del plumbing  # waits for the thread at the end
    return Rotated(str(path), Rotation(1024, 5, compress=True), lambda: False, errors.append)


def test_all_that_is_plain_is_compressed_and_keeps_its_mode(plumbing: Plumbing, tmp_path: Path) -> None:
    path = write(tmp_path, log="new", log__1="a" * 1_000_000, log__2__gz="b")
    path.chmod(0o640)
    ends: list[OSError | None] = []
    rotated(plumbing, path, ends).shift()
    plumbing.until(lambda: ends)
    assert ends == [None]
    assert files(tmp_path) == {"log.1.gz": "new", "log.2.gz": "a" * 1_000_000, "log.3.gz": "b"}
    assert (tmp_path / "log.1.gz").stat().st_mode & 0o777 == 0o640


def test_a_file_whose_number_changes_meanwhile_is_replaced_where_it_is(
    plumbing: Plumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, log="one")
    ends: list[OSError | None] = []
    turns: list[int] = []
    subject = rotated(plumbing, path, ends)

    def slowly(*arguments: object) -> bool:
        done = squeeze(*arguments)  # type: ignore[arg-type] # as they came
        if not turns:
            turns.append(1)
            write(tmp_path, log="two")
            subject.shift()
        return done

    monkeypatch.setattr(rotate, "squeeze", slowly)
    subject.shift()
    plumbing.until(lambda: ends)
    assert files(tmp_path) == {"log.1.gz": "two", "log.2.gz": "one"}


def test_a_file_that_is_dropped_meanwhile_leaves_nothing(
    plumbing: Plumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, log="one")
    ends: list[OSError | None] = []

    def and_gone(*arguments: object) -> bool:
        done = squeeze(*arguments)  # type: ignore[arg-type] # as they came
        (tmp_path / "log.1").unlink()
        return done

    monkeypatch.setattr(rotate, "squeeze", and_gone)
    rotated(plumbing, path, ends).shift()
    plumbing.until(lambda: ends)
    assert files(tmp_path) == {}


def test_what_a_killed_minisup_left_half_done_is_done_again(plumbing: Plumbing, tmp_path: Path) -> None:
    path = write(tmp_path, log="new", log__1="whole", log__1__gz="whole", log__gz__tmp="half")
    ends: list[OSError | None] = []
    rotated(plumbing, path, ends).shift()
    plumbing.until(lambda: ends)
    assert files(tmp_path) == {"log.1.gz": "new", "log.2.gz": "whole"}


def test_what_cannot_be_compressed_stays_as_it_is(
    plumbing: Plumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, log="new")
    ends: list[OSError | None] = []

    def full(*_arguments: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rotate, "squeeze", full)
    rotated(plumbing, path, ends).shift()
    plumbing.until(lambda: ends)
    assert [error and error.errno for error in ends] == [28]
    assert files(tmp_path) == {"log.1": "new"}


# --- the file in front of them ----------------------------------------------------------------------------------------


def log_file(path: Path, max_size: int, keep: int = 100) -> LogFile:
    def move() -> bool:
        shift(path, keep)
        return True

    return LogFile(str(path), Rotation(max_size, keep, compress=False), move)


def put(file: LogFile, data: bytes) -> None:
    rest = memoryview(data)
    for _ in range(len(data)):
        if not rest:
            return
        rest = rest[file.write(rest) :]
    raise AssertionError("no progress")


@pytest.mark.parametrize("batch", [1, 7, 100, 5000])
def test_no_line_is_divided_and_no_file_is_too_large(tmp_path: Path, batch: int) -> None:
    lines = [f"line {number} {'x' * (number % 90)}\n".encode() for number in range(300)]
    path = tmp_path / "log"
    file = log_file(path, 1024)
    for at in range(0, len(lines), batch):
        put(file, b"".join(lines[at : at + batch]))
    file.close()
    count = len(files(tmp_path))
    order = [f"log.{number}" for number in range(count - 1, 0, -1)] + ["log"]
    texts = [(tmp_path / name).read_bytes() for name in order]
    assert b"".join(texts) == b"".join(lines)
    assert all(len(text) <= 1024 and text.endswith(b"\n") for text in texts)
    assert all(len(text) > 1024 - 110 for text in texts[:-1])


def test_a_line_that_is_longer_than_a_file_has_one_for_itself(tmp_path: Path) -> None:
    file = log_file(tmp_path / "log", 1024)
    put(file, b"short\n" + b"x" * 3000 + b"\nshort\n")
    file.close()
    assert [len(text) for text in files(tmp_path).values()] == [6, 3001, 6]


def test_a_file_that_was_emptied_from_outside_goes_on_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = log_file(path, 1024)
    put(file, b"x" * 999 + b"\n")
    os.truncate(path, 0)
    put(file, b"y" * 99 + b"\n")
    file.close()
    assert files(tmp_path) == {"log": "y" * 99 + "\n"}


def test_a_file_that_was_moved_away_is_not_rotated_over_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = log_file(path, 1024)
    put(file, b"x" * 999 + b"\n")
    path.rename(tmp_path / "moved")
    path.write_text("new\n")
    put(file, b"y" * 99 + b"\n")
    file.close()
    assert files(tmp_path) == {"log": "new\n" + "y" * 99 + "\n", "moved": "x" * 999 + "\n"}


def test_a_file_that_was_removed_is_made_again_with_its_directory(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "log"
    file = log_file(path, 1024)
    put(file, b"one\n")
    path.unlink()
    path.parent.rmdir()
    put(file, b"two\n")
    file.close()
    assert path.read_text() == "two\n"


def test_a_link_is_followed_and_the_rotated_files_lie_beside_the_file(plumbing: Plumbing, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    link = tmp_path / "log"
    link.symlink_to(tmp_path / "data" / "real")
    subject = Rotated(str(link), Rotation(1024, 5, compress=False), lambda: False, lambda _: None)
    del plumbing

    def move() -> bool:
        subject.shift()
        return True

    file = LogFile(str(link), Rotation(1024, 5, compress=False), move)
    put(file, b"x" * 1000 + b"\n" + b"y" * 100 + b"\n")
    file.close()
    assert link.is_symlink()
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["real", "real.1"]


def test_what_is_no_file_is_never_rotated() -> None:
    file = log_file(Path("/dev/null"), 1024)
    put(file, b"x\n" * 10_000)
    file.close()
    assert Path("/dev/null").is_char_device()


# --- who is hostile ---------------------------------------------------------------------------------------------------


def contents(directory: Path) -> dict[str, tuple[str, int, int, int]]:
    found = {path.name: (path.read_text(), path.stat()) for path in directory.iterdir()}
    return {name: (text, seen.st_mode, seen.st_uid, seen.st_mtime_ns) for name, (text, seen) in found.items()}


@needs_root
def test_a_user_who_plants_links_while_files_are_moved_and_compressed_reaches_nothing_of_root(
    plumbing: Plumbing, open_stage: Stage
) -> None:
    logs, roots = open_stage.path("app") / "logs", open_stage.path("roots")
    logs.mkdir(parents=True)
    roots.mkdir(mode=0o755)
    for directory in (logs, logs.parent):
        os.chown(directory, NOBODY, NOBODY)
    open_stage.write("roots/victim", "root's own\n")
    before = contents(roots)
    ends: list[OSError | None] = []
    subject = Rotated(str(logs / "log"), Rotation(1024, 2, compress=True), lambda: False, ends.append)
    moved = 0

    def move() -> bool:
        nonlocal moved
        subject.shift()
        moved += 1
        return True

    file = LogFile(str(logs / "log"), Rotation(1024, 2), move)
    planter = open_stage.popen([sys.executable, PLANTER, logs, "log", roots, NOBODY], stdout=subprocess.PIPE)
    assert planter.stdout is not None
    assert planter.stdout.readline() == b"ready\n"
    refused: set[int | None] = set()
    deadline = time.monotonic() + SOON
    while (moved < 500 or not refused >= {errno.ELOOP, errno.EINVAL} or not any(ends)) and time.monotonic() < deadline:
        try:
            file.write(memoryview(b"x" * 499 + b"\n"))
        except OSError as error:
            refused.add(error.errno)
            file.close()
    planter.kill()
    planter.wait()
    file.close()
    plumbing.until(lambda: not subject._compressing)
    assert moved >= 500
    assert refused >= {errno.ELOOP, errno.EINVAL}, refused  # links, FIFOs
    assert any(ends), "something could not be compressed"
    assert contents(roots) == before


def test_a_fifo_in_place_of_a_rotated_file_is_said_and_the_others_are_compressed(
    plumbing: Plumbing, tmp_path: Path
) -> None:
    path = write(tmp_path, log="new", log__2="old")
    os.mkfifo(tmp_path / "log.1")
    ends: list[OSError | None] = []
    subject = rotated(plumbing, path, ends)
    subject.shift()
    plumbing.until(lambda: ends)
    assert [str(end and end.strerror) for end in ends] == ["log.2: Is a FIFO, not a regular file"]
    (tmp_path / "log.2").unlink()
    assert files(tmp_path) == {"log.1.gz": "new", "log.3.gz": "old"}


def test_a_file_with_two_names_is_not_copied_into_a_directory_of_others(plumbing: Plumbing, tmp_path: Path) -> None:
    """It may be a file of root that is not for everybody."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs").chmod(0o777)
    (tmp_path / "secret").write_text("secret")
    path = write(tmp_path / "theirs", log="new")
    os.link(tmp_path / "secret", tmp_path / "theirs" / "log.1")
    ends: list[OSError | None] = []
    rotated(plumbing, path, ends).shift()
    plumbing.until(lambda: ends)
    assert files(tmp_path / "theirs") == {"log.1.gz": "new", "log.2": "secret"}
    assert (tmp_path / "theirs" / "log.2").samefile(tmp_path / "secret")


def test_a_file_that_is_as_large_as_before_after_its_rotation_is_written_on_and_that_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, log="x" * 2000)
    moves: list[int] = []
    said: list[str] = []

    def move() -> bool:
        if said:
            return False
        moves.append(1)
        return True  # and the file is where it was, as one that is a mount

    file = LogFile(str(path), Rotation(1024, 5), move, lambda: said.append("in vain"))
    for _ in range(5):
        put(file, b"line\n")
    file.close()
    assert (len(moves), said) == (1, ["in vain"])
    assert path.read_text() == "x" * 2000 + "line\n" * 5


def test_that_no_thread_can_be_had_to_compress_is_told_and_the_next_rotation_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_arguments: object) -> int:
        raise RuntimeError("can't start new thread")

    told: list[OSError | None] = []
    path = tmp_path / "log"
    path.write_text("old\n")
    subject = Rotated(str(path), Rotation(1024, 5, compress=True), lambda: False, told.append)
    with monkeypatch.context() as patch:
        patch.setattr(rotate, "start_new_thread", none)
        subject.shift()
    assert [error and error.strerror for error in told] == ["No thread can be had"]
    path.write_text("new\n")
    subject.shift()
    wait_until(lambda: told[1:] == [None], SOON, "both are compressed")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["log.1.gz", "log.2.gz"]
