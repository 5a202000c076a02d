"""The unit of systemd that the documentation tells users to copy."""

import shutil
import subprocess
from pathlib import Path

import pytest

from minisup.check.systemd_unit import read_unit
from minisup.config.keys.supervisor_table import SHUTDOWN_TIMEOUT, Platform
from minisup.errors import ConfigError, TakenError

TOP = Path(__file__).parents[2]
UNIT = TOP / "examples" / "minisup.service"
MINISUP = "/usr/local/bin/minisup"


def settings():
    lines = [line.partition("=") for line in UNIT.read_text().splitlines() if "=" in line and line[0] not in "#["]
    return {name: value for name, _, value in lines}


def test_systemd_understands_every_line(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / "minisup.service"
    copy.write_text(UNIT.read_text().replace(MINISUP, "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_says_what_check_asks_for():
    unit = read_unit(str(UNIT))
    assert (unit.kill_mode, unit.oom_policy) == ("mixed", "continue")
    assert unit.stop_timeout == SHUTDOWN_TIMEOUT[Platform.HOST]


def test_what_does_not_heal_is_not_tried_again():
    assert settings()["RestartPreventExitStatus"].split() == [str(TakenError.exit_code), str(ConfigError.exit_code)]


def test_the_documentation_explains_every_line_of_the_service():
    page = (TOP / "docs" / "how-to" / "systemd.md").read_text()
    service = UNIT.read_text().partition("[Service]\n")[2].partition("\n[Install]")[0]
    names = {line.partition("=")[0] for line in service.split("\n") if "=" in line} - {"ExecStart"}
    explained = {line.split("`")[1].partition("=")[0] for line in page.splitlines() if line.startswith("| `")}
    assert explained == names
