"""Reading the files of a configuration: the main one and those that it includes."""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Final

from minisup.config.files.globs import escaped
from minisup.config.files.problems import ProblemReport, Source
from minisup.config.files.safe_open import LARGEST_FILE, read_file
from minisup.config.files.workdir import absolute
from minisup.config.text.masking import conceal
from minisup.config.text.toml_lines import DeepKeyError, find_lines
from minisup.config.text.wording import show
from minisup.errors import Problem

TOO_LARGE: Final = "is larger than 1 MiB; this cannot be meant as configuration"

_POSITION: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_WILDCARD: Final = re.compile(r"[*?\[]")


def read_source(name: str, report: ProblemReport, key: str = "") -> Source | None:
    """The file `name`, parsed; None: it could not be, and `report` says why."""
    text = _read_text(name, report, key)
    if text is None:
        return None
    try:
        lines = find_lines(text)
        data = tomllib.loads(text)
    except DeepKeyError as error:
        report.problems.append(Problem(name, error.line, key, str(error)))
    except tomllib.TOMLDecodeError as error:
        line, message = _said(str(error), text)
        report.problems.append(Problem(name, line, key, f"not TOML: {message}"))
    except (ValueError, RecursionError) as error:
        why = "tables or lists are nested too deeply" if isinstance(error, RecursionError) else str(error)
        report.problems.append(Problem(name, 0, key, f"not TOML: {why}"))
    else:
        here = os.path.dirname(absolute(name, report.cwd))
        return Source(name, here, os.path.realpath(here), data, lines)
    return None


def _read_text(name: str, report: ProblemReport, key: str) -> str | None:
    raw = read_bytes(name, report, key)
    if raw is None:
        return None
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        report.problems.append(Problem(name, line, key, f"not UTF-8: byte 0x{raw[error.start]:02x}"))
    return None


def read_bytes(name: str, report: ProblemReport, key: str) -> bytes | None:
    """What a file of the configuration holds; None: it cannot be read or is too large, and `report` says so."""
    report.looks_at(name)
    try:
        raw, seen = read_file(os.path.join(report.cwd, name))
    except (OSError, ValueError) as error:
        report.problems.append(Problem(name, 0, key, f"cannot be read: {reason(error)}"))
        return None
    if len(raw) > LARGEST_FILE:
        report.problems.append(Problem(name, 0, key, TOO_LARGE))
        return None
    report.judge(seen, name, 0, key)
    return raw


def reason(error: OSError | ValueError) -> str:
    """Why a file cannot be read, in words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _said(message: str, text: str) -> tuple[int, str]:
    found = _POSITION.search(message)
    said = message[: found.start()] if found else message
    said = said[:1].lower() + said[1:]
    if found and found[1]:
        return int(found[1]), f"{said} (column {found[2]})"
    return text.count("\n") + (not text.endswith("\n")), f"{said} at the end of the file" if found else said


def read_includes(main: Source, patterns: Iterable[str], report: ProblemReport) -> Iterator[Source | None]:
    """The files that the patterns name, each once, in order; None for one that cannot be read.

    A name without a wildcard must exist.
    """
    seen = {os.path.realpath(os.path.join(report.cwd, main.name))}
    for pattern in patterns:
        names = _matches(main, pattern, report)
        if names is None:
            report.add(main, ("supervisor", "include"), f"{show(conceal(pattern, report.secrets))}: no such file")
            yield None
        for name in names or ():
            real = os.path.realpath(os.path.join(report.cwd, name))
            if real not in seen:
                seen.add(real)
                yield read_source(name, report)


def _matches(main: Source, pattern: str, report: ProblemReport) -> list[str] | None:
    base = os.path.dirname(main.name)
    if not _WILDCARD.search(pattern):
        name = os.path.join(base, pattern)
        report.looks_at(name)
        return [name] if os.path.lexists(os.path.join(report.cwd, name)) else None
    import glob  # noqa: PLC0415 - only for a configuration that uses wildcards

    whole = os.path.join(escaped(base), pattern)
    report.looks_at(whole, pattern=True)
    found = glob.glob(whole, root_dir=report.cwd or None, recursive=True)
    return sorted(name for name in found if not os.path.isdir(os.path.join(report.cwd, name)))
