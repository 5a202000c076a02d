"""`from minisup import Client`: the methods, the errors with their exit codes, and what happens when nobody answers."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import pytest
from fake_minisup import answering

import minisup
from minisup import Client
from minisup.control import client as client_module
from minisup.control import connecting as module
from minisup.errors import MinisupError, NoSuchTargetError, NotReachableError, UsageError


def test_the_version_is_that_of_the_package():
    assert minisup.__version__ == version("minisup")


def test_importing_minisup_does_not_load_the_client():
    code = "import minisup, sys; assert 'minisup.control.client' not in sys.modules; minisup.Client"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    with pytest.raises(AttributeError):
        _ = minisup.nonsense


def test_every_method_has_its_result(fake):
    with Client(fake) as client:
        assert client.status()["schema"] == 1
        assert client.status("email")["programs"][0]["name"] == "email"
        assert client.start(("email",)) == {"accepted": True, "slots": ["email:0", "email:1"]}
        assert client.stop(["email:1"], wait=True)["done"]
        assert client.restart("@mail", now=True, wait=True, timeout=5)["done"]
        assert client.pause("email", wait=True, timeout=5)["done"]
        assert client.resume(["email"], now=True)["accepted"]
        assert client.signal("TERM", "email")["got"] == client.signal(15, ["email"])["got"] == "SIGTERM"
        assert client.scale("email", 1)["leaving"]
        assert client.run("email")["run"] == 813
        assert client.run("email", wait=True, timeout=5)["code"] == 3
        assert [next(iter(told)) for told in client.run_follow("email")] == ["began", "slot", "slot", "result"]
        assert client.scale("email", 1, now=True, wait=True, timeout=5)["done"]
        assert len(client.logs(lines=1)["lines"]) == 1
        assert client.history()["runs"][1]["outcome"] == "failed"
        assert len(client.events(lines=1)["events"]) == 1
        assert [event["fact"] for event in client.events_follow(lines=3)] == ["recovered"]
        assert client.health() == {"healthy": True, "reason": None}
        assert client.version()["version"] == minisup.__version__
        assert client.shutdown(wait=True)
    assert not Path(fake).exists()


def test_one_connection_serves_all_calls_and_a_new_one_follows_a_restart(tmp_path):
    path = str(tmp_path / "s")
    client = Client(path)
    with answering(path):
        first = client.version()["pid"]
        connection = client._socket
        client.status()
        assert client._socket is connection
    with answering(path):
        assert client.version()["pid"] != first
    client.close()


def test_errors_keep_their_exit_code_targets_and_hint(fake):
    with Client(fake) as client:
        with pytest.raises(NoSuchTargetError) as raised:
            client.stop("nope")
        assert (raised.value.exit_code, raised.value.targets, raised.value.hint) == (4, ("nope",), "programs: email")
        with pytest.raises(MinisupError, match="it is broken") as broken:
            client.stop("boom")
        assert broken.value.exit_code == 1
        with pytest.raises(UsageError, match="targets"):
            client.stop([])
        with pytest.raises(MinisupError, match="no such method"):
            client.call("explode", {}, None)
        with pytest.raises(MinisupError, match=r"not done after 0\.05 s"):
            client.stop("slow", wait=True, timeout=0.05)
        assert client.version(), "an error does not end the connection"


def test_no_socket_says_which_were_tried(tmp_path):
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    with pytest.raises(NotReachableError) as raised:
        Client([one, two]).status()
    text = str(raised.value)
    assert text.startswith(f"cannot reach minisup: no socket at {one} (also tried {two})\n")
    assert "is `minisup up` running?" in text
    assert raised.value.exit_code == 3


def test_a_socket_that_nobody_serves_is_told_before_those_that_are_not_there(tmp_path):
    stale = tmp_path / "stale"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(stale))
    with pytest.raises(NotReachableError, match=f"nobody listens at {stale} "):
        Client([str(tmp_path / "none"), str(stale)]).status()


def test_places_are_tried_in_turn(fake, tmp_path):
    with Client([str(tmp_path / "none"), fake]) as client:
        assert client.status()
        assert client.path == fake


def test_without_a_socket_the_environment_then_the_default_places_are_meant(monkeypatch):
    monkeypatch.setenv("MINISUP_SOCKET", "/some/where")
    assert Client().paths == ["/some/where"]
    monkeypatch.delenv("MINISUP_SOCKET")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert Client().paths == [
        "/run/minisup.sock",
        "/run/user/7/minisup.sock",
        f"/tmp/minisup-{os.getuid()}/minisup.sock",
    ]


def test_a_fallback_directory_of_somebody_else_is_not_trusted(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "fallback_directory", lambda _uid: str(tmp_path))
    tmp_path.chmod(0o777)
    with pytest.raises(NotReachableError, match="no permission"):
        Client(fake).status()
    tmp_path.chmod(0o700)
    with Client(fake) as client:
        assert client.status()


def test_a_minisup_that_is_stopped_is_given_up_in_time(tmp_path):
    path = str(tmp_path / "s")
    with answering(path) as process:
        process.send_signal(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            with pytest.raises(NotReachableError, match="did not answer in time"):
                Client(path, timeout=0.2).status()
            with pytest.raises(NotReachableError):
                Client(path).health()
            assert 2.0 <= time.monotonic() - begun < 6.0
        finally:
            process.send_signal(signal.SIGCONT)


def serve_once(path, *replies):
    """A server that is none: it accepts, and for each reply reads something and sends that."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(5)
    listener.settimeout(10)

    def serve():
        for reply in replies:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                connection.recv(65536)
                with suppress(BrokenPipeError, ConnectionResetError):  # it has heard enough
                    connection.sendall(reply)
        listener.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


