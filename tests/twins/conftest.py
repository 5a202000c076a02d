"""Fixtures of the twins: the stage of the tests with real processes, and the job, compiled."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import Stage

SOURCE = Path(__file__).parent / "jobs" / "actor.c"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A directory, a mark and a way to start minisup; fails the test if anything of it survives."""
    stage = Stage(tmp_path)
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def actor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job that does what its plan says."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    made = tmp_path_factory.mktemp("actor") / "actor"
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", made, SOURCE], check=True)
    return made
