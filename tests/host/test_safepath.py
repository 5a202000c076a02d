"""Paths through directories of others: what leads elsewhere is refused, and what everybody has works as before."""

import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from fcntl import F_SETLEASE, F_WRLCK, fcntl
from pathlib import Path

import pytest

from minisup.host.output.files import safe_path
from minisup.host.output.files.safe_path import RefusedError, find, open_file

WRITE = os.O_WRONLY | os.O_APPEND | os.O_CREAT
NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to somebody else")


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A directory that only this user may write to."""
    place = tmp_path / "ours"
    place.mkdir(mode=0o755)
    return place


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A directory that others may write to."""
    place = tmp_path / "theirs"
    place.mkdir()
    place.chmod(0o777)
    return place


def put(path: Path, text: str = "x\n") -> None:
    """What minisup does with the first line of a log."""
    with find(str(path), make=True) as spot:
        fd = open_file(spot, WRITE, 0o666)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def why(path: Path) -> str:
    with pytest.raises(RefusedError) as caught:
        put(path)
    return str(caught.value.strerror)


# --- what works -------------------------------------------------------------------------------------------------------


def test_links_are_followed_where_nobody_else_may_write(ours: Path) -> None:
    (ours / "data").mkdir()
    (ours / "relative").symlink_to("data/../data")
    (ours / "absolute").symlink_to(ours / "relative")
    (ours / "log").symlink_to("absolute/log")
    put(ours / "log")
    assert (ours / "data" / "log").read_text() == "x\n"


def test_directories_that_are_missing_are_made_also_in_a_directory_of_others(theirs: Path) -> None:
    put(theirs / "deep" / "down" / "log")
    put(theirs / "deep" / "down" / "log")
    assert (theirs / "deep" / "down" / "log").read_text() == "x\nx\n"


@as_root
def test_a_log_directory_of_the_jobs_user_works(ours: Path) -> None:
    (ours / "app").mkdir()
    os.chown(ours / "app", NOBODY, NOBODY)
    put(ours / "app" / "x.log")
    os.chown(ours / "app" / "x.log", NOBODY, NOBODY)  # as an image does that has made it beforehand
    put(ours / "app" / "x.log")
    assert (ours / "app" / "x.log").read_text() == "x\nx\n"


def test_in_a_sticky_directory_what_is_ours_stays_ours() -> None:
    """The files of tests are in /tmp; so is what a user tries out."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        assert Path("/tmp").stat().st_mode & stat.S_ISVTX
        (Path(name) / "link").symlink_to("log")
        put(Path(name) / "link")
        assert (Path(name) / "log").read_text() == "x\n"


def test_a_second_name_in_a_directory_of_ones_own_is_fine(ours: Path) -> None:
    put(ours / "log")
    os.link(ours / "log", ours / "again")
    put(ours / "log")
    assert (ours / "again").read_text() == "x\nx\n"


def test_a_device_where_only_root_could_have_put_it_is_written() -> None:
    put(Path("/dev/null"))


@as_root
@pytest.mark.parametrize("group", [NOBODY, 4242], ids=["its own", "another"])
def test_a_group_of_ones_own_is_no_other_for_who_is_not_root(
    ours: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    """The umask 002 of users with a group of their own, and a deploy by links."""
    (ours / "release").mkdir()
    (ours / "current").symlink_to("release")
    os.chown(ours, NOBODY, group)
    ours.chmod(0o775)
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    monkeypatch.setattr(os, "getegid", lambda: NOBODY)
    if group == NOBODY:
        put(ours / "current" / "log")
        assert (ours / "release" / "log").exists()
    else:
        assert "is a link" in why(ours / "current" / "log")


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_link_in_the_place_of_the_file(ours: Path, theirs: Path) -> None:
    (theirs / "log").symlink_to(ours / "victim")
    message = f"{theirs}/log is a link, and others than root and minisup's user may write to {theirs}: name the path"
    assert why(theirs / "log").startswith(message)
    assert not (ours / "victim").exists()


def test_a_link_in_the_place_of_a_directory(ours: Path, theirs: Path) -> None:
    (theirs / "down").mkdir(mode=0o755)
    (theirs / "down" / "log").symlink_to(ours)
    assert f"{theirs}/down/log is a link" in why(theirs / "down" / "log" / "file")
    (theirs / "log").symlink_to(ours)
    assert f"may write to {theirs}:" in why(theirs / "log" / "deep" / "file")
    assert not list(ours.iterdir())


def test_a_link_of_others_in_a_sticky_directory(ours: Path, theirs: Path) -> None:
    theirs.chmod(0o1777)
    (theirs / "log").symlink_to(ours / "victim")
    put(theirs / "log")  # one's own: nobody else can change it
    if os.geteuid() != 0:
        pytest.skip("only root can give a link to somebody else")
    os.chown(theirs / "log", NOBODY, NOBODY, follow_symlinks=False)
    assert "is a link" in why(theirs / "log")


def test_a_second_name_of_somebody_elses_file(ours: Path, theirs: Path) -> None:
    put(ours / "victim", "mine\n")
    os.link(ours / "victim", theirs / "log")
    assert why(theirs / "log").startswith("Has a second name")
    assert (ours / "victim").read_text() == "mine\n"


def test_a_second_name_that_is_removed_between_open_and_look(
    ours: Path, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count of names is one again, but the name by which the file was opened was not its only one."""
    put(ours / "victim", "mine\n")
    os.link(ours / "victim", theirs / "log")
    look = safe_path._check_only_name

    def in_between(fd: int) -> None:
        (theirs / "log").unlink()
        os.link(ours / "victim", theirs / "log")
        (theirs / "log").unlink()
        look(fd)

    monkeypatch.setattr(safe_path, "_check_only_name", in_between)
    assert why(theirs / "log") == "Was replaced while it was opened"
    assert (ours / "victim").read_text() == "mine\n"


