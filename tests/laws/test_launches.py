"""From the moment everything fails: launches <= M + N * (1 + r) + elapsed / refill, for every N (DESIGN 4)."""

from hypothesis import given
from hypothesis import strategies as st

from minisup.core.model import ExitCodes, Idle, MessageSource, Policy, Retry
from minisup.sim.jobs import Job, Queue, Span
from minisup.sim.world import World

retries = st.builds(
    Retry,
    backoff=st.sampled_from([0.0, 0.1, 1.0]),
    max_backoff=st.sampled_from([0.5, 5.0, 30.0]),
    budget=st.sampled_from([0, 1, 10]),
    refill=st.sampled_from([1.0, 5.0, 15.0]),
    max_failure_ratio=st.sampled_from([0.0, 0.2, 0.5, 0.75, 0.95]),
)
jobs = st.fixed_dictionaries(
    {
        "lasts": st.sampled_from([0.1, 2.0, (0.0, 5.0), (1.0, 100.0)]),
        "fails": st.sampled_from([0.0, 0.2, 0.5]),  # before everything fails
        "fails_after": st.sampled_from([0.0, 0.05, 1.0]),
    }
)


@given(
    retries,
    jobs,
    st.integers(1, 24),
    st.sampled_from([0.0, 1.0]),
    st.booleans(),
    st.sampled_from([1.0, 30.0, 200.0]),
    st.integers(0, 1000),
)
def test_an_outage_cannot_cost_more_launches_than_the_budget(retry, job, numprocs, min_runtime, queued, calm, seed):
    policy = Policy(
        name="email",
        numprocs=numprocs,
        min_runtime=max(min_runtime, 0.2 if job["lasts"] == (0.0, 5.0) else 0.0),
        exit=ExitCodes(idle=frozenset({7})),
        idle=Idle(max_wait=5.0),
        retry=retry,
    )
    queue = Queue(numprocs / 4.0) if queued else None
    world = World([policy], {"email": Job(queue=queue, outages=(Span(calm, 1e9),), **job)}, seed=seed)
    world.boot()
    world.run(calm)
    credit = retry.max_failure_ratio / (1.0 - retry.max_failure_ratio)
    most = retry.budget + numprocs + numprocs * (1.0 + credit)
    before = len(world.trace.launches)
    for _ in range(30):
        world.run(5.0)
        launched = sum(1 for when, _ in world.trace.launches[before:] if when > calm)
        assert launched <= most + (world.now - calm) / retry.refill + 1e-6


@given(retries, st.integers(1, 12), st.sampled_from([5.0, 60.0, 600.0]), st.integers(0, 1000))
def test_a_program_heals_by_itself_after_any_outage(retry, numprocs, lasted, seed):
    policy = Policy(name="email", numprocs=numprocs, retry=retry)
    job = Job(lasts=1.0, fails_after=0.5, outages=(Span(10.0, 10.0 + lasted),))
    world = World([policy], {"email": job}, seed=seed)
    world.boot()
    world.run(10.0 + lasted + retry.max_backoff + (numprocs + 1) * (retry.refill + 2.0))
    now = world.now
    world.run(3.0)
    recent = {record.slot for record in world.trace.records if record.started >= now and record.outcome == "worked"}
    assert len(recent) == numprocs


@given(
    retries,
    jobs,
    st.integers(1, 12),
    st.builds(MessageSource, warm=st.sampled_from([0, 2]), prefetch=st.sampled_from([0, 3])),
    st.sampled_from([0.5, 4.0]),
    st.integers(0, 1000),
)
def test_an_outage_burns_no_more_receives_than_the_budget(retry, job, numprocs, source, calm, seed):
    policy = Policy(name="email", numprocs=numprocs, min_runtime=0.2, retry=retry, source=source)
    world = World([policy], {"email": Job(outages=(Span(calm, 1e9),), **job)}, seed=seed)
    world.boot()
    broker = world.brokers["email"]
    world.send("email", *(f"m{number}" for number in range(200)))
    world.run(calm)
    credit = retry.max_failure_ratio / (1.0 - retry.max_failure_ratio)
    most = broker.receives + retry.budget + numprocs + numprocs * (1.0 + credit)
    most += source.prefetch * (1 + numprocs)  # each run in progress may still end well, and the hand is filled again
    for _ in range(10):
        world.run(5.0)
        assert broker.receives <= most + (world.now - calm) / retry.refill + 1e-6
