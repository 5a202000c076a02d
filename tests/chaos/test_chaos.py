"""Ten seconds of chaos with fifty programs; `python -m tests.chaos` has more of it."""

import shutil
from pathlib import Path

import pytest
from storm import USUAL
from trial import run

from minisup.host.requests.verbs import VERBS


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_ten_seconds_of_chaos_leave_everything_as_it_should_be(tmp_path: Path) -> None:
    report = run(tmp_path, seconds=10, programs=50, seed=1)
    assert not report.wrong, str(report)
    done = report.facts["actions"]
    assert done.keys() & VERBS.keys() >= USUAL, "the storm was none"