NONSENSE = {
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n",
    "a list": b"[1]\n",
    "no object": b'{"id": 1, "result": 5}\n',
    "nothing": b"",
    "no keys": b'{"id": 1, "result": {}}\n',
    "another type": b'{"id": 1, "result": {"version": 1, "state": "running", "programs": 5}}\n',
    "nested without end": b'{"id": 1, "result": ' + b"[" * 100_000 + b"\n",
    "digits": b'{"id": 1, "result": ' + b"9" * 5000 + b"}\n",
    "not UTF-8": b'{"id": 1, "result": "\xff"}\n',
    "an odd error": b'{"id": 1, "error": {"code": "x", "message": [1], "data": 5}}\n',
}


@pytest.mark.parametrize("method", ["status", "why", "restart", "events", "health", "version", "shutdown"])
@pytest.mark.parametrize("reply", NONSENSE.values(), ids=NONSENSE)
def test_whatever_answers_no_method_raises_anything_but_our_own_errors(tmp_path, reply, method):
    path = str(tmp_path / "s")
    thread = serve_once(path, reply)
    with Client(path) as client:
        said = "cannot ..." if method == "shutdown" else ""  # that it hangs up is what was asked for
        try:
            getattr(client, method)(*(["a"] if method in {"why", "restart"} else []))
        except MinisupError as error:
            said = str(error)
        assert said.startswith("cannot ")
    thread.join(10)


def test_an_answer_without_end_is_given_up_in_time_and_in_size(tmp_path, monkeypatch):
    path = str(tmp_path / "s")
    monkeypatch.setattr(client_module, "LONGEST", 1 << 20)
    thread = serve_once(path, b"x" * (2 << 20))
    with Client(path) as client, pytest.raises(NotReachableError, match="an answer of more than 1 MiB"):
        client.status()
    thread.join(10)


def test_replies_that_nobody_asked_for_do_not_keep_a_client_for_ever(tmp_path):
    path = str(tmp_path / "s")
    thread = serve_once(path, b'{"jsonrpc": "2.0", "id": 99, "result": {}}\n' * 2000)
    with Client(path) as client, pytest.raises(NotReachableError, match="is something else"):
        client.status()
    thread.join(10)


@pytest.mark.parametrize(
    "told",
    [
        b'{"method": "events.follow", "params": {"event": 5}}\n',
        b'{"method": "events.follow", "params": {}}\n',
        b'{"id": 7}\n',
        b"[" * 50_000 + b"\n",
    ],
    ids=["no event", "nothing", "a reply", "nested"],
)
def test_a_notification_that_makes_no_sense_ends_following(tmp_path, told):
    path = str(tmp_path / "s")
    thread = serve_once(path, b'{"id": 1, "result": {"following": true}}\n' + told)
    with pytest.raises(NotReachableError, match="is something else"):
        list(Client(path).events_follow())
    thread.join(10)


