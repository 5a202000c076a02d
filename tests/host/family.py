"""Run by a test: a minisup in miniature with runs of all kinds, which says whose each process was found to be.

It prints one JSON object: under each name the processes that `leftovers` and `strangers` gave, by the names below.
"""

import json
import os
import signal
import time

from minisup.host.process.orphan_claims import Claims
from minisup.host.process.processes import (
    STRANGERS,
    UNKNOWN,
    census,
    children_of_self,
    group_lives,
    kill_sessions,
    set_child_subreaper,
    signal_members,
    stat,
)
from minisup.host.start.recipe import recipe
from minisup.host.start.spawn import NOTHING, Spawner

PATH = b"PATH=" + os.fsencode(os.environ["PATH"])
LONG = "300"
names: dict[int, str] = {}


class Credulous:
    """Believes what orphans say."""

    foreign = False

    def __init__(self):
        self.claims = Claims(lambda _: None, lambda: None)

    def hear(self, seen):
        self.claims.ask(seen)

    def owner(self, seen):
        claim = self.claims.of(seen)
        return UNKNOWN if claim is None else claim.run


court = Credulous()


def leftovers(ended, running):
    """What ended runs left behind, by run, once all have said whose they are."""
    found = until(lambda: UNKNOWN not in (found := census(ended, running, court)) and found)
    return {run: members for run, members in found.items() if run > 0 and run not in running.values()}


def strangers(ended, running):
    return census(ended, running, court).get(STRANGERS, [])


def until(predicate):
    for _ in range(1000):
        if value := predicate():
            return value
        time.sleep(0.01)
    raise TimeoutError


def start(run, shell):
    """Starts a run whose shell prints `name pid` for each process that it leaves; returns its pid."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = spawner.spawn(recipe(["sh", "-c", shell], [PATH]), run, 0, writer, NOTHING)
    os.close(writer)
    with open(reader) as file:
        for line in file.read().splitlines():
            name, number = line.split()
            names[int(number)] = name
    return pid


def named(found):
    return sorted(names.get(seen.pid, "?") for seen in found)


def settled(name):
    """The process has got its own session, as the shell that started it wanted."""
    pid = next(pid for pid, known in names.items() if known == name)
    return (seen := stat(pid)) and seen.session == pid


BACKGROUND = f"sleep {LONG} >/dev/null & echo $1 $!; "
DAEMON = f"setsid sleep {LONG} >/dev/null & echo $1 $!; "
INTRUDER = f"env -i setsid sleep {LONG} >/dev/null & echo $1 $!; "

assert set_child_subreaper()
spawner = Spawner()
sleeper = f"exec >/dev/null; exec sleep {LONG}"
ended = {
    start(1, "set -- background; " + BACKGROUND): 1,
    start(2, "set -- daemon; " + DAEMON): 2,
    start(3, "set -- stranger; " + INTRUDER): 3,
    start(4, "true"): 4,
}
running = {
    start(5, "set -- child-of-running; " + BACKGROUND + sleeper): 5,
    start(6, "set -- daemon-of-running; " + DAEMON + sleeper): 6,
    start(7, "set -- orphan-of-running; (" + DAEMON + ") ; " + sleeper): 7,
}
assert all(group_lives(pid) for pid in ended), "a zombie still counts"
for pid in ended:
    os.waitpid(pid, 0)
until(lambda: all(settled(name) for name in ("daemon", "stranger", "daemon-of-running", "orphan-of-running")))
until(lambda: all(stat(pid).state == "S" for pid in names))

answer = {
    "children": sorted(names.get(pid, "run") for pid in children_of_self()),
    "groups": [group_lives(pid) for pid in ended],
    "leftovers": {run: named(found) for run, found in leftovers(ended, running).items()},
    "strangers": named(strangers(ended, running)),
    "foreign": named(leftovers({os.getsid(0): 99}, running).get(99, ())),
}
found = leftovers(ended, running)
answer["stale"] = signal_members([seen._replace(start_time=1) for seen in found[1]], signal.SIGKILL)
answer["signalled"] = signal_members([seen for group in found.values() for seen in group], signal.SIGTERM)
until(lambda: not leftovers(ended, running))
kill_sessions(running)
for pid in running:
    os.waitpid(pid, 0)
rest = until(lambda: 5 not in (found := leftovers({**ended, **running}, {})) and found)
answer["after the kill"] = {run: named(group) for run, group in rest.items()}
signal_members([*strangers(ended, running), *(seen for group in rest.values() for seen in group)], signal.SIGKILL)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
print(json.dumps(answer))  # noqa: T201 - what the test reads
