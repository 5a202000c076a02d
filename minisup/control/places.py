"""Where the control socket lives, for both of its ends. Imports next to nothing: `minisup health` waits for it."""

import os
import stat
from collections.abc import Mapping

NAME = "minisup.sock"


def default_sockets(environ: Mapping[str, str], uid: int) -> list[str]:
    """The places that are tried in turn when nobody names one."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    places = [f"/run/{NAME}"]
    if runtime.startswith("/"):
        places.append(os.path.join(runtime, NAME))
    places.append(f"{fallback_directory(uid)}/{NAME}")
    return places


def fallback_directory(uid: int) -> str:
    """A user's own directory in /tmp, which anybody could have made first: see `check_private`."""
    return f"/tmp/minisup-{uid}"  # noqa: S108 -- its owner and mode are checked before every use


def check_private(directory: str, uid: int) -> None:
    """Raises OSError unless `directory` is a real directory (no link) that belongs to `uid` alone."""
    found = os.lstat(directory)
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(20, "it is no directory", directory)
    if found.st_uid != uid:
        raise PermissionError(1, f"it belongs to user {found.st_uid}", directory)
    if found.st_mode & 0o077:
        raise PermissionError(1, "others may enter it; chmod 700", directory)


def make_private(directory: str, uid: int) -> None:
    """Make `directory` with mode 0700, or find it made so. Raises OSError when it is not ours alone."""
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        pass
    check_private(directory, uid)
