"""`--wait` on a terminal: how far it is, as minisup tells it twice a second. Ctrl-C ends the waiting, nothing else."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from minisup.cli.output import complain
from minisup.cli.status.status_words import amount

if TYPE_CHECKING:
    from rich.progress import Progress

KINDS: Final = {
    "draining": ("draining",),
    "stopping": ("stopping", "killing"),
    "running": ("running",),
    "waiting": ("waiting",),
}
"""What slots that are not there yet do, in the order in which it is told."""

Told = Callable[[dict[str, Any]], object]
"""Is told how far it is."""


@contextmanager
def waiting(verb: str, words: Sequence[str] = ()) -> Iterator[Told | None]:
    """While the body waits: what to call with how far it is; None: no terminal shows it.

    If it is interrupted, say that what was asked for goes on.
    """
    title = " ".join([verb, *words])
    bar = Bar(title)
    try:
        yield bar.show if shows() else None
    except KeyboardInterrupt:
        bar.close()
        complain(f"no longer waiting; {title} goes on: `minisup status` shows how far it is")
        raise
    finally:
        bar.close()


def shows() -> bool:
    """Whether somebody looks: stderr is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


class Bar:
    """One line on the terminal, from the first time that minisup tells how far it is."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._progress: Progress | None = None

    def show(self, told: Mapping[str, Any]) -> None:
        """Draw how far it is."""
        if self._progress is None:
            self._progress = _bar()
            self._progress.add_task(self._title)
            self._progress.start()
        shown = {"completed": told["done"], "total": told["of"], "description": line(self._title, told)}
        self._progress.update(self._progress.task_ids[0], **shown, refresh=True)

    def close(self) -> None:
        """Take the line away, and give the cursor back. Harmless when it was never there."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def line(title: str, told: Mapping[str, Any]) -> str:
    """`restart email: 12 of 20 slots, 3 draining (longest 42 s)`."""
    parts = [f"{title}: {told['done']} of {told['of']} slot{'s' * (told['of'] != 1)}"]
    for name, phases in KINDS.items():
        those = [entry for entry in told["missing"] if entry["phase"] in phases]
        if count := sum(entry["slots"] for entry in those):
            longest = amount(max(entry["longest"] for entry in those))
            parts.append(f"{count} {name}" + (f" (longest {longest})" if name != "waiting" else ""))
    return ", ".join(parts)


def _bar() -> "Progress":
    from rich.console import Console  # noqa: PLC0415 -- only a terminal needs it
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 -- as above

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        console=Console(stderr=True, highlight=False),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
