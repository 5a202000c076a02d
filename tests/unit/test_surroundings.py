"""What `check` knows beside the configuration: the memory limit of its cgroup, and the runs of the history."""

import resource
import time

import pytest
from config_kit import JOB, read
from past_kit import database, row

from minisup.check.lints.subject import Usual
from minisup.cli.check.machine import memory_limit, surroundings
from minisup.cli.check.usual_runs import usual_runs
from minisup.host.descriptors import OpenFiles


def cgroups(tmp_path, lines, files):
    (tmp_path / "cgroup").write_text(lines)
    for name, text in files.items():
        path = tmp_path / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return memory_limit(str(tmp_path / "cgroup"), str(tmp_path / "fs"))


@pytest.mark.parametrize(
    ("lines", "files", "limit"),
    [
        ("0::/\n", {"memory.max": "1073741824\n"}, 1073741824),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "4096\n"}, 4096),
        ("0::/a/b\n", {"a/b/memory.max": "2048\n", "a/memory.max": "4096\n"}, 2048),
        ("0::/a\n", {"a/memory.max": "max\n"}, None),
        ("0::/../a\n", {"a/memory.max": "2048\n"}, 2048),
        ("9:memory:/a\n1:name=systemd:/x\n", {"memory/a/memory.limit_in_bytes": "2048\n"}, 2048),
        ("9:cpu,memory:/\n", {"memory/memory.limit_in_bytes": "9223372036854771712\n"}, None),
        ("9:cpu:/\n", {"memory/memory.limit_in_bytes": "2048\n"}, None),
        ("nonsense\n", {}, None),
        ("0::/\n", {}, None),
    ],
)
def test_the_least_memory_limit(tmp_path, lines, files, limit):
    assert cgroups(tmp_path, lines, files) == limit


def test_no_cgroups(tmp_path):
    assert memory_limit(str(tmp_path / "none")) is None


def test_usual_runs_are_those_that_worked(tmp_path):
    worked = [row(number, started=1000.0 + number, duration=number / 10, max_rss=number) for number in range(1, 21)]
    others = [
        row(30, duration=99.0, outcome="failed"),
        row(31, duration=None, outcome="worked"),
        row(32, program="sms", outcome="failed"),
    ]
    found = usual_runs(database(tmp_path / "history.db", worked + others), ["email", "sms", "none"])
    assert found == {"email": Usual(20, 1.05, 1.9, 20)}


def test_a_pace_that_is_the_limit_is_seen(tmp_path):
    began = time.time() - 3600
    paced = [row(number, started=began + number, duration=0.2) for number in range(1, 40)]
    assert usual_runs(database(tmp_path / "history.db", paced), ["email"])["email"].capped


def test_no_history_or_one_that_cannot_be_read(tmp_path):
    assert usual_runs(str(tmp_path / "none.db"), ["email"]) == {}
    (tmp_path / "bad.db").write_text("nonsense" * 1000)
    assert usual_runs(str(tmp_path / "bad.db"), ["email"]) == {}


def test_all_of_it(tmp_path):
    database(tmp_path / "history.db", [row()])
    config = read(tmp_path, f'[supervisor]\nstate_dir = "{tmp_path}"\n{JOB}')
    unit = tmp_path / "m.service"
    unit.write_text("[Service]\nKillMode=mixed\n")
    found = surroundings(config, str(unit), {})
    assert (found.unit.kill_mode, found.usual["email"].runs) == ("mixed", 1)


def test_a_system_that_does_not_say_how_many_files_may_be_open_limits_nothing(monkeypatch):
    def refused(_which):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(resource, "getrlimit", refused)
    unknown = OpenFiles()
    assert unknown.most is None
    assert unknown.lift(5) == 5
