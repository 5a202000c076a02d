"""What the shell offers for a target: what the running minisup has, else what the configuration names, else nothing.

A shell that completes must neither wait nor be told of errors, so whatever goes wrong is nothing to offer.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from minisup.cli import connect
from minisup.cli.status.status_words import state_words

PATIENCE: Final = 0.3
"""Seconds that minisup has for its answer."""

SIGNALS: Final = {
    "TERM": "end, please",
    "INT": "as Ctrl-C does",
    "QUIT": "end with a core",
    "KILL": "end the whole session at once",
    "HUP": "reload, for many programs",
    "USR1": "what the program makes of it",
    "USR2": "what the program makes of it",
    "STOP": "freeze",
    "CONT": "go on",
}

Offer = tuple[str, str]
"""A word, and what it means."""


def offers(kind: str, config: str | None, socket: str | None, typed: str) -> list[Offer]:
    """What begins with `typed`, of a `target`, `program`, `scale` or `signal`, as declarations name them.

    Slots are many: they are offered by themselves, behind their colon.
    """
    found = list(SIGNALS.items()) if kind == "signal" else _known(KINDS[kind], config, socket)
    return [(word, means) for word, means in found if word.startswith(typed) and (":" in typed or ":" not in word)]


def _targets(programs: Iterable[Mapping[str, Any]]) -> Iterator[Offer]:
    groups: dict[str, list[str]] = {}
    for program in programs:
        yield program["name"], program["words"]
        for group in program["groups"]:
            groups.setdefault(f"@{group}", []).append(program["name"])
        yield from program["slots"]
    yield from ((group, f"group: {', '.join(names)}") for group, names in groups.items())
    yield "all", "everything"


def _names(programs: Iterable[Mapping[str, Any]]) -> Iterator[Offer]:
    for program in programs:
        yield program["name"], program["words"]


def _sizes(programs: Iterable[Mapping[str, Any]]) -> Iterator[Offer]:
    for program in programs:
        yield f"{program['name']}=", program["words"]


KINDS: Final[Mapping[str, Callable[[Iterable[Mapping[str, Any]]], Iterator[Offer]]]] = {
    "target": _targets,
    "program": _names,
    "scale": _sizes,
}


def _known(
    kind: Callable[[Iterable[Mapping[str, Any]]], Iterator[Offer]], config: str | None, socket: str | None
) -> list[Offer]:
    for source in (_of_minisup, _of_configuration):
        try:
            return list(kind(list(source(config, socket))))
        except Exception:  # noqa: BLE001, S110 -- see the top: there is nobody to tell
            pass
    return []


def _of_minisup(config: str | None, socket: str | None) -> Iterator[dict[str, Any]]:
    with connect.client(config, socket) as minisup:
        minisup.timeout = PATIENCE
        for program in minisup.status()["programs"]:
            slots = [(slot["name"], slot["phase"]) for slot in program["slots"]]
            count = f"{len(slots)} slot{'s' * (len(slots) != 1)}"
            words = f"{count}, {state_words(program, '-')}"
            yield {"name": program["name"], "words": words, "groups": program["groups"], "slots": slots}


def _of_configuration(config: str | None, _socket: str | None) -> Iterator[dict[str, Any]]:
    named = config or os.environ.get("MINISUP_CONFIG")
    path = named or next(path for path in connect.USUAL_CONFIGS if os.path.exists(path))
    programs = connect.parsed(connect.text_of(path))["program"]
    assert isinstance(programs, dict)
    for name, keys in programs.items():
        groups = keys.get("groups", ())
        yield {"name": name, "words": f"of {path}", "groups": groups if isinstance(groups, list) else (), "slots": []}
