"""Which file system a path is on, by what the kernel says in mountinfo."""

import os
from pathlib import Path

import pytest

from minisup import file_system

LINES = """\
22 1 1:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 {device} / /srv/my\\040share rw master:2 propagate_from:1 - {kind} nas:/share rw,vers=4
a line of another form
31 22 {device} /part /srv/other rw - {kind} nas:/share rw
"""


def device_of(path: Path) -> str:
    device = os.stat(path).st_dev
    return f"{os.major(device)}:{os.minor(device)}"


@pytest.mark.parametrize("kind", ["ext4", "nfs4", "fuse.sshfs"])
def test_the_type_stands_behind_the_optional_fields(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(LINES.format(device=device_of(tmp_path), kind=kind))
    assert file_system.types_of(str(tmp_path), str(mounts)) == {kind}


def test_a_device_that_is_not_mounted_and_a_missing_proc_have_no_type(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(LINES.format(device="0:99999", kind="nfs4"))
    assert file_system.types_of(str(tmp_path), str(mounts)) == frozenset()
    assert file_system.types_of(str(tmp_path), f"{tmp_path}/none") == frozenset()


def test_proc_itself_is_proc() -> None:
    assert file_system.types_of("/proc/self") == {"proc"}
    assert file_system.network_file_system("/proc/self") == ""


def test_a_path_that_is_gone_is_on_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert file_system.network_file_system(f"{tmp_path}/gone") == ""
    monkeypatch.setattr(file_system, "types_of", lambda _path: frozenset({"nfs4"}))
    assert file_system.network_file_system(str(tmp_path)) == "nfs4"
