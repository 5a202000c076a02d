"""Everything that minisup asks hangs at once: probes, hooks, the agent; and what is left of them when minisup ends."""

import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from kit import AT_ONCE, SLACK, SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, toml, wait_until
from listener import Listener
from lookup import alive, children_of, describe

DEADLINE = 3.0
HANG = sh("echo $$ >> hung; exec sleep 1000")
IN_A_GROUP_OF_ITS_OWN = sh("timeout 1000 sh -c 'echo $$ >> hung; exec sleep 1000'; true")
"""As `timeout` does when a shell calls it; so does everything under `set -m`."""


@pytest.fixture
def deaf() -> Iterator[Listener]:
    """Takes requests and never answers."""
    made = Listener()
    made.hang()
    yield made
    made.close()


@pytest.fixture
def mute() -> Iterator[str]:
    """The address of a server that takes connections and says nothing, as a frozen redis."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def endless() -> Iterator[str]:
    """The address of a redis that answers the length of a list with text of a gigabyte."""
    piece = b"9" * (1 << 20)

    def answer(server: socket.socket) -> None:
        try:
            while True:
                client, _ = server.accept()
                with client:
                    client.recv(1 << 16)
                    client.sendall(b"$1073741824\r\n")
                    for _ in range(1024):
                        client.sendall(piece)
        except OSError:
            pass  # it has gone, or the test is over

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        Thread(target=answer, args=(server,), daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


def scaled(name: str, timeout: str = "1000s", **probe: object) -> str:
    scale = {"max": 3, "target_wait": "1s", "every": "200ms", "probe": {**probe, "timeout": timeout}}
    return program(name, "sleep 1000", min_runtime=0, scale=scale, stop=AT_ONCE)


def all_hang(stage: Stage, deaf: Listener, mute: str) -> Daemon:
    supervisor = (
        f'shutdown_timeout = "{DEADLINE:g}s"\nplatform = "ecs"\n'
        f"on_failing = {toml(HANG)}\non_drain = {toml(f'{deaf.url}/drain')}"
    )
    daemon = stage.up(
        scaled("one", command=HANG),
        scaled("two", http=f"http://{mute}/"),
        program("failing", "false", retry={"backoff": "5s"}),
        program("deaf", sh("trap '' TERM; echo >> hung; while :; do sleep 1; done"), min_runtime="60s"),
        supervisor=supervisor,
        env={"ECS_AGENT_URI": deaf.url},
    )
    wait_until(lambda: len(stage.lines("hung")) >= 3 and helpers_of(stage), SOON, "the probes, a hook and a job hang")
    wait_until(lambda: deaf.asked, SOON, "the agent does not answer")
    return daemon


def helpers_of(stage: Stage) -> list[int]:
    """The processes of ours that stay to count what waits."""
    return [pid for pid in stage.marked() if "minisup.probes" in describe(pid)]  # one may end meanwhile


def test_the_deadline_of_a_shutdown_holds_when_probes_hooks_and_the_agent_hang(
    stage: Stage, deaf: Listener, mute: str
) -> None:
    daemon = all_hang(stage, deaf, mute)
    daemon.term()
    daemon.wait(DEADLINE + SLACK)
    took = re.search(r"^stopped: .* ([0-9.]+) s$", daemon.stderr, re.MULTILINE)
    assert took, daemon.stderr
    assert float(took[1]) < DEADLINE, "by its own clock: ours also counts how long the machine lets nobody look"
    assert not stage.jobs()


def test_a_third_request_ends_minisup_at_once_whatever_hangs(stage: Stage, deaf: Listener, mute: str) -> None:
    daemon = all_hang(stage, deaf, mute)
    for _ in range(3):
        daemon.term()
        holds_for(lambda: True, 0.6, "the next one is another request")
    watch = Stopwatch()
    daemon.wait()
    assert watch.seconds < 1.0
    assert not stage.jobs()


def test_a_probe_that_hangs_is_killed_with_what_it_started_in_other_groups(stage: Stage) -> None:
    daemon = stage.up(scaled("job", "300ms", command=IN_A_GROUP_OF_ITS_OWN))
    wait_until(lambda: len(stage.lines("hung")) >= 3, SOON, "three probes were asked")
    first, second, *_ = map(int, stage.lines("hung"))
    wait_until(lambda: not alive(first) and not alive(second), 1.0, "those that hung are gone")
    assert len(children_of(daemon.pid)) <= 3


def test_the_helper_that_asks_does_not_outlive_a_minisup_that_was_killed(stage: Stage, mute: str) -> None:
    daemon = stage.up(scaled("job", "1s", http=f"http://{mute}/"))
    wait_until(lambda: helpers_of(stage), SOON, "it is asked")
    daemon.signal(signal.SIGKILL)
    daemon.wait()
    wait_until(lambda: not helpers_of(stage), 3.0, "it has ended")
    stage.end_survivors()


def test_a_server_that_answers_a_probe_with_a_gigabyte_does_not_fill_the_memory(stage: Stage, endless: str) -> None:
    daemon = stage.up(scaled("one", "20s", redis=f"redis://{endless}/0", list="mail"))
    wait_until(lambda: daemon.program("one")["scale"]["error"], SOON, "the helper gives up")
    [helper] = set(children_of(daemon.pid)) - {daemon.running_pid("one:0")}
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{helper}/status").read_text())
    assert int(peak) < 320 << 10


def test_a_server_that_hangs_up_is_an_answer_and_not_the_end_of_the_probes_helper(stage: Stage) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        Thread(target=hang_up_on_all, args=(server,), daemon=True).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        daemon = stage.up(scaled("one", "20s", redis=f"redis://{address}/0", list="mail"))
        wait_until(lambda: daemon.program("one")["scale"]["error"], SOON, "the helper says why")
        [helper] = set(children_of(daemon.pid)) - {daemon.running_pid("one:0")}
        holds_for(lambda: alive(helper), 1.0, "it goes on")
        assert "SIGPIPE" not in daemon.program("one")["scale"]["error"]


def hang_up_on_all(server: socket.socket) -> None:
    try:
        while True:
            server.accept()[0].close()
    except OSError:
        pass  # the test is over
