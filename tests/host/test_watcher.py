"""The thread that looks at watched files, without a daemon: what the kernel tells, and what it does not."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit import SOON, holds_for, wait_until

from minisup import file_system
from minisup.config.files.globs import Glance, escaped
from minisup.host.watch import notify, watcher
from minisup.host.watch.notify import BlindError, InotifyNotifier, far_away, is_forced_to_poll
from minisup.host.watch.watcher import Changes, Watcher


class Ledger:
    """A watcher, and what it has told so far."""

    def __init__(self, **environ: str) -> None:
        self.posted: deque[Callable[[], None]] = deque()
        self.changes: list[Changes] = []
        self.warnings: list[str] = []
        self.watcher = Watcher(self.posted.append, self.changes.append, self.warnings.append, environ)

    def watch(self, root: Path, since: float = 0.0, **subjects: str) -> None:
        patterns = {name: (f"{escaped(str(root))}/{pattern}",) for name, pattern in subjects.items()}
        self.watcher.watch(patterns, since or time.time() + 3600)
        wait_until(lambda: self.watcher._taken == patterns and self.watcher._told, SOON, "it has looked")

    def told(self) -> list[dict[str, list[str]]]:
        while self.posted:
            self.posted.popleft()()
        return [{name: [Path(path).name for path in paths] for name, paths in found.items()} for found in self.changes]

    def tells(self, *expected: dict[str, list[str]]) -> None:
        wait_until(lambda: len(self.told()) >= len(expected), SOON, f"{expected} is told")
        assert self.told() == list(expected)


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    made = Ledger(**getattr(request, "param", {}))
    yield made
    made.watcher.close()
    made.watcher.wait(SOON)
    assert not made.watcher._started or made.watcher._done.acquire(blocking=False), "the thread has ended"


class Never:
    """Nothing else is to be done."""

    def is_set(self) -> bool:
        return False


def told_by(one: InotifyNotifier) -> set[str]:
    return wait_until(lambda: one.wait(Never()), SOON, "something is told")


def test_each_watcher_hears_of_its_own_files_in_one_go(ledger: Ledger, tmp_path: Path) -> None:
    for name in ("a.php", "b.php", "c.txt"):
        (tmp_path / name).write_text("1")
    ledger.watch(tmp_path, code="*.php", all="*")
    (tmp_path / "a.php").write_text("22")
    (tmp_path / "b.php").unlink()
    (tmp_path / "c.txt").rename(tmp_path / "d.php")
    ledger.tells({"code": ["a.php", "b.php", "d.php"], "all": ["a.php", "b.php", "c.txt", "d.php"]})
    (tmp_path / "a.php").write_text("333")
    ledger.tells(ledger.told()[0], {"code": ["a.php"], "all": ["a.php"]})


def test_what_changed_before_the_first_look_is_told_and_what_is_older_is_not(ledger: Ledger, tmp_path: Path) -> None:
    for name, age in (("old", 3600.0), ("new", 0.0)):
        (tmp_path / name).write_text("1")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    begun = time.time()
    wait_until(lambda: time.time() > begun + 0.1, SOON, "some time has passed")
    read = time.time()
    (tmp_path / "late").write_text("1")
    ledger.watch(tmp_path, since=read, all="*")
    ledger.tells({"all": ["late"]})


def test_what_stays_watched_loses_no_change_when_others_join(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    ledger.watch(tmp_path, one="a")
    (tmp_path / "a").write_text("22")
    ledger.watcher.watch({**ledger.watcher._subjects, "two": (f"{tmp_path}/b",)}, time.time() + 3600)
    ledger.tells({"one": ["a"]})


def test_changes_without_end_are_told_all_the_same(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "LONGEST", 0.5)
    ledger.watch(tmp_path, all="*")

    def busy() -> bool:
        (tmp_path / f"{time.monotonic_ns()}").write_text("")
        return bool(ledger.told())

    wait_until(busy, SOON, "it is told although it goes on")


def test_nothing_is_told_of_what_others_write(ledger: Ledger, tmp_path: Path) -> None:
    ledger.watch(tmp_path, code="*.php")
    looks: list[int] = []
    look = ledger.watcher._settle
    ledger.watcher._settle = lambda: (looks.append(1), look())[1]  # type: ignore[method-assign]

    def busy() -> bool:
        (tmp_path / "laravel.log").write_text(str(time.monotonic_ns()))
        (tmp_path.parent / f"{tmp_path.name}-{time.monotonic_ns()}").mkdir()  # on the way, where one name alone matters
        return not ledger.told()

    holds_for(busy, 1.0, "nothing is told")
    assert len(looks) <= 1, "it looks once in the beginning, and not again"


@pytest.mark.parametrize("ledger", [{"WATCHFILES_FORCE_POLLING": "1"}], indirect=True)
def test_without_the_kernels_help(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "EACH", 0.05)
    ledger.watch(tmp_path, all="*")
    (tmp_path / "new").write_text("1")
    ledger.tells({"all": ["new"]})
    assert ledger.warnings == []


def test_a_kernel_that_refuses_is_one_warning(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify.libc, "call", lambda *_: -1)
    monkeypatch.setattr(notify, "EACH", 0.05)
    ledger.watch(tmp_path, all="*")
    (tmp_path / "new").write_text("1")
    ledger.tells({"all": ["new"]})
    [warning] = ledger.warnings
    assert warning.startswith("inotify refuses (no instance is to be had): raise fs.inotify.max_user_watches or ")


def test_a_look_that_takes_long_is_not_followed_by_another_at_once(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "RESTED", 10_000)
    slept: list[float] = []
    ledger.watch(tmp_path, all="*")
    monkeypatch.setattr(ledger.watcher, "_sleep", slept.append)
    (tmp_path / "new").write_text("1")
    ledger.tells({"all": ["new"]})
    assert max(slept) > 0.3, "more than the wait for quiet"


def test_a_network_file_system_is_looked_at_and_said_once(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_system, "network_file_system", lambda path: "nfs4" if path == str(tmp_path) else "")
    monkeypatch.setattr(watcher, "far_away", lambda paths: far_away([path for path in paths if path == str(tmp_path)]))
    ledger.watch(tmp_path, all="*")
    (tmp_path / "new").write_text("1")
    ledger.tells({"all": ["new"]})
    [warning] = ledger.warnings
    assert warning.startswith(
        f"{tmp_path} is on nfs4, which does not tell of changes made elsewhere; watched files are"
    )


def test_a_defect_ends_the_watching_and_nothing_else(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "could_name", lambda _: 1 / 0)
    ledger.watch(tmp_path, all="*")
    wait_until(lambda: ledger.told() or ledger.warnings, SOON, "it is said")
    assert "files are no longer watched: internal error: ZeroDivisionError" in ledger.warnings[0]


def test_more_directories_than_anybody_means_are_said(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minisup.config.files.globs.MOST_DIRECTORIES", 2)
    ledger.watch(tmp_path, all="**/*")
    wait_until(lambda: ledger.told() or ledger.warnings, SOON, "it is said")
    assert "name narrower patterns" in ledger.warnings[0]


def place_of(path: Path) -> tuple[int, int]:
    seen = path.stat()
    return seen.st_dev, seen.st_ino


def watches(one: InotifyNotifier) -> int:
    return Path(f"/proc/self/fdinfo/{one._fd}").read_text().count("inotify wd:")


def test_thousands_of_directories_take_one_descriptor_and_no_thread(tmp_path: Path) -> None:
    threads = len(os.listdir("/proc/self/task"))
    one = InotifyNotifier()
    for number in range(3000):
        (tmp_path / f"{number}").mkdir()
    places = {str(path): place_of(path) for path in tmp_path.iterdir()}
    places[str(tmp_path / "gone")] = (0, 0)
    assert one.follow(places)
    assert not one.follow(places), "nothing is new"
    assert (watches(one), len(os.listdir("/proc/self/task"))) == (3000, threads)
    for number in (0, 2999):
        (tmp_path / f"{number}" / "file").write_text("")
    wanted = {str(tmp_path / "0" / "file"), str(tmp_path / "2999" / "file")}
    seen: set[str] = set()
    wait_until(lambda: wanted <= (seen.update(told_by(one)) or seen), SOON, "both are told")
    one.close()


def test_directories_come_go_and_are_replaced(tmp_path: Path) -> None:
    one = InotifyNotifier()
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    a, link = str(tmp_path / "a"), str(tmp_path / "link")
    assert one.follow({a: place_of(tmp_path / "a"), link: place_of(tmp_path / "a")})
    (tmp_path / "a" / "file").write_text("")
    assert {f"{a}/file", f"{link}/file"} <= told_by(one), "by each name of the directory"
    assert not one.follow({a: place_of(tmp_path / "a")})
    assert watches(one) == 1
    (tmp_path / "a").rename(tmp_path / "old")
    (tmp_path / "a").mkdir()
    assert one.follow({a: place_of(tmp_path / "a")}), "another one"
    assert watches(one) == 1
    (tmp_path / "old" / "file").write_text("1")
    (tmp_path / "a" / "late").write_text("1")
    assert told_by(one) == {f"{a}/late"}
    assert not one.follow({})
    assert watches(one) == 0
    one.close()
    assert one.follow({a: place_of(tmp_path / "a")}), "it can be used again"
    one.close()


def test_what_the_kernel_has_dropped_nobody_knows(tmp_path: Path) -> None:
    one = InotifyNotifier()
    one.follow({str(tmp_path): place_of(tmp_path)})
    room = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if room > 100_000:
        pytest.skip(f"a queue of {room} events takes too long to fill")
    for name in "ab":
        (tmp_path / name).touch()
    for number in range(room):  # two events of a kind that follow one another are one
        os.utime(tmp_path / "ab"[number % 2])
    wait_until(lambda: one.wait(Never()) is None, SOON, "the queue was full")
    one.close()


def test_a_limit_says_what_to_raise(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = InotifyNotifier()
    monkeypatch.setattr(notify.libc, "call", lambda *_: -1)
    with pytest.raises(
        BlindError, match=r"^inotify refuses \(no watch is to be had after 0\): raise fs.inotify.max_user"
    ):
        one.follow({str(tmp_path): (1, 1)})
    one.close()


@pytest.mark.parametrize(
    ("value", "forced"), [("", False), ("0", False), ("false", False), ("Disabled", False), ("1", True), ("yes", True)]
)
def test_the_variable_that_asks_for_polling(value: str, forced: bool) -> None:
    assert is_forced_to_poll({"WATCHFILES_FORCE_POLLING": value}) is forced
    assert not is_forced_to_poll({})


def test_what_is_gone_is_on_no_file_system(tmp_path: Path) -> None:
    assert far_away([str(tmp_path / "gone"), str(tmp_path)]) is None
    assert Glance().at(f"{tmp_path}/gone") == {}
