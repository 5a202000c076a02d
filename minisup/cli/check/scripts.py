"""The scripts of shells that services are, and what the last command of each is: what `check` reads of them here."""

import os
import re
from typing import Final

from minisup.check.lints.shells import last_of_script
from minisup.check.lints.subject import ShellScript
from minisup.check.lints.words import is_shell
from minisup.config.files.safe_open import LARGEST_FILE, read_file
from minisup.config.schema import Config, ProgramTable
from minisup.host.start.environment import executables

_SHEBANG: Final = re.compile(rb"#! *(?:/usr/bin/env +)?(\S+)")


def scripts(config: Config) -> dict[str, ShellScript]:
    """By service: its script, if the shell that runs it is not replaced by the last command."""
    services = (program for program in config.programs.values() if program.kind == "service")
    return {program.name: found for program in services if (found := _script(program)) is not None}


def _script(program: ProgramTable) -> ShellScript | None:
    slot = program.for_slot(0)
    named = is_shell(slot.argv[0])
    words = slot.argv[1:] if named else slot.argv
    if not words or (named and words[0].startswith("-")):
        return None
    path = slot.environment.get("PATH", os.environ.get("PATH", ""))
    places = (
        (words[0],) if named else map(os.fsdecode, executables(os.fsencode(words[0]), [b"PATH=" + os.fsencode(path)]))
    )
    for place in places:
        raw = _read(os.path.join(slot.directory, place), program)
        if raw is not None:
            break
    else:
        return None
    first = _SHEBANG.match(raw)
    if not named and (first is None or not is_shell(os.fsdecode(first[1]))):
        return None
    last = last_of_script(raw.decode(errors="replace"))
    return ShellScript(words[0], last) if last else None


def _read(path: str, program: ProgramTable) -> bytes | None:
    """A file of a reasonable size that the program's user may read."""
    try:
        raw = read_file(path, program.identity).raw
    except OSError:
        return None
    return raw if len(raw) <= LARGEST_FILE else None
