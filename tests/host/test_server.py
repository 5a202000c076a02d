"""The control server under abuse: a fake handler, a loop driven turn by turn, a clock that the test moves."""

import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
from contextlib import ExitStack

import pytest

from minisup.control import backlog
from minisup.control import connection as connections
from minisup.control import listener as listening
from minisup.control import server as serving
from minisup.control.handler import Deferred, Following, Peer
from minisup.control.listener import Access, Listener, open_explicit
from minisup.control.places import check_private, default_sockets, make_private
from minisup.control.server import IDLE, MAX_ORDINARY, MAX_OTHERS, RESERVED_SECONDS, Server, open_server
from minisup.errors import MinisupError, NoSuchTargetError, TakenError
from minisup.host.clock import Clock
from minisup.host.loop import Loop
from minisup.host.requests.verbs import VERBS

MOST_TURNS = 5000
MIB = 1 << 20
VERSION = b'{"jsonrpc": "2.0", "id": 1, "method": "version"}\n'
HEALTH = b'{"jsonrpc": "2.0", "id": 1, "method": "health"}\n'


class Hands(Clock):
    """Time that only the test moves."""

    def __init__(self):
        self.time = 1000.0

    def monotonic(self):
        return self.time


class Fake:
    """A handler that answers what the test says, and remembers what it was asked."""

    methods = VERBS

    def __init__(self):
        self.calls = []
        self.answers = {"version": lambda *_: {"version": "fake"}, "health": lambda *_: {"healthy": True}}

    def handle(self, method, params, peer):
        self.calls.append((method, params, peer))
        return self.answers[method](params, peer)


class Bench:
    """A server, its loop, and clients on the other end; everything happens in `settle`."""

    def __init__(self, path, stack):
        self.clock = Hands()
        self.loop = Loop(self.clock)
        self.path = str(path)
        self.fake = Fake()
        self.errors = []
        self.stack = stack
        self.server = Server(self.loop, self.path, 0o600, None, self.fake, lambda *error: self.errors.append(error))

    def turn(self):
        ready = self.loop.wait(self.clock.time)
        self.loop.serve(ready, self.clock.time)
        return ready

    def settle(self):
        for _ in range(MOST_TURNS):
            if not self.turn():
                return
        pytest.fail("the loop does not come to rest")

    def advance(self, seconds):
        self.clock.time += seconds
        self.settle()

    def connect(self):
        client = Client(self, socket.socket(socket.AF_UNIX))
        client.socket.connect(self.path)
        self.settle()
        return client

    def close(self):
        self.server.close()
        self.loop.close()


class Client:
    """One end of a connection that may say anything."""

    def __init__(self, bench, sock):
        self.bench = bench
        self.socket = bench.stack.enter_context(sock)
        self.socket.setblocking(False)
        self.got = b""

    def say(self, data):
        """Send all of it, as fast as the server takes it, or until it hangs up."""
        for _ in range(MOST_TURNS):
            if not data:
                return
            try:
                data = data[self.socket.send(data) :]
            except BlockingIOError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                return
            self.bench.settle()
        pytest.fail("the server takes nothing")

    def hear(self):
        """All replies so far, parsed."""
        for _ in range(MOST_TURNS):
            self.bench.settle()
            try:
                data = self.socket.recv(MIB)
            except BlockingIOError:
                break
            except ConnectionResetError:
                data = b""
            if not data:
                break
            self.got += data
        *lines, self.got = self.got.split(b"\n")
        return [json.loads(line) for line in lines]

    def ask(self, line):
        self.say(line)
        (reply,) = self.hear()
        return reply

    def closed(self):
        self.bench.settle()
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True


@pytest.fixture
def bench(tmp_path):
    with ExitStack() as stack:
        bench = Bench(tmp_path / "s", stack)
        yield bench
        bench.close()


def code(reply):
    return reply["error"]["code"]


def call(method, identity=1, **params):
    return json.dumps({"jsonrpc": "2.0", "id": identity, "method": method, "params": params}).encode() + b"\n"


# --- calls ------------------------------------------------------------------------------------------------------------


def test_a_call_reaches_the_handler_with_its_parameters_and_who_asked(bench):
    bench.fake.answers["stop"] = lambda params, _: {"accepted": True, "slots": list(params["targets"])}
    client = bench.connect()
    assert client.ask(call("stop", 7, targets="email"))["result"] == {"accepted": True, "slots": ["email"]}
    params = {"targets": ("email",), "now": False, "wait": False, "timeout": None, "progress": False}
    assert bench.fake.calls == [("stop", params, Peer(os.getpid(), os.getuid(), os.getgid()))]


