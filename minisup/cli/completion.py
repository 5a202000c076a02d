"""What the shell offers for a target: what the running minisup has, else what the configuration names, else nothing.

A shell that completes must neither wait nor be told of errors, so whatever goes wrong is nothing to offer.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Final

import typer

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


def complete_target(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Programs, groups and `all`; slots once a colon has been typed."""
    return _fitting(_offers(ctx, _targets), _cut_off(), incomplete)


def complete_program(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Programs alone."""
    return _fitting(_offers(ctx, _names), "", incomplete)


def complete_scale(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Programs, each with its `=`."""
    return _fitting(_offers(ctx, _sizes), "", incomplete)


def complete_signal(incomplete: str) -> list[Offer]:
    """The signals that are sent by hand."""
    return [(name, meaning) for name, meaning in SIGNALS.items() if name.startswith(incomplete)]


def mend(environ: MutableMapping[str, str]) -> None:
    """Let bash's question be one that can be answered: behind a colon begins a new, empty word."""
    words, number = environ.get("COMP_WORDS", "").split(), environ.get("COMP_CWORD", "")
    if number.isdigit() and 0 < int(number) == len(words) - 1 and words[-1] == ":":
        environ["COMP_CWORD"] = str(len(words))


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


def _fitting(offers: Iterable[Offer], before: str, incomplete: str) -> list[Offer]:
    """What goes on from what has been typed. Slots are many: they are offered by themselves, behind their colon.

    bash takes a colon for the end of a word: `before` is what it has cut off, and must not be offered again.
    """
    typed = before + incomplete
    found = [(word, meaning) for word, meaning in offers if word.startswith(typed)]
    if ":" not in typed:
        found = [(word, meaning) for word, meaning in found if ":" not in word]
    return [(word.removeprefix(before), meaning) for word, meaning in found]


def _cut_off() -> str:
    """The part of the word before the cursor that bash has cut off: `email:` of `email:1`; empty in other shells."""
    words = os.environ.get("COMP_WORDS", "").split() if "bash" in os.environ.get("_MINISUP_COMPLETE", "") else []
    number = os.environ.get("COMP_CWORD", "")
    at = int(number) if number.isdigit() else 0
    return f"{words[at - 2]}:" if 1 < at <= len(words) and words[at - 1] == ":" else ""


def _offers(ctx: typer.Context, kind: Callable[[Iterable[Mapping[str, Any]]], Iterator[Offer]]) -> list[Offer]:
    config, socket = _option(ctx, "config"), _option(ctx, "socket")
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
    import tomllib  # noqa: PLC0415 -- only when no minisup answers

    named = config or os.environ.get("MINISUP_CONFIG")
    path = named or next(path for path in connect.USUAL_CONFIGS if os.path.exists(path))
    with open(path, "rb") as file:
        programs = tomllib.load(file)["program"]
    for name, keys in programs.items():
        groups = keys.get("groups", ())
        yield {"name": name, "words": f"of {path}", "groups": groups if isinstance(groups, list) else (), "slots": []}


def _option(ctx: typer.Context, name: str) -> str | None:
    """A global option, wherever it stands."""
    place: Any = ctx
    while place is not None:
        if place.params.get(name):
            return str(place.params[name])
        place = place.parent
    return None
