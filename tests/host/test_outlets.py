"""The files of all outlets, opened anew: one that hangs holds up nobody else."""

import os
import tty
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from plumbing import Plumbing

from minisup.config.keys.log_tables import Rotation
from minisup.core.facts import RotationFailed
from minisup.host.output import outlets
from minisup.host.output.files import file_sink
from minisup.host.output.files.rotate import Rotated
from minisup.host.output.outlets import HANGS, Outlet, Outlets
from minisup.host.output.sink import NullSink


def has_size(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size == size


@pytest.fixture
def plumbing() -> Iterator[Plumbing]:
    plumbing = Plumbing()
    yield plumbing
    plumbing.end()


def test_a_rotation_that_makes_no_room_is_told_once_however_often_it_is_tried(
    plumbing: Plumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a file that was rotated and is there again."""
    moves: list[int] = []
    monkeypatch.setattr(file_sink, "ROTATE_AGAIN", 0.0)
    monkeypatch.setattr(Rotated, "shift", lambda _self: moves.append(1))
    facts: list[object] = []
    path = tmp_path / "log"
    nowhere = NullSink(plumbing.loop)
    subject = Outlets(plumbing.loop, nowhere, nowhere, facts.append)
    sink = subject.feeds(Outlet(to="file", path=str(path), rotation=Rotation(max_size=1024)))[0].sink
    try:
        for size in range(1000, 6000, 1000):
            sink.write(b"x" * 999 + b"\n")
            plumbing.until(partial(has_size, path, size))
    finally:
        subject.close()
    assert len(moves) == 4
    assert facts == [RotationFailed(str(path), "rotate", "Is as large as before, after it was moved away")]


def test_a_file_that_hangs_is_named_and_the_others_are_opened(
    plumbing: Plumbing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal that nobody reads stands for a file system that does not answer."""
    monkeypatch.setattr(outlets, "REOPEN_LIMIT", 0.2)
    reader, writer = os.openpty()
    tty.setraw(writer)
    hanging, sound = os.ttyname(writer), tmp_path / "log"
    nowhere = NullSink(plumbing.loop)
    subject = Outlets(plumbing.loop, nowhere, nowhere, lambda _fact: None)
    try:
        for path, text in ((hanging, b"x" * 200_000), (str(sound), b"one\n")):
            subject.feeds(Outlet(to="file", path=path))[0].sink.write(text)
        plumbing.until(lambda: sound.exists() and sound.read_text() == "one\n")
        sound.rename(tmp_path / "moved")
        answers: list[dict[str, str]] = []
        subject.reopen(answers.append)
        plumbing.until(lambda: answers)
        assert answers == [{hanging: HANGS, str(sound): ""}]
        subject.feeds(Outlet(to="file", path=str(sound)))[0].sink.write(b"two\n")
        plumbing.until(lambda: sound.exists() and sound.read_text() == "two\n")
    finally:
        subject.close()
        os.close(writer)
        os.close(reader)  # ends the write that waits
    plumbing.turn()
    assert len(answers) == 1
