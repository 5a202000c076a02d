"""Fixtures for the tests with real processes."""

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
