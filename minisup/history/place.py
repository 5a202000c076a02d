"""Where a database can be kept, and how: what the file system can do, and what becomes of a damaged file."""

import errno
import os
import stat
import time
from typing import Final

NETWORK: Final = frozenset(
    (
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.juicefs", "fuse.cephfs", "fuse.rclone"),
    )
)
"""File systems whose locks and shared memory a write-ahead log cannot rely on."""

COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
"""What the names of the files of one database end with."""


def check_regular(path: str) -> None:
    """Raises OSError unless the files of a database are regular ones, as far as they are there.

    SQLite would wait for a FIFO and follow a link.
    """
    for ending in COMPANIONS:
        try:
            mode = os.lstat(path + ending).st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, f"{os.path.basename(path)}{ending} is no regular file", path)


def network_file_system(path: str) -> str:
    """The network file system that `path` is on, as `nfs4`; empty if it is on none."""
    try:
        device = os.stat(path).st_dev
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            found = type_of(file.read(), f"{os.major(device)}:{os.minor(device)}")
    except OSError:
        return ""
    return found if found in NETWORK else ""


def type_of(mountinfo: str, device: str) -> str:
    """The type of the file system on `device` (`8:1`), from the text of /proc/self/mountinfo; empty: not mounted."""
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        if fields.split()[2:3] == [device] and rest:
            return rest.split()[0]
    return ""


def move_aside(path: str) -> str:
    """Rename a damaged database so that a new one can take its place; returns its new name. Raises OSError."""
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = next(name for name in _names(f"{path}.damaged-{when}") if not os.path.lexists(name))
    for ending in COMPANIONS:
        try:
            os.rename(path + ending, aside + ending)
        except FileNotFoundError:
            pass
    return aside


def _names(name: str) -> "list[str]":
    return [name, *(f"{name}.{number}" for number in range(2, 1000))]
