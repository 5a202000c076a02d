"""The current directory under the name that its user knows, and absolute paths that begin there.

A deploy moves a link from one release to the next. The kernel knows only the release; whoever came by the link means
the link, and finds the next release by it.
"""

import os
from collections.abc import Mapping


def current_directory(environ: Mapping[str, str], config: str = "") -> str:
    """The current directory: $PWD if it names it, else the directory of `config` if that does, else the kernel's name.

    A service manager sets no PWD, but its `-c /srv/current/minisup.toml` names the link. OSError: it is gone.
    """
    here = os.getcwd()
    for name in (environ.get("PWD", ""), os.path.dirname(config)):
        if _is_plain(name) and _is_same(name, here):
            return name
    return here


def absolute(path: str, directory: str) -> str:
    """`path` from `directory`, short: what `..` undoes is left out, unless it is a link and `..` leads elsewhere."""
    whole = os.path.join(directory, path)
    short = os.path.normpath(whole)
    parts = os.path.dirname(whole).split("/")
    return short if ".." not in parts or _is_same(os.path.dirname(short), os.path.dirname(whole)) else whole


def _is_plain(name: str) -> bool:
    """Whether a path is absolute and each of its parts is the name of something, as POSIX asks of $PWD."""
    return name.startswith("/") and not {".", ".."} & set(name.split("/"))


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False
