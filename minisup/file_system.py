"""Which kind of file system a path is on: the one reader of /proc/self/mountinfo."""

from __future__ import annotations

import os

NETWORK = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.juicefs", "fuse.cephfs", "fuse.rclone"),
    )
)
"""File systems on which another machine may change a file: this kernel tells nobody, and locks may not hold."""


def types_of(path: str, mounts: str = "/proc/self/mountinfo") -> frozenset[str]:
    """The types that the file system of `path` is mounted with (`ext4`): one, or none where nobody can tell.

    Raises OSError if there is no such path.
    """
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open(mounts, encoding="utf-8", errors="replace") as file:
            return frozenset(found for line in file if (found := _type_of(line, wanted)))
    except OSError:
        return frozenset()


def network_file_system(path: str) -> str:
    """The network file system that `path` is on, as `nfs4`; empty if it is on none, or is not there."""
    try:
        return min(types_of(path) & NETWORK, default="")
    except OSError:
        return ""


def _type_of(line: str, device: str) -> str:
    """The type in a line about `device` (`8:1`), else nothing. Optional fields end with a lone hyphen."""
    fields, _, rest = line.partition(" - ")
    return rest.split(" ", 1)[0] if fields.split(" ", 3)[2:3] == [device] else ""
