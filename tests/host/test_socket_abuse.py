"""Garbage and crowds on the control socket: an error or a dropped connection, and nobody else notices."""

import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from kit import AT_ONCE, SLACK, SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, wait_until
from lookup import resident_of
from raw import Raw

PARSE, INVALID, NO_METHOD, BAD_PARAMS, NO_TARGET = -32700, -32600, -32601, -32602, -32004
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One minisup for most tests of this file: each leaves it as if nothing had happened, which is the point."""
    stage = Stage(tmp_path_factory.mktemp("shared"))
    stage.up(program("tick", sh("sleep 0.05"), min_runtime=0, log={"to": "none"}, stop=AT_ONCE))
    yield stage
    stage.close()


@pytest.fixture
def daemon(shared: Stage) -> Daemon:
    return shared.daemons[0]


def runs(daemon: Daemon) -> int:
    return daemon.program("tick")["runs"]["worked"]


def assert_unharmed(daemon: Daemon) -> None:
    before = runs(daemon)
    wait_until(lambda: runs(daemon) > before + 2, SOON, "jobs run on")
    assert daemon.process.poll() is None
    assert daemon.program("tick")["runs"]["failed"] == 0
    assert not daemon.says_it_is_broken(), daemon.stderr


GARBAGE = {
    "no json": (b"hello\n", PARSE),
    "bytes that are not text": (b"\xff\xfe\x00\x80\n", PARSE),
    "an http request": (b"GET / HTTP/1.1\n", PARSE),
    "deep nesting": (b"[" * 200_000 + b"\n", PARSE),
    "deep nesting of objects": (b'{"a":' * 100_000 + b"\n", PARSE),
    "a huge number": (b'{"jsonrpc": "2.0", "id": ' + b"9" * 10_000 + b', "method": "version"}\n', None),
    "not a number": (b'{"jsonrpc": "2.0", "id": NaN, "method": "version"}\n', None),
    "a number": (b"42\n", INVALID),
    "null": (b"null\n", INVALID),
    "a batch": (b'[{"jsonrpc": "2.0", "id": 1, "method": "version"}]\n', INVALID),
    "no version": (b'{"id": 1, "method": "version"}\n', INVALID),
    "no method": (b'{"jsonrpc": "2.0", "id": 1}\n', INVALID),
    "a method that is a list": (b'{"jsonrpc": "2.0", "id": 1, "method": ["status"]}\n', INVALID),
    "params that are a number": (b'{"jsonrpc": "2.0", "id": 1, "method": "status", "params": 5}\n', None),
    "an unknown method": (b'{"jsonrpc": "2.0", "id": 1, "method": "explode"}\n', NO_METHOD),
    "a private method": (b'{"jsonrpc": "2.0", "id": 1, "method": "__init__"}\n', NO_METHOD),
    "unknown parameters": (b'{"jsonrpc": "2.0", "id": 1, "method": "status", "params": {"x": 1}}\n', BAD_PARAMS),
    "a wrong type": (b'{"jsonrpc": "2.0", "id": 1, "method": "stop", "params": {"targets": 5}}\n', BAD_PARAMS),
    "a target that is none": (
        b'{"jsonrpc": "2.0", "id": 1, "method": "stop", "params": {"targets": ["tock"]}}\n',
        NO_TARGET,
    ),
}


@pytest.mark.parametrize(("line", "code"), GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_gets_an_error_and_harms_nobody(daemon: Daemon, line: bytes, code: int | None) -> None:
    with Raw(daemon.socket) as other, Raw(daemon.socket) as connection:
        assert "result" in other.ask("version")
        connection.send(line)
        answer = json.loads(connection.line())
        assert answer["jsonrpc"] == "2.0"
        if code is not None:
            assert answer["error"]["code"] == code
        assert "result" in other.ask("version", 2)
    assert_unharmed(daemon)


def test_a_target_that_is_none_names_what_was_asked_for_and_hints(daemon: Daemon) -> None:
    with Raw(daemon.socket) as connection:
        error = connection.ask("stop", targets=["tikc"])["error"]
    assert error["data"]["targets"] == ["tikc"]
    assert "tick" in error["data"]["hint"] + error["message"]


def test_half_a_line_waits_without_keeping_anybody_else_waiting(daemon: Daemon) -> None:
    with Raw(daemon.socket) as half:
        half.send(b'{"jsonrpc": "2.0", "id": 7, "meth')
        assert daemon.answers()
        assert_unharmed(daemon)
        half.send(b'od": "version"}\n')
        assert json.loads(half.line())["id"] == 7


def test_half_a_line_and_a_hang_up_harm_nobody(daemon: Daemon) -> None:
    for _ in range(20):
        with Raw(daemon.socket) as half:
            half.send(b'{"jsonrpc": "2.0", "id": 7, "meth')
    assert_unharmed(daemon)


def test_a_request_byte_by_byte_is_answered(daemon: Daemon) -> None:
    with Raw(daemon.socket) as slow:
        for byte in b'{"jsonrpc": "2.0", "id": 8, "method": "version"}\n':
            slow.send(bytes([byte]))
        assert json.loads(slow.line())["id"] == 8


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["unfinished", "finished"])
def test_a_line_of_two_mebibytes_gets_an_error_and_the_connection_is_closed(daemon: Daemon, end: bytes) -> None:
    with Raw(daemon.socket) as connection:
        connection.send(b"x" * (2 * MIB) + end)
        answer = connection.line()
        assert not answer or json.loads(answer)["error"]["code"] == INVALID
        assert connection.line() == b""
    assert_unharmed(daemon)


def test_a_request_of_nearly_a_mebibyte_is_answered(daemon: Daemon) -> None:
    with Raw(daemon.socket) as connection:
        request = {"jsonrpc": "2.0", "id": 9, "method": "stop", "params": {"targets": ["x" * (MIB - 2000)]}}
        connection.send(json.dumps(request).encode() + b"\n")
        assert json.loads(connection.line())["error"]["code"] == NO_TARGET
    assert_unharmed(daemon)


def test_a_request_with_a_hundred_thousand_targets_keeps_nobody_waiting(daemon: Daemon) -> None:
    with Raw(daemon.socket) as connection:
        targets = [f"{number}*" for number in range(100_000)]
        request = {"jsonrpc": "2.0", "id": 9, "method": "stop", "params": {"targets": targets}}
        watch = Stopwatch()
        connection.send(json.dumps(request).encode() + b"\n")
        assert "error" in json.loads(connection.line())
        assert watch.seconds < SLACK
    assert_unharmed(daemon)


def test_many_requests_in_one_piece_are_each_answered_in_turn(daemon: Daemon) -> None:
    with Raw(daemon.socket) as connection:
        lines = [json.dumps({"jsonrpc": "2.0", "id": number, "method": "version"}) for number in range(200)]
        connection.send("\n".join(lines).encode() + b"\n")
        assert [json.loads(connection.line())["id"] for _ in lines] == list(range(200))


def test_two_hundred_connections_leave_a_place_for_health(daemon: Daemon, shared: Stage) -> None:
    with ExitStack() as crowd:
        for _ in range(200):
            connect(crowd, daemon)
        health = shared.command("health")
        assert health.returncode == 0, health.stderr
        before = len(os.listdir(f"/proc/{daemon.pid}/fd"))
        assert before < 110
    assert_unharmed(daemon)


def connect(crowd: ExitStack, daemon: Daemon) -> Raw | None:
    """One more connection; None when there is no place for it."""
    try:
        member = crowd.enter_context(Raw(daemon.socket, limit=0.02))
    except (BlockingIOError, TimeoutError, ConnectionRefusedError):
        return None
    member.socket.settimeout(SOON)  # a place is there at once or not at all; an answer may take its time
    return member


def test_the_sixty_fifth_connection_is_told_so(daemon: Daemon) -> None:
    with ExitStack() as crowd:
        members = [connect(crowd, daemon) for _ in range(65)]
        assert None not in members
        last = members[-1].line()
        assert "error" in json.loads(last)
        assert members[-1].line() == b""
        assert "result" in members[0].ask("version")
    wait_until(daemon.answers, SOON, "there is room again")
    assert_unharmed(daemon)


def test_a_client_that_asks_and_never_reads_is_dropped(daemon: Daemon) -> None:
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "status"}).encode() + b"\n"
    with Raw(daemon.socket, limit=0.5) as deaf:
        deadline = time.monotonic() + SOON
        try:
            while time.monotonic() < deadline:
                deaf.socket.sendall(request * 100)
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass  # either is fine: what is not read is not taken, or the connection is gone
        holds_for(daemon.answers, 0.5, "others are answered")
        assert resident_of(daemon.pid) < 64 * MIB, "what a client does not read must not pile up"
    assert_unharmed(daemon)


def test_a_client_that_hangs_up_while_its_stop_is_under_way_stops_it_all_the_same(stage: Stage) -> None:
    daemon = stage.up(
        program("slow", sh("trap 'sleep 0.3; exit 0' TERM; while :; do sleep 0.02; done"), stop={"drain": 0})
    )
    daemon.running_pid("slow:0")
    with Raw(daemon.socket) as connection:
        params = {"targets": ["slow"], "wait": True}
        connection.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "stop", "params": params}).encode() + b"\n")
    wait_until(lambda: daemon.slot("slow:0")["phase"] == "off", SOON, "it is stopped")
    assert daemon.answers()


def test_the_socket_belongs_to_its_owner_alone(daemon: Daemon) -> None:
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o600


def test_socket_mode_is_what_the_file_says(stage: Stage) -> None:
    stage.up(program("long", "sleep 1000", stop=AT_ONCE), supervisor='socket_mode = "0660"')
    assert stat.S_IMODE(stage.socket.stat().st_mode) == 0o660


def test_strings_and_missing_params_are_accepted(daemon: Daemon) -> None:
    with Raw(daemon.socket) as connection:
        connection.send(b'{"jsonrpc": "2.0", "id": 1, "method": "status"}\n')
        assert json.loads(connection.line())["result"]["schema"] == 1
        assert "result" in connection.ask("stop", targets="tick", wait=True)
        assert daemon.slot("tick:0")["phase"] == "off"
        assert "result" in connection.ask("start", targets="tick", wait=True)