@pytest.mark.parametrize("line", ["status --once", "why email", "restart email", "events", "logs", "health"])
def test_a_command_says_that_something_else_answers(minisup, tmp_path, line):
    path = str(tmp_path / "s")
    thread = serve_once(path, b'{"jsonrpc": "2.0", "id": 1, "result": {"slots": [{}], "runs": 5, "lines": [1]}}\n')
    process = minisup("-s", path, *line.split())
    assert process.returncode == (1 if line == "health" else 3)
    assert "what answers" in process.stderr
    assert "Traceback" not in process.stderr
    thread.join(10)


@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n", b"[1]\n", b'{"id": 1, "result": 5}\n', b""])
def test_what_answers_nonsense_is_not_minisup(tmp_path, reply):
    path = str(tmp_path / "s")
    thread = serve_once(path, reply)
    with Client(path) as client, pytest.raises(NotReachableError):
        client.status()
    thread.join(10)


def test_health_comes_again_while_all_connections_are_in_use(tmp_path):
    path = str(tmp_path / "s")
    busy = b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32001, "message": "cannot connect: full"}}\n'
    fine = b'{"jsonrpc": "2.0", "id": 3, "result": {"healthy": true, "reason": null}}\n'
    thread = serve_once(path, busy, busy, fine)
    with Client(path) as client:
        assert client.health()["healthy"]
    thread.join(10)


def test_a_request_that_waits_says_how_far_it_is(fake):
    told = []
    with Client(fake) as client:
        with pytest.raises(MinisupError, match="not done after"):
            client.ask("stop", "slow", wait=True, timeout=0.6, told=told.append)
        assert client.version(), "the connection is good for the next call"
    assert told == [{"done": 0, "of": 2, "missing": [{"phase": "running", "slots": 2, "longest": 0.08}]}]


class Spoken:
    """A minisup at a socket that says these lines, one for each that it is sent, and keeps those."""

    def __init__(self, path, *replies):
        self.heard = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._answer, args=(replies,), daemon=True)
        self._thread.start()

    def _answer(self, replies):
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rwb") as lines:
            for reply in replies:
                self.heard.append(json.loads(lines.readline()))
                lines.write(reply.encode() + b"\n")
                lines.flush()

    def close(self):
        self._thread.join(20)
        self._listener.close()


UNKNOWN = 'cannot call stop: unknown parameter "progress"; it takes targets, now, wait, timeout'


def test_a_minisup_from_before_an_upgrade_that_tells_no_progress_is_asked_without(tmp_path):
    path = str(tmp_path / "s")
    refused = json.dumps({"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": UNKNOWN}})
    done = json.dumps({"jsonrpc": "2.0", "id": 2, "result": {"done": True, "slots": ["email:0"]}})
    old = Spoken(path, refused, done)
    with Client(path) as client:
        assert client.ask("stop", "email", wait=True, told=print) == {"done": True, "slots": ["email:0"]}
    old.close()
    assert ["progress" in request["params"] for request in old.heard] == [True, False]


def test_progress_that_makes_no_sense_is_not_shown(tmp_path):
    path = str(tmp_path / "s")
    strange = Spoken(path, '{"jsonrpc": "2.0", "method": "stop", "params": {"progress": {"done": "all"}}}')
    with Client(path) as client, pytest.raises(NotReachableError, match=r"stop: progress\.done"):
        client.ask("stop", "email", wait=True, told=print)
    strange.close()


def test_a_client_that_does_not_ask_for_progress_gets_the_reply_alone(fake):
    with socket.socket(socket.AF_UNIX) as old:
        old.settimeout(20)
        old.connect(fake)
        params = {"targets": "slow", "wait": True, "timeout": 0.5}
        old.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "stop", "params": params}).encode() + b"\n")
        assert json.loads(old.makefile("rb").readline())["id"] == 1
