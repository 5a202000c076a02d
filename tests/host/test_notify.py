"""What systemd hears of minisup: a real datagram socket listens."""

import signal
import socket
import time
from collections.abc import Iterator

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, wait_until
from lookup import wake_ups_of
from plumbing import Plumbing

from minisup.core import facts
from minisup.core.fleet import Fleet
from minisup.core.model import Policy
from minisup.host.integrations import sd_notify
from minisup.host.integrations.sd_notify import NAMES, SdNotifier, beat, status, where


class Manager:
    """The socket of a service manager, at a path or an abstract name."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(where(address))
        self.messages: list[str] = []

    def read(self) -> list[str]:
        """All messages so far."""
        while True:
            try:
                self.messages.append(self.socket.recv(65536).decode())
            except BlockingIOError:
                return self.messages

    def heard(self, text: str, limit: float = SOON) -> str:
        """The first message that begins with `text`."""
        wait_until(lambda: any(message.startswith(text) for message in self.read()), limit, f"{text} was sent")
        return next(message for message in self.messages if message.startswith(text))


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, stage: Stage) -> Iterator[Manager]:
    made = Manager(str(stage.socket) + ".notify" if request.param == "path" else f"@minisup-{stage.mark}")
    yield made
    made.socket.close()


def up(stage: Stage, manager: Manager, *programs: str, **env: str) -> Daemon:
    return stage.up(*programs, env={"NOTIFY_SOCKET": manager.address, **env})


def test_ready_comes_when_the_socket_answers_and_stopping_when_it_stops(stage: Stage, manager: Manager) -> None:
    job = program("job", sh("echo begin > begin; while ! test -e go; do sleep 0.02; done"), min_runtime="60s")
    daemon = stage.up(job, env={"NOTIFY_SOCKET": manager.address}, ready=False)
    manager.heard("READY=1")
    assert daemon.answers(), "who is told that minisup is ready may use it"
    assert manager.heard("STATUS=") == "STATUS=1 program, 1 slot; all is well"
    wait_until(lambda: stage.lines("begin"), SOON, "the job is at work")
    daemon.signal(signal.SIGTERM)
    assert manager.heard("STOPPING=1") == "STOPPING=1\nEXTEND_TIMEOUT_USEC=4000000"
    assert manager.heard("STATUS=stopping") == "STATUS=stopping (TERM): 1 run left, 3.5 s"
    stage.write("go", "")
    assert daemon.wait() == 0
    assert manager.read().count("READY=1") == 1
    assert sum(message.startswith("STOPPING=1") for message in manager.messages) == 1


def microseconds() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_a_reload_begins_and_ends_for_systemd_also_when_it_is_refused(stage: Stage) -> None:
    """`Type=notify-reload`: SIGHUP, then RELOADING=1 with a time after the signal, then READY=1."""
    manager = Manager(f"@minisup-{stage.mark}")
    daemon = up(stage, manager, program("job", "sleep 1000", stop=AT_ONCE))
    manager.heard("STATUS=")
    good = stage.path("minisup.toml").read_text()
    for text, says in ((good + "numprocs = 2\n", "reloaded by HUP"), ("no toml", "cannot reload (HUP)")):
        manager.messages.clear()
        stage.write("minisup.toml", text)
        before = microseconds()
        daemon.signal(signal.SIGHUP)
        begun = manager.heard("RELOADING=1\nMONOTONIC_USEC=")
        manager.heard("READY=1")
        at = int(begun.partition("MONOTONIC_USEC=")[2])
        assert before <= at <= microseconds()
        told = [message for message in manager.messages if not message.startswith("STATUS=")]
        assert told == [begun, "READY=1"]
        wait_until(lambda says=says: says in daemon.stderr, SOON, "it is said")
    manager.messages.clear()
    stage.write("minisup.toml", good)
    daemon.ask("reload", dry_run=True)
    daemon.ask("reload")
    manager.heard("READY=1")
    assert sum(message.startswith("RELOADING=1") for message in manager.messages) == 1, "a plan is no reload"
    manager.socket.close()


def test_jobs_do_not_inherit_what_speaks_to_minisup(stage: Stage) -> None:
    manager = Manager(f"@minisup-{stage.mark}")
    job = sh("env > new; mv new environment; exec sleep 1000")
    up(stage, manager, program("job", job, stop=AT_ONCE), WATCHDOG_USEC="60000000", WATCHDOG_PID="1", KEPT="1")
    names = {line.partition("=")[0] for line in wait_until(lambda: stage.lines("environment"), SOON, "it reports")}
    assert "KEPT" in names
    assert not names & set(NAMES)
    manager.socket.close()


def test_the_loop_shows_that_it_is_alive_at_half_of_the_watchdogs_time(stage: Stage) -> None:
    manager = Manager(f"@minisup-{stage.mark}")
    up(stage, manager, program("job", "sleep 1000", stop=AT_ONCE), WATCHDOG_USEC="400000")
    manager.heard("WATCHDOG=1")
    watch, first = Stopwatch(), manager.read().count("WATCHDOG=1")
    wait_until(lambda: manager.read().count("WATCHDOG=1") >= first + 10, SOON, "ten signs of life")
    assert watch.seconds > 10 * 0.2 * 0.8, "no more often than asked for"
    manager.socket.close()


def test_nothing_wakes_up_without_a_watchdog(stage: Stage) -> None:
    manager = Manager(f"@minisup-{stage.mark}")
    daemon = up(stage, manager, program("job", "sleep 1000", min_runtime=0, stop=AT_ONCE), WATCHDOG_PID="1")
    manager.heard("READY=1")
    watch = Stopwatch()
    wait_until(lambda: watch.seconds > sd_notify.STATUS_EACH + 0.5, SOON, "a second sentence has had its time")
    before = wake_ups_of(daemon.pid)
    holds_for(lambda: wake_ups_of(daemon.pid) == before, 1.5, "minisup sleeps")
    assert sum(message.startswith("STATUS=") for message in manager.read()) == 1, "nothing has changed"
    assert "WATCHDOG=1" not in manager.messages
    manager.socket.close()


def test_a_program_that_fails_is_named_in_the_status(stage: Stage) -> None:
    manager = Manager(f"@minisup-{stage.mark}")
    failing = program("sms", sh("test -e well"), min_runtime="100ms", retry={"backoff": "200ms"}, stop=AT_ONCE)
    up(stage, manager, failing, program("email", "sleep 1000", stop=AT_ONCE))
    assert manager.heard("STATUS=2 programs, 2 slots; failing: ").endswith("sms")
    stage.write("well", "")
    manager.messages.clear()
    manager.heard("STATUS=2 programs, 2 slots; all is well", 2 * sd_notify.STATUS_EACH)
    manager.socket.close()


@pytest.mark.parametrize("address", ["/nowhere/notify", "@minisup-nobody-listens", "vsock:2:1234"])
def test_a_socket_that_is_not_there_is_one_warning(stage: Stage, address: str) -> None:
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE), env={"NOTIFY_SOCKET": address})
    wait_until(lambda: f"warning: cannot notify {address}" in daemon.stderr, SOON, "it is said")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    daemon.says("cannot notify")
    assert daemon.stderr.count("cannot notify") == 1


# --- without a daemon -------------------------------------------------------------------------------------------------


class Desk:
    """A notifier on a loop that is driven by hand."""

    def __init__(self, address: str) -> None:
        self.plumbing = Plumbing()
        self.warnings: list[str] = []
        self.environ = {"NOTIFY_SOCKET": address, "OTHER": "1"}
        self.fleet = Fleet([Policy(name="a")], shutdown_timeout=10.0, uniform=max)
        self.notifier = SdNotifier(self.plumbing.loop, self.environ, self.fleet, self.warnings.append)


def is_refused(filler: socket.socket, address: str) -> bool:
    """Send one more message; whether the queue did not take it."""
    try:
        filler.sendto(b"x", where(address))
    except BlockingIOError:
        return True
    return False


@pytest.fixture
def desk(stage: Stage) -> Iterator[tuple[Desk, Manager]]:
    manager = Manager(f"@minisup-{stage.mark}")
    made = Desk(manager.address)
    yield made, manager
    made.notifier.close()
    made.plumbing.end()
    manager.socket.close()


def test_a_full_queue_is_not_waited_for_and_nothing_important_is_lost(
    desk: tuple[Desk, Manager], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, manager = desk
    monkeypatch.setattr(sd_notify, "AGAIN", 0.01)
    filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    assert wait_until(lambda: is_refused(filler, manager.address), SOON, "the queue is full")
    filler.close()
    made.notifier.ready()
    for _ in range(3):
        made.notifier.reloading()
        made.notifier.ready_again()
    for left in range(20):
        made.notifier.take(facts.ShutdownStep("drain", left, 9.0, "TERM"))
    made.plumbing.turn()

    def whole() -> bool:
        return "STATUS=stopping (TERM): 19 runs left, 9 s" in manager.read()

    made.plumbing.until(whole)
    told = [message for message in manager.messages if message != "x"]
    assert [message.partition("=")[0] for message in told] == ["RELOADING", "READY", "STOPPING", "STATUS"]
    assert sum(message.startswith("STOPPING=1") for message in told) == 1
    assert made.warnings == []


def test_the_variables_are_taken_out_of_the_environment(desk: tuple[Desk, Manager]) -> None:
    assert desk[0].environ == {"OTHER": "1"}


def test_whose_watchdog_it_is() -> None:
    assert beat("30000000", "", 7) == 15.0
    assert beat("30000000", "7", 7) == 15.0
    assert beat("30000000", "8", 7) == 0.0
    assert beat("", "", 7) == 0.0
    assert beat("never", "", 7) == 0.0


def test_at_most_five_programs_are_named() -> None:
    fleet = Fleet([Policy(name=f"p{n}") for n in range(8)], shutdown_timeout=10.0, uniform=max)
    for ill in fleet.programs.values():
        ill.failing.since = 1.0
    assert status(fleet) == "8 programs, 8 slots; failing: p0, p1, p2, p3, p4 and 3 more"
