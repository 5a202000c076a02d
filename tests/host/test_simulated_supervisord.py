"""The model of supervisord that `minisup simulate --versus` uses, beside supervisord itself: within a second.

A supervisord that wakes before its child can be reaped takes an instant failure for a success, and one that sees the
child's two pipes close one after the other wakes twice; the model leaves both out. So these jobs have one pipe, and
leave a process behind that holds it for a moment: supervisord wakes once, when the job has ended.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
from kit import Stage, Stopwatch, wait_until
from peer import Supervisord, command

from minisup.core.model import Policy
from minisup.sim.jobs import Job, Reaction
from minisup.sim.supervisord_model import ProgramKeys
from minisup.sim.supervisord_model import Supervisord as Model

pytestmark = pytest.mark.timeout(180)

WITHIN = 1.0
"""Seconds that the model may be off."""
HOLD = "sleep 0.05 &"
ONE_PIPE = {"redirect_stderr": "true"}
STARTS = 5
LONG_ENOUGH = 60.0
LINE = re.compile(r"^(\S+ \S+),(\d+) \w+ (.*)$")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def told(peer: Supervisord, words: str) -> list[float]:
    """The instants of the lines of its log with these words, in seconds since the first spawn."""
    found = []
    for line in (LINE.match(line) for line in peer.log.read_text().splitlines()):
        if line and (words in line[3] or "spawned:" in line[3]):
            moment = datetime.strptime(line[1], "%Y-%m-%d %H:%M:%S").timestamp() + int(line[2]) / 1000  # noqa: DTZ007 -- local, as all
            found.append((moment, words in line[3]))
    return [moment - found[0][0] for moment, is_meant in found if is_meant]


def modelled(job: Job, keys: ProgramKeys) -> Model:
    model = Model([Policy(name="job")], {"job": keys}, {"job": job}, Random(1), 0.0)
    model.run(LONG_ENOUGH)
    return model


def since_first(model: Model) -> list[float]:
    first = model.trace.launches[0][0]
    return [when - first for when, _ in model.trace.launches]


def stop(*peers: Supervisord) -> None:
    for peer in peers:
        peer.process.terminate()
    for peer in peers:
        peer.process.wait(LONG_ENOUGH)


@pytest.mark.parametrize(("exits", "startretries"), [(0, 3), (1, 2)])
def test_a_short_job_is_given_up_when_the_model_says(stage: Stage, exits: int, startretries: int) -> None:
    job = stage.script("job", f"sleep 0.2\n{HOLD}\nexit {exits}")
    peer = Supervisord(stage, "peer", {"job": {**ONE_PIPE, "command": command(job), "startretries": startretries}})
    wait_until(lambda: peer.said("gave up: job"), LONG_ENOUGH, "supervisord gives it up")
    stop(peer)
    model = modelled(Job(lasts=0.2, code=exits), ProgramKeys(startretries=startretries))
    (gave_up, _), *_ = model.fatal
    assert told(peer, "spawned:") == pytest.approx(since_first(model), abs=WITHIN)
    assert told(peer, "gave up:") == pytest.approx([gave_up - model.trace.launches[0][0]], abs=WITHIN)
    assert not peer.said("entered RUNNING")


def test_a_job_that_lives_longer_than_startsecs_starts_when_the_model_says(stage: Stage) -> None:
    job = stage.script("job", f"sleep 1.3\n{HOLD}\nexit 1")
    peer = Supervisord(stage, "peer", {"job": {**ONE_PIPE, "command": command(job)}})
    wait_until(lambda: len(peer.said("spawned:")) >= STARTS, LONG_ENOUGH, "some starts")
    stop(peer)
    spawned = told(peer, "spawned:")[:STARTS]
    assert spawned == pytest.approx(since_first(modelled(Job(lasts=1.3, code=1), ProgramKeys()))[:STARTS], abs=WITHIN)
    assert not peer.said("gave up:")


def test_its_stop_kills_after_stopwaitsecs_and_one_program_after_another(stage: Stage) -> None:
    deaf = stage.script("deaf", f"trap '' TERM\necho up >> {stage.root}/up\nwhile :; do sleep 0.1; done")
    keys = {"command": command(deaf), "stopwaitsecs": 2, "stopasgroup": "true"}
    peer = Supervisord(stage, "peer", {"one": keys, "two": keys})
    wait_until(lambda: len(stage.lines("up")) == 2, LONG_ENOUGH, "both run")
    wait_until(lambda: len(peer.said("entered RUNNING")) == 2, LONG_ENOUGH, "it knows that both run")
    took = Stopwatch()
    stop(peer)
    seconds = took.seconds
    job = Job(lasts=1e9, reaction=Reaction.IGNORES)
    model = Model(
        [Policy(name="one"), Policy(name="two")],
        {name: ProgramKeys(stopwaitsecs=2.0) for name in ("one", "two")},
        {"one": job, "two": job},
        Random(1),
        0.0,
    )
    model.run(10.0)
    # Its loop sleeps for up to a second before it sees the signal; where in this second it comes is chance.
    assert seconds == pytest.approx(model.shut_down(100.0) - 10.0 + 0.5, abs=WITHIN + 0.5)
