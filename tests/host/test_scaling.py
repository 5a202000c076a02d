"""Programs that scale themselves, with real queues, real runs and probes of every bad kind."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import redis
from kit import AT_ONCE, SOON, Daemon, Stage, Stopwatch, holds_for, program, sh, wait_until
from lookup import environ_of
from sqs import FAKE, Server, free_port

TAKE = sh('sleep 0.2; f=$(ls queue | head -n 1); test -n "$f" && mv queue/$f done/ 2>/dev/null || exit 7')
"""Takes one file from a directory; a race that is lost looks like an empty queue."""

COUNT = sh("ls queue | wc -l")
KEYS = {"min_runtime": 0, "exit": {"idle": [7]}, "log": {"to": "none"}, "idle": {"wait": "200ms", "max_wait": "1s"}}


def scale(probe: object, **keys: object) -> dict[str, object]:
    return {"min": 1, "max": 4, "target_wait": "1s", "every": "200ms", **keys, "probe": probe}


def fill(stage: Stage, count: int) -> None:
    for directory in ("queue", "done"):
        stage.path(directory).mkdir(exist_ok=True)
    for number in range(count):
        (stage.path("queue") / f"{number}").touch()


def slots(daemon: Daemon, name: str = "email") -> int:
    return daemon.program(name)["scale"]["slots"]


def facts(daemon: Daemon, name: str) -> list[dict[str, object]]:
    return [event["fields"] for event in daemon.ask("events")["events"] if event["fact"] == name]


def fails(daemon: Daemon, what: str) -> str:
    """What is said once the probe fails."""
    found = wait_until(lambda: facts(daemon, "probe_failed"), SOON, "the probe fails")
    assert what in str(found[0]["error"]), found
    wait_until(lambda: daemon.program("email")["runs"]["total"] > 0, SOON, "jobs run all the same")
    return str(found[0]["error"])


# --- growing and shrinking --------------------------------------------------------------------------------------------


@pytest.mark.timeout(150)
def test_a_backlog_makes_it_grow_an_empty_queue_lets_it_shrink_and_no_run_is_signalled(stage: Stage) -> None:
    fill(stage, 60)
    text = program("email", TAKE, scale=scale({"command": COUNT}), **KEYS)
    daemon = stage.up(text, entry=[str(Path(__file__).parent / "jobs" / "hasty_up.py")])
    wait_until(lambda: slots(daemon) == 4, SOON, "it has grown")
    wait_until(lambda: not os.listdir(stage.path("queue")), 60, "all is done")
    assert len(os.listdir(stage.path("done"))) == 60
    wait_until(lambda: slots(daemon) == 1, 90, "it has shrunk")
    wait_until(lambda: len(daemon.program("email")["slots"]) == 1, SOON, "the slots have gone")
    runs = daemon.program("email")["runs"]
    assert runs["worked"] == 60
    assert runs["total"] == runs["worked"] + runs["idle"], "nothing was stopped, nothing crashed"
    assert facts(daemon, "autoscaled")[0]["reason"] == "backlog"
    daemon.says("email: 1 -> ")
    said = stage.command("why", "email").stdout
    assert "scales itself between 1 and 4" in said


def test_the_example_grows_when_a_bus_stops(stage: Stage) -> None:
    examples = Path(__file__).parents[2] / "examples"
    text = (examples / "scaling.toml").read_text().replace("${MINISUP_HERE}", str(examples))
    places = f'[supervisor]\nsocket = "{stage.socket}"\nstate_dir = "{stage.root}/state"'
    config = stage.write("scaling.toml", text.replace("[supervisor]", places))
    daemon = stage.up_file(config, env={"SHOP_QUEUE": str(stage.path("queue.db"))})
    wait_until(lambda: slots(daemon) > 1, 40, "it has grown")
    assert facts(daemon, "autoscaled")[0]["reason"] in {"backlog", "load"}
    assert not facts(daemon, "probe_failed")


def test_from_no_slot_and_a_stop_of_nothing_keeps_it_away(stage: Stage) -> None:
    fill(stage, 0)
    daemon = stage.up(program("email", TAKE, scale=scale({"command": COUNT}, min=0), **KEYS))
    assert daemon.program("email")["state"] == "waiting"
    assert "work that arrives brings it back" in stage.command("why", "email").stdout
    assert stage.command("health", "email", "--max-age", "1ms").returncode == 0  # it has nothing to prove
    assert stage.command("pause", "email").returncode == 0
    assert daemon.program("email")["state"] == "paused"
    assert stage.command("stop", "em*").returncode == 0
    assert daemon.program("email")["state"] == "off"
    fill(stage, 3)
    holds_for(lambda: slots(daemon) == 0, 1.0, "it stays away")
    assert stage.command("start", "email").returncode == 0
    wait_until(lambda: len(os.listdir(stage.path("done"))) == 3, SOON, "the work is done")


def test_without_a_probe_it_grows_while_no_run_is_idle(stage: Stage) -> None:
    fill(stage, 300)
    keys = {"max": 3, "every": "200ms"}
    daemon = stage.up(program("email", TAKE, scale=keys, **KEYS))
    wait_until(lambda: slots(daemon) == 3, 30, "it has grown")
    assert {fact["reason"] for fact in facts(daemon, "autoscaled")} == {"worked"}


def test_an_operator_may_scale_it_within_its_limits(stage: Stage) -> None:
    fill(stage, 0)
    daemon = stage.up(program("email", TAKE, scale=scale({"command": COUNT}), **KEYS))
    refused = stage.command("scale", "email=9")
    assert refused.returncode == 1
    assert "it scales itself between 1 and 4; change scale.min or scale.max" in refused.stderr
    assert stage.command("scale", "email=3", "--wait").returncode == 0
    holds_for(lambda: slots(daemon) == 3, 1.0, "that stays for a minute")


def test_a_reload_changes_the_limits_and_the_probe(stage: Stage) -> None:
    fill(stage, 0)
    first = program("email", TAKE, scale=scale({"command": "echo 50"}), **KEYS)
    daemon = stage.up(first)
    wait_until(lambda: slots(daemon) == 4, SOON, "it has grown")
    stage.config(program("email", TAKE, scale=scale({"command": "echo 0"}, max=2), **KEYS))
    done = stage.command("reload")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: slots(daemon) == 2, SOON, "no more than that")
    wait_until(lambda: daemon.program("email")["scale"]["waiting"] == 0, SOON, "the new probe is asked")
    stage.config(program("email", TAKE, numprocs=3, **KEYS))
    assert stage.command("reload").returncode == 0
    wait_until(lambda: len(daemon.program("email")["slots"]) == 3, SOON, "it is fixed now")
    assert daemon.program("email")["scale"] is None


# --- probes that misbehave --------------------------------------------------------------------------------------------

BAD = {
    "nonsense": (sh("echo lots"), 'the probe printed what is no answer: "lots" is no number'),
    "nothing": ("true", 'the probe printed what is no answer: "" is no number'),
    "below 0": (sh("echo -1"), '"-1" is below 0'),
    "not finite": (sh("echo NaN"), "is no number"),
    "JSON without a path": (sh("echo '{}'"), 'json = "PATH" says where it is'),
    "exit 1": (sh("echo 5; echo cannot connect >&2; exit 1"), 'the probe ended by exit 1 "cannot connect"'),
    "a signal": (sh("kill -9 $$"), "the probe ended by SIGKILL"),
    "missing": ("./no-such-probe", "cannot start ./no-such-probe: no such file"),
    "10 MB": (sh("head -c 10000000 /dev/zero | tr '\\0' 9"), "it printed more than 64 KiB"),
    "endless": ("yes", "it printed more than 64 KiB"),
    "endless errors": (sh("yes >&2"), "no answer within 1 s"),
    "hanging": ("sleep 1000", "no answer within 1 s"),
    "hanging and deaf": (sh("trap '' TERM INT HUP; while :; do sleep 1; done"), "no answer within 1 s"),
}


@pytest.mark.parametrize(("command", "said"), BAD.values(), ids=BAD)
def test_a_bad_probe_is_told_once_and_harms_nothing(stage: Stage, command: object, said: str) -> None:
    fill(stage, 20)
    probe = {"command": command, "timeout": "1s"}
    daemon = stage.up(program("email", TAKE, scale=scale(probe, min=2), **KEYS))
    fails(daemon, said)
    wait_until(lambda: not os.listdir(stage.path("queue")), 30, "the jobs work")
    assert len(facts(daemon, "probe_failed")) == 1, "said once"
    assert slots(daemon) == 2, "no slot joins, none leaves"
    watch = Stopwatch()
    daemon.term()
    assert daemon.wait() == 0
    assert watch.seconds < 3.0, "a probe does not hold up the end"


def test_a_probe_that_hung_is_asked_again_and_is_back(stage: Stage) -> None:
    fill(stage, 0)
    probe = {"command": sh("test -e well || sleep 1000; echo 50"), "timeout": "500ms"}
    daemon = stage.up(program("email", TAKE, scale=scale(probe), **KEYS))
    fails(daemon, "no answer within 0.5 s")
    stage.write("well", "")
    wait_until(lambda: slots(daemon) == 4, SOON, "it answers, and the program grows")
    assert [fact["visible"] for fact in facts(daemon, "probe_answered")] == [50]
    assert daemon.program("email")["leftovers"] == 0, "a probe is nobody's leftover"


def test_a_probe_has_the_world_of_the_program(stage: Stage) -> None:
    fill(stage, 0)
    stage.path("place").mkdir()
    probe = {"command": sh("echo $(pwd) $SHOP ${MINISUP_PROGRAM} > seen; echo 7")}
    keys = {**KEYS, "environment": {"SHOP": "tokyo"}, "directory": str(stage.path("place"))}
    daemon = stage.up(program("email", "true", scale=scale(probe), **keys))
    wait_until(lambda: daemon.program("email")["scale"]["waiting"] == 7, SOON, "it has answered")
    assert (stage.path("place") / "seen").read_text().split() == [str(stage.path("place")), "tokyo", "email"]


@pytest.mark.skipif(os.geteuid() != 0, reason="another user needs root")
def test_a_probe_is_the_programs_user(stage: Stage) -> None:
    keys = {**KEYS, "user": "nobody", "directory": "/"}
    daemon = stage.up(program("email", "true", scale=scale({"command": sh("id -u")}), **keys))
    wait_until(lambda: daemon.program("email")["scale"]["waiting"] == 65534, SOON, "it says who it is")


# --- other kinds ------------------------------------------------------------------------------------------------------


class Queues(BaseHTTPRequestHandler):
    """Answers as RabbitMQ's management does, and hangs or fails when asked to."""

    def do_GET(self) -> None:
        user = self.headers.get("Authorization", "")
        code = {"/gone": 404}.get(self.path, 200 if user == "Basic Z3Vlc3Q6c2VjcmV0" else 401)
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps({"name": "email", "messages_ready": 50, "node": {"n": [1, 2]}}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Queues)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://guest:secret@127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def helpers(stage: Stage) -> list[int]:
    return [pid for pid in stage.jobs() if b"minisup.probes" in command_of(pid)]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b""


