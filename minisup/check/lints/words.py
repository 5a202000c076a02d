"""What the words of a command are known to mean: workers of Laravel, Symfony, Celery and RQ, and shells.

Facts about Laravel: laravel/framework 13, `queue:work`. With `--once` it installs no signal handlers and no alarm.
With `--once` or `--stop-when-empty` it sleeps `--sleep` before it exits with nothing done.
"""

import os
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple

from minisup.config.schema import ProgramTable

LARAVEL: Final = "queue:work"
CELERY: Final = "celery"
LARAVEL_SLEEP: Final = 3.0
LARAVEL_TIMEOUT: Final = 60.0
"""What `queue:work` takes for `--sleep` and `--timeout` that are not given, in seconds."""

_ENDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        LARAVEL: ("--once", "--stop-when-empty", "--max-jobs", "--max-time"),
        "messenger:consume": ("--limit", "-l", "--time-limit", "-t", "--memory-limit", "-m"),
        CELERY: ("--max-tasks-per-child", "--maxtasksperchild", "--max-memory-per-child"),
        "rq": ("--burst", "-b", "--max-jobs", "--max-idle-time"),
    }
)
"""Options that give a worker, or the processes in which it works, an end of their own."""

FRESH: Final[Mapping[str, str]] = MappingProxyType(
    {
        LARAVEL: "--max-time=3600",
        "messenger:consume": "--time-limit=3600",
        CELERY: "--max-tasks-per-child=1000",
        "rq": "--max-jobs=1000",
    }
)
"""What to add to each worker so that it is replaced now and then."""

_STAYS: Final = frozenset({CELERY})  # its master stays when the processes in which it works are replaced
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?")


class Worker(NamedTuple):
    """A worker that is known. `end`: the option by which it ends by itself; empty: it does not."""

    name: str
    words: tuple[str, ...]
    end: str

    @property
    def once(self) -> bool:
        """Laravel's `--once`: no signal handlers, no timeout."""
        return self.name == LARAVEL and "--once" in self.words

    @property
    def stays(self) -> bool:
        """Whether the process that minisup starts goes on until it is stopped."""
        return not self.end or self.name in _STAYS

    @property
    def sleep(self) -> float:
        """Seconds that a run which finds nothing sleeps before it exits; 0 if it does not."""
        ends_empty = {"--once", "--stop-when-empty"} & set(self.words)
        if self.name != LARAVEL or not ends_empty:
            return 0.0
        given = self.number("--sleep")
        return LARAVEL_SLEEP if given is None else given

    @property
    def waits(self) -> bool:
        """Whether it waits for work instead of ending without."""
        return bool(self.sleep) or not {"--once", "--stop-when-empty", "--burst", "-b"} & set(self.words)

    @property
    def connection(self) -> str:
        """Laravel's name of the connection, its first argument; empty: the default one."""
        if self.name != LARAVEL:
            return ""
        after = self.words[self.words.index(LARAVEL) + 1 :]
        return after[0] if after and not after[0].startswith("-") else ""

    def number(self, option: str) -> float | None:
        """The number that an option has (`--timeout=60`, `--timeout 60`); None: it is not given, or no number."""
        text = next((word.partition("=")[2] for word in self.words if word.startswith(f"{option}=")), None)
        if text is None:
            text = next((after for word, after in pairwise(self.words) if word == option), "")
        return float(text) if _NUMBER.fullmatch(text) else None


def worker_of(program: ProgramTable) -> Worker | None:
    """The worker that a program runs, in a shell or not; None: none that is known."""
    words = program.for_slot(0).argv
    text = shell_text(words)
    return known_worker(words if text is None else text.split())


def known_worker(words: Sequence[str]) -> Worker | None:
    """The worker that these words run."""
    bases = [os.path.basename(word) for word in words]
    for name in (LARAVEL, "messenger:consume"):
        if name in bases[1:]:
            return _worker(name, words)
    if "celery" in bases and "worker" in bases[bases.index("celery") :]:
        return _worker(CELERY, words)
    return _worker("rq", words) if ("rq", "worker") in pairwise(bases) else None


def _worker(name: str, words: Sequence[str]) -> Worker:
    ends = (option for option in _ENDS[name] for word in words if word == option or word.startswith(f"{option}="))
    return Worker(name, tuple(words), next(ends, ""))


def is_shell(word: str) -> bool:
    """Whether a command's first word is a shell."""
    return os.path.basename(word) in _SHELLS


def shell_text(words: Sequence[str]) -> str | None:
    """What `sh -c TEXT` runs, if that is what the words are."""
    if words and is_shell(words[0]):
        for number, word in enumerate(words[1:-1], 1):
            if re.fullmatch("-[a-z]*c", word):
                return words[number + 1]
    return None