def test_an_error_of_ours_is_its_exit_code_and_a_defect_is_contained_and_reported(bench):
    def refuse(*_):
        raise NoSuchTargetError("cannot find x", ["x"])

    bench.fake.answers.update(status=refuse, logs=lambda *_: 1 / 0, health=lambda *_: {"not json"})
    client = bench.connect()
    assert code(client.ask(call("status"))) == -32004
    assert code(client.ask(call("logs"))) == -32603
    assert code(client.ask(call("health"))) == -32603
    assert [type(error) for _, error in bench.errors] == [ZeroDivisionError, TypeError]
    assert client.ask(VERSION)["result"] == {"version": "fake"}


def test_a_notification_is_carried_out_and_never_answered(bench):
    client = bench.connect()
    client.say(b'{"jsonrpc": "2.0", "method": "version"}\n{"jsonrpc": "2.0", "method": "logs"}\n')
    assert client.hear() == []
    assert [method for method, *_ in bench.fake.calls] == ["version", "logs"]
    assert not client.closed()


def test_garbage_harms_neither_its_sender_nor_others(bench):
    other, client = bench.connect(), bench.connect()
    for line in (b"hello\n", b"\xff\x00\n", b"{}\n", b"[" * 100_000 + b"\n", call("explode"), call("status", x=1)):
        assert "error" in client.ask(line)
        assert "result" in other.ask(VERSION)
    assert "result" in client.ask(VERSION)


def test_half_a_line_is_waited_for_and_its_hang_up_is_harmless(bench):
    half, gone = bench.connect(), bench.connect()
    gone.say(VERSION[:20])
    gone.socket.close()
    half.say(VERSION[:20])
    assert half.hear() == []
    half.say(VERSION[20:])
    assert len(half.hear()) == 1
    assert len(bench.server._connections) == 1


@pytest.mark.parametrize("line", [b"x" * 2 * MIB, b"x" * 2 * MIB + b"\n", b"[]\n"], ids=["endless", "long", "batch"])
def test_a_line_that_cannot_be_taken_gets_an_error_and_is_the_last(bench, line):
    client = bench.connect()
    client.say(line + VERSION)
    assert [code(reply) for reply in client.hear()] == [-32600]
    assert client.closed()
    assert bench.fake.calls == []
    assert "result" in bench.connect().ask(VERSION)


def test_a_flood_of_requests_is_served_one_a_turn_so_that_others_are_served_between(bench):
    flood, other = bench.connect(), bench.connect()
    flood.socket.send(VERSION * 300)
    other.socket.send(HEALTH)
    for _ in range(5):  # in the first also what it posts
        bench.turn()
    served = [method for method, *_ in bench.fake.calls]
    assert served.count("version") <= 6
    assert "health" in served
    assert len(flood.hear()) == 300


# --- replies that come later ------------------------------------------------------------------------------------------


@pytest.fixture
def later(bench):
    """The deferred replies of `restart`, as the handler made them."""
    made = []

    def answer(_params, peer):
        made.append(Deferred(peer))
        return made[-1]

    bench.fake.answers["restart"] = answer
    return made


def test_a_deferred_reply_comes_when_it_is_resolved_and_others_may_come_first(bench, later):
    client = bench.connect()
    client.say(call("restart", 1, targets="a") + call("restart", 2, targets="b") + call("version", 3))
    assert [reply["id"] for reply in client.hear()] == [3]
    later[1].resolve({"done": True})
    later[0].reject(MinisupError("cannot restart"))
    later[0].resolve("too late")
    replies = client.hear()
    assert [reply["id"] for reply in replies] == [2, 1]
    assert code(replies[1]) == -32001
    assert later[0].peer.pid == os.getpid()


def test_a_reply_that_is_there_at_once_needs_no_waiting(bench):
    done = Deferred(Peer(1, 2, 3))
    done.resolve(5)
    bench.fake.answers["restart"] = lambda *_: done
    assert bench.connect().ask(call("restart", targets="a"))["result"] == 5


def test_a_client_that_left_is_told_nothing_and_its_reply_is_settled(bench, later):
    client = bench.connect()
    client.say(call("restart", targets="a"))
    client.socket.close()
    bench.settle()
    assert later[0].settled
    later[0].resolve({"done": True})
    assert bench.server._connections == set()
    assert bench.errors == []