LIES = {
    "nan": '{"visible": NaN}',
    "endless": '{"visible": 1e999}',
    "digits": '{"visible": -' + "9" * 4000 + "}",
    "half": '{"error": "\\ud800"}',
    "screen": '{"error": "\\u001b[2J"}',
    "deep": '{"error": ' + "[" * 20_000,
    "shape": '{"visible": [1]}',
}
"""What helpers of ours answer that the users of these programs have got hold of."""


def test_a_helper_that_lies_harms_nobody_else(stage: Stage, web: str) -> None:
    lie = "\n".join(f"{name}) printf '%s\\n' '{answer}';;" for name, answer in LIES.items())
    stage.write("lie", f'read -r spec <&1; while read -r x <&1; do case "$MINISUP_PROGRAM" in\n{lie}\nesac; done\n')
    patch = f"from minisup.host.integrations import prober; prober.HELPER = ('sh', {str(stage.path('lie'))!r})"
    entry = ("-c", f"{patch}; from minisup.__main__ import main; main()")
    probe = {"http": f"{web}/email", "json": "messages_ready", "timeout": "2s"}
    daemon = stage.up(*(program(name, TAKE, scale=scale(probe), **KEYS) for name in LIES), entry=entry)
    wait_until(lambda: len(facts(daemon, "probe_failed")) == len(LIES), 30, "each is told")
    shown = stage.command("status", "--json")
    assert shown.returncode == 0, shown.stderr
    said = {fact["program"]: fact["error"] for fact in facts(daemon, "probe_failed")}
    assert said.pop("half") == "?"
    assert said.pop("screen") == "?[2J"
    assert said.pop("deep") == "no answer within 2 s"
    assert set(said.values()) == {"who asks answers with what is no number of messages"}


