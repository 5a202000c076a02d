"""Whatever happens in whatever order: the laws of `driver` hold."""

from dataclasses import replace

from driver import Driver, Steps
from hypothesis import given
from hypothesis import strategies as st

from minisup.core.messages import Verb
from minisup.core.model import (
    ExitCodes,
    GiveUp,
    Idle,
    Kind,
    MessageSource,
    OnLost,
    Overlap,
    Policy,
    Restart,
    Retry,
    Scale,
    Schedule,
    Scope,
    Stop,
)

CODES = ExitCodes(idle=frozenset({7}), recycle=frozenset({12}))
REJECTS = ExitCodes(reject=frozenset({65}))

retries = st.builds(
    Retry,
    backoff=st.sampled_from([0.0, 1.0]),
    max_backoff=st.sampled_from([2.0, 30.0]),
    budget=st.sampled_from([0, 1, 10]),
    refill=st.sampled_from([5.0, 15.0]),
    max_failure_ratio=st.sampled_from([0.0, 0.5, 0.95]),
    give_up=st.sampled_from(list(GiveUp)),
    give_up_after=st.sampled_from([5.0, 60.0]),
)
stops = st.builds(
    Stop,
    drain=st.sampled_from([0.0, 3.0, 60.0]),
    timeout=st.sampled_from([0.0, 2.0, 10.0]),
    scope=st.sampled_from(list(Scope)),
)
schedules = st.one_of(
    st.none(),
    st.builds(
        Schedule,
        every=st.sampled_from([0.5, 3.0]),
        overlap=st.sampled_from(list(Overlap)),
        jitter=st.sampled_from([0.0, 0.4]),
    ),
    st.builds(
        Schedule,
        calendar=st.sampled_from([Steps(2.0), Steps(60.0)]),
        overlap=st.sampled_from(list(Overlap)),
        jitter=st.sampled_from([0.0, 1.0, 90.0]),
        catch_up=st.booleans(),
    ),
)
policies = st.builds(
    Policy,
    name=st.just(""),
    kind=st.sampled_from(list(Kind)),
    numprocs=st.integers(0, 3),
    min_runtime=st.sampled_from([0.0, 1.0, 5.0]),
    max_runtime=st.sampled_from([None, None, 4.0]),
    restart=st.sampled_from(list(Restart)),
    autostart=st.booleans() | st.just(True),
    max_start_rate=st.sampled_from([None, None, 0.5]),
    exit=st.sampled_from([CODES, ExitCodes()]),
    idle=st.just(Idle(max_wait=4.0)),
    retry=retries,
    stop=stops,
)


scales = st.builds(
    Scale,
    min=st.integers(0, 2),
    max=st.integers(2, 5),
    target_wait=st.sampled_from([1.0, 10.0]),
    every=st.sampled_from([1.0, 5.0]),
    probed=st.booleans(),
)


sources = st.builds(
    MessageSource,
    max_receives=st.sampled_from([1, 3]),
    warm=st.sampled_from([0, 0, 1, 2]),
    warm_age=st.sampled_from([3.0, 300.0]),
    prefetch=st.sampled_from([0, 0, 1, 4]),
    on_lost=st.sampled_from(list(OnLost)),
)


def with_source(policy, source):
    """The policy with that source, or none, if it is one that can have one."""
    can = source is not None and policy.kind is Kind.JOB and policy.schedule is None
    if not can:
        return replace(policy, source=None)
    scale = policy.scale and replace(policy.scale, probed=False, min=max(1, policy.scale.min))
    numprocs = policy.numprocs if scale is None else scale.min
    return replace(policy, source=source, scale=scale, numprocs=numprocs, exit=REJECTS)


def with_schedule(policy, schedule):
    """The policy with that schedule, or none, if it is one that can have one."""
    can = policy.kind is Kind.JOB and policy.restart is Restart.ALWAYS and policy.source is None
    return replace(policy, schedule=schedule) if can else policy


def with_scale(policy, scale):
    """The policy, which scales itself so, or no more."""
    if scale is None:
        return replace(policy, scale=None)
    least = scale.min if scale.probed else max(1, scale.min)
    return replace(policy, numprocs=least, scale=replace(scale, min=least))


@st.composite
def fleets(draw):
    """One to three programs; later ones may be `after` earlier ones that are no jobs."""
    made = []
    for name in ["a", "b", "c"][: draw(st.integers(1, 3))]:
        needed = [other.name for other in made if other.kind is not Kind.JOB and draw(st.booleans())]
        policy = replace(draw(policies), name=name, after=tuple(needed))
        policy = with_scale(with_schedule(policy, draw(schedules)), draw(st.none() | scales))
        made.append(with_source(policy, draw(st.none() | sources)))
    return made


