"""A directory as a queue: names, files that are no messages, restarts, clocks, full disks, the kernel's word."""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import SOON, Stage, Stopwatch, holds_for, wait_until
from queue_kit import DirectoryKit

from minisup.receivers import protocol
from minisup.receivers.protocol import LONGEST_BODY
from minisup.receivers.spool import Spool

NAMES = (
    b"a b",
    b"-rf",
    b"$(reboot)",
    b"new\nline",
    "größe 🐘".encode(),
    b"\xff\xfe",
    b"x~1~5",
    b"a" * 255,
    b"*",
    b"~~",
)


@pytest.fixture
def kit(stage: Stage) -> Iterator[DirectoryKit]:
    kit = DirectoryKit(stage)
    yield kit
    kit.close()


def test_a_name_that_no_shell_would_like_is_a_message_as_any_other(kit: DirectoryKit) -> None:
    for name in NAMES:
        kit.drop(name, name)
    it = kit.receiver()
    taken = it.take(len(NAMES))
    assert sorted(message.body for message in taken) == sorted(NAMES)
    for message in taken:
        it.give_back(message.id)
    again = it.take(len(NAMES))
    assert sorted(message.body for message in again) == sorted(NAMES)
    assert {message.id for message in again} == {message.id for message in taken}
    assert "größe 🐘" in {message.attributes["name"] for message in again}
    it.ack(*(message.id for message in again))
    assert list(kit.spool.rglob("*/*")) == []


def test_a_name_that_comes_again_while_the_first_is_in_work_overwrites_nothing(kit: DirectoryKit) -> None:
    it = kit.receiver()
    bodies = [b"first", b"second", b"third"]
    taken = []
    for body in bodies:
        kit.drop("report.csv", body)
        taken += it.take()
    for message in taken:
        it.give_back(message.id)
    assert sorted(message.body for message in it.take(3)) == sorted(bodies)
    assert len({message.id for message in taken}) == 3


def test_drafts_directories_links_and_pipes_are_left_where_they_are(kit: DirectoryKit) -> None:
    kit.drop(".draft", b"not yet")
    new = kit.spool / "new"
    (new / "directory").mkdir()
    (new / "link").symlink_to("/etc/passwd")
    os.mkfifo(new / "pipe")
    it = kit.receiver().ready()
    it.credit(9)
    kit.drop("message", b"yes")
    it.until(lambda: it.messages, "the message comes")
    holds_for(lambda: (it.read(), len(it.messages) == 1)[1], 0.3, "nothing else")
    assert {path.name for path in new.iterdir()} == {".draft", "directory", "link", "pipe"}


def test_what_is_too_long_for_a_message_is_set_aside_with_its_reason_and_no_run_sees_it(kit: DirectoryKit) -> None:
    kit.drop("huge", bytes(LONGEST_BODY + 1))
    it = kit.receiver().ready()
    it.credit(1)
    it.until(lambda: it.troubles, "it is told")
    assert it.troubles == ["set aside huge: it has 1,048,577 bytes, more than 1,048,576"]
    [reason] = (kit.spool / "failed").glob("*.reason")
    assert reason.read_text() == "it has 1,048,577 bytes, more than 1,048,576\n"
    kit.drop("fine", b"fine")
    it.until(lambda: it.messages, "others go on")


def test_receives_and_a_delay_survive_a_restart(kit: DirectoryKit) -> None:
    kit.push(b"slow")
    first = kit.receiver()
    [message] = first.take()
    watch = Stopwatch()
    first.give_back(message.id, 1.0)
    first.kill()
    second = kit.receiver().ready()
    [again] = second.take()
    assert 0.9 < watch.seconds < 5.0
    assert (again.id, again.receives) == (message.id, 2)


def test_a_clock_that_jumps_takes_no_message_away(kit: DirectoryKit) -> None:
    kit.push(b"in work")
    first, second = kit.receiver(lease=1.0), kit.receiver(lease=1.0)
    [message] = first.take()
    second.credit(1)
    [place] = (kit.spool / "work").iterdir()
    for jump in (-1e6, 1e6, -1e6, 1e6):  # what another machine's clock, or a jump of ours, writes as sign of life
        os.utime(place, (jump + 1.8e9, jump + 1.8e9))
        holds_for(lambda: (second.read(), not second.messages)[1], 0.5, "nobody takes it")
    first.ack(message.id)


def test_a_longer_lease_is_believed_by_who_has_a_shorter_one(kit: DirectoryKit) -> None:
    kit.push(b"in work")
    first, second = kit.receiver(lease=60.0), kit.receiver(lease=0.4)
    [message] = first.take()
    second.credit(1)
    holds_for(lambda: (second.read(), not second.messages)[1], 1.0, "the lease of who has it counts")
    first.tell(protocol.keep([message.id], 0.4))
    second.until(lambda: second.messages, "and it changes with `keep`")
    first.tell(protocol.keep([message.id], 0.4))
    first.until_lost(message.id)


