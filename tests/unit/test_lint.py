"""The numbered warnings: when they come, when they do not, and that each is documented."""

import random
import re
from pathlib import Path

import pytest
from config_kit import JOB, read
from lint_kit import AROUND, NOWHERE, configuration

from minisup.check.lint import LINTS, Finding, lint, review
from minisup.check.lints.subject import Surroundings, Usual
from minisup.check.systemd_unit import Unit

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "lints.md"
GOOD = Unit("minisup.service", "mixed", 90.0, "continue")


def warned(tmp_path, text, unit=None):
    return lint(read(tmp_path, text), unit)


def ids(findings):
    return [finding.id for finding in findings]


LONG = JOB + "stop.drain = '60s'\n"
"""A drain that somebody has written, and that a shutdown of 10 s cuts."""


@pytest.mark.parametrize("more", ["", "supervisor.shutdown_timeout = '30s'", "stop.timeout = '5s'"])
def test_the_default_drain_does_not_warn_of_itself(tmp_path, more):
    text = f"{more}\n{JOB}" if more.startswith("supervisor") else JOB + more
    assert warned(tmp_path, text) == []


@pytest.mark.parametrize("drain", ["stop.drain = '60s'", "stop = { drain = '60s' }", "stop.drain = 60"])
def test_a_drain_that_is_written_is_warned_of_also_if_it_is_the_default(tmp_path, drain):
    assert ids(warned(tmp_path, JOB + drain)) == ["MS104"]


def test_runs_that_are_known_to_be_longer_than_a_shutdown_are_warned_of(tmp_path):
    config = read(tmp_path, JOB)
    for p95, found in ((4.4, []), (4.6, ["MS126"]), (300.0, ["MS126"])):
        around = Surroundings(usual={"email": Usual(runs=300, median=1.0, p95=p95)})
        assert ids(review(config, around).findings) == found
    few = Surroundings(usual={"email": Usual(runs=5, median=1.0, p95=300.0)})
    assert review(config, few).findings == []
    around = Surroundings(usual={"email": Usual(runs=300, median=1.0, p95=300.0)})
    assert ids(review(read(tmp_path, LONG), around).findings) == ["MS104"], "one of them is enough"


