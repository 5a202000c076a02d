"""The numbered warnings: when they come, when they do not, and that each is documented."""

import re
from pathlib import Path

import pytest
from config_kit import JOB, read

from minisup.config.lint import LINTS, Finding, lint
from minisup.config.unit import Unit

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "lints.md"
GOOD = Unit("minisup.service", "mixed", 90.0, "continue")


def warned(tmp_path, text, unit=None):
    return lint(read(tmp_path, text), unit)


def ids(findings):
    return [finding.id for finding in findings]


def test_the_smallest_configuration_is_warned_of_a_drain_that_docker_cuts(tmp_path):
    assert warned(tmp_path, JOB) == [
        Finding(
            "MS104",
            "stop.drain 60s does not fit into shutdown_timeout 10s: a run longer than 4.5 s is cut at shutdown",
            'shutdown_timeout = "78s" here and the same in the platform (docker stop -t 78, stop_grace_period: 78s)',
            "email",
            f"{tmp_path}/minisup.toml",
            1,
        )
    ]


@pytest.mark.parametrize(
    "text",
    [
        JOB + "stop.drain = '4.5s'",
        JOB + "max_runtime = '4s'",
        JOB + "kind = 'service'",
        "supervisor.platform = 'host'\n" + JOB,
        "supervisor.shutdown_timeout = '78s'\n" + JOB,
        JOB + "stop.drain = 0\nafter = ['b']\n[program.b]\nkind = 'task'\ncommand = 'true'",
    ],
)
def test_no_warning_where_no_run_is_cut_before_its_time(tmp_path, text):
    assert warned(tmp_path, text) == []


@pytest.mark.parametrize("keys", ["", "stop.timeout = '50s'", "stop.drain = '7m'", "max_runtime = '40s'"])
@pytest.mark.parametrize("more", ["", "after = ['b']\n[program.b]\nkind = 'task'\ncommand = 'true'\n"])
def test_the_fix_is_enough_and_the_least(tmp_path, keys, more):
    text = f"{JOB}{keys}\n{more}"
    (finding,) = warned(tmp_path, text)
    (seconds,) = re.findall(r"docker stop -t ([0-9]+)", finding.fix)
    for limit, findings in ((int(seconds) - 1, ["MS104"]), (int(seconds), [])):
        assert ids(warned(tmp_path, f"supervisor.shutdown_timeout = {limit}\n{text}")) == findings


@pytest.mark.parametrize(
    ("platform", "keys", "words"),
    [
        ("docker", "", "(docker stop -t 78, stop_grace_period: 78s)"),
        ("ecs", "", "(stopTimeout 78)"),
        ("ecs", "stop.drain = '5m'", "(stopTimeout 120 is the most that Fargate gives: shorten stop.drain)"),
        ("kubernetes", "", "(terminationGracePeriodSeconds: 78)"),
        ("host", "stop.drain = '2m'", "(TimeoutStopSec=145)"),
    ],
)
def test_the_fix_speaks_the_platforms_language(tmp_path, platform, keys, words):
    (finding,) = warned(tmp_path, f"supervisor.platform = '{platform}'\n{JOB}{keys}")
    assert finding.fix.endswith(words)


HOST = "supervisor.platform = 'host'\n" + JOB


@pytest.mark.parametrize(
    ("unit", "found"),
    [
        (GOOD, []),
        (GOOD._replace(stop_timeout=None), []),
        (Unit("x"), ["MS105", "MS107"]),
        (GOOD._replace(kill_mode="process"), ["MS105"]),
        (GOOD._replace(kill_mode="none"), ["MS105"]),
        (GOOD._replace(kill_mode="odd"), ["MS105"]),
        (GOOD._replace(stop_timeout=89.0), ["MS106"]),
        (GOOD._replace(oom_policy="kill"), ["MS107"]),
    ],
)
def test_what_a_unit_says(tmp_path, unit, found):
    assert ids(warned(tmp_path, HOST, unit)) == found


def test_numbers_grow_and_are_used_once():
    numbers = [rule.id for rule in LINTS]
    assert numbers == sorted(set(numbers))
    assert all(re.fullmatch(r"MS[1-9][0-9]{2}", number) for number in numbers)


def test_each_warning_is_documented_with_its_reason_and_its_fix():
    text = PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (MS\d+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(sections) == [rule.id for rule in LINTS]
    for rule in LINTS:
        assert f"| [{rule.id}](#{rule.id.lower()}) | {rule.title} |" in text
        assert sections[rule.id].strip().startswith(f"**{rule.title}.**")
        assert "\n*Why.* " in sections[rule.id]
        assert "\n*Fix.* " in sections[rule.id]


def test_the_messages_of_the_documentation_are_those_of_the_program(tmp_path):
    unit = Unit("x", "control-group", 30.0, "stop")
    said = [*warned(tmp_path, JOB), *lint(read(tmp_path, HOST), unit)]
    text = PAGE.read_text(encoding="utf-8")
    assert ids(said) == [rule.id for rule in LINTS]
    for finding in said:
        about = f" {finding.program}" if finding.program else ""
        assert f"warning {finding.id}{about}: {finding.message}\n    fix: {finding.fix}\n" in text
