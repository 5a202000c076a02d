"""Commands that are tied to supervisord: what they use of it, and what there is instead."""

import os
import re
from collections.abc import Iterator, Sequence
from typing import Final

from minisup.convert.supervisord.late_words import Piece

_TIES: Final = (
    (
        re.compile(r"\bsupervisorctl\b"),
        "it calls supervisorctl, which asks a supervisord: `minisup start`, `stop`, `restart` ... ask minisup",
    ),
    (
        re.compile(r"\bsupervisord?\.pid\b"),
        "it reads the pid file of supervisord, and minisup writes none: `minisup shutdown` ends minisup",
    ),
    (
        re.compile(r"\bSUPERVISOR_(PROCESS_NAME|GROUP_NAME|ENABLED|SERVER_URL)\b"),
        "it reads a variable that only supervisord sets; minisup's are MINISUP_PROGRAM, MINISUP_SLOT, MINISUP_NUMPROCS",
    ),
)
_PID_PROXY: Final = frozenset({"pidproxy", "pidproxy.py"})
_PROXY_WORDS: Final = 2
"""`pidproxy FILE`: the words before the command that it runs."""

WITHOUT_PROXY: Final = (
    'without pidproxy, which comes with supervisord; stop.scope = "group" signals all processes of the run, and a '
    "command that goes into the background must stay in the foreground"
)


def ties(command: str) -> Iterator[str]:
    """A sentence for each thing of supervisord that the command uses."""
    return (said for pattern, said in _TIES if pattern.search(command))


def is_proxied(words: Sequence[str]) -> bool:
    """Whether pidproxy runs the command: its first two words can go."""
    return len(words) > _PROXY_WORDS and os.path.basename(words[0]) in _PID_PROXY


def without_proxy(words: list[list[Piece]]) -> list[list[Piece]]:
    """The words of the command that pidproxy runs."""
    return words[_PROXY_WORDS:]
