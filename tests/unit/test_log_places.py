"""Log files beside which others may write (MS135), as `check` finds them on its machine."""

import os
from pathlib import Path

import pytest
from config_kit import JOB
from lint_kit import configuration, found

from minisup.check.lints.subject import OpenLog, Surroundings
from minisup.cli.check.log_places import open_logs

NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to somebody else")


def look(tmp_path, keys="log = { to = 'file', path = 'logs/x.log' }"):
    config = configuration(tmp_path, JOB + keys)
    return open_logs(config).get("email")


def warning(tmp_path, place):
    around = Surroundings(open_logs={"email": place} if place else {})
    findings = found(tmp_path, JOB + "log = { to = 'file', path = 'logs/x.log' }", "MS135", around)
    return [(finding.message, finding.fix, finding.key) for finding in findings]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir(mode=0o755)
    return path


@pytest.mark.usefixtures("logs")
def test_nothing_is_said_of_a_directory_of_ones_own_nor_of_one_that_is_not_there(tmp_path):
    assert look(tmp_path) is None
    assert look(tmp_path, "log = { to = 'file', path = 'none/deep/x.log' }") is None
    assert look(tmp_path, "log = { to = 'file', path = '/dev/null' }") is None
    assert look(tmp_path, "") is None
    assert warning(tmp_path, None) == []


@as_root
def test_a_directory_of_somebody_else_on_the_way(tmp_path, logs):
    os.chown(logs, NOBODY, NOBODY)
    assert look(tmp_path) == OpenLog("log.path", str(logs), "nobody")
    keys = f"log = {{ to = 'file', path = '{logs}/deep/x.log' }}"
    assert look(tmp_path, keys) == OpenLog("log.path", str(logs), "nobody")


@as_root
def test_the_group_of_the_programs_user(tmp_path, logs):
    os.chown(logs, 0, NOBODY)
    logs.chmod(0o775)
    keys = "log = { to = 'file', path = 'logs/x.log' }\nuser = 'nobody'"
    assert look(tmp_path) is None  # who is in a group is not known
    assert look(tmp_path, f"{keys}\ngroup = '4242'") is None
    assert look(tmp_path, f"{keys}\ngroup = '{NOBODY}'") == OpenLog("log.path", str(logs), "nobody")


def test_everybody_but_not_where_the_sticky_bit_keeps_what_is_ours(tmp_path, logs):
    logs.chmod(0o777)
    assert look(tmp_path) == OpenLog("log.path", str(logs), "everybody")
    logs.chmod(0o1777)
    assert look(tmp_path) == OpenLog("log.path", str(logs), "everybody")  # anybody may make it first
    (logs / "x.log").write_text("")
    assert look(tmp_path) is None


@pytest.mark.usefixtures("logs")
def test_a_separate_stderr_has_a_place_of_its_own(tmp_path):
    (tmp_path / "errors").mkdir()
    (tmp_path / "errors").chmod(0o777)
    keys = "log = { to = 'file', path = 'logs/x', stderr = 'separate', stderr_path = 'errors/x' }"
    assert look(tmp_path, keys) == OpenLog("log.stderr_path", f"{tmp_path}/errors", "everybody")


def test_a_link_that_would_be_refused_is_named(tmp_path, logs):
    logs.chmod(0o777)
    (logs / "x.log").symlink_to("/etc/passwd")
    place = look(tmp_path)
    assert place.refused.startswith(f"{logs}/x.log is a link, and others than root and minisup's user may write to")
    ((message, fix, key),) = warning(tmp_path, place)
    assert message == f"log.path is refused, so the output would be lost: {place.refused}"
    assert fix == "log.path without links, or a directory that only root may write to"
    assert key == "program.email.log.path"


def test_what_leads_to_minisups_own_output_is_named_wherever_it_lies(tmp_path, logs):
    (logs / "x.log").symlink_to("/dev/stdout")
    assert 'write log.to = "console"' in look(tmp_path).refused


def test_what_others_can_do_is_said(tmp_path):
    ((message, fix, key),) = warning(tmp_path, OpenLog("log.path", "/srv/log", "www-data"))
    assert message.startswith("www-data may write to /srv/log, and so remove or replace the log;")
    assert fix.startswith("let /srv/log be root's alone")
    assert key == "program.email.log.path"
