"""The files of all outlets, opened anew: one that hangs holds up nobody else."""

import os
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from plumbing import Plumbing

from minisup.host import outlets
from minisup.host.outlets import HANGS, Outlet, Outlets
from minisup.host.sink import NullSink


@pytest.fixture
def plumbing() -> Iterator[Plumbing]:
    plumbing = Plumbing()
    yield plumbing
    plumbing.end()


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
