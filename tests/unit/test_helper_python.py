"""Whether the user of a program may start the Python that asks for it (MS136), as `check` finds it on its machine."""

import os
import sys
from pathlib import Path

import pytest
from config_kit import JOB
from lint_kit import configuration, found

from minisup.check.lints.subject import ClosedPython, Surroundings
from minisup.cli.check import helper_python
from minisup.cli.check.helper_python import may, needed, out_of_reach, parents
from minisup.config.schema import Identity

REDIS = "scale = { probe = { redis = 'redis://queue', list = 'mail' } }\nexit = { idle = [66] }\n"
AS_NOBODY = REDIS + "user = 'nobody'\n"
SOMEBODY = Identity("somebody", 4711, 4711, (4712,), "/home/somebody")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a program as somebody else")


@pytest.mark.parametrize(
    ("mode", "gid", "entered", "read"),
    [(0o755, 0, True, True), (0o700, 0, False, False), (0o750, 4712, True, True), (0o744, 0, False, True)],
)
@as_root
def test_what_a_mode_says(tmp_path: Path, mode: int, gid: int, entered: bool, read: bool):
    place = tmp_path / "place"
    place.mkdir()
    os.chown(place, 0, gid)
    place.chmod(mode)
    assert (may(SOMEBODY, str(place), 1), may(SOMEBODY, str(place), 4)) == (entered, read)
    os.chown(place, 4711, 0)
    assert may(SOMEBODY, str(place), 1), "its owner"
    assert may(Identity(uid=0), str(place), 1)
    assert may(SOMEBODY, str(place / "none"), 4), "what is not there is no question of rights"


def test_what_is_needed_are_the_interpreter_its_library_minisup_and_the_way_to_them():
    assert parents("/opt/venv/bin/python") == ["/", "/opt", "/opt/venv", "/opt/venv/bin"]
    asked = {path for path, _ in needed()}
    assert {"/", sys.executable, os.path.realpath(sys.executable), os.__file__} <= asked


@as_root
def test_a_python_in_roots_home_is_out_of_the_reach_of_a_programs_user(tmp_path, monkeypatch):
    home = tmp_path / "root"
    home.mkdir(mode=0o700)
    monkeypatch.setattr(helper_python, "needed", lambda: [(str(home), 1)])
    asked = out_of_reach(configuration(tmp_path, JOB + AS_NOBODY))
    assert asked == {"email": ClosedPython("redis", "nobody", sys.executable, str(home))}
    [finding] = found(tmp_path, JOB + AS_NOBODY, "MS136", Surroundings(out_of_reach=asked))
    assert finding.message.startswith(f"redis is asked by {sys.executable} as nobody, who has no right to {home}: ")
    home.chmod(0o711)
    assert out_of_reach(configuration(tmp_path, JOB + AS_NOBODY)) == {}


@as_root
def test_a_command_and_minisups_own_user_need_no_python(tmp_path, monkeypatch):
    home = tmp_path / "root"
    home.mkdir(mode=0o700)
    monkeypatch.setattr(helper_python, "needed", lambda: [(str(home), 1)])
    command = "scale = { probe = { command = 'count' } }\nuser = 'nobody'\n"
    for keys in (REDIS, command, "user = 'nobody'\n", REDIS + "user = 'root'\n"):
        assert out_of_reach(configuration(tmp_path, JOB + keys)) == {}