def test_a_fifo_is_refused_by_name_with_and_without_a_reader(ours: Path, theirs: Path) -> None:
    for place in (ours, theirs):
        os.mkfifo(place / "log")
        assert why(place / "log") == "Is a FIFO, not a regular file"
        reader = os.open(place / "log", os.O_RDONLY | os.O_NONBLOCK)
        assert why(place / "log") == "Is a FIFO, not a regular file"
        os.close(reader)


def test_a_fifo_that_comes_between_look_and_open_hangs_nothing(theirs: Path) -> None:
    put(theirs / "log")
    with find(str(theirs / "log")) as spot:
        (theirs / "log").unlink()
        os.mkfifo(theirs / "log")
        with pytest.raises(OSError, match="No such device or address"):
            open_file(spot, os.O_WRONLY)
        with pytest.raises(RefusedError, match="Is a FIFO"):
            open_file(spot, os.O_RDONLY)


def test_a_link_that_comes_between_look_and_open_is_not_followed(ours: Path, theirs: Path) -> None:
    put(theirs / "log")
    with find(str(theirs / "log")) as spot:
        (theirs / "log").unlink()
        (theirs / "log").symlink_to(ours / "victim")
        with pytest.raises(OSError, match="symbolic links"):
            open_file(spot, WRITE, 0o666)
    assert not (ours / "victim").exists()


def test_a_directory_that_becomes_a_link_after_it_was_found_leads_nowhere_else(ours: Path, theirs: Path) -> None:
    (theirs / "log").mkdir()
    with find(str(theirs / "log" / "file")) as spot:
        (theirs / "log").rename(theirs / "moved")
        (theirs / "log").symlink_to(ours)
        os.close(open_file(spot, WRITE, 0o666))
    assert not list(ours.iterdir())
    assert (theirs / "moved" / "file").exists()


def test_a_lease_of_somebody_else_is_not_waited_for(theirs: Path) -> None:
    """Who owns a file may make others wait 45 seconds for it."""
    put(theirs / "log")
    owner = os.open(theirs / "log", os.O_RDONLY)
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # the kernel asks the holder for it
    try:
        fcntl(owner, F_SETLEASE, F_WRLCK)
        assert why(theirs / "log").startswith("Is leased by another process")
    finally:
        os.close(owner)
        signal.signal(signal.SIGIO, before)
    put(theirs / "log")


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/PID/fd/1"])
def test_what_a_process_has_open_is_no_log_file(ours: Path, path: str) -> None:
    (ours / "log").symlink_to(path.replace("PID", str(os.getpid())))  # as images of web servers do it
    assert 'for minisup\'s own output write log.to = "console"' in why(ours / "log")


def test_links_in_a_circle_end(ours: Path) -> None:
    (ours / "one").symlink_to("two")
    (ours / "two").symlink_to("one")
    with pytest.raises(OSError, match="Too many levels"):
        put(ours / "one")


def test_a_file_in_the_place_of_a_directory_is_named(ours: Path) -> None:
    put(ours / "file")
    with pytest.raises(NotADirectoryError, match="file is not a directory"):
        put(ours / "file" / "log")


def test_no_descriptor_is_left_open(ours: Path, theirs: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    (theirs / "link").symlink_to(ours)
    os.mkfifo(theirs / "fifo")
    (ours / "link").symlink_to(ours / "data")
    before = count()
    for bad in (theirs / "link", theirs / "link" / "log", theirs / "fifo", theirs / "fifo" / "log"):
        with pytest.raises(OSError, match=r"is a link|FIFO|not a directory"):
            put(bad)
    assert why(theirs) == "Is a directory"
    put(ours / "link" / "deep" / "log")
    assert count() == before


@pytest.fixture(autouse=True)
def no_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)
