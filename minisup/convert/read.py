"""Reading the files of an import."""

import os
from typing import Final

from minisup.config.files.sources import read_bytes
from minisup.convert.report_builder import Ledger
from minisup.errors import Problem

STDIN: Final = "/dev/stdin"


def directory_of(name: str) -> str:
    """The directory that names in the file are relative to; for standard input the current one."""
    return os.getcwd() if name == STDIN else os.path.dirname(os.path.abspath(name))


def read_text(name: str, ledger: Ledger) -> str | None:
    """What the file holds; None: it cannot be read or is not UTF-8, and `ledger` says so."""
    raw = read_bytes(name, ledger.report, "")
    if raw is None:
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        ledger.problems.append(Problem(name, line, "", f"not UTF-8: byte 0x{raw[error.start]:02x}"))
    return None
