"""Who else may write where programs have their log files: what `check` knows of the directories on this machine."""

import os
import stat
from collections.abc import Iterator
from typing import Final

from minisup.check.lints.subject import OpenLog
from minisup.config.schema import Config, Identity, ProgramTable
from minisup.host.output.files import safe_path
from minisup.host.passwd import user_name

_KEYS: Final = ("log.path", "log.stderr_path")


def open_logs(config: Config) -> dict[str, OpenLog]:
    """By program: a log file, of its first slot, that the program's user or another stranger can bend or replace."""
    found: dict[str, OpenLog] = {}
    for name, program in config.programs.items():
        for key, path in zip(_KEYS, program.log_paths(0), strict=True):
            if path is not None and (place := _look(key, path, program)) is not None:
                found[name] = place
                break
    return found


def _look(key: str, path: str, program: ProgramTable) -> OpenLog | None:
    refused = _refusal(path)
    for directory, entry in _directories(path):
        who = _writer(directory, entry, program.identity)
        if who:
            return OpenLog(key, directory, who, refused)
    return OpenLog(key, os.path.dirname(path), "", refused) if refused else None


def _refusal(path: str) -> str:
    """Why minisup would not write there, as things are now; empty: it would, or the user of `check` cannot see it."""
    try:
        with safe_path.find(path):
            return ""
    except safe_path.RefusedError as error:
        return error.strerror or ""
    except OSError:
        return ""


def _directories(path: str) -> Iterator[tuple[str, str]]:
    """Each directory of the path, from the root down, and what of the path lies in it; those that are there."""
    names = [name for name in path.split("/") if name]
    for count in range(len(names)):
        directory = "/" + "/".join(names[:count])
        if not os.path.isdir(directory):
            return
        yield directory, os.path.join(directory, names[count])


def _writer(directory: str, entry: str, identity: Identity | None) -> str:
    """Who may change what `entry` of this directory means, beside root and minisup's user; empty: nobody is known.

    The members of a group are not known, only whether the program is one.
    """
    seen = os.stat(directory)
    mode, trusted = seen.st_mode, {0, os.geteuid()}
    if seen.st_uid not in trusted:
        return user_name(seen.st_uid)
    if mode & stat.S_IWOTH:
        return "" if mode & stat.S_ISVTX and _is_kept(entry) else "everybody"
    if identity is None or identity.uid is None or identity.uid in trusted:
        return ""
    joined = seen.st_gid in {identity.gid, *(identity.groups or ())}
    return user_name(identity.uid) if mode & stat.S_IWGRP and joined else ""


def _is_kept(entry: str) -> bool:
    """Whether others can neither remove nor rename it, as what is root's in /tmp."""
    try:
        return os.lstat(entry).st_uid in {0, os.geteuid()}
    except OSError:
        return False
