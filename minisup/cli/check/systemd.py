"""Which unit of systemd runs this process, and what it says about the end of its processes."""

from collections.abc import Mapping
from typing import Final

from minisup.check.systemd_unit import NAMES, Unit, read_unit, unit_of
from minisup.errors import UsageError

PATIENCE: Final = 2.0
"""Seconds that systemd has for its answer."""

CGROUPS: Final = "/proc/self/cgroup"
_PROPERTIES: Final = ",".join((*NAMES, "ExecStart", "LoadState"))


def named_unit(name: str) -> Unit:
    """The unit in a file (`./minisup.service`), or one that systemd knows. UsageError: there is none."""
    if "/" in name:
        return read_unit(name)
    name = name if "." in name else f"{name}.service"
    settings = ask(name)
    if settings is None:
        raise UsageError(f"cannot ask systemd about {name}: no answer here; name its file instead, as ./{name}")
    if settings.get("LoadState") == "not-found":
        raise UsageError(f"cannot look at {name}: systemd has no such unit; name its file instead, as ./{name}")
    return unit_of(name, settings)


def our_unit(environ: Mapping[str, str], cgroups: str = CGROUPS) -> Unit | None:
    """The unit that runs this process, if it is minisup's (`check` as its ExecStartPre); None: none, or nobody says.

    A service that only happens to run `check` (cron, the agent of a build) is none of ours.
    """
    name = service_of(cgroups) if environ.get("INVOCATION_ID") else None
    settings = ask(name) if name else None
    if name is None or settings is None or "minisup" not in settings.get("ExecStart", ""):
        return None
    return unit_of(name, settings)


def service_of(cgroups: str) -> str | None:
    """The service in whose cgroup we are, by `/proc/self/cgroup`."""
    try:
        with open(cgroups, encoding="utf-8", errors="replace") as file:
            lines = [line.strip().split(":", 2) for line in file]
    except OSError:
        return None
    for fields in lines:
        if fields[1:2] in (["name=systemd"], [""]) and fields[-1].endswith(".service"):
            return fields[-1].rpartition("/")[2]
    return None


def ask(name: str) -> dict[str, str] | None:
    """What systemd says about a unit; None: it does not answer, or there is none."""
    import subprocess  # noqa: PLC0415 -- few run `check` in a unit, or name one

    command = ["systemctl", "show", "--property", _PROPERTIES, "--", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    if done.returncode != 0:
        return None
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {key: value for key, _, value in pairs}
