"""Anything at all on the control socket of a living minisup: it answers or hangs up, and nobody else notices."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kit import AT_ONCE, SOON, Daemon, Stage, program, sh, wait_until
from raw import Raw

from minisup.host.requests.verbs import VERBS

FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
LAST = "the last request"
ASKED = json.dumps({"jsonrpc": "2.0", "id": LAST, "method": "version"}).encode() + b"\n"

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
TARGETS = st.lists(st.sampled_from(["tick", "tick:0", "t*", "@none", "nobody", "", "[", "all"]), max_size=3)
VALUES = JSON | TARGETS | st.sampled_from([0, 1, -1, 0.01, 2**63, 1e308, "TERM", "tick", "1s"])
ENDING = {"shutdown", "upgrade"}
"""Methods that end the minisup that all examples share: they are asked with parameters that are refused."""


def requests(method):
    """Requests of a method with known parameters of any type, and unknown ones."""
    names = st.sampled_from([*(VERBS[method].parameters if method in VERBS else ()), "x"])
    params = st.dictionaries(names, VALUES, max_size=4)
    if method in ENDING:
        params = params.map(lambda given: {**given, "x": 1})
    return st.fixed_dictionaries({"jsonrpc": st.just("2.0"), "id": JSON, "method": st.just(method), "params": params})


REQUESTS = st.sampled_from([*VERBS, "nonsense"]).flatmap(requests).map(lambda request: json.dumps(request).encode())


def slip(line, at, cut, put):
    """A request with a slip in it."""
    at %= len(line) + 1
    return line[:at] + put + line[at + cut :]


SLIPS = st.builds(slip, REQUESTS, st.integers(0, 500), st.integers(0, 9), st.binary(max_size=4)).filter(
    lambda line: not any(method.encode() in line for method in ENDING)
)
LINES = REQUESTS | SLIPS | st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode())


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One minisup for all examples."""
    stage = Stage(tmp_path_factory.mktemp("fuzz"))
    yield stage.up(
        program("tick", sh("sleep 0.05"), min_runtime="50ms", log={"to": "none"}, stop=AT_ONCE),
        program("quiet", "sleep 1000", stop=AT_ONCE, autostart=False),
    )
    stage.close()


@pytest.fixture
def other(daemon: Daemon) -> Iterator[Raw]:
    """Somebody else, connected before."""
    with Raw(daemon.socket) as connection:
        yield connection


def assert_valid(line: bytes) -> dict:
    reply = json.loads(line)
    assert reply["jsonrpc"] == "2.0"
    assert reply.keys() in ({"jsonrpc", "id", "result"}, {"jsonrpc", "id", "error"}), reply
    if "error" in reply:
        assert reply["error"]["code"] != -32603, reply
        assert reply["error"]["message"].startswith("cannot "), reply
    return reply


def answers(connection: Raw) -> list[dict]:
    """All replies up to that to the last request; without that one if minisup hung up."""
    found = []
    while line := connection.line():
        found.append(assert_valid(line))
        if found[-1]["id"] == LAST:
            break
    return found


@FUZZ
@given(lines=st.lists(LINES, max_size=5), size=st.integers(1, 400))
def test_any_lines_in_any_pieces_are_answered_or_hung_up_on(daemon: Daemon, other: Raw, lines, size) -> None:
    data = b"".join(line + b"\n" for line in lines) + ASKED
    with Raw(daemon.socket) as connection:
        for start in range(0, len(data), size):
            connection.send(data[start : start + size])
        found = answers(connection)
    assert found, "not a word"
    assert found[-1]["id"] == LAST or any("error" in reply for reply in found), "hung up without a reason"
    assert "result" in other.ask("health", 2)
    assert not daemon.says_it_is_broken(), daemon.stderr


@FUZZ
@given(data=st.binary(max_size=300), keeps=st.booleans())
def test_any_bytes_without_an_end_keep_nobody_waiting(daemon: Daemon, other: Raw, data, keeps) -> None:
    with Raw(daemon.socket) as connection:
        connection.send(data)
        if keeps:
            assert "result" in other.ask("version", 1)
    assert "result" in other.ask("health", 2)


def test_after_all_that_jobs_run_and_nothing_has_been_said(daemon: Daemon) -> None:
    daemon.ask("start", ["tick"], wait=True)
    before = daemon.program("tick")["runs"]["worked"]
    wait_until(lambda: daemon.program("tick")["runs"]["worked"] > before + 2, SOON, "jobs run on")
    assert not daemon.says_it_is_broken(), daemon.stderr
