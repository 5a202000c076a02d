"""Scale-in protection on ECS, against a small server that stands for the agent."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, wait_until
from listener import Asked, Listener, granted
from plumbing import Plumbing

from minisup.config.keys.tables import TaskProtection
from minisup.core import facts
from minisup.core.fleet import Fleet
from minisup.core.messages import Record
from minisup.core.model import Kind, Outcome, Policy
from minisup.core.slot import Run
from minisup.host.integrations.agent import MINUTES, protection_url, trouble, wish
from minisup.host.integrations.http_call import HttpAnswer
from minisup.host.integrations.protection import TIMES, Protection, Times

ECS = 'platform = "ecs"\nshutdown_timeout = "8s"'
PATH = "/task-protection/v1/state"
QUICK = Times(grace=0.3, refresh=0.2, retry=0.1, longest_retry=0.4, limit=0.5, last=0.5)
UNTIL_GO = sh("echo begin >> begun; while ! test -e go; do sleep 0.02; done")


@pytest.fixture
def agent() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def up(stage: Stage, agent: Listener, *programs: str, supervisor: str = ECS, **keys: Any) -> Daemon:
    return stage.up(*programs, supervisor=supervisor, env={"ECS_AGENT_URI": f"{agent.url}/api/1"}, **keys)


# --- a real minisup ---------------------------------------------------------------------------------------------------


def test_it_is_on_while_a_job_runs_and_while_minisup_drains_and_off_at_the_end(stage: Stage, agent: Listener) -> None:
    daemon = up(stage, agent, program("job", UNTIL_GO, min_runtime="60s"))
    first = wait_until(lambda: agent.asked, SOON, "the agent is asked")[0]
    on = {"ProtectionEnabled": True, "ExpiresInMinutes": MINUTES}
    assert (first.method, first.path, first.body) == ("PUT", f"/api/1{PATH}", on)
    wait_until(lambda: "scale-in protection works" in daemon.stderr, SOON, "that is said")
    wait_until(lambda: stage.lines("begun"), SOON, "the job is at work")
    daemon.term()
    wait_until(lambda: daemon.status()["state"] == "draining", SOON, "minisup drains")
    holds_for(lambda: agent.wishes() == [True], 0.5, "it stays on while the run finishes")
    stage.write("go", "")
    assert daemon.wait() == 0
    assert agent.wishes() == [True, False]
    assert agent.asked[-1].body == {"ProtectionEnabled": False}


def test_jobs_that_start_and_end_many_times_a_second_make_one_request(stage: Stage, agent: Listener) -> None:
    quick = program("quick", sh("echo >> ran"), numprocs=2, min_runtime="50ms", log={"to": "none"})
    daemon = up(stage, agent, quick)
    wait_until(lambda: len(stage.lines("ran")) >= 100, 30.0, "a hundred runs")
    assert agent.wishes() == [True]
    daemon.term()
    assert daemon.wait() == 0
    assert agent.wishes() == [True, False]


def test_a_service_does_not_protect(stage: Stage, agent: Listener) -> None:
    daemon = up(stage, agent, program("web", "sleep 1000", kind="service", min_runtime=0))
    wait_until(lambda: daemon.program("web")["running"], SOON, "it runs")
    holds_for(lambda: not agent.asked, 1.0, "nobody is asked")


def test_a_task_whose_programs_are_paused_is_free_after_the_grace(stage: Stage, agent: Listener) -> None:
    daemon = up(stage, agent, program("job", "true", min_runtime="50ms"))
    wait_until(lambda: agent.wishes() == [True], SOON, "it is on")
    watch = Stopwatch()  # the last run ends after this
    assert stage.command("pause", "all", "--wait").returncode == 0
    wait_until(lambda: agent.wishes() == [True, False], TIMES.grace + SOON, "it is off")
    assert watch.seconds > TIMES.grace
    daemon.term()
    assert daemon.wait() == 0
    assert agent.wishes() == [True, False], "it was off already"


@pytest.mark.parametrize(
    ("supervisor", "uri"),
    [
        ('platform = "docker"', "{url}"),
        (ECS + "\ntask_protection.enabled = false", "{url}"),
        (ECS, ""),
        (ECS, "169.254.170.2/api"),
    ],
    ids=["another platform", "switched off", "no agent", "no URL"],
)
def test_nobody_is_asked_where_it_is_not_for(stage: Stage, agent: Listener, supervisor: str, uri: str) -> None:
    env = {"ECS_AGENT_URI": uri.format(url=agent.url)} if uri else {}
    daemon = stage.up(program("job", sh("echo >> ran"), min_runtime="50ms"), supervisor=supervisor, env=env)
    wait_until(lambda: len(stage.lines("ran")) >= 5, SOON, "runs come and go")
    daemon.term()
    assert daemon.wait() == 0
    assert not agent.asked


def test_an_agent_that_never_answers_delays_neither_the_jobs_nor_the_exit(stage: Stage, agent: Listener) -> None:
    agent.hang()
    daemon = up(stage, agent, program("job", sh("echo >> ran"), min_runtime="20ms", log={"to": "none"}))
    wait_until(lambda: agent.asked, SOON, "the agent is asked")
    wait_until(lambda: len(stage.lines("ran")) >= 30, SOON, "jobs go on")
    assert daemon.answers()
    watch = Stopwatch()
    daemon.term()
    assert daemon.wait() == 0
    assert watch.seconds < 3.0, "half a second for the agent, at most"


def test_an_agent_that_is_not_there_is_one_warning(stage: Stage) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound and not listening: the connection is refused
        uri = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE), supervisor=ECS, env={"ECS_AGENT_URI": uri})
        line = "warning: cannot turn scale-in protection on: connection refused; jobs go on, next try in 5 s"
        wait_until(lambda: line in daemon.stderr, SOON, "that is said")
        watch = Stopwatch()
        daemon.term()
        assert daemon.wait() == 0
        assert watch.seconds < 3.0
        daemon.says("scale-in")
        assert daemon.stderr.count("scale-in") == 1


def test_a_reload_turns_it_off_and_on(stage: Stage, agent: Listener) -> None:
    job = program("job", "sleep 1000", stop=AT_ONCE)
    daemon = up(stage, agent, job)
    wait_until(lambda: agent.wishes() == [True], SOON, "it is on")
    stage.config(job, supervisor=ECS + "\ntask_protection.enabled = false")
    daemon.ask("reload")
    wait_until(lambda: agent.wishes() == [True, False], SOON, "it is off")
    stage.config(job, supervisor=ECS)
    daemon.ask("reload")
    wait_until(lambda: agent.wishes() == [True, False, True], SOON, "it is on again")


def test_minisup_loads_http_only_where_it_is_protected(stage: Stage, agent: Listener) -> None:
    report = (
        "import atexit, sys; atexit.register(lambda: print('loaded', *sorted("
        "{'http.client', 'ssl', 'urllib.request', 'urllib.parse'} & set(sys.modules)), file=sys.stderr));"
        "from minisup.__main__ import main; main()"
    )
    for platform, expected in (("docker", "loaded\n"), ("ecs", "loaded http.client")):
        task = program("task", "true", kind="task")
        daemon = up(
            stage,
            agent,
            task,
            supervisor=f'platform = "{platform}"',
            entry=("-c", report),
            args=("--exit-when-done",),
            ready=False,
        )
        assert daemon.wait() == 0
        daemon.says(expected)


# --- inside -----------------------------------------------------------------------------------------------------------


class World:
    """Protection with quick times, two jobs and a service, and a loop driven by hand."""

    def __init__(self, url: str, times: Times = QUICK) -> None:
        self.plumbing = Plumbing()
        policies = [Policy(name="job", numprocs=2), Policy(name="other"), Policy(name="web", kind=Kind.SERVICE)]
        self.fleet = Fleet(policies, shutdown_timeout=10.0, uniform=lambda low, _high: low)
        self.running: dict[int, tuple[str, int]] = {}
        self.told: list[object] = []
        self.protection = Protection(
            self.plumbing.loop, self.fleet, self.running, self.told.append, url, poll=0.3, times=times
        )

    def start(self, name: str) -> None:
        self.running[len(self.running) + 1] = (name, 1)
        self.fleet.slots[name].run = Run(1, self.plumbing.loop.clock.monotonic())
        self.protection.started(name)

    def end(self, name: str, outcome: Outcome = Outcome.WORKED) -> None:
        for pid in [pid for pid, (slot, _) in self.running.items() if slot == name]:
            del self.running[pid]
        self.protection.ended(Record(1, name, 0.0, 0.1, outcome, 0, None, 0.0, None, 0, ""))

    def until(self, predicate: Callable[[], object]) -> None:
        self.plumbing.until(predicate)

    def rest(self, seconds: float) -> None:
        watch = Stopwatch()
        self.plumbing.until(lambda: watch.seconds > seconds)

    def facts(self, kind: type) -> list[Any]:
        return [fact for fact in self.told if type(fact) is kind]


@pytest.fixture
def world(agent: Listener) -> Iterator[World]:
    made = World(protection_url({"ECS_AGENT_URI": agent.url + "/"}))
    yield made
    agent.go_on.set()
    made.plumbing.end()


def test_off_comes_a_grace_after_the_last_work_and_on_at_once(world: World, agent: Listener) -> None:
    world.start("job:0")
    world.until(lambda: agent.wishes() == [True])
    world.end("job:0")
    watch = Stopwatch()
    world.until(lambda: agent.wishes()[-1] is False)
    assert watch.seconds > QUICK.grace * 0.9
    world.start("job:1")
    world.until(lambda: agent.wishes()[-1] is True)
    assert [fact.on for fact in world.facts(facts.ProtectionSet)][:2] == [True, False]


def test_protection_is_renewed_while_it_is_wanted_and_no_longer(world: World, agent: Listener) -> None:
    world.start("job:0")
    world.until(lambda: len(agent.asked) >= 4)
    assert all(agent.wishes())
    gaps = [later.at - earlier.at for earlier, later in zip(agent.asked, agent.asked[1:], strict=False)]
    assert min(gaps) > QUICK.refresh * 0.9
    world.end("job:0")
    world.until(lambda: not agent.wishes()[-1])
    count = len(agent.asked)
    world.rest(QUICK.refresh * 3)
    assert len(agent.asked) == count
    assert len(world.facts(facts.ProtectionSet)) == 2, "a renewal is no news"


def failing(kind: str) -> Callable[[Asked], tuple[int, bytes]]:
    bodies = {
        "500": (500, b"oops"),
        "failure": (200, json.dumps({"failure": {"Arn": "a", "Reason": "TASK_NOT_VALID", "Detail": None}}).encode()),
        "error": (400, json.dumps({"error": {"Code": "AccessDeniedException", "Message": "no"}}).encode()),
        "empty": (200, b""),
    }
    return lambda _asked: bodies[kind]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("500", "the answer was HTTP 500"),
        ("failure", "TASK_NOT_VALID"),
        ("error", "AccessDeniedException: no"),
        ("empty", "the answer does not say that protection is on"),
    ],
)
def test_a_request_that_fails_is_said_once_and_tried_later_and_later(
    world: World, agent: Listener, kind: str, why: str
) -> None:
    agent.answer = failing(kind)
    world.start("job:0")
    world.until(lambda: len(agent.asked) >= 4)
    gaps = [later.at - earlier.at for earlier, later in zip(agent.asked, agent.asked[1:], strict=False)]
    assert gaps[0] > QUICK.retry * 0.9
    assert gaps[2] > QUICK.longest_retry * 0.9
    assert [(fact.on, fact.why) for fact in world.facts(facts.ProtectionFailed)] == [(True, why)]
    agent.answer = granted
    world.until(lambda: world.facts(facts.ProtectionWorks))
    assert world.facts(facts.ProtectionWorks)[0].failures >= 4
    assert world.facts(facts.ProtectionSet) == [facts.ProtectionSet(True, MINUTES)]


def test_an_answer_that_does_not_come_counts_as_a_failure(world: World, agent: Listener) -> None:
    agent.hang()
    world.start("job:0")
    world.until(lambda: world.facts(facts.ProtectionFailed))
    assert world.facts(facts.ProtectionFailed)[0].why == "no answer within 0.5 s"
    agent.go_on.set()
    world.until(lambda: world.facts(facts.ProtectionWorks))


def test_an_answer_that_drips_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        world = World(f"http://127.0.0.1:{server.getsockname()[1]}/")
        world.start("job:0")
        dripping, _ = server.accept()
        with dripping:
            dripping.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            before = len(os.listdir("/proc/self/task"))
            world.until(lambda: world.facts(facts.ProtectionFailed) or not dripping.send(b" "))
        world.until(lambda: len(os.listdir("/proc/self/task")) < before)
        world.plumbing.end()


def test_the_newest_wish_wins_when_the_agent_is_slow(world: World, agent: Listener) -> None:
    agent.go_on.clear()
    world.start("job:0")
    world.until(lambda: agent.asked)
    for _ in range(5):
        world.protection.close()
        world.start("job:0")
    world.protection.close()
    agent.go_on.set()
    world.until(lambda: world.facts(facts.ProtectionSet)[-1:] == [facts.ProtectionSet(False, 0)])
    assert agent.wishes() == [True, False]


def test_an_answer_nested_without_end_is_a_failed_request_and_not_the_end_of_protection(
    world: World, agent: Listener
) -> None:
    agent.answer = lambda _asked: (200, b"[" * 60_000)
    world.start("job:0")
    world.until(lambda: world.facts(facts.ProtectionFailed))
    agent.answer = granted
    world.until(lambda: world.facts(facts.ProtectionSet))


def test_a_poll_counts_when_it_lasts(world: World, agent: Listener) -> None:
    world.fleet.programs["job"].idle.streak = 3
    world.start("job:0")
    watch = Stopwatch()
    world.until(lambda: agent.asked)
    assert watch.seconds > 0.27, "not before `poll`"


def test_short_polls_never_protect(world: World, agent: Listener) -> None:
    world.fleet.programs["job"].idle.streak = 3
    world.fleet.programs["other"].failing.since = 0.0
    world.protection.poll = 2.0  # so that a busy machine does not make a poll of 0.1 s as long as that
    for _ in range(25):
        world.start("job:0")
        world.start("other:0")
        world.rest(0.1)
        world.end("job:0", Outcome.IDLE)
        world.end("other:0", Outcome.FAILED)
    assert not agent.asked


def test_idle_ends_do_not_prolong_it_and_a_long_run_does(agent: Listener) -> None:
    world = World(agent.url, QUICK._replace(grace=2.0))
    world.start("job:0")
    world.start("job:1")
    world.start("web:0")
    for _ in range(12):
        world.rest(0.2)
        world.end("job:1", Outcome.IDLE)
        world.fleet.programs["job"].idle.streak += 1
        world.start("job:1")
    assert all(agent.wishes()), "job:0 is still at work"
    world.end("job:1", Outcome.IDLE)
    world.end("job:0", Outcome.IDLE)
    watch = Stopwatch()
    world.until(lambda: not agent.wishes()[-1])
    assert watch.seconds < 2.0, "a tenth of the grace, not all of it"
    world.plumbing.end()


def test_at_the_end_the_last_wish_is_off_within_its_time(world: World, agent: Listener) -> None:
    world.start("job:0")
    world.until(lambda: world.facts(facts.ProtectionSet))
    world.protection.leave()
    world.protection.finish(world.plumbing.loop.clock.monotonic() + 5.0)
    assert not agent.wishes()[-1]
    assert world.facts(facts.ProtectionSet)[-1] == facts.ProtectionSet(False, 0)


def test_at_the_end_a_request_under_way_is_followed_by_the_last_one(world: World, agent: Listener) -> None:
    world.start("job:0")
    world.protection.leave()
    world.protection.finish(world.plumbing.loop.clock.monotonic() + 5.0)
    assert agent.wishes() == [True, False]


def test_at_the_end_who_was_never_protected_asks_nothing(world: World, agent: Listener) -> None:
    world.protection.leave()
    world.protection.finish(world.plumbing.loop.clock.monotonic() + 5.0)
    assert not agent.asked


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (HttpAnswer(200, b'{"protection": {"ProtectionEnabled": true}}'), ""),
        (
            HttpAnswer(200, b'{"protection": {"ProtectionEnabled": false}}'),
            "the answer does not say that protection is on",
        ),
        (HttpAnswer(200, b"[1]"), "the answer does not say that protection is on"),
        (HttpAnswer(400, b'{"error": {}}'), "error"),
        (
            HttpAnswer(200, b'{"failure": {"Reason": "DEPLOYMENT_BLOCKED", "Detail": "wait"}}'),
            "DEPLOYMENT_BLOCKED: wait",
        ),
        (HttpAnswer(0, b"", "connection refused"), "connection refused"),
    ],
)
def test_what_an_answer_means(answer: HttpAnswer, why: str) -> None:
    assert trouble(answer, True) == why


def test_the_wish_and_its_place() -> None:
    assert json.loads(wish(True)) == {"ProtectionEnabled": True, "ExpiresInMinutes": MINUTES}
    assert json.loads(wish(False)) == {"ProtectionEnabled": False}
    assert protection_url({"ECS_AGENT_URI": "http://169.254.170.2/api/x"}) == f"http://169.254.170.2/api/x{PATH}"
    assert protection_url({}) == ""
    assert TIMES.refresh * 2 < MINUTES * 60, "two renewals may fail before it expires"


def test_the_page_has_the_numbers_of_the_code() -> None:
    page = " ".join((Path(__file__).parents[2] / "docs" / "how-to" / "ecs.md").read_text().split())
    assert f"protection for {MINUTES} minutes, and again every {TIMES.refresh / 60:.0f} minutes" in page
    assert f"no such run for {TIMES.grace:.0f} s | no protection" in page
    assert TIMES.last == 0.5
    assert "for half a second at most" in page
    assert f"`no answer within {TIMES.limit:g} s`" in page
    assert (
        f"{TIMES.retry:g} s, {TIMES.retry * 2:g} s, {TIMES.retry * 4:g} s ... up to {TIMES.longest_retry / 60:g}"
        in page
    )
    assert f"`task_protection.poll` ({TaskProtection().poll:g} s)" in page
