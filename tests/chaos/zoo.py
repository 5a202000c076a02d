"""The programs of a chaos run: one of each kind, then again, until there are as many as were asked for."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from kit import program

QUICK_RETRY = {"backoff": "50ms", "max_backoff": "1s", "refill": "500ms"}
IDLE = {"wait": "50ms", "max_wait": "1s"}
SAYS = {"idle": {**IDLE, "output": "done [0-9]*[02468]$"}, "worked": {"output": "done"}}
SCALE = {"max": 5, "target_wait": "1s", "every": "300ms"}
COUNT = [
    "sh",
    "-c",
    "case $$(($$$$ % 9)) in 0) sleep 5 ;; 1) echo what ;; 2) kill -9 $$$$ ;; *) echo $$(($$$$ % 60)) ;; esac",
]
"""A probe that mostly counts something, and else hangs, talks nonsense or dies."""
FILE = {"to": "file", "path": "filed.log", "max_size": "200KiB", "keep": 2, "compress": True}
UNSEEN = {"silent", "filed"}
"""Kinds whose output does not come to the console."""


class Kind(NamedTuple):
    """A kind of program: what its job does (`jobs/animal.c`) and how it is configured."""

    job: str
    milliseconds: int
    keys: dict[str, Any]


KINDS = {
    "quick": Kind("work", 30, {"numprocs": 2, "min_runtime": 0}),
    "paced": Kind("work", 5, {"numprocs": 4, "min_runtime": "200ms"}),
    "idle": Kind("idle", 2, {"numprocs": 3, "min_runtime": 0, "exit": {"idle": [7]}, "idle": IDLE}),
    "flaky": Kind("flaky", 10, {"numprocs": 3, "min_runtime": "50ms", "retry": QUICK_RETRY}),
    "failing": Kind("fail", 5, {"numprocs": 2, "retry": QUICK_RETRY}),
    "quitter": Kind("fail", 5, {"retry": {**QUICK_RETRY, "give_up": "stop", "give_up_after": "2s"}}),
    "crashing": Kind("crash", 20, {"retry": QUICK_RETRY}),
    "fatal": Kind("fatal", 5, {"numprocs": 2, "retry": QUICK_RETRY}),
    "missing": Kind("work", 20, {"numprocs": 2, "min_runtime": "100ms", "retry": QUICK_RETRY}),
    "deaf": Kind("deaf", 0, {}),
    "daemon": Kind("daemon", 20, {"min_runtime": "500ms"}),
    "holder": Kind("holder", 10, {"min_runtime": "200ms"}),
    "flood": Kind("flood", 100, {"min_runtime": "200ms"}),
    "silent": Kind("flood", 100, {"min_runtime": "200ms", "log": {"to": "none"}}),
    "filed": Kind("flood", 50, {"min_runtime": "200ms", "log": FILE}),
    "late": Kind("work", 5000, {"max_runtime": "300ms", "retry": QUICK_RETRY}),
    "greedy": Kind("eat", 1000, {"limits": {"memory": "16MiB"}, "retry": QUICK_RETRY}),
    "modest": Kind("work", 10, {"numprocs": 2, "min_runtime": "100ms", "limits": {"nofile": 64, "nice": 5}}),
    "web": Kind("serve", 30, {"kind": "service", "numprocs": 3, "min_runtime": "100ms", "stable_after": "500ms"}),
    "task": Kind("work", 50, {"kind": "task", "numprocs": 2, "retry": QUICK_RETRY}),
    "needy": Kind("work", 40, {"min_runtime": "100ms", "after": ["task1", "web1"]}),
    "timed": Kind("work", 30, {"schedule": {"every": "1s", "overlap": "queue"}}),
    "yearly": Kind("work", 30, {"schedule": {"cron": "0 3 1 1 *", "timezone": "UTC"}}),
    "elastic": Kind("work", 30, {"min_runtime": "50ms", "scale": {**SCALE, "probe": {"command": COUNT}}}),
    "remote": Kind("work", 30, {"min_runtime": "50ms", "scale": {**SCALE, "probe": {"redis": "", "list": "mail"}}}),
    "watched": Kind("work", 500, {"numprocs": 2, "watch": ["watched/*.php"]}),
    "talker": Kind("work", 10, {"numprocs": 2, "min_runtime": "50ms", **SAYS}),
    "swarm": Kind("serve", 20, {"numprocs": 25}),
}
"""By name. A `missing` program's command comes and goes."""


class Animal(NamedTuple):
    """One program: its name, its kind, how many slots it has, and its table in the configuration."""

    name: str
    kind: str
    numprocs: int
    table: str


def most(keys: dict[str, Any]) -> int:
    """The highest number of slots of a program without `numprocs`."""
    return int(keys["scale"]["max"]) if "scale" in keys else 1


def zoo(
    count: int, chance: random.Random, directory: Path, command: Callable[[str, str], Path], redis: str = ""
) -> list[Animal]:
    """`count` programs; `command` gives the job's file for a name and kind. Without `redis`, a URL, none asks it."""
    kinds = [kind for kind in KINDS if redis or kind != "remote"]
    animals = []
    for number in range(count):
        kind, herd = kinds[number % len(kinds)], number // len(kinds) + 1
        name = f"{kind}{herd}"
        job, milliseconds, keys = KINDS[kind]
        stop = {
            "drain": f"{chance.choice([0, 50, 300])}ms",
            "timeout": f"{chance.choice([100, 400])}ms",
            "scope": chance.choice(["leader", "group"]),
        }
        words = [command(name, kind), directory, job, str(milliseconds)]
        groups = [f"herd{herd}"]
        if kind == "remote":
            probe = {**keys["scale"]["probe"], "redis": redis, "timeout": "1s"}
            keys = {**keys, "scale": {**keys["scale"], "probe": probe}}
        animals.append(
            Animal(name, kind, keys.get("numprocs", most(keys)), program(name, words, stop=stop, groups=groups, **keys))
        )
    return animals
