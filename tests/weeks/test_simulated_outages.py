"""What `minisup simulate` says of an outage of ten minutes: the law of the retry budget, and how fast it is over."""

import pytest

from minisup.cli.simulate.scene import SceneOptions
from minisup.cli.simulate.simulate import SimulateOptions, gather

SEEDS = 40


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    config = tmp_path_factory.mktemp("simulate") / "minisup.toml"
    config.write_text('[program.email]\ncommand = "true"\nnumprocs = 20\n', encoding="utf-8")
    options = SimulateOptions(asked=SceneOptions(outages=("10:00+10m",)), lasts="20m", seeds=SEEDS)
    (program,) = gather(str(config), None, options)["programs"]
    return program["minisup"]


def test_twenty_slots_are_back_within_25_s(facts):
    back = facts["of_seeds"]["outages"][0]["back"]
    assert back["missing"] == 0
    assert back["median"] <= 25.0


def test_no_seed_launches_more_than_the_law_allows(facts):
    (outage,) = facts["outages"]
    assert outage["most_launches"] == 30 + 20 * 2 + 600 / 15
    assert facts["of_seeds"]["outages"][0]["launches"]["most"] <= outage["most_launches"]  # some last longer, even


def test_the_first_probe_after_it_is_soon(facts):
    first = facts["of_seeds"]["outages"][0]["first_worked"]
    assert first["most"] <= 15.0 + 2.0 + 1.0  # a refill, a run, and a little
