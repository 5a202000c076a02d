"""Who else may change what minisup reads and runs: what `check` knows of the files on this machine."""

import os
import shlex
from collections.abc import Iterator, Mapping

from minisup.check.lints.subject import Others
from minisup.config.files.ownership import EVERYBODY, Stranger, Trust, stranger, stranger_above
from minisup.config.schema import Config, ProgramTable
from minisup.config.users import AccountError, trusted
from minisup.host.start.environment import executables


def others(config: Config, environ: Mapping[str, str]) -> Others:
    """Everybody beside root, minisup's own user, and whom MINISUP_TRUST names."""
    try:
        trust = trusted(environ)
    except AccountError:  # `check` has said so, if it is root's
        trust = trusted({})
    directories: dict[str, tuple[str, str]] = {}
    for file in config.files:
        above = stranger_above(file, trust)
        if above is not None:
            directories.setdefault(above[0], (file, above[1].who))
    programs = config.programs.values()
    return Others(
        {file: found.who for file in config.files if (found := _stranger(file, trust))},
        directories,
        {program.name: env_file for program in programs if (env_file := _env_file(program, trust))},
        {program.name: named for program in programs if _is_roots(program) and (named := _command(program, trust))},
        as_root=os.geteuid() == 0,
    )


def _stranger(path: str, trust: Trust) -> Stranger | None:
    try:
        return stranger(os.stat(path), trust)
    except OSError:
        return None


def _env_file(program: ProgramTable, trust: Trust) -> tuple[str, str] | None:
    """Of a program of another user, only what everybody may write: who deploys it often owns its variables, too."""
    found = program.env_file and _stranger(program.env_file, trust)
    if not found or (not _is_ours(program) and found.who != EVERYBODY):
        return None
    return str(program.env_file), found.who


def _command(program: ProgramTable, trust: Trust) -> tuple[str, str] | None:
    """The first file of the command that somebody else may change or replace."""
    for path in _files(program):
        found = _stranger(path, trust)
        if found is None and (above := stranger_above(path, trust)) is not None:
            found = above[1]
        if found is not None:
            return path, found.who
    return None


def _files(program: ProgramTable) -> Iterator[str]:
    """The command's executable, and the files that its words name, also those of a shell's script."""
    slot = program.for_slot(0)
    path = slot.environment.get("PATH", os.environ.get("PATH", ""))
    places = executables(os.fsencode(slot.argv[0]), [b"PATH=" + os.fsencode(path)])
    found = (os.path.join(slot.directory, os.fsdecode(place)) for place in places)
    yield from [place for place in found if os.path.isfile(place)][:1]
    for word in slot.argv[1:]:
        for part in _parts(word):
            whole = os.path.join(slot.directory, part)
            if os.path.isfile(whole):
                yield whole


def _parts(word: str) -> list[str]:
    try:
        return shlex.split(word) or [word]
    except ValueError:
        return [word]


def _is_ours(program: ProgramTable) -> bool:
    return program.identity is None or program.identity.uid in {None, os.geteuid()}


def _is_roots(program: ProgramTable) -> bool:
    uid = None if program.identity is None else program.identity.uid
    return (os.geteuid() if uid is None else uid) == 0