ANSWERS = ["ok", "scarce", "missing", "late ok", "late ok", "late scarce", "late missing"]
number = st.integers(0, 20)
happenings = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 7.0, 30.0, 300.0])),
    st.tuples(
        st.just("exit"), number, st.sampled_from([0, 0, 0, 1, 7, 12, 65, 78, None]), st.integers(0, 2), st.booleans()
    ),
    st.tuples(st.just("crash"), number, st.sampled_from(["SIGSEGV", "SIGKILL", "SIGTERM"]), st.integers(0, 1)),
    st.tuples(st.just("leftovers"), number, st.sampled_from([0, 0, 1, 12])),
    st.tuples(st.just("appear"), number, st.sampled_from([1, 12])),
    st.tuples(st.just("fill"), number),
    st.tuples(st.just("unclog"), number),
    st.tuples(st.just("touch"), number),
    st.tuples(st.just("change"), number),
    st.tuples(st.just("spawns"), st.lists(st.sampled_from(ANSWERS), max_size=4)),
    st.tuples(st.just("arrive"), number),
    st.tuples(st.just("ask"), st.sampled_from(list(Verb)), number, st.booleans(), st.booleans()),
    st.tuples(st.just("ask all"), st.sampled_from(list(Verb)), st.booleans()),
    st.tuples(st.just("scale"), number, st.sampled_from([0, 1, 2, 5]), st.booleans()),
    st.tuples(st.just("once"), number),
    st.tuples(
        st.just("reload"),
        number,
        st.one_of(
            st.tuples(st.just("schedule"), schedules),
            st.tuples(st.just("scale"), st.none() | scales),
            st.tuples(st.just("numprocs"), st.integers(0, 3)),
            st.tuples(st.just("pace"), st.sampled_from([0.0, 5.0])),
            st.tuples(st.just("source"), st.none() | sources),
            st.tuples(st.just("gone"), st.none()),
        ),
    ),
    st.tuples(st.just("measure"), number, st.sampled_from([None, 0, 0, 1, 30, 1000])),
    st.tuples(st.just("receive"), number, st.integers(1, 4), st.sampled_from([1, 1, 3]), st.booleans()),
    st.tuples(st.just("receive again"), number),
    st.tuples(st.just("lose lease"), number),
    st.tuples(st.just("say"), number, st.sampled_from(["refused", "refused", None, None, 0, 12])),
    st.tuples(st.just("signal"), number, st.sampled_from(["SIGTERM", "SIGKILL", "SIGSTOP"])),
    st.tuples(st.just("stale"), number),
    st.tuples(st.just("set clock"), st.sampled_from([-100_000.0, -60.0, -3.0, -0.1, 0.1, 3.0, 60.0, 100_000.0])),
)


def exit_(driver, index, code, leftovers, output):
    if driver.runs:
        driver.exit(chosen(driver.runs, index), code, leftovers=leftovers, output=output, unread=index % 5 == 0)


def crash(driver, index, signal, leftovers):
    if driver.runs:
        driver.exit(chosen(driver.runs, index), None, signal, leftovers, oom=signal == "SIGKILL")


def change_leftovers(driver, index, count):
    if driver.left:
        driver.leftovers(*chosen(driver.left, index), count)


def appear(driver, index, count):
    if driver.fleet.slots:
        driver.appear(chosen(driver.fleet.slots, index), count)


def arrive(driver, index):
    starting = [slot for slot, run in driver.runs.items() if run.starting]
    if starting:
        driver.arrive(chosen(starting, index))


def fill(driver, index):
    if driver.runs:
        driver.fill(chosen(driver.runs, index))


def unclog(driver, index):
    if driver.clogged:
        driver.unclog(chosen(sorted(driver.clogged), index))


def answer_spawns(driver, answers):
    driver.answers = list(answers)


def ask(driver, verb, index, now, named):
    if driver.fleet.slots:
        slot = chosen(driver.fleet.slots, index)
        driver.ask(verb, [slot], [slot] if named else [], now=now)


def scale(driver, index, numprocs, now):
    driver.scale(chosen(driver.policies, index), numprocs, now=now)


def reload(driver, index, change):
    """Another schedule, scale or number of slots for one program; or it goes, or comes back."""
    what, value = change
    name = chosen(driver.known, index)
    made = dict(driver.policies)
    policy = driver.known[name]
    if what == "gone" and name in made:
        del made[name]
    elif what == "schedule":
        made[name] = with_schedule(policy, value)
    elif what == "scale":
        made[name] = with_scale(policy, value)
    elif what == "source":
        made[name] = with_source(policy, value)
    elif what == "numprocs" and policy.scale is None:
        made[name] = replace(policy, numprocs=value)
    elif what == "pace":
        made[name] = replace(policy, min_runtime=value)
    else:
        made[name] = policy
    if made:
        ordered = [made[known] for known in driver.known if known in made]
        driver.reload([replace(p, after=tuple(n for n in p.after if n in made)) for p in ordered])


def receive(driver, index, number, receives, beyond):
    """So many messages come for one program; `beyond` its credit, also for one that has no source, or is gone."""
    for _ in range(number):
        driver.receive(chosen(driver.known, index), receives, beyond=beyond)


def receive_again(driver, index):
    if driver.held:
        driver.receive_again(chosen(driver.held, index))


