"""What `scale` cannot be."""

from typing import Final

from minisup.config.keys.scale_tables import KINDS, Probe
from minisup.config.rules.table_context import TableContext
from minisup.config.schema import ProgramTable
from minisup.core.model import Kind, Restart

_REDIS_KEYS: Final = ("list", "stream", "key")
_SCHEMES: Final = {
    "sqs": ("http", "https"),
    "redis": ("redis", "rediss", "unix"),
    "http": ("http", "https"),
}


def check_scale(program: ProgramTable, place: TableContext) -> None:
    """Impossible in `scale`."""
    scale = program.scale
    if place.has("scale") and place.has("numprocs"):
        place.problem("numprocs", "cannot be given together with scale; scale.min and scale.max say how many")
    if scale is None:
        return
    if scale.min > scale.max:
        place.problem("scale.min", f"scale.min {scale.min} is above scale.max {scale.max}", "scale.max")
    if program.kind is not Kind.JOB:
        place.problem("scale", f"is only for jobs, and this is a {program.kind.value}; write numprocs", "kind")
    elif program.restart is not Restart.ALWAYS:
        place.problem("scale", 'is only for programs that run again and again: restart = "always"', "restart")
    elif program.schedule is not None:
        place.problem("scale", "cannot be given together with schedule; write numprocs", "schedule")
    if scale.probe is not None:
        _check_probe(scale.probe, place)
    elif not program.knows_idle and program.source is None:
        place.problem(
            "scale",
            "needs a probe, or runs that say when they found no work: exit.idle = [CODE]",
            "scale.probe",
            "exit.idle",
            "idle.output",
            "idle.faster_than",
        )
    elif not scale.min and program.source is None:
        place.problem("scale.min", "0 needs a probe: nobody else would see that work has arrived", "scale.probe")


def _check_probe(probe: Probe, place: TableContext) -> None:
    kinds, at = probe.kinds(), "scale.probe"
    those = tuple(f"{at}.{kind}" for kind in KINDS)
    if len(kinds) != 1:
        said = f"has {' and '.join(kinds)}; give one of them" if kinds else f"needs one of {', '.join(KINDS)}"
        place.problem(at, said, *those)
        return
    kind = kinds[0]
    url = getattr(probe, kind)
    if kind in _SCHEMES and not url.startswith(tuple(f"{scheme}://" for scheme in _SCHEMES[kind])):
        some = " or ".join(f"{scheme}://" for scheme in _SCHEMES[kind])
        place.problem(f"{at}.{kind}", f"expected an address that begins with {some}")
    counted = [key for key in _REDIS_KEYS if getattr(probe, key) is not None]
    if kind == "redis" and len(counted) != 1:
        said = f"has {' and '.join(counted)}; give one of them" if counted else "needs a list, a stream or a key"
        place.problem(at, said, *(f"{at}.{key}" for key in _REDIS_KEYS))
    for key in counted if kind != "redis" else ():
        place.problem(f"{at}.{key}", "is only for redis")
    if probe.group is not None and probe.stream is None:
        place.problem(f"{at}.group", "is only for a stream", f"{at}.stream")
    if probe.json is not None and kind not in {"command", "http"}:
        place.problem(f"{at}.json", "is only for command and http")
