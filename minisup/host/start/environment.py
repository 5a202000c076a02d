"""What a child finds in its environment, who it is, and where its command is looked for.

All of it is worked out once for a slot; a run only adds its own two variables (see `recipe.py`).
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

DEFAULT_PATH: Final = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a command is looked for when the child has no PATH, as after `clear_env`."""

RUN_ONLY: Final = ("MINISUP_RUN_ID", "MINISUP_FAILURES", "MINISUP_STATE")
"""What each run adds, and the number of the state directory; values under these names from elsewhere (an outer minisup)
are dropped."""


class Account(NamedTuple):
    """Who a child runs as, looked up when the configuration was loaded. None means: as minisup itself.

    `name` and `home` become USER, LOGNAME and HOME.
    """

    name: str | None = None
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None
    home: str | None = None


def changes_identity(account: Account | None) -> bool:
    """Whether a child of this account needs other ids than minisup's own: what only root can give it.

    Without root, an account with our own user and group counts as ours, whatever its further groups are.
    """
    if account is None:
        return False
    if account.uid not in (None, os.geteuid()) or account.gid not in (None, os.getegid()):
        return True
    if account.groups is None or os.geteuid() != 0:
        return False
    return {*account.groups, os.getegid()} != {*os.getgroups(), os.getegid()}


def child_environment(
    *,
    inherited: Mapping[str, str],
    account: Account | None,
    layers: Iterable[Mapping[str, str]],
    program: str,
    slot: int,
    numprocs: int,
    here: str | None = None,
    state: str = "",
) -> list[bytes]:
    """The environment of a slot's runs as `NAME=value`, each name once.

    `inherited` is minisup's own environment, empty with `clear_env`. `layers` are `supervisor.environment`, `env_file`
    and `program.environment` in this order; later wins, and minisup's own variables (`here` is the directory of the
    configuration file, `state` the number by which the next minisup knows its processes) win over all.
    """
    merged = dict(inherited)
    merged.update(_identity(account))
    for layer in layers:
        merged.update(layer)
    merged.update(MINISUP_PROGRAM=program, MINISUP_SLOT=str(slot), MINISUP_NUMPROCS=str(numprocs))
    if here is not None:
        merged["MINISUP_HERE"] = here
    made = [os.fsencode(f"{name}={value}") for name, value in merged.items() if not is_of_a_run(name)]
    return [*made, f"MINISUP_STATE={state}".encode()] if state else made


def is_of_a_run(name: str) -> bool:
    """Whether a variable is what minisup tells a single run, or an outer minisup has told this one."""
    return name in RUN_ONLY or name.startswith("MINISUP_MESSAGE_")


def executables(command: bytes, environment: Sequence[bytes]) -> tuple[bytes, ...]:
    """What to try to execute for `command`, in order, as execvp does: by the PATH of this environment.

    A command with a slash is taken as it is: relative to the child's directory unless it is absolute.
    """
    if b"/" in command:
        return (command,)
    path = next((item[5:] for item in environment if item.startswith(b"PATH=")), DEFAULT_PATH)
    return tuple((place or b".") + b"/" + command for place in path.split(b":"))


def _identity(account: Account | None) -> dict[str, str]:
    if account is None or account.name is None:
        return {}
    names = {"USER": account.name, "LOGNAME": account.name}
    return names if account.home is None else {"HOME": account.home, **names}