def test_a_written_drain_that_docker_cuts_is_warned_of(tmp_path):
    assert warned(tmp_path, LONG) == [
        Finding(
            "MS104",
            "stop.drain 60s does not fit into shutdown_timeout 10s: a run longer than 4.5 s is cut at shutdown",
            'shutdown_timeout = "78s" here and the same in the platform (docker stop -t 78, stop_grace_period: 78s)',
            "email",
            f"{tmp_path}/minisup.toml",
            3,
            "program.email.stop.drain",
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


@pytest.mark.parametrize("keys", ["", "stop.timeout = '50s'", "max_runtime = '40s'"])
@pytest.mark.parametrize("more", ["", "after = ['b']\n[program.b]\nkind = 'task'\ncommand = 'true'\n"])
def test_the_fix_is_enough_and_the_least(tmp_path, keys, more):
    text = f"{LONG}{keys}\n{more}"
    (finding,) = warned(tmp_path, text)
    (seconds,) = re.findall(r"docker stop -t ([0-9]+)", finding.fix)
    for limit, findings in ((int(seconds) - 1, ["MS104"]), (int(seconds), [])):
        assert ids(warned(tmp_path, f"supervisor.shutdown_timeout = {limit}\n{text}")) == findings


@pytest.mark.parametrize(
    ("platform", "drain", "words"),
    [
        ("docker", "60s", "(docker stop -t 78, stop_grace_period: 78s)"),
        ("ecs", "60s", "(stopTimeout 78)"),
        ("ecs", "5m", 'stop.drain = "98s" at most (stopTimeout 120 is the most that Fargate gives)'),
        ("kubernetes", "60s", "(terminationGracePeriodSeconds: 78)"),
        ("host", "2m", "(TimeoutStopSec=145)"),
    ],
)
def test_the_fix_speaks_the_platforms_language(tmp_path, platform, drain, words):
    (finding,) = warned(tmp_path, f"supervisor.platform = '{platform}'\n{JOB}stop.drain = '{drain}'")
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


SECTIONS = dict(
    re.findall(r"^## (MS\d+)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
)
RULES = {rule.id: rule for rule in LINTS}


def test_the_page_has_each_warning_in_order():
    assert list(SECTIONS) == list(RULES)
    rows = re.findall(r"^\| \[(MS\d+)\]\(#(ms\d+)\) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(rule.id, rule.id.lower(), rule.title) for rule in LINTS]


@pytest.mark.parametrize("number", RULES)
def test_each_warning_is_documented_with_its_reason_and_its_fix(number):
    assert SECTIONS[number].strip().startswith(f"**{RULES[number].title}.**")
    assert "\n*Why.* " in SECTIONS[number]
    assert "\n*Fix.* " in SECTIONS[number]


@pytest.mark.parametrize("number", RULES)
def test_the_example_of_the_documentation_is_warned_of_in_these_words(tmp_path, number):
    toml, words = re.search(r"```toml\n(.*?)```\n\n```\n(.*?)```", SECTIONS[number], re.DOTALL).groups()
    findings = review(configuration(tmp_path, toml), AROUND.get(number, NOWHERE)).findings
    said = [finding for finding in findings if finding.id == number]
    assert words == "".join(
        f"warning {number}{finding.program and ' '}{finding.program}: {finding.message}\n    fix: {finding.fix}\n"
        for finding in said
    )
    assert all(finding.key for finding in said)


ODD = [
    ("command", ["'x'", "'sh -c \"\"'", "['sh', '-c', ';;']", "'php queue:work --sleep'", "'rq worker --max-jobs'"]),
    ("kind", ["'job'", "'service'", "'task'"]),
    ("numprocs", ["0", "10000"]),
    ("min_runtime", ["0"]),
    ("max_runtime", ["'1000h'"]),
    ("exit", ["{ ok = [], idle = [0] }"]),
    ("idle", ["{ wait = 0, max_wait = 0 }", "{ faster_than = 1 }"]),
    ("stop", ["{ drain = 0, timeout = 0 }", "{ timeout = '1000h' }"]),
    ("queue", ["{}", "{ visibility_timeout = 0.001, max_receives = 1 }", "{ max_receives = 1 }"]),
    ("schedule", ["{ every = 0.1 }", "{ cron = '0-59/59 1 * * *' }"]),
    ("limits", ["{ memory = 1 }", "{ memory = '1TiB' }"]),
    ("max_start_rate", ["'1/h'", "'10000/s'"]),
    ("retry", ["{ backoff = 0, max_backoff = 0 }", "{ refill = 0.001 }"]),
]


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_allowed_can_be_looked_at(tmp_path, seed):
    chance = random.Random(seed)
    keys = {key: chance.choice(values) for key, values in ODD if key == "command" or chance.random() < 0.4}
    if "schedule" in keys:  # which does not go with these
        keys = {key: value for key, value in keys.items() if key not in {"kind", "min_runtime", "idle"}}
    limit, platform = chance.choice([1, 10, 100_000]), chance.choice(["docker", "ecs", "kubernetes", "host"])
    text = f"supervisor = {{ platform = '{platform}', shutdown_timeout = {limit} }}\n[program.email]\n"
    text += "".join(f"{key} = {value}\n" for key, value in keys.items())
    usual = Usual(30, chance.choice([0.0, 0.1, 1e6]), 1.0, chance.choice([0, 10**9]), capped=True)
    around = Surroundings(GOOD, chance.choice([0, 2**30]), {"email": usual})
    for finding in review(configuration(tmp_path, text), around).findings:
        assert finding.message
        assert finding.fix
        assert "\n" not in finding.message + finding.fix