def test_a_client_that_only_ended_its_half_still_gets_its_reply(bench, later):
    client = bench.connect()
    client.say(call("restart", targets="a"))
    client.socket.shutdown(socket.SHUT_WR)
    bench.settle()
    assert not later[0].settled
    later[0].resolve({"done": True})
    assert client.hear()[0]["result"] == {"done": True}
    assert client.closed()
    assert bench.server._connections == set()


def test_timeout_ends_the_waiting_and_not_the_work(bench, later):
    client = bench.connect()
    client.say(call("restart", targets="a", timeout=5))
    bench.advance(4.9)
    assert client.hear() == []
    bench.advance(0.2)
    (reply,) = client.hear()
    assert code(reply) == -32001
    assert "5 s" in reply["error"]["message"]
    assert later[0].settled


def test_more_replies_than_a_connection_may_wait_for_keep_it_from_being_read(bench, later):
    client = bench.connect()
    client.say(call("restart", targets="a") * (connections.MAX_DEFERRED + 5))
    assert len(later) == connections.MAX_DEFERRED
    later[0].resolve(1)
    bench.settle()
    assert len(later) == connections.MAX_DEFERRED + 1


# --- slow readers -----------------------------------------------------------------------------------------------------


def test_a_reply_larger_than_any_buffer_arrives_whole(bench):
    bench.fake.answers["logs"] = lambda *_: "x" * (8 * MIB)
    assert len(bench.connect().ask(call("logs"))["result"]) == 8 * MIB


def test_a_client_that_never_reads_is_not_read_and_dropped_in_the_end(bench):
    bench.fake.answers["logs"] = lambda *_: "x" * MIB
    slow, other = bench.connect(), bench.connect()
    slow.socket.send(call("logs") * 50)
    bench.settle()
    assert len(bench.fake.calls) == 1, "one unsent reply is all that is kept for a client"
    assert "result" in other.ask(VERSION)
    bench.advance(connections.STALL - 0.1)
    assert len(bench.server._connections) == 2
    bench.advance(0.2)
    assert len(bench.server._connections) == 1
    assert "result" in other.ask(VERSION)


def test_a_client_that_reads_slowly_is_not_dropped(bench):
    bench.fake.answers["logs"] = lambda *_: "x" * (2 * MIB)
    slow = bench.connect()
    slow.socket.send(call("logs"))
    bench.settle()
    taken = 0
    for _ in range(200):
        bench.advance(connections.STALL * 0.9)
        try:
            data = slow.socket.recv(64 * 1024)
        except BlockingIOError:
            break
        taken += len(data)
    assert taken > 2 * MIB


def test_replies_that_pile_up_for_a_client_that_never_reads_drop_it(bench, later):
    client = bench.connect()
    client.say(call("restart", targets="a") * 10)
    for deferred in later:
        deferred.resolve("x" * MIB)
    assert bench.server._connections == set()
    assert "result" in bench.connect().ask(VERSION)


# --- crowds -----------------------------------------------------------------------------------------------------------


def test_two_hundred_connections_leave_room_for_health(bench):
    crowd = [bench.connect() for _ in range(200)]
    assert len(bench.server._connections) == MAX_ORDINARY + 1
    assert all("result" in client.ask(VERSION) for client in crowd[:MAX_ORDINARY])
    assert all(client.closed() for client in crowd[MAX_ORDINARY + 1 :]) is False  # their error comes first
    assert {code(client.hear()[0]) for client in crowd[MAX_ORDINARY + 1 :]} == {-32001}
    assert all(client.closed() for client in crowd[MAX_ORDINARY + 1 :])
    bench.advance(RESERVED_SECONDS)
    assert "result" in bench.connect().ask(HEALTH)


def test_the_last_place_answers_health_and_nothing_else_and_not_for_long(bench):
    for _ in range(MAX_ORDINARY):
        bench.connect()
    last = bench.connect()
    assert "result" in last.ask(HEALTH)
    assert "kept for health" in last.ask(VERSION)["error"]["message"]
    assert not last.closed()
    bench.advance(RESERVED_SECONDS)
    assert code(last.hear()[0]) == -32001
    assert last.closed()


