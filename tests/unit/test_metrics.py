"""The metrics of minisup: their names are a contract, their number depends on the configuration alone."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from minisup.core.messages import ConfigReloaded
from minisup.core.model import MessageSource, Outcome, Policy, Scale
from minisup.core.policy.stats import DURATIONS, Buckets
from minisup.core.view import snapshot
from minisup.gateway.metrics import METRICS, process, text, with_process
from minisup.sim.jobs import Job
from minisup.sim.world import World

ROOT = Path(__file__).parents[2]
WALL = 1_795_341_600.0
POLICIES = (
    Policy(name="email", numprocs=2),
    Policy(name="mail", min_runtime=0.0, source=MessageSource()),
    Policy(name="sms", scale=Scale(min=1, max=4)),
)


def world_of(*policies):
    world = World(policies or POLICIES, {"sms": Job(waiting=3)}, uniform=lambda _, high: high)
    world.boot()
    return world


def said(world, **how):
    lost = {"stdout": 0, "stderr": 5}
    how_long = {"now": world.now, "wall": WALL + world.now, "uptime": world.now}
    document = snapshot(world.fleet, **how_long, version="1.2.3", pid=0, instance="7f3a", output_lost=lost)
    whole = with_process(dict(document), 0.001, WALL + world.now)
    return text(whole, **how)


def values(page):
    return dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))


def test_the_names_and_types_are_the_contract():
    contract = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    for metric in METRICS:
        assert f"| `{metric.name}` | {metric.type} |" in contract
        assert metric.name.endswith("_total") == (metric.type == "counter")


def test_the_page_is_what_the_table_says():
    spec = importlib.util.spec_from_file_location(
        "metrics_reference", ROOT / "tests" / "tools" / "metrics_reference.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    hint = "run: python tests/tools/metrics_reference.py > docs/reference/metrics.md"
    assert module.reference() == (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8"), hint


def test_runs_are_counted_by_outcome_and_by_how_long_they_took():
    world = world_of(Policy(name="email", min_runtime=1.0))
    world.run(3.5)
    found = values(said(world))
    assert found['minisup_runs_total{program="email",outcome="worked"}'] == "4"
    assert found['minisup_runs_total{program="email",outcome="failed"}'] == "0"
    assert found['minisup_run_starts_total{program="email"}'] == "4"
    assert found['minisup_run_duration_seconds_bucket{program="email",le="0.1"}'] == "0"
    assert found['minisup_run_duration_seconds_bucket{program="email",le="0.25"}'] == "4"
    assert found['minisup_run_duration_seconds_bucket{program="email",le="+Inf"}'] == "4"
    assert float(found['minisup_run_duration_seconds_sum{program="email"}']) == pytest.approx(0.8)
    assert float(found['minisup_last_worked_timestamp_seconds{program="email"}']) == pytest.approx(WALL + 3.2)
    assert found['minisup_output_lost_bytes_total{output="stderr"}'] == "5"


def test_messages_are_counted_and_how_long_they_waited():
    world = world_of(Policy(name="mail", min_runtime=0.0, source=MessageSource()))
    world.send("mail", "m1", "m2", "m3")
    world.run(1.0)
    found = values(said(world))
    assert found['minisup_messages_received_total{program="mail"}'] == "3"
    assert found['minisup_messages_acked_total{program="mail"}'] == "3"
    assert found['minisup_message_wait_seconds_count{program="mail"}'] == "3"
    assert found['minisup_message_wait_seconds_bucket{program="mail",le="0.01"}'] == "1"
    assert found['minisup_slots_waiting{program="mail",reason="message"}'] == "1"


def test_no_series_grows_with_runs():
    world = world_of()
    before = values(said(world)).keys()
    world.send("mail", *(f"m{number}" for number in range(50)))
    world.run(7200.0)
    assert values(said(world)).keys() - before <= {'minisup_queue_messages{program="sms"}'}
    assert sum(world.fleet.programs["email"].stats.outcomes.values()) > 10_000


def test_every_label_value_is_there_from_the_first_scrape():
    found = values(said(world_of()))
    for outcome in Outcome:
        assert found[f'minisup_runs_total{{program="email",outcome="{outcome}"}}'] == "0"


def test_a_program_that_goes_and_comes_back_goes_on_counting():
    world = world_of(Policy(name="email"), Policy(name="other"))
    world.run(10.0)
    count = sum(world.fleet.programs["email"].stats.outcomes.values())
    world.feed(ConfigReloaded((Policy(name="other"),), 10.0))
    world.run(10.0)
    assert "email" not in world.fleet.programs
    world.feed(ConfigReloaded((Policy(name="other"), Policy(name="email")), 10.0))
    assert sum(world.fleet.programs["email"].stats.outcomes.values()) >= count


def test_buckets_count_each_value_once():
    buckets = Buckets()
    for value in (0.0, 0.01, 0.011, 5000.0):
        buckets.add(value)
    assert buckets.counts[0] == 2
    assert buckets.counts[1] == 1
    assert buckets.counts[-1] == 1
    assert sum(buckets.counts) == 4
    assert len(buckets.counts) == len(DURATIONS) + 1


def test_what_cannot_be_seen_of_the_process_is_left_out():
    assert process(2**22 + 1) == {}
    assert process(1).keys() <= {"cpu", "memory", "files"}


def test_openmetrics_ends_and_names_counters_without_total():
    page = said(world_of(), openmetrics=True)
    assert page.endswith("# EOF\n")
    assert "# TYPE minisup_runs counter" in page
    assert 'minisup_runs_total{program="email",outcome="worked"} 0' in page


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not there (apt install prometheus)")
def test_promtool_finds_nothing_to_say():
    world = world_of()
    world.send("mail", "m1")
    world.run(60.0)
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=said(world), capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


RULES = ROOT / "examples" / "prometheus"


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not there (apt install prometheus)")
def test_the_rules_of_the_example_are_right_and_their_tests_pass():
    for words in (("check", "rules", "minisup.rules.yml"), ("test", "rules", "minisup.rules.test.yml")):
        done = subprocess.run(["promtool", *words], cwd=RULES, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_that_the_rules_name_exists():
    words = set(re.findall(r"minisup_[a-z_]+", (RULES / "minisup.rules.yml").read_text(encoding="utf-8")))
    assert words <= {metric.name for metric in METRICS}