def test_a_helper_that_answers_without_end_is_killed(stage: Stage, web: str) -> None:
    """Each line is right and has 16 bytes, so no read ends within one: no piece of a line grew too long."""
    stage.write("chatter", "read -r spec <&1; read -r x <&1; exec yes '{\"visible\": 1 }'\n")
    patch = f"from minisup.host.integrations import prober; prober.HELPER = ('sh', {str(stage.path('chatter'))!r})"
    entry = ("-c", f"{patch}; from minisup.__main__ import main; main()")
    probe = {"http": f"{web}/email", "json": "messages_ready"}
    fill(stage, 0)
    daemon = stage.up(program("email", TAKE, scale=scale(probe, every="1h"), **KEYS), entry=entry)
    wait_until(lambda: daemon.program("email")["scale"]["waiting"] == 1, SOON, "its first line is believed")
    wait_until(
        lambda: not [pid for pid in stage.jobs() if command_of(pid).startswith(b"yes")],
        SOON,
        "it is killed, although nobody asks",
    )


def test_a_helper_hears_no_variable_of_python_in_the_programs_environment(stage: Stage, web: str) -> None:
    fill(stage, 0)
    stage.path("evil").mkdir()
    for name in ("sitecustomize", "json", "minisup"):
        stage.write(f"evil/{name}.py", "open('loaded', 'w')")
    evil = str(stage.path("evil"))
    environment = {"PYTHONPATH": evil, "PYTHONHOME": evil, "PYTHONUSERBASE": evil, "no_proxy": "*"}
    probe = {"http": f"{web}/email", "json": "messages_ready"}
    daemon = stage.up(program("email", TAKE, scale=scale(probe), environment=environment, directory=evil, **KEYS))
    wait_until(lambda: daemon.program("email")["scale"]["waiting"] == 50, 30, "it answers")
    assert not list(stage.root.rglob("loaded"))