def test_sixty_three_idle_clients_do_not_lock_out_a_stop(bench):
    bench.fake.answers["stop"] = lambda *_: {"accepted": True, "slots": []}
    crowd = [bench.connect() for _ in range(MAX_ORDINARY)]
    bench.advance(IDLE - 1)
    assert "result" in crowd[0].ask(VERSION), "this one is not idle"
    bench.advance(1)
    assert "result" in bench.connect().ask(call("stop", targets="all"))
    assert not crowd[0].closed()
    assert sum(client.closed() for client in crowd[1:]) == 1, "one of those that have been idle for the longest time"


def test_clients_that_wait_or_follow_are_not_idle(bench, later, follow):
    crowd = [bench.connect() for _ in range(MAX_ORDINARY)]
    for client in crowd[::2]:
        client.say(call("restart", targets="a"))
    for client in crowd[1::2]:
        client.ask(call("logs.follow"))
    bench.advance(2 * IDLE)
    assert code(bench.connect().ask(VERSION)) == -32001
    later[0].resolve({})
    crowd[0].hear()
    bench.advance(IDLE)
    assert "result" in bench.connect().ask(VERSION)
    assert crowd[0].closed()
    assert len(follow[0]) == MAX_ORDINARY // 2


def test_a_group_that_may_connect_does_not_lock_out_the_owner(bench, follow, monkeypatch):
    monkeypatch.setattr(serving, "_peer", lambda _: Peer(1, 4711, 4711))
    crowd = [bench.connect() for _ in range(MAX_OTHERS)]
    for client in crowd:
        client.ask(call("logs.follow"))
    assert len(follow[0]) == MAX_OTHERS
    assert code(bench.connect().ask(VERSION)) == -32001, "the place that is kept for health"
    bench.advance(RESERVED_SECONDS)
    monkeypatch.undo()
    owner = [bench.connect() for _ in range(MAX_ORDINARY - MAX_OTHERS)]
    assert all("result" in client.ask(VERSION) for client in owner)
    monkeypatch.setattr(serving, "_peer", lambda _: Peer(1, 4711, 4711))
    bench.advance(IDLE)
    assert code(bench.connect().ask(VERSION)) == -32001
    assert not any(client.closed() for client in owner), "they make no room for others"


def test_the_last_place_becomes_an_ordinary_one_when_another_leaves(bench):
    first = bench.connect()
    for _ in range(MAX_ORDINARY - 1):
        bench.connect()
    last = bench.connect()
    first.socket.close()
    bench.settle()
    assert "result" in last.ask(VERSION)
    bench.advance(RESERVED_SECONDS)
    assert "result" in last.ask(VERSION)


@pytest.mark.usefixtures("later")
def test_clients_that_left_while_a_reply_was_owed_make_room(bench):
    crowd = [bench.connect() for _ in range(MAX_ORDINARY)]
    for client in crowd:
        client.say(call("restart", targets="a"))
        client.socket.shutdown(socket.SHUT_WR)
    bench.settle()
    bench.connect()
    for client in crowd:
        client.socket.close()
    assert "result" in bench.connect().ask(VERSION)


def test_without_file_descriptors_health_is_answered_and_the_loop_does_not_spin(bench):
    clients = [Client(bench, socket.socket(socket.AF_UNIX)) for _ in range(3)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as full:
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, hard))
        full.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(highest + 3):
            try:
                full.callback(os.close, os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        for client in clients:
            client.socket.connect(bench.path)
        bench.settle()
        assert "result" in clients[0].ask(HEALTH)
        assert code(clients[0].ask(VERSION)) == -32001
        assert bench.loop.wait(bench.clock.time) == [], "a queue that cannot be served must not keep the loop awake"
        assert clients[1].hear() == []
    clients[0].socket.close()
    clients[1].say(VERSION)
    bench.advance(1.0)
    assert len(clients[1].hear()) == 1
    assert "result" in clients[2].ask(VERSION)
    assert len(bench.errors) == 1, "said once"


# --- the socket and its lock ------------------------------------------------------------------------------------------


def test_a_second_server_is_refused_with_the_pid_of_the_first(bench):
    with pytest.raises(TakenError, match=rf"pid {os.getpid()}\)") as raised:
        open_explicit(bench.path, Access())
    assert raised.value.exit_code == 73
    assert "result" in bench.connect().ask(VERSION)


HOLDER = """
import sys
from minisup.control.listener import Access, Listener
listener = Listener.open(sys.argv[1], Access())
print("ready", flush=True)
sys.stdin.read()
"""


def test_what_a_killed_minisup_left_is_taken_over(tmp_path):
    path = tmp_path / "s"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "ready\n"
        with pytest.raises(TakenError, match=rf"pid {holder.pid}\)"):
            Listener.open(str(path), Access())
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    assert path.is_socket()
    Listener.open(str(path), Access()).close()
    assert not path.exists()


def test_a_stale_socket_without_a_lock_is_taken_over(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    Listener.open(str(path), Access()).close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path):
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(TakenError, match="no socket"):
        open_explicit(str(path), Access())
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(TakenError):
        open_explicit(str(link), Access())
    assert path.read_text() == "precious"


def test_a_socket_of_another_program_is_left_alone(tmp_path):
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen(1)
        with pytest.raises(TakenError, match="another program"):
            open_explicit(path, Access())
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "s.lock").symlink_to(victim)
    with pytest.raises(TakenError):
        open_explicit(str(tmp_path / "s"), Access())
    assert victim.read_text() == "precious"


