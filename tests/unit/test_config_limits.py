"""`limits`: what they may be, and which this minisup may not set."""

import pytest
from config_kit import problem, program

import minisup.config.programs
from minisup.config.keys.tables import Limits
from minisup.config.rules.privileges import Rights, our_rights, refused

PLAIN = Rights(lowest_nice=0, nice=0, most_files=4096)
"""An ordinary user's."""


def test_limits_are_read(tmp_path):
    found = program(tmp_path, "limits = { memory = '256MiB', nofile = 64, nice = 19 }").limits
    assert found == Limits(memory=256 << 20, nofile=64, nice=19)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("limits.memory = 'lots'", '"lots" is not a size; write "256MiB", "10MB" or a number of bytes'),
        ("limits.memory = 0", 'expected a size > 0 as "256MiB" or a number of bytes, got 0'),
        ("limits.memory = 1.5", 'expected a size > 0 as "256MiB" or a number of bytes, got 1.5'),
        ("limits.nice = 20", "expected a whole number from -20 to 19, got 20"),
    ],
)
def test_impossible_limits(tmp_path, keys, message):
    assert problem(tmp_path, keys) == (keys.partition(" ")[0], message)


@pytest.mark.parametrize(
    ("limits", "rights", "keys"),
    [
        (Limits(nofile=4096, nice=0, memory=1), PLAIN, []),
        (Limits(nofile=4097), PLAIN, ["nofile"]),
        (Limits(nice=-1), PLAIN, ["nice"]),
        (Limits(nofile=5000, nice=-20), PLAIN, ["nofile", "nice"]),
        (Limits(nofile=5000, nice=-20), Rights(-20, 0, 2**31), []),
        (Limits(nice=4), Rights(5, 5, 4096), ["nice"]),
    ],
)
def test_what_the_system_would_refuse(limits, rights, keys):
    assert [key for key, _ in refused(limits, rights)] == keys


def test_what_the_system_would_refuse_is_a_problem_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(minisup.config.programs, "our_rights", lambda: PLAIN)
    assert problem(tmp_path, "limits.nofile = 5000") == (
        "limits.nofile",
        "5000 is above minisup's own hard limit 4096; raise that where minisup is started",
    )
    assert problem(tmp_path, "limits = { nice = -5 }") == (
        "limits.nice",
        "-5 is before minisup's own priority 0, which needs root or CAP_SYS_NICE",
    )


def test_our_own_values_are_always_allowed():
    rights = our_rights()
    assert rights.lowest_nice <= rights.nice
    assert not refused(Limits(nofile=16, nice=max(rights.nice, 0)), rights)
