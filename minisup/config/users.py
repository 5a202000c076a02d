"""Users and groups, looked up when the configuration is read, so that no spawn has to."""

import grp
import os
import pwd
from collections.abc import Mapping

from minisup.config.files.ownership import ALL, VARIABLE, Trust
from minisup.config.schema import Identity
from minisup.config.text.wording import did_you_mean, show
from minisup.config.values import Unfit

_HIGHEST_ID = 2**32 - 2


class AccountError(Unfit):
    """A user or group that cannot be had; `key` says which of the two is meant."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def find_identity(user: str | None, group: str | None) -> Identity | None:
    """Whom `user` and `group` make of a run; None: neither is given.

    AccountError: unknown, or not ours and we are not root.
    """
    if user is None:
        return None if group is None else _only_group(group)
    entry = _find_user(user)
    if entry is None and group is None:
        raise AccountError("group", f"user {show(user)} has no entry in the user database; set group too")
    uid = entry.pw_uid if entry else int(user)
    gid = entry.pw_gid if entry and group is None else find_group(group or "")
    _must_be_ours(user, uid, os.geteuid(), "user")
    if group is not None:
        _must_be_ours(group, gid, os.getegid(), "group")
    groups = tuple(os.getgrouplist(entry.pw_name, gid)) if entry else (gid,)
    return Identity(entry.pw_name if entry else user, uid, gid, groups, entry.pw_dir if entry else None)


def _only_group(group: str) -> Identity:
    gid = find_group(group)
    _must_be_ours(group, gid, os.getegid(), "group")
    return Identity(gid=gid)


def _find_user(user: str) -> pwd.struct_passwd | None:
    """The entry of a user by name or number; None for a number without an entry."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        if _is_number(user):
            return _by_number(int(user))
    near = did_you_mean(user, (entry.pw_name for entry in pwd.getpwall()))
    raise AccountError("user", f"there is no user {show(user)}{near}")


def _by_number(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def find_user(user: str) -> int:
    """The number of a user that is given by name or number. AccountError: there is none."""
    entry = _find_user(user)
    return int(user) if entry is None else entry.pw_uid


def find_group(group: str) -> int:
    """The number of a group that is given by name or number. AccountError: there is none."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        if _is_number(group):
            return int(group)
    near = did_you_mean(group, (entry.gr_name for entry in grp.getgrall()))
    raise AccountError("group", f"there is no group {show(group)}{near}")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(_HIGHEST_ID)) and int(text) <= _HIGHEST_ID


def _must_be_ours(name: str, number: int, ours: int, what: str) -> None:
    if os.geteuid() != 0 and number != ours:
        raise AccountError(
            what, f"only root can run as another {what} than its own: {show(name)} is {number}, minisup is {ours}"
        )


def trusted(environ: Mapping[str, str]) -> Trust:
    """Root, minisup's own user, and whom MINISUP_TRUST names: `deploy, @staff`, or `all`. AccountError: no such one.

    The own group of a minisup that is not root counts as its user: many have one of their own, and the umask 002.
    """
    uids, gids = {0, os.geteuid()}, {0, os.getegid()}
    words = environ.get(VARIABLE, "").replace(",", " ").split()
    for word in words:
        if word.startswith("@"):
            gids.add(find_group(word[1:]))
        elif word != ALL:
            uids.add(find_user(word))
    return Trust(frozenset(uids), frozenset(gids), ALL in words)
