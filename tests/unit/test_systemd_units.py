"""What a unit of systemd says, from its file and from systemd; and whose unit runs us."""

import os

import pytest

from minisup.check.systemd_unit import Unit, read_unit, time_span
from minisup.cli.check.systemd import named_unit, our_unit, service_of
from minisup.errors import UsageError

FILE = """\
# a comment
[Unit]
KillMode=process
[Service]
ExecStart=/usr/bin/minisup up \\
  -c /etc/minisup.toml
; KillMode = none
KillMode = mixed
TimeoutStopSec = 1min 30s
[Install]
OOMPolicy=kill
"""
SHOWN = r"KillMode=mixed\nTimeoutStopUSec=1min 30s\nOOMPolicy=stop\nLoadState=loaded\nExecStart={ path=/bin/minisup }"
CGROUPS = "4:memory:/x\n1:name=systemd:/system.slice/minisup.service\n0::/system.slice/minisup.service\n"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("1min 30s", 90.0),
        ("1min30s", 90.0),
        ("1.5 min", 90.0),
        ("500ms", 0.5),
        ("2h", 7200.0),
        ("infinity", None),
        ("0", None),
        ("soon", 7.0),
        ("5 parsecs", 7.0),
        ("5s!", 7.0),
        ("", 7.0),
    ],
)
def test_time_spans(text, seconds):
    assert time_span(text, 7.0) == seconds


def test_a_units_file(tmp_path):
    path = tmp_path / "minisup.service"
    path.write_text(FILE)
    assert read_unit(str(path)) == Unit(str(path), "mixed", 90.0, "stop")
    path.write_text("[Service]\nTimeoutSec=5\n")
    assert read_unit(str(path)) == Unit(str(path), "control-group", 5.0, "stop")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot read the unit"):
        named_unit(f"{tmp_path}/none.service")


@pytest.fixture
def systemctl(tmp_path, monkeypatch):
    """Puts a `systemctl` on the PATH that says this and exits so."""

    def answer(text, code=0):
        path = tmp_path / "systemctl"
        path.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/asked\nprintf '{text}\\n'\nexit {code}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return answer


def test_a_unit_that_systemd_knows(systemctl, tmp_path):
    systemctl(SHOWN)
    assert named_unit("minisup") == Unit("minisup.service", "mixed", 90.0, "stop")
    assert (tmp_path / "asked").read_text().endswith("-- minisup.service\n")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (("LoadState=not-found",), "cannot look at minisup.service: systemd has no such unit"),
        (("", 1), "cannot ask systemd about minisup.service: no answer here"),
    ],
)
def test_a_unit_that_systemd_does_not_know(systemctl, answer, words):
    systemctl(*answer)
    with pytest.raises(UsageError, match=words):
        named_unit("minisup")


def test_without_systemctl_there_is_no_answer(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(UsageError, match="no answer here; name its file instead"):
        named_unit("minisup.service")


@pytest.fixture
def cgroups(tmp_path):
    path = tmp_path / "cgroup"
    path.write_text(CGROUPS)
    return str(path)


def test_the_unit_that_runs_us(systemctl, cgroups):
    systemctl(SHOWN)
    assert our_unit({"INVOCATION_ID": "1"}, cgroups) == Unit("minisup.service", "mixed", 90.0, "stop")
    assert our_unit({}, cgroups) is None


def test_a_service_that_is_not_minisups_is_none_of_ours(systemctl, cgroups):
    systemctl("KillMode=process\\nExecStart={ path=/usr/sbin/cron }")
    assert our_unit({"INVOCATION_ID": "1"}, cgroups) is None


def test_nothing_is_known_where_systemd_does_not_answer(systemctl, cgroups):
    systemctl("", 1)
    assert our_unit({"INVOCATION_ID": "1"}, cgroups) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (CGROUPS, "minisup.service"),
        ("0::/system.slice/minisup.service\n", "minisup.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/term.scope\n", None),
        ("0::/\n", None),
        ("nonsense\n", None),
    ],
)
def test_the_service_in_whose_cgroup_we_are(tmp_path, text, name):
    path = tmp_path / "cgroup"
    path.write_text(text)
    assert service_of(str(path)) == name
    assert service_of(f"{path}.none") is None
