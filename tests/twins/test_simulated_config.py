"""What `minisup simulate` makes of a configuration, beside `minisup up` with the same file: as many runs, ended alike.

The configuration is for a small world with short times, so nothing needs to be made faster. The jobs do for real what
the options say: they take 300 ms, and in the outage they fail after 50 ms.
"""

import time
from pathlib import Path

import pytest
from kit import Stage, pause, program, wait_until

from minisup.cli.simulate.scene import SceneOptions
from minisup.cli.simulate.simulate import SimulateOptions, gather

pytestmark = pytest.mark.timeout(120)

LENGTH, BEGIN, END = 10.0, 3.0, 6.0
OFF = 0.15
"""The share by which a busy machine may be off, as the tests allow it."""

RETRY = {"backoff": "100ms", "max_backoff": "800ms", "budget": 4, "refill": "500ms"}
OPTIONS = SimulateOptions(
    asked=SceneOptions(
        programs=("email",),
        outages=(f"{BEGIN}+{END - BEGIN}",),
        job_duration=("300ms",),
        failure_duration=("50ms",),
    ),
    lasts=str(LENGTH),
    seeds=5,
)


def test_a_configuration_goes_as_it_was_simulated(stage: Stage) -> None:
    job = stage.script("job", f"test -e {stage.root}/outage && {{ sleep 0.05; exit 1; }}\nsleep 0.3")
    email = program("email", [str(job)], numprocs=4, min_runtime="400ms", retry=RETRY, stop={"drain": "2s"})
    daemon = stage.up(email)
    began = time.monotonic() - daemon.status()["uptime"]
    counts = []
    for when, change in (
        (BEGIN, lambda: stage.write("outage", "")),
        (END, lambda: stage.path("outage").unlink()),
        (LENGTH, lambda: None),
    ):
        pause(max(0.0, began + when - time.monotonic()))
        change()
        counts.append(daemon.program("email"))
    before, during, after = (ended["runs"] for ended in counts)
    wait_until(lambda: daemon.program("email")["failing_for"] is None, 10.0, "it has recovered")
    simulated = simulate(stage.root / "minisup.toml")
    assert before["worked"] == pytest.approx(worked_by(simulated, BEGIN), rel=OFF, abs=4)
    assert during["failed"] == pytest.approx(simulated["outages"][0]["launches"], rel=OFF, abs=3)
    assert during["failed"] <= simulated["outages"][0]["most_launches"]
    assert after["worked"] == pytest.approx(simulated["outcomes"]["worked"], rel=OFF, abs=4)
    assert after["failed"] == pytest.approx(simulated["outcomes"]["failed"], rel=OFF, abs=3)


def simulate(config: Path) -> dict:
    (facts,) = gather(str(config), None, OPTIONS)["programs"]
    return facts["minisup"]


def worked_by(facts: dict, until: float) -> int:
    """The runs that worked and had begun by then; four of them, at most, had not ended yet."""
    column = facts["course"]["seconds"]
    return sum(number for place, number in enumerate(facts["course"]["well"]) if place * column < until) - 2
