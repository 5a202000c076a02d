"""What a unit of systemd says about the end of its processes: from its file, or from systemd."""

import re
from typing import Final, NamedTuple

from minisup.core.model import Seconds
from minisup.errors import UsageError

_UNITS: Final = {
    **dict.fromkeys(("us", "usec", "μs", "µs"), 1e-6),
    **dict.fromkeys(("ms", "msec"), 1e-3),
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}
_PART: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?)\s*([a-zμµ]*)")
_SECTION: Final = "[Service]"


class Unit(NamedTuple):
    """The settings that matter to minisup, with systemd's defaults. `stop_timeout` None: it waits for ever."""

    name: str
    kill_mode: str = "control-group"
    stop_timeout: Seconds | None = 90.0
    oom_policy: str = "stop"


NAMES: Final = ("KillMode", "TimeoutStopSec", "TimeoutStopUSec", "TimeoutSec", "OOMPolicy")
"""The settings of a unit's file and the properties that `systemctl show` prints, as `unit_of` takes them."""


def unit_of(name: str, settings: dict[str, str]) -> Unit:
    """The unit with these settings, named as in its file or as `systemctl show` names them."""
    default = Unit(name)
    named = next((settings[key] for key in NAMES[1:4] if settings.get(key)), None)
    return Unit(
        name,
        settings.get("KillMode") or default.kill_mode,
        default.stop_timeout if named is None else time_span(named, default.stop_timeout),
        settings.get("OOMPolicy") or default.oom_policy,
    )


def read_unit(path: str) -> Unit:
    """The unit in a file. UsageError: it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().replace("\\\n", " ").splitlines()
    except OSError as error:
        raise UsageError(f"cannot read the unit {path}: {error.strerror}") from None
    settings: dict[str, str] = {}
    section = ""
    for line in map(str.strip, lines):
        if line.startswith("["):
            section = line
        elif section == _SECTION and "=" in line and line[0] not in "#;":
            name, _, value = line.partition("=")
            settings[name.strip()] = value.strip()
    return unit_of(path, settings)


def time_span(text: str, otherwise: Seconds | None) -> Seconds | None:
    """Seconds in `90`, `1min 30s`, `2h`; None for `infinity` and 0, which mean it too; `otherwise` if it is no time."""
    if text == "infinity":
        return None
    total, end = 0.0, 0
    while part := _PART.match(text, end):
        if part[2] not in _UNITS:
            return otherwise
        total, end = total + float(part[1]) * _UNITS[part[2]], part.end()
    if end == 0 or text[end:].strip():
        return otherwise
    return total or None
