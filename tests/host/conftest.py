"""Fixtures for the tests with real processes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A directory, a mark and a way to start minisup; fails the test if anything of it survives."""
    stage = Stage(tmp_path)
    yield stage
    stage.close()


@pytest.fixture
def open_stage() -> Iterator[Stage]:
    """A stage whose directory other users may enter and write to."""
    with tempfile.TemporaryDirectory(prefix="minisup-") as name:
        Path(name).chmod(0o1777)
        stage = Stage(Path(name))
        yield stage
        stage.close()