def lose_lease(driver, index):
    if driver.held:
        driver.lose_lease(chosen(driver.held, index))


def signal(driver, index, name):
    if driver.fleet.slots:
        driver.signal([chosen(driver.fleet.slots, index)], name)


def stale(driver, index):
    if driver.armed:
        key = chosen(driver.armed, index)
        driver.stale(key, driver.armed[key] - 1)


SLOTS = ["a:0", "a:1", "b:0", "b:2", "c:1", "c:7", "gone:0", "gone:1"]
inherited = st.lists(st.tuples(st.sampled_from(SLOTS), st.booleans(), st.sampled_from([0.0, 3.0, 100.0])), max_size=4)
"""Runs of an earlier minisup: slot, whether it goes on, and its age; not every slot is in the configuration."""


def inherit(driver, runs):
    for slot, goes_on, age in runs:
        if goes_on:
            driver.survive(slot, age)
        else:
            driver.lose(slot)
        driver.recall(slot, age)


HAPPENS = {
    "wait": Driver.wait,
    "exit": exit_,
    "crash": crash,
    "leftovers": change_leftovers,
    "appear": appear,
    "arrive": arrive,
    "fill": fill,
    "unclog": unclog,
    "change": lambda driver, index: driver.change(chosen(driver.policies, index)),
    "touch": lambda driver, index: driver.touch(chosen(driver.policies, index)),
    "spawns": answer_spawns,
    "ask": ask,
    "ask all": lambda driver, verb, now: driver.ask(verb, list(driver.fleet.slots), now=now),
    "scale": scale,
    "once": lambda driver, index: driver.once(chosen(driver.policies, index)),
    "reload": reload,
    "measure": lambda driver, index, visible: driver.measure(chosen(driver.policies, index), visible),
    "receive": receive,
    "receive again": receive_again,
    "lose lease": lose_lease,
    "say": lambda driver, index, what: driver.say(chosen(driver.known, index), what),
    "signal": signal,
    "stale": stale,
    "set clock": Driver.set_clock,
}


def happen(driver, what):
    """Let one thing happen, if it can."""
    name, *arguments = what
    HAPPENS[name](driver, *arguments)


def chosen(things, index):
    things = list(things)
    return things[index % len(things)]


@given(fleets(), inherited, st.lists(happenings, max_size=60), st.booleans(), st.integers(0, 3))
def test_no_order_of_events_breaks_a_law(made, runs, story, exit_when_done, seed):
    driver = Driver(made, exit_when_done=exit_when_done, seed=seed)
    inherit(driver, runs)
    driver.boot()
    for what in story:
        happen(driver, what)
    driver.check_replay()


often = st.one_of(
    happenings,
    st.tuples(st.just("receive"), number, st.integers(1, 4), st.sampled_from([1, 1, 3]), st.just(value=False)),
    st.tuples(st.just("exit"), number, st.sampled_from([0, 1, 65, 78]), st.just(0), st.just(value=False)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 2.0, 30.0])),
)
"""What happens, and three times as often what happens to a program with a source."""


@given(
    st.builds(with_source, policies.map(lambda policy: replace(policy, name="a", kind=Kind.JOB)), sources),
    inherited,
    st.lists(often, max_size=60),
    st.integers(0, 3),
)
def test_no_order_of_messages_breaks_a_law(policy, runs, story, seed):
    driver = Driver([policy], seed=seed)
    inherit(driver, runs)
    driver.boot()
    for what in story:
        happen(driver, what)
    driver.check_replay()


@given(
    fleets(),
    inherited,
    st.lists(happenings, max_size=25),
    st.lists(st.tuples(st.sampled_from([0.0, 0.2, 0.6, 3.0]), st.booleans()), min_size=1, max_size=4),
    st.lists(happenings, max_size=15),
    st.sampled_from([1.0, 10.0, 90.0]),
)
def test_a_shutdown_ends_in_time_and_nothing_starts_after_it(made, runs, story, requests, ending, limit):
    driver = Driver(made, shutdown_timeout=limit)
    inherit(driver, runs)
    driver.boot()
    for what in story:
        happen(driver, what)
    for (pause, now), what in zip(requests, [*ending, *[("wait", 0.0)] * 4], strict=False):
        driver.shut_down(now=now)
        happen(driver, what)
        driver.wait(pause)
    for what in ending:
        happen(driver, what)
    driver.wait(limit)
    assert driver.halted is not None
    driver.check_replay()


@given(fleets(), inherited, st.lists(happenings, max_size=40))
def test_a_shutdown_ends_at_once_when_the_last_process_does(made, runs, story):
    driver = Driver(made, shutdown_timeout=90.0)
    inherit(driver, runs)
    driver.boot()
    for what in story:
        happen(driver, what)
    driver.shut_down()
    for _ in range(100):
        if driver.runs:
            driver.exit(next(iter(driver.runs)))
        elif driver.left:
            driver.leftovers(*next(iter(driver.left)), 0)
        driver.wait(0.0)
    assert not driver.runs
    assert not driver.left
    assert driver.halted is not None
