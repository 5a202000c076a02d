from pathlib import Path

import pytest

from minisup.host.process.oom import OomKills

WAYS = {
    "v2": ("0::/job\n", "job/memory.events", "low 0\noom 3\noom_kill {}\noom_group_kill 0\n"),
    "v2, the path is the host's": ("0::/docker/1234\n", "memory.events", "oom_kill {}\n"),
    "v1": ("5:cpu,cpuacct:/x\n4:memory:/job\n", "memory/job/memory.oom_control", "under_oom 0\noom_kill {}\n"),
}


@pytest.fixture(params=WAYS)
def kernel(request, tmp_path: Path):
    cgroups, name, text = WAYS[request.param]
    (tmp_path / "cgroup").write_text(cgroups)
    file = tmp_path / "mount" / name
    file.parent.mkdir(parents=True)

    def count(number: int) -> None:
        file.write_text(text.format(number))

    count(7)
    return OomKills(str(tmp_path / "cgroup"), str(tmp_path / "mount")), count


def test_kills_from_before_explain_nothing(kernel):
    kills, _ = kernel
    assert not kills.took_one()


def test_each_kill_explains_one_death(kernel):
    kills, count = kernel
    count(9)
    assert [kills.took_one() for _ in range(3)] == [True, True, False]
    count(10)
    assert kills.took_one()


def test_without_a_cgroup_no_death_is_explained(tmp_path: Path):
    assert not OomKills(str(tmp_path / "none"), str(tmp_path)).took_one()


def test_a_file_without_the_count_explains_nothing(tmp_path: Path):
    (tmp_path / "cgroup").write_text("0::/\n")
    (tmp_path / "memory.events").write_text("oom_kill many\n")
    assert not OomKills(str(tmp_path / "cgroup"), str(tmp_path)).took_one()