def test_http_with_json_and_the_helper_stays(stage: Stage, web: str) -> None:
    fill(stage, 0)
    probe = {"http": f"{web}/email", "json": "messages_ready"}
    daemon = stage.up(program("email", TAKE, scale=scale(probe), **KEYS), env={"no_proxy": "*"})
    wait_until(lambda: slots(daemon) == 4, 30, "it has grown")
    assert daemon.program("email")["scale"]["waiting"] == 50
    [helper] = helpers(stage)
    assert b"secret" not in Path(f"/proc/{helper}/cmdline").read_bytes()
    assert b"secret" not in environ_of(helper)
    os.kill(helper, 9)
    wait_until(lambda: helpers(stage) not in ([], [helper]), SOON, "another one is started")
    wait_until(lambda: daemon.program("email")["scale"]["failing_for"] is None, 30, "it answers")
    daemon.process.kill()
    daemon.wait()
    wait_until(lambda: not helpers(stage), SOON, "it ends with minisup, however that ends")
    stage.end_survivors()


@pytest.mark.parametrize(
    ("path", "key", "said"),
    [("/gone", "n", "404"), ("/email", "nothing", "has no nothing")],
    ids=["404", "no such key"],
)
def test_http_that_does_not_answer_well(stage: Stage, web: str, path: str, key: str, said: str) -> None:
    fill(stage, 1)
    probe = {"http": f"{web}{path}", "json": key}
    daemon = stage.up(program("email", TAKE, scale=scale(probe), **KEYS), env={"no_proxy": "*"})
    fails(daemon, said)


