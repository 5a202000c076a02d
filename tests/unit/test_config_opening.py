"""What may stand in the place of a configuration's file: nothing of it holds minisup up or gives a secret away."""

import os
import socket
import threading
from typing import NamedTuple

import pytest
from config_kit import ENVIRON, JOB, problem, write

from minisup.config.files.safe_open import LARGEST_FILE, read_file
from minisup.config.load import load
from minisup.errors import ConfigError

DEPLOY, APP = 12345, 23456
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to make files of other users")


class User(NamedTuple):
    uid: int
    gid: int
    groups: tuple[int, ...] = ()


def fifo(path):
    os.mkfifo(path)


def directory(path):
    path.mkdir()


def sock(path):
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(path.parent)  # names of sockets are short
        made.bind(path.name)


def device(path):
    path.symlink_to("/dev/zero")


def huge(path):
    path.touch()
    os.truncate(path, 2**40)


IN_THE_WAY = [
    (fifo, "it is a FIFO, not a file"),
    (directory, "Is a directory"),
    (sock, "it is a socket, not a file"),
    (device, "it is a device, not a file"),
]


@pytest.mark.parametrize(("make", "why"), IN_THE_WAY)
def test_an_env_file_that_is_no_file_is_a_problem_and_holds_nobody_up(tmp_path, monkeypatch, make, why):
    monkeypatch.chdir(tmp_path)
    make(tmp_path / ".env")
    assert problem(tmp_path, 'env_file = ".env"') == ("env_file", f"cannot read {tmp_path}/.env: {why}")


@pytest.mark.parametrize(("make", "why"), IN_THE_WAY)
@pytest.mark.parametrize("name", ["minisup.toml", "more.toml"])
def test_a_configuration_that_is_no_file_is_a_problem_and_holds_nobody_up(tmp_path, monkeypatch, name, make, why):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, '[supervisor]\ninclude = ["more.toml"]\n' + JOB)
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name)
    with pytest.raises(ConfigError) as error:
        load(tmp_path / "minisup.toml", ENVIRON, "/srv")
    assert [found.message for found in error.value.problems] == [f"cannot be read: {why}"]


def test_a_huge_env_file_is_read_as_far_as_it_can_be_meant(tmp_path):
    huge(tmp_path / ".env")
    assert "is larger than 1 MiB" in problem(tmp_path, 'env_file = ".env"')[1]
    assert len(read_file(str(tmp_path / ".env")).raw) == LARGEST_FILE + 1


def test_a_pipe_that_the_caller_gave_us_is_read_to_its_end():
    reader, writer = os.pipe()
    thread = threading.Thread(target=lambda: (os.write(writer, JOB.encode()), os.close(writer)))
    thread.start()
    try:
        assert list(load(f"/dev/fd/{reader}", ENVIRON, "/srv").programs) == ["email"]
    finally:
        thread.join()
        os.close(reader)


# --- files and links of others ----------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path):
    """`root/secret` is for root alone; `shop` is deploy's, `app` the program's user's. Each may be entered by all."""
    for name, owner in (("root", 0), ("shop", DEPLOY), ("app", APP)):
        (tmp_path / name).mkdir()
        os.chown(tmp_path / name, owner, owner)
    made(tmp_path / "root/secret", "SECRET=1\n", 0, 0o600)
    return tmp_path


def made(path, text, owner, mode, group=None):
    path.write_text(text)
    path.chmod(mode)
    os.chown(path, owner, owner if group is None else group)


def linked(path, target, owner):
    path.symlink_to(target)
    os.lchown(path, owner, owner)


def raw(path):
    return read_file(str(path), User(APP, APP)).raw


@as_root
def test_a_link_of_the_jobs_user_does_not_give_it_a_file_of_root(place):
    linked(place / "app/.env", place / "root/secret", APP)
    with pytest.raises(PermissionError, match=f"a link that uid {APP} can change leads to a file"):
        raw(place / "app/.env")


@as_root
def test_neither_does_a_directory_on_the_way_that_is_a_link(place):
    linked(place / "app/shared", place / "root", APP)
    with pytest.raises(PermissionError):
        raw(place / "app/shared/secret")


@as_root
def test_nor_one_of_roots_links_in_a_directory_of_the_jobs_user(place):
    linked(place / "app/.env", place / "root/secret", 0)  # who has the directory may have moved the link there
    with pytest.raises(PermissionError):
        raw(place / "app/.env")


@as_root
def test_nor_another_name_of_the_file_itself(place):
    os.link(place / "root/secret", place / "app/.env")
    with pytest.raises(PermissionError):
        raw(place / "app/.env")


@as_root
def test_a_file_that_root_keeps_for_a_job_is_read_though_the_jobs_user_may_not(place):
    linked(place / "root/.env", "secret", 0)
    assert raw(place / "root/.env") == raw(place / "root/secret") == b"SECRET=1\n"


@as_root
def test_a_deploys_link_to_the_shared_env_file_works(place):
    made(place / "shop/shared.env", "QUEUE=a\n", DEPLOY, 0o600)
    (place / "shop/releases").mkdir()
    os.chown(place / "shop/releases", DEPLOY, DEPLOY)
    linked(place / "shop/releases/.env", "../shared.env", DEPLOY)
    linked(place / "shop/current", place / "shop/releases", DEPLOY)
    assert raw(place / "shop/current/.env") == b"QUEUE=a\n"


@as_root
@pytest.mark.parametrize(("mode", "group"), [(0o640, APP), (0o604, 0)])
def test_a_deploys_link_to_a_file_of_root_that_the_jobs_user_may_read_works(place, mode, group):
    made(place / "root/shared.env", "QUEUE=b\n", 0, mode, group)
    linked(place / "shop/.env", place / "root/shared.env", DEPLOY)
    assert raw(place / "shop/.env") == b"QUEUE=b\n"


@as_root
def test_what_two_users_have_linked_together_must_be_readable_for_the_jobs_user(place):
    made(place / "shop/shared.env", "QUEUE=c\n", DEPLOY, 0o600)
    linked(place / "shop/.env", "shared.env", DEPLOY)
    linked(place / "app/.env", place / "shop/.env", APP)
    with pytest.raises(PermissionError):
        raw(place / "app/.env")
    (place / "shop/shared.env").chmod(0o644)
    assert raw(place / "app/.env") == b"QUEUE=c\n"


@as_root
def test_links_that_lead_in_a_circle_end(place):
    linked(place / "app/.env", ".env", APP)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        raw(place / "app/.env")


@as_root
@pytest.mark.parametrize("name", ["/", "app", "app/", "app/..", "nothing", "nothing/.env", "root/secret/.env"])
def test_what_is_no_file_for_another_user_is_none(place, name):
    with pytest.raises(OSError, match=r"Is a directory|No such file|Not a directory"):
        raw(place / name)


@as_root
def test_a_fifo_of_the_jobs_user_holds_nobody_up(place):
    os.mkfifo(place / "app/.env")
    with pytest.raises(OSError, match="it is a FIFO, not a file"):
        raw(place / "app/.env")


@as_root
def test_the_problem_is_at_the_key_that_names_the_file(place):
    linked(place / "app/.env", place / "root/secret", APP)
    key, message = problem(place, f'user = "{APP}"\ngroup = "{APP}"\nenv_file = "{place}/app/.env"')
    assert (key, message.partition(": ")[0]) == ("env_file", f"cannot read {place}/app/.env")
