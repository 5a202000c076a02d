"""What `check` knows beside the configuration: the unit, the memory limit of its cgroup, the runs, directories."""

import os
from collections.abc import Iterator, Mapping
from typing import Final

from minisup.check.lints.subject import Surroundings, Usual
from minisup.cli.check.directories import closed
from minisup.cli.check.file_owners import others
from minisup.cli.check.helper_python import out_of_reach
from minisup.cli.check.log_places import open_logs
from minisup.cli.check.scripts import scripts
from minisup.cli.check.systemd import named_unit, our_unit
from minisup.config.schema import Config
from minisup.history import FILE
from minisup.host.descriptors import OPEN_FILES
from minisup.host.state.statedir import main_file, path_for

CGROUP: Final = "/proc/self/cgroup"
ROOT: Final = "/sys/fs/cgroup"
UNLIMITED: Final = 2**60
"""A limit of so many bytes (version 1 of cgroups has a number for "none") is none."""


def surroundings(config: Config, unit: str | None, environ: Mapping[str, str]) -> Surroundings:
    """All that can be found out here. UsageError: there is no such unit."""
    found = named_unit(unit) if unit else our_unit(environ)
    directory = path_for(config.supervisor.state_dir, main_file(config.files, environ), environ)
    usual = _usual_runs(os.path.join(directory, FILE), list(config.programs))
    around = Surroundings(found, memory_limit(), usual, open_logs(config), OPEN_FILES.most, others(config, environ))
    return around._replace(out_of_reach=out_of_reach(config), closed=closed(config), scripts=scripts(config))


def memory_limit(cgroup: str = CGROUP, root: str = ROOT) -> int | None:
    """The least limit, in bytes, of the cgroups that this process is in; None: there is none, or nobody says."""
    limits = [limit for path in _limit_files(cgroup, root) if (limit := _read_limit(path)) is not None]
    return min(limits, default=None)


def _limit_files(cgroup: str, root: str) -> Iterator[str]:
    try:
        with open(cgroup, encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return
    for _, controllers, path in (fields for fields in lines if len(fields) == 3):  # noqa: PLR2004 - as the kernel has it
        if controllers not in {"", "memory"} and "memory" not in controllers.split(","):
            continue
        base, name = (root, "memory.max") if not controllers else (f"{root}/memory", "memory.limit_in_bytes")
        parts = [part for part in path.split("/") if part not in {"", ".", ".."}]
        for end in range(len(parts), -1, -1):  # a limit further up counts as well
            yield os.path.join(base, *parts[:end], name)


def _read_limit(path: str) -> int | None:
    try:
        with open(path, encoding="ascii") as file:
            text = file.read(64).strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdecimal() and int(text) < UNLIMITED else None


def _usual_runs(path: str, programs: list[str]) -> dict[str, Usual]:
    if not os.path.lexists(path):
        return {}
    from minisup.cli.check.usual_runs import usual_runs  # noqa: PLC0415 -- SQLite is for those who have a history

    return usual_runs(path, programs)
