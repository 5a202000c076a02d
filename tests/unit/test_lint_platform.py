"""Warnings about the platform's limits: when they come, and when they nearly do. MS104 to MS107: test_lint.py."""

import pytest
from config_kit import JOB
from lint_kit import comes, found, said

from minisup.check.lints.subject import Surroundings, Usual

MIB = 2**20


@pytest.mark.parametrize(
    ("platform", "limit", "warned"),
    [("ecs", 121, True), ("ecs", 120, False), ("docker", 600, False), ("kubernetes", 600, False)],
)
def test_fargate_waits_for_two_minutes(tmp_path, platform, limit, warned):
    text = f"[supervisor]\nplatform = '{platform}'\nshutdown_timeout = {limit}\n{JOB}"
    findings = found(tmp_path, text, "MS109")
    assert [(finding.key, finding.line) for finding in findings] == [("supervisor.shutdown_timeout", 3)] * warned


SERVICE = "kind = 'service'\n"


@pytest.mark.parametrize(
    ("keys", "warned"),
    [
        (SERVICE + "stop.timeout = '11s'", True),
        (SERVICE, False),  # the default timeout
        ("stop = { drain = 0, timeout = '20s' }", True),
        ("stop = { drain = '60s', timeout = '20s' }", False),  # MS104 says it
    ],
)
def test_a_timeout_that_does_not_fit(tmp_path, keys, warned):
    assert comes(tmp_path, keys, "MS110") == warned


@pytest.mark.parametrize("keys", [SERVICE + "stop.timeout = '60s'", "stop = { drain = '4s', timeout = '30s' }"])
def test_its_fix_is_enough_and_ends_the_warning(tmp_path, keys):
    _, fix = said(tmp_path, keys, "MS110")
    limit = fix.split('"')[1]
    assert found(tmp_path, f"supervisor.shutdown_timeout = '{limit}'\n{JOB}{keys}", "MS110") == []
    less = f"supervisor.shutdown_timeout = {int(limit[:-1]) - 2}\n{JOB}{keys}"
    assert found(tmp_path, less, "MS110")


def test_where_fargate_gives_no_more_the_timeout_has_to_be_shorter(tmp_path):
    text = f"supervisor.platform = 'ecs'\n{JOB}{SERVICE}stop.timeout = '5m'"
    (finding,) = found(tmp_path, text, "MS110")
    assert finding.fix.startswith('shutdown_timeout = "120s" and stop.timeout = "108s" at most')
    fixed = f"supervisor = {{ platform = 'ecs', shutdown_timeout = '120s' }}\n{JOB}{SERVICE}stop.timeout = '108s'"
    assert found(tmp_path, fixed, "MS110") == []


LIMITED = "limits.memory = '256MiB'\n"


@pytest.mark.parametrize(
    ("keys", "limit", "fix"),
    [
        ("numprocs = 5\n", 1024, "numprocs = 4, or a container with 1280 MiB"),
        ("numprocs = 4\n", 1024, None),
        ("numprocs = 5\n", None, None),
        ("numprocs = 1\n", 100, "less limits.memory, fewer slots, or a container with 256 MiB"),
        ("scale = { max = 8, probe = { command = 'x' } }\n", 1024, "scale.max = 4, or a container with 2048 MiB"),
    ],
)
def test_more_memory_than_there_is(tmp_path, keys, limit, fix):
    warned = said(tmp_path, LIMITED + keys, "MS118", Surroundings(memory=limit and limit * MIB))
    assert (warned and warned[1]) == fix


def test_all_programs_count_together(tmp_path):
    text = f"{JOB}numprocs = 3\n{LIMITED}[program.sms]\ncommand = 'x'\n{LIMITED}numprocs = 2\n"
    (finding,) = found(tmp_path, text, "MS118", Surroundings(memory=1024 * MIB))
    assert (finding.program, finding.fix) == ("email", "numprocs = 2, or a container with 1280 MiB")
    assert "3 slots of 256 MiB (limits.memory) and 512 MiB for the other programs are 1.2 GiB" in finding.message


def test_without_a_limit_the_runs_so_far_count_if_they_are_many(tmp_path):
    for runs, warned in ((20, True), (19, False)):
        around = Surroundings(memory=1024 * MIB, usual={"email": Usual(runs, 1.0, 2.0, memory=300 * MIB)})
        assert comes(tmp_path, "numprocs = 4", "MS118", around) == warned
    assert not comes(tmp_path, "numprocs = 3", "MS118", around)


@pytest.mark.parametrize(
    ("keys", "limit", "need"),
    [
        ("numprocs = 500\n", 1119, 1120),
        ("numprocs = 500\n", 1120, None),
        ("numprocs = 500\n", None, None),
        ("numprocs = 500\nlog.stderr = 'join'\n", 619, 620),
        ("numprocs = 500\nlog.to = 'inherit'\n", 130, None),
        ("numprocs = 500\nlog = { to = 'file', path = '/l/a' }\n", 620, 621),
        ("numprocs = 500\nlog = { to = 'file', path = '/l/${MINISUP_SLOT}' }\n", 1119, 1120),
        ("scale = { max = 500, probe = { command = 'x' } }\n", 1119, 1120),
    ],
)
def test_more_open_files_than_there_may_be(tmp_path, keys, limit, need):
    warned = said(tmp_path, keys, "MS140", Surroundings(files=limit))
    assert (warned and warned[1].split(" where")[0]) == (need and f"a hard limit of {need}")