def test_a_file_comes_at_once_and_an_empty_directory_wakes_nobody(kit: DirectoryKit) -> None:
    it = kit.receiver().ready()
    it.credit(1)
    it.until(lambda: it.waiting == 0, "it has looked")

    def switches() -> int:
        lines = Path(f"/proc/{it.process.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("voluntary")))

    wait_until(lambda: _is_quiet(switches), SOON, "it waits")
    watch = Stopwatch()
    kit.drop("message", b"now")
    it.until(lambda: it.messages, "it comes")
    assert watch.seconds < 0.5


def _is_quiet(switches) -> bool:
    before = switches()
    holds_for(lambda: True, 1.0, "a second passes")
    return switches() - before <= 1


def test_without_the_kernels_help_it_looks_every_second(kit: DirectoryKit) -> None:
    kit.env = {"WATCHFILES_FORCE_POLLING": "1"}
    it = kit.receiver().ready()
    it.credit(1)
    kit.drop("message", b"seen")
    it.until(lambda: it.messages, "it comes")


def test_a_directory_that_is_removed_is_made_again_and_watched_again(kit: DirectoryKit) -> None:
    kit.push(b"before")
    it = kit.receiver()
    [message] = it.take()
    shutil.rmtree(kit.spool, ignore_errors=True)  # it is made again while it is being removed
    wait_until(lambda: (it.read(), (kit.spool / "new").is_dir())[1], SOON, "it is made again")
    it.tell(protocol.keep([message.id], 60.0))
    it.until_lost(message.id)
    it.credit(1)
    kit.drop("after", b"after")
    it.until(lambda: len(it.messages) == 2, "the new one is watched")


def test_a_directory_that_is_moved_away_is_made_again_and_watched_again(kit: DirectoryKit) -> None:
    it = kit.receiver().ready()
    it.credit(1)
    kit.spool.rename(kit.stage.path("away"))
    wait_until(lambda: (it.read(), (kit.spool / "new").is_dir())[1], SOON, "it is made again")
    kit.drop("after", b"after")
    it.until(lambda: it.messages, "the new one is watched")


def test_a_parent_that_cannot_be_made_is_told_once_and_looked_for_again(kit: DirectoryKit) -> None:
    away = kit.stage.write("away", "a file")
    it = kit.receiver(directory=str(away / "spool"))
    it.credit(1)
    it.until(lambda: it.troubles, "it is told")
    holds_for(lambda: (it.read(), len(it.troubles) == 1)[1], 1.5, "once")
    assert "Not a directory" in it.troubles[0]
    away.unlink()
    away.mkdir()
    it.ready()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_loses_nothing_and_is_told(kit: DirectoryKit) -> None:
    kit.spool.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=12", "tmpfs", kit.spool], check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    try:
        it = kit.receiver().ready()
        kit.push(b"one", b"two")
        (kit.spool / "filler").mkdir()
        made = _fill(kit.spool / "filler")
        it.credit(2)
        it.until(lambda: it.troubles, "it is told")
        assert "No space left" in it.troubles[0]
        assert kit.left() == 2
        for path in made:
            path.unlink()
        it.until(lambda: len(it.messages) == 2, "they come when there is room")
        _fill(kit.spool / "filler")
        it.give_back(it.messages[0].id)
        it.reject(it.messages[1].id, "bad")
        assert kit.dead() == [it.messages[1].body]
        it.end()
    finally:
        for one in kit.receivers:
            one.kill()
        subprocess.run(["umount", kit.spool], check=True)


def _fill(place: Path) -> list[Path]:
    made = []
    for number in range(100):
        try:
            (place / str(number)).touch()
        except OSError:
            break
        made.append(place / str(number))
    return made


def test_push_writes_attributes_and_a_receiver_reads_them(kit: DirectoryKit) -> None:
    with kit.queue() as queue:
        which = queue.push(b"body", {"kind": "größe"})
    it = kit.receiver()
    [message] = it.take()
    assert (message.id, message.attributes) == (which, {"name": "message", "kind": "größe"})
    [note] = (kit.spool / "work").rglob(".attributes")
    assert json.loads(note.read_text()) == {"kind": "größe"}


def test_the_oldest_comes_first_however_many_there_are(kit: DirectoryKit) -> None:
    new = kit.spool / "new"
    new.mkdir(parents=True)
    order = list(range(200))
    random.Random(7).shuffle(order)
    for number in order:
        path = new / f"{random.Random(number).random()}"
        path.write_bytes(b"%d" % number)
        os.utime(path, (1.7e9 + number, 1.7e9 + number))
    it = kit.receiver()
    assert [int(message.body) for message in it.take(200)] == list(range(200))


def test_kill_9_at_any_moment_loses_no_message_and_removes_none_without_an_ack(kit: DirectoryKit) -> None:
    chance = random.Random(12)
    bodies = {b"%d" % number for number in range(60)}
    kit.push(*bodies)
    asked: set[bytes] = set()
    for _ in range(12):
        it = kit.receiver(lease=0.2)
        it.tell(protocol.credit(8, 0))
        until, watch, seen = chance.uniform(0.1, 0.3), Stopwatch(), 0
        while watch.seconds < until:
            it.read()
            for message in it.messages[seen:]:
                seen += 1
                if chance.random() < 0.6:
                    asked.add(message.body)
                    it.tell(protocol.ack([message.id]))
        it.kill()
        there = {path.read_bytes() for place in ("new", "work") for path in kit.files(place)}
        assert bodies - asked <= there, "a message is there until it is acknowledged"
    assert asked, "some were given at all"
    last = kit.receiver(lease=0.2)
    while kit.left():
        [message] = last.take(1)
        asked.add(message.body)
        last.ack(message.id)
    assert asked == bodies


def test_two_who_take_the_same_message_at_the_same_moment_do_not_both_get_it(tmp_path: Path) -> None:
    one, two = Spool(str(tmp_path)), Spool(str(tmp_path))
    one.make()
    which = one.push(b"x", {})
    assert one.take(which.encode(), 1.0) is not None
    assert two.take(which.encode(), 1.0) is None
    assert [path.name for path in (tmp_path / "work").iterdir()] == [f"{which}~1~1000"]
