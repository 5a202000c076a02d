"""The names by which facts are known outside."""

import pytest

from minisup.core import facts


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        (facts.Recovered("email", 9.0, 3), "recovered"),
        (facts.ShutdownStep("drain", 2, 9.0, "TERM"), "shutdown_step"),
        (facts.NotReloaded("it has problems", "HUP"), "not_reloaded"),
    ],
)
def test_a_fact_is_named_after_its_record(fact, name):
    assert facts.name_of(fact) == name
