"""Whose files root takes its configuration from, and the warnings about that (MS130 to MS134)."""

import os
import pwd
import tempfile
from pathlib import Path

import pytest
from config_kit import ENVIRON, JOB, write

from minisup.check.lint import review
from minisup.check.lints.subject import Others, Surroundings
from minisup.cli.check import file_owners
from minisup.config.files import container
from minisup.config.load import load
from minisup.errors import ConfigError

STRANGER = 12345
NOBODY = pwd.getpwnam("nobody")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make files of other users")


@pytest.fixture(autouse=True)
def on_a_host(monkeypatch):
    """This machine may itself be a container."""
    monkeypatch.setattr("minisup.config.load.in_container", lambda: False)


@pytest.fixture
def within_reach():
    """A directory that no other user can change, on all of its way."""
    with tempfile.TemporaryDirectory(prefix="minisup-", dir="/run") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def refused(file, environ=ENVIRON):
    try:
        load(file, environ, "/srv", guarded=True)
    except ConfigError as error:
        return [(os.path.basename(found.file), found.key, found.message) for found in error.problems]
    return []


@pytest.mark.parametrize(
    ("uid", "gid", "mode", "why"),
    [
        (
            STRANGER,
            0,
            0o600,
            f"it belongs to {STRANGER}, and minisup is root: chown it to root, or set MINISUP_TRUST={STRANGER}",
        ),
        (
            NOBODY.pw_uid,
            0,
            0o600,
            "it belongs to nobody, and minisup is root: chown it to root, or set MINISUP_TRUST=nobody",
        ),
        (
            0,
            STRANGER,
            0o660,
            (
                f"the group {STRANGER} may write to it, and minisup is root: "
                f"chmod g-w it, or set MINISUP_TRUST=@{STRANGER}"
            ),
        ),
        (0, 0, 0o602, "everybody may write to it, and minisup is root: chmod o-w it, or set MINISUP_TRUST=all"),
    ],
)
@pytest.mark.parametrize("name", ["minisup.toml", "more.toml"])
def test_root_on_a_host_does_not_take_its_configuration_from_others(tmp_path, name, uid, gid, mode, why):
    write(tmp_path, "", "more.toml")
    main = write(tmp_path, '[supervisor]\ninclude = ["more.toml"]\n' + JOB)
    assert refused(main) == []
    os.chown(tmp_path / name, uid, gid)
    os.chmod(tmp_path / name, mode)
    assert refused(main) == [(name, "", f"{why} where minisup is started")]
    trust = why.rpartition("MINISUP_TRUST=")[2]
    assert refused(main, {**ENVIRON, "MINISUP_TRUST": f"@root, {trust}"}) == []
    assert load(main, ENVIRON, "/srv").programs, "who only looks at it may"


@pytest.mark.parametrize(("uid", "gid", "mode"), [(0, STRANGER, 0o640), (0, 0, 0o664), (0, STRANGER, 0o604)])
def test_what_only_root_may_write_is_taken(tmp_path, uid, gid, mode):
    main = write(tmp_path, JOB)
    os.chown(main, uid, gid)
    os.chmod(main, mode)
    assert refused(main) == []


def test_in_a_container_only_the_file_itself_can_ask_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr("minisup.config.load.in_container", lambda: True)
    main = write(tmp_path, '[supervisor]\nplatform = "${PLACE:-docker}"\n' + JOB)
    os.chown(main, STRANGER, STRANGER)
    assert refused(main) == []
    assert len(refused(main, {**ENVIRON, "PLACE": "host"})) == 1


def test_a_strangers_file_cannot_say_that_it_is_in_a_container(tmp_path):
    main = write(tmp_path, '[supervisor]\nplatform = "docker"\n' + JOB)
    os.chown(main, STRANGER, STRANGER)
    assert len(refused(main)) == 1


def test_an_env_file_of_others_is_refused_for_a_program_of_root_alone(tmp_path):
    file = write(tmp_path, "A=1", ".env")
    os.chown(file, STRANGER, STRANGER)
    main = write(tmp_path, JOB + 'env_file = ".env"')
    assert [(name, key) for name, key, _ in refused(main)] == [("minisup.toml", "program.email.env_file")]
    assert refused(main)[0][2].startswith(f"{file}: it belongs to {STRANGER}, and minisup is root")
    main = write(tmp_path, JOB + 'env_file = ".env"\nuser = "nobody"')
    assert refused(main) == []


