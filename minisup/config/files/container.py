"""Whether this is a container: there the owners and modes of mounted files say little, and root is less than root."""

import os
from typing import Final

_HOSTS: Final = {"pid": "pid:[4026531836]", "user": "user:[4026531837]"}
"""The first namespaces of a machine, which the kernel numbers itself (include/linux/proc_ns.h)."""

_SIGNS: Final = ("/.dockerenv", "/run/.containerenv")


def in_container() -> bool:
    """Whether minisup is in another namespace of processes or users than the machine's first, or a sign is there.

    Neither the configuration nor the environment is asked: what others may write must not decide about its own danger.
    """
    return any(_namespace(kind) not in {"", first} for kind, first in _HOSTS.items()) or any(
        map(os.path.exists, _SIGNS)
    )


def _namespace(kind: str) -> str:
    try:
        return os.readlink(f"/proc/self/ns/{kind}")
    except OSError:
        return ""