def test_mode_and_group_are_what_was_asked_for_and_the_umask_is_given_back(tmp_path):
    before = os.umask(0o022)
    try:
        listener = Listener.open(str(tmp_path / "s"), Access(0o660, os.getgid()))
        found = os.stat(listener.path)
        listener.close()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    assert stat.S_IMODE(found.st_mode) == 0o660
    assert found.st_gid == os.getgid()


def test_a_socket_that_somebody_else_has_put_in_its_place_is_not_removed(tmp_path):
    path = tmp_path / "s"
    listener = Listener.open(str(path), Access())
    path.unlink()
    path.write_text("another")
    listener.close()
    assert path.read_text() == "another"


@pytest.mark.parametrize("path", ["missing/s", "x" * 120], ids=["no directory", "too long"])
def test_a_named_socket_that_cannot_be_made_says_what_to_do(tmp_path, path):
    with pytest.raises(TakenError, match="--socket PATH"):
        open_explicit(str(tmp_path / path), Access())


# --- default places ---------------------------------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Default places in a directory of the test: the first cannot be made, the last is the fallback."""
    fallback = tmp_path / "fallback"
    found = [str(tmp_path / "missing" / "s"), str(fallback / "s")]
    monkeypatch.setattr(listening, "default_sockets", lambda _environ, _uid: found)
    monkeypatch.setattr(listening, "fallback_directory", lambda _uid: str(fallback))
    return fallback


def opened(warnings):
    loop = Loop(Hands())
    server = open_server(loop, Fake(), warn=warnings.append)
    if server is not None:
        server.close()
    loop.close()
    return server


def test_the_first_place_that_can_be_made_is_taken(places):
    warnings = []
    assert opened(warnings).path == str(places / "s")
    assert warnings == []
    assert stat.S_IMODE(places.stat().st_mode) == 0o700


def test_a_symlinked_fallback_directory_is_an_attack_and_not_used(places, tmp_path):
    trap = tmp_path / "trap"
    trap.mkdir(mode=0o700)
    places.symlink_to(trap)
    warnings = []
    assert opened(warnings) is None
    assert len(warnings) == 1
    assert "--socket PATH" in warnings[0]
    assert list(trap.iterdir()) == []


def test_a_fallback_directory_that_others_may_enter_or_own_is_not_used(tmp_path):
    directory = tmp_path / "d"
    make_private(str(directory), os.getuid())
    check_private(str(directory), os.getuid())
    with pytest.raises(PermissionError):
        check_private(str(directory), os.getuid() + 1)
    directory.chmod(0o755)
    with pytest.raises(PermissionError):
        make_private(str(directory), os.getuid())
    file = tmp_path / "f"
    file.touch()
    with pytest.raises(NotADirectoryError):
        make_private(str(file), os.getuid())


@pytest.mark.usefixtures("places")
def test_a_default_place_that_is_taken_is_not_gone_around():
    loop = Loop(Hands())
    first = open_server(loop, Fake(), warn=pytest.fail)
    with pytest.raises(TakenError):
        opened([])
    first.close()
    loop.close()


def test_the_default_places_are_those_of_the_documentation():
    everywhere = default_sockets({"XDG_RUNTIME_DIR": "/run/user/7"}, 7)
    assert everywhere == ["/run/minisup.sock", "/run/user/7/minisup.sock", "/tmp/minisup-7/minisup.sock"]
    assert default_sockets({"XDG_RUNTIME_DIR": "relative"}, 7) == ["/run/minisup.sock", "/tmp/minisup-7/minisup.sock"]


# --- clients that follow ----------------------------------------------------------------------------------------------


