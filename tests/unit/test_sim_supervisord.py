"""supervisord's rules in virtual time: the numbers that were measured on supervisord 4.3 come out."""

from math import inf
from random import Random

import pytest

from minisup.core.model import ExitCodes, Kind, Policy, Restart, Stop
from minisup.sim.jobs import Job, Reaction, Span
from minisup.sim.load_plan import Load, Scene
from minisup.sim.run_times import Fixed
from minisup.sim.supervisord_model import ProcessState, ProgramKeys, Supervisord, keys_of, play_supervisord

ALWAYS = ProgramKeys(autorestart=Restart.ALWAYS)


def peer(job, keys=ALWAYS, *, numprocs=1, names=("a",)):
    policies = [Policy(name=name, numprocs=numprocs) for name in names]
    jobs = job if isinstance(job, dict) else dict.fromkeys(names, job)
    return Supervisord(policies, dict.fromkeys(names, keys), jobs, Random(1), 0.0)


def launches(peer, begin=0.0):
    return [round(when - begin, 1) for when, _ in peer.trace.launches]


def states(peer):
    return [child.state for group in peer.groups for child in group]


def test_a_job_of_a_fifth_of_a_second_that_works_is_given_up_after_four_starts():
    one = peer(Job(lasts=0.2))
    one.run(60.0)
    assert launches(one, 1.0) == pytest.approx([0.0, 1.3, 3.5, 6.7], abs=0.2)
    (fatal, slot), *_ = one.fatal
    assert (slot, fatal - 1.0) == ("a:0", pytest.approx(7.9, abs=0.2))
    assert states(one) == [ProcessState.FATAL]
    assert [record.outcome for record in one.trace.records] == ["worked"] * 4


@pytest.mark.parametrize(
    ("numprocs", "rate"),
    [(1, 0.8), (10, 4.2)],  # of each; the ends of others wake the loop
)
def test_without_startsecs_a_slot_starts_once_a_second_unless_others_wake_it(numprocs, rate):
    several = peer(Job(lasts=0.2), ProgramKeys(startsecs=0.0, autorestart=Restart.ALWAYS), numprocs=numprocs)
    several.run(300.0)
    assert len(several.trace.launches) / 300.0 / numprocs == pytest.approx(rate, rel=0.1)
    assert several.fatal == []


def test_a_job_that_lives_longer_than_startsecs_is_never_given_up():
    one = peer(Job(lasts=1.05, code=1))
    one.run(600.0)
    assert len(one.trace.launches) / 600.0 == pytest.approx(0.47, abs=0.03)
    assert one.fatal == []


@pytest.mark.parametrize(
    ("restart", "code", "again"),
    [
        (Restart.ALWAYS, 0, True),
        (Restart.ON_FAILURE, 0, False),
        (Restart.ON_FAILURE, 1, True),
        (Restart.NEVER, 1, False),
    ],
)
def test_autorestart_decides_after_an_end_in_running(restart, code, again):
    one = peer(Job(lasts=2.0, code=code), ProgramKeys(autorestart=restart))
    one.run(10.0)
    assert (len(one.trace.launches) > 1) is again
    assert again or states(one) == [ProcessState.EXITED]


def test_what_does_not_start_by_itself_stays_stopped():
    one = peer(Job(), ProgramKeys(autostart=False))
    one.run(10.0)
    assert one.trace.launches == []
    assert one.shut_down(20.0) <= 12.0


def test_stop_is_a_signal_at_once_and_sigkill_after_stopwaitsecs():
    deaf = peer(Job(lasts=inf, reaction=Reaction.IGNORES), ProgramKeys(stopwaitsecs=3.0))
    deaf.run(10.0)
    assert deaf.shut_down(60.0) == pytest.approx(10.0 + 3.0 + 1.0, abs=1.1)  # a tick or two
    (record,) = deaf.trace.records
    assert (record.outcome, record.signal) == ("stopped", "SIGKILL")


def test_the_platform_does_not_wait_longer_than_it_does():
    deaf = peer(Job(lasts=inf, reaction=Reaction.IGNORES))
    deaf.run(10.0)
    assert deaf.shut_down(13.0) == 13.0
    assert [record.outcome for record in deaf.trace.records] == ["stopped"]


def test_programs_stop_one_after_another_and_those_of_one_program_together():
    slow = Job(lasts=inf, reaction=Reaction.FINISHES, reacts_in=2.0)
    four = peer(slow, names=("a", "b", "c", "d"))
    four.run(10.0)
    assert four.shut_down(60.0) - 10.0 == pytest.approx(8.2, abs=1.1)
    together = peer(slow, numprocs=4)
    together.run(10.0)
    assert together.shut_down(60.0) - 10.0 == pytest.approx(2.1, abs=1.1)


def test_a_backoff_that_is_stopped_is_fatal():
    one = peer(Job(lasts=0.1, code=1))
    one.run(2.5)
    assert states(one) == [ProcessState.BACKOFF]
    one.shut_down(60.0)
    assert states(one) == [ProcessState.FATAL]
    assert len(one.trace.launches) == 2


def test_the_keys_are_those_that_an_import_would_have_read():
    assert keys_of(Policy(name="a", restart=Restart.ALWAYS)) == ALWAYS
    assert keys_of(Policy(name="a", stop=Stop(drain=30.0, signal="SIGQUIT"))) == ProgramKeys(
        autorestart=Restart.ALWAYS, stopwaitsecs=30.0, stopsignal="SIGQUIT"
    )
    service = Policy(
        name="web",
        kind=Kind.SERVICE,
        autostart=False,
        stable_after=20.0,
        exit=ExitCodes(ok=frozenset()),
        stop=Stop(timeout=45.0),
    )
    assert keys_of(service) == ProgramKeys(
        autostart=False, autorestart=Restart.ALWAYS, startsecs=20.0, stopwaitsecs=45.0, exitcodes=frozenset({0})
    )
    assert keys_of(Policy(name="a", restart=Restart.NEVER, exit=ExitCodes(ok=frozenset({0, 3})))).exitcodes == {0, 3}


def test_an_outage_is_for_ever_until_a_deploy():
    load = Load(lasts=Fixed(2.0), outages=(Span(60.0, 120.0),))
    scene = Scene(seconds=300.0, loads={"a": load}, deploys=(200.0,), targets=("a",))
    played = play_supervisord([Policy(name="a", numprocs=3, autostart=False)], scene, 1)
    assert {slot for _, slot in played.fatal} == {"a:0", "a:1", "a:2"}
    first = min(when for when, _ in played.fatal)
    assert first - 60.0 == pytest.approx(8.0, abs=2.0)
    assert not [when for when, _ in played.trace.launches if first + 3.0 < when < 200.0]
    (deploy,) = played.deploys
    assert (deploy.asked, dict(deploy.cut)) == (200.0, {})
    assert [when for when, _ in played.trace.launches if when > 201.0]