def test_a_server_that_never_answers(stage: Stage) -> None:
    fill(stage, 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        probe = {"http": f"http://127.0.0.1:{silent.getsockname()[1]}/", "timeout": "2s"}
        daemon = stage.up(program("email", TAKE, scale=scale(probe), **KEYS), env={"no_proxy": "*"})
        fails(daemon, "no answer within 2 s")


@pytest.mark.timeout(240)
def test_sqs_grows_with_the_backlog_and_works_it_off(stage: Stage) -> None:
    server = Server(stage)
    queue = server.queue("mail", *(f"mail-{number}" for number in range(30)))
    url = f"{server.endpoint}/123456789012/{queue}"
    trace = stage.path("trace")
    daemon = stage.up(server.worker(queue, trace, scale=scale({"sqs": url}, max=3, every="1s")), env=FAKE)
    wait_until(lambda: slots(daemon, "mail") > 1, 60, "it has grown")
    wait_until(lambda: server.left(queue) == 0, 120, "all is handled")
    wait_until(lambda: daemon.program("mail")["scale"]["waiting"] == 0, 30, "the probe says so")
    runs = daemon.program("mail")["runs"]
    assert runs["stopped"] == runs["crashed"] == runs["failed"] == 0
    daemon.ask("shutdown", now=True)
    daemon.wait(30)


@pytest.fixture
def cache(stage: Stage) -> int:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", stage.root]
    stage.popen(command, stdout=subprocess.DEVNULL)

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens, SOON, "redis listens")
    return port


def test_redis_lists_streams_groups_and_keys(stage: Stage, cache: int) -> None:
    server = redis.Redis(port=cache)
    server.rpush("list", *range(5))
    for _ in range(4):
        server.xadd("stream", {"a": 1})
    server.xgroup_create("stream", "group", "0")
    server.xreadgroup("group", "me", {"stream": ">"}, count=1)
    server.zadd("zset", {"a": 1, "b": 2})
    server.set("number", 9)
    wanted = {
        "list": ({"list": "list"}, 5),
        "stream": ({"stream": "stream"}, 4),
        "group": ({"stream": "stream", "group": "group"}, 3),
        "zset": ({"key": "zset"}, 2),
        "number": ({"key": "number"}, 9),
        "none": ({"key": "nothing-there"}, 0),
    }
    if "lag" not in server.xinfo_groups("stream")[0]:
        del wanted["group"]  # Redis before 7
    url = f"redis://127.0.0.1:{cache}/0"
    made = [
        program(name, "sleep 1000", scale=scale({"redis": url, **keys}, every="1s"), stop=AT_ONCE)
        for name, (keys, _) in wanted.items()
    ]
    server.close()
    daemon = stage.up(*made)

    def waiting() -> dict[str, int]:
        return {entry["name"]: entry["scale"]["waiting"] for entry in daemon.status()["programs"]}

    wait_until(lambda: waiting() == {name: count for name, (_, count) in wanted.items()}, 60, "all have answered")


def test_redis_grows_with_its_list_and_says_what_is_wrong(stage: Stage, cache: int) -> None:
    fill(stage, 1)
    probe = {"redis": f"redis://127.0.0.1:{cache}", "list": "mail"}
    daemon = stage.up(program("email", TAKE, scale=scale(probe), **KEYS))
    wait_until(lambda: daemon.program("email")["scale"]["waiting"] == 0, 30, "nothing waits")
    server = redis.Redis(port=cache)
    server.rpush("mail", *range(100))
    wait_until(lambda: slots(daemon) == 4, SOON, "it has grown")
    server.delete("mail")
    server.set("mail", "text")
    server.close()
    fails(daemon, "WRONGTYPE")