@pytest.fixture
def follow(bench):
    """Let clients follow: those that do, and those that have gone."""
    began, gone = [], []

    def answer(*_):
        began.append(Following("logs.follow", gone.append))
        return began[-1]

    bench.fake.answers["logs.follow"] = answer
    return began, gone


def test_a_client_that_follows_gets_the_reply_first_and_may_ask_other_things(bench, follow):
    began, _ = follow
    client = bench.connect()
    assert client.ask(call("logs.follow")) == {"jsonrpc": "2.0", "id": 1, "result": {"following": True}}
    began[0].tell({"n": 1})
    assert client.hear() == [{"jsonrpc": "2.0", "method": "logs.follow", "params": {"n": 1}}]
    assert "result" in client.ask(VERSION)
    began[0].tell({"n": 2})
    assert [message["params"] for message in client.hear()] == [{"n": 2}]


def test_a_client_that_stops_following_by_leaving_is_told_about_once(bench, follow):
    began, gone = follow
    client = bench.connect()
    client.ask(call("logs.follow"))
    client.socket.close()
    bench.settle()
    assert gone == began
    began[0].tell({"n": 1})
    began[0].end("shutdown")
    assert gone == began
    assert not bench.server._connections


def test_a_client_that_is_too_far_behind_gets_what_waits_and_then_the_reason(bench, follow):
    began, gone = follow
    client = bench.connect()
    client.ask(call("logs.follow"))
    told = 0
    for told in range(1, 100_000):
        began[0].tell({"n": told, "text": "x" * 1000})
        if gone:
            break
    assert gone == began
    (connection,) = bench.server._connections
    assert connections.MAX_BEHIND - 2000 < len(connection._unsent) <= connections.MAX_BEHIND + 200
    began[0].tell({"n": 0})
    messages = client.hear()
    assert [message["params"].get("n") for message in messages] == [*range(1, told), None]
    assert messages[-1]["params"] == {"ended": "slow"}
    assert client.closed()


def test_a_crowd_that_follows_and_reads_nothing_is_behind_by_a_bound_for_all_together(bench, follow):
    began, gone = follow
    crowd = [bench.connect() for _ in range(20)]
    for client in crowd:
        client.ask(call("logs.follow"))
    reader, block = crowd[0], "x" * 100_000
    for number in range(60):
        for following in began:
            following.tell({"n": number, "x": block})
        assert len(reader.hear()) == 1, "who reads is told everything"
        assert bench.server._backlog.total < backlog.MOST + 20 * (backlog.SHARE + len(block))
    assert len(gone) == 19, "all that do not read"
    assert bench.server._backlog.total == sum(len(connection._unsent) for connection in bench.server._connections)
    bench.advance(connections.STALL)
    assert bench.server._backlog.total == 0


def test_long_replies_that_nobody_takes_are_bounded_and_a_stop_is_still_answered(bench):
    bench.fake.answers |= {"status": lambda *_: "x" * (20 * MIB), "stop": lambda *_: {"accepted": True, "slots": []}}
    for _ in range(4):
        bench.connect().say(call("status"))
    refused = bench.connect()
    assert "wait for clients that do not read" in refused.ask(call("status"))["error"]["message"]
    assert "result" in refused.ask(call("stop", targets="all"))
    assert "result" in refused.ask(HEALTH)
    bench.advance(connections.STALL)
    assert len(refused.ask(call("status"))["result"]) == 20 * MIB


def test_a_client_that_follows_and_reads_nothing_is_dropped_when_it_has_stalled(bench, follow):
    began, gone = follow
    client = bench.connect()
    client.ask(call("logs.follow"))
    for _ in range(2000):
        began[0].tell({"text": "x" * 1000})
    bench.advance(connections.STALL + 0.1)
    assert gone == began
    assert not bench.server._connections


def test_the_end_is_sent_before_the_server_closes(bench, follow):
    began, gone = follow
    client = bench.connect()
    client.ask(call("logs.follow"))
    began[0].end("shutdown")
    bench.server.close()
    assert client.hear() == [{"jsonrpc": "2.0", "method": "logs.follow", "params": {"ended": "shutdown"}}]
    assert gone == began


def test_a_notification_that_asks_to_follow_is_granted_without_a_reply(bench, follow):
    began, _ = follow
    client = bench.connect()
    client.say(b'{"jsonrpc": "2.0", "method": "logs.follow"}\n')
    bench.settle()
    began[0].tell({"n": 1})
    assert [message["params"] for message in client.hear()] == [{"n": 1}]