def test_a_name_in_minisup_trust_that_nobody_has(tmp_path):
    assert refused(write(tmp_path, JOB), {"MINISUP_TRUST": "nobodi"}) == [
        ("MINISUP_TRUST", "", 'there is no user "nobodi"; did you mean nobody?')
    ]


# --- containers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("links", "signs", "inside"),
    [
        ({"pid": "pid:[4026531836]", "user": "user:[4026531837]"}, (), False),
        ({"pid": "pid:[4026532301]", "user": "user:[4026531837]"}, (), True),
        ({"pid": "pid:[4026531836]", "user": "user:[4026532301]"}, (), True),
        ({"pid": "pid:[4026531836]", "user": "user:[4026531837]"}, ("/",), True),
        ({}, (), False),
    ],
)
def test_a_container_is_told_by_its_namespaces(monkeypatch, links, signs, inside):
    monkeypatch.setattr(container, "_namespace", lambda kind: links.get(kind, ""))
    monkeypatch.setattr(container, "_SIGNS", signs)
    assert container.in_container() is inside


# --- warnings ---------------------------------------------------------------------------------------------------------


def others(file, environ=ENVIRON):
    return file_owners.others(load(file, environ, "/srv"), environ)


def numbers(file):
    config = load(file, ENVIRON, "/srv")
    found = review(config, Surroundings(others=file_owners.others(config, ENVIRON))).findings
    return [finding.id for finding in found if "MS130" <= finding.id <= "MS134"]


def test_nothing_is_said_of_what_is_roots_alone(within_reach):
    write(within_reach, "A=1", ".env")
    main = write(within_reach, JOB + 'env_file = ".env"')
    assert others(main) == Others(as_root=True)
    assert numbers(main) == []


def test_each_file_and_directory_of_others_is_named(within_reach):
    for name, text in ((".env", "A=1"), ("job.sh", "exit"), ("conf/more.toml", "")):
        write(within_reach, text, name)
    main = write(
        within_reach,
        '[supervisor]\nsocket_mode = "0666"\ninclude = ["conf/more.toml"]\n'
        '[program.a]\ncommand = ["sh", "-c", "exec sh ./job.sh"]\ndirectory = "."\nenv_file = ".env"\n'
        '[program.b]\ncommand = "./job.sh"\ndirectory = "."\nenv_file = ".env"\nuser = "nobody"\n',
    )
    os.chmod(within_reach / ".env", 0o666)
    for name in ("job.sh", "conf", "conf/more.toml"):
        os.chown(within_reach / name, STRANGER, STRANGER)
    who, script = str(STRANGER), f"{within_reach}/./job.sh"
    more = f"{within_reach}/conf/more.toml"
    assert others(main) == Others(
        {more: who},
        {f"{within_reach}/conf": (more, who)},
        dict.fromkeys("ab", (f"{within_reach}/.env", "everybody")),
        {"a": (script.replace("/./", "/././"), who)},
        as_root=True,
    )
    assert numbers(main) == ["MS130", "MS131", "MS131", "MS132", "MS133", "MS134"]


def test_a_directory_of_others_on_the_way_to_a_command_of_root(within_reach):
    write(within_reach, "exit", "bin/job.sh")
    os.chmod(within_reach / "bin/job.sh", 0o755)
    os.chown(within_reach / "bin", STRANGER, STRANGER)
    (within_reach / "link").symlink_to("bin/job.sh")
    main = write(within_reach, f'[program.a]\ncommand = "{within_reach}/link"\n')
    assert others(main).commands == {"a": (f"{within_reach}/link", str(STRANGER))}


def test_a_deploy_user_that_owns_the_variables_of_another_user_is_fine(within_reach):
    os.chown(write(within_reach, "A=1", ".env"), STRANGER, STRANGER)
    main = write(within_reach, JOB + 'env_file = ".env"\nuser = "nobody"')
    assert others(main).env_files == {}
