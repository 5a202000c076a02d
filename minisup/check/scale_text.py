"""What `scale` will do."""

from collections.abc import Iterator, Sequence

from minisup.check.phrases import span
from minisup.config.keys.scale_tables import Probe, ScaleTable
from minisup.config.schema import ProgramTable
from minisup.config.text.masking import hide_urls
from minisup.config.text.shell_words import word
from minisup.core.policy.autoscale import BUSY, JUMP, KEEP, STALE, STEP


def scale_lines(program: ProgramTable) -> Iterator[tuple[str, str]]:
    """What `scale` will do."""
    if program.scale is not None:
        yield "scale", "\n".join(_scale(program.scale, program.probe_command(hide=True)))


def _scale(scale: ScaleTable, command: Sequence[str]) -> Iterator[str]:
    limits = f"{scale.min} to {scale.max} slots, looked at every {span(scale.every)}"
    if scale.probe is None:
        yield f"{limits}, by how the runs end"
        yield "one slot more after 2 runs a slot of which none was idle, one less if more than half of them were"
    else:
        yield f"{limits}: {_asked(scale.probe, command)}"
        yield (
            f"as many as keep each {BUSY * 100:.0f} % busy and clear what waits within {span(scale.target_wait)}; half "
            f"as many more at a time,"
        )
        yield f"all at once when {JUMP:g} times as much waits as they can clear in time"
        yield (
            f"if the probe fails: stays as it is, and after {span(STALE)} goes to {max(1, scale.min)}, one step every "
            f"{span(STEP)}"
        )
    yield f"fewer: what was not needed for {span(KEEP)} is not refilled after its own exit; no run is stopped"
    yield "no slot joins while the retry budget is degraded or holding"


def _asked(probe: Probe, command: Sequence[str]) -> str:
    if command:
        return f"what {' '.join(map(word, command))} prints"
    if probe.sqs is not None:
        return f"visible messages of {hide_urls(probe.sqs)}"
    if probe.redis is not None:
        what = probe.list or probe.stream or probe.key
        return f"{what} at {hide_urls(probe.redis)}"
    return f"what {hide_urls(probe.http or '')} answers"
