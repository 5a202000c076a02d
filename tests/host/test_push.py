"""`minisup push` and `minisup redrive`: into the queue of a program and back, as the program would talk to it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kit import SOON, Stage, program, sh, wait_until
from queue_kit import DirectoryKit, ListKit, QueueKit, SqsKit, StreamKit
from redis_kit import missing
from sqs import FAKE, Server
from ways import needs_root

needs_redis = pytest.mark.skipif(bool(missing("redis-server")), reason=missing("redis-server"))
NOBODY = 65534


def config(stage: Stage, source: dict[str, object], **keys: object) -> Path:
    return stage.config(program("email", "cat", source=source, **keys))


def source_of(kit: QueueKit) -> dict[str, object]:
    return {key: value for key, value in kit.settings().items() if key not in {"kind", "lease", "poll"}}


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that everybody may enter; pytest's own are closed to others."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_what_is_pushed_is_run_and_what_was_set_aside_comes_back(stage: Stage) -> None:
    job = sh("cat >> got; [ -e well ] || exit 65")
    file = stage.config(program("email", job, source={"directory": "spool"}))
    daemon = stage.up_file(file)
    assert stage.run("push", "-c", file, "email", input="first").stdout == f"1 message put into {stage.path('spool')}\n"
    wait_until(lambda: daemon.program("email")["source"]["rejected"] == 1, SOON, "it is set aside")
    stage.write("well", "")
    done = stage.run("redrive", "-c", file, "email")
    assert done.stdout == f"1 message brought back into {stage.path('spool')}\n"
    wait_until(lambda: daemon.program("email")["source"]["acked"] == 1, SOON, "it is done")
    assert stage.path("got").read_text() == "firstfirst"
    assert (
        stage.run("redrive", "-c", file, "email", "--json").stdout
        == json.dumps({"program": "email", "queue": str(stage.path("spool")), "redriven": 0}, indent=2) + "\n"
    )


def test_bodies_are_put_in_to_the_byte_from_files_stdin_and_lines(stage: Stage) -> None:
    kit = DirectoryKit(stage)
    file = config(stage, source_of(kit))
    binary = bytes(range(256)) * 4096  # 1 MiB, with NUL and newlines
    stage.path("a b").write_bytes(binary)
    done = stage.run("push", "email", "a b", "-", input="from stdin\n")
    assert done.stdout == f"2 messages put into {kit.spool}\n", done.stderr
    done = stage.run("push", "-c", file, "email", "--each-line", "--json", input="one\n\ntwo \r\nthree")
    assert len(set(json.loads(done.stdout)["ids"])) == 3
    bodies = [path.read_bytes() for path in kit.files("new")]
    assert sorted(bodies) == sorted([binary, b"from stdin\n", b"one", b"two \r", b"three"])


def test_attributes_reach_the_run(stage: Stage) -> None:
    file = stage.config(
        program("email", sh('echo "$MINISUP_MESSAGE_ATTR_tenant" > got'), source={"directory": "spool"})
    )
    stage.up_file(file)
    assert stage.run("push", "email", "-a", "tenant=a=b", input="x").returncode == 0
    wait_until(lambda: stage.lines("got") == ["a=b"], SOON, "the run knows its tenant")
    wrong = stage.run("push", "email", "--attribute", "tenant", input="x")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "cannot push with --attribute tenant: it names no value; write NAME=VALUE\n",
    )


def test_one_that_is_too_long_is_refused_and_those_before_it_are_told(stage: Stage) -> None:
    kit = DirectoryKit(stage)
    config(stage, source_of(kit))
    stage.path("long").write_bytes(b"x" * ((1 << 20) + 1))
    done = stage.run("push", "email", "minisup.toml", "long", "minisup.toml")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "cannot push long: a message may have 1,048,576 bytes, and this has more",
        "  1 message before it: in the queue",
    ]
    assert kit.left() == 1
    gone = stage.run("push", "email", "gone")
    assert (gone.returncode, gone.stderr) == (1, "cannot read gone: No such file or directory\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["push", "sms"], 1, "cannot push to sms: it has no source, so it asks its queue itself;"),
        (["redrive", "sms"], 1, "cannot redrive sms: it has no source"),
        (["push", "fax"], 1, "cannot push to fax: only its receiver (./receive) knows its queue;"),
        (["push", "mail"], 4, "has no program 'mail'; it has sms, fax, cold"),
        (["push", "cold"], 1, "cannot push to cold: Connection refused"),
    ],
)
def test_a_queue_that_cannot_be_written_to_is_an_error_that_says_why(
    stage: Stage, words: list[str], code: int, said: str
) -> None:
    stage.config(
        program("sms", "true"),
        program("fax", "true", source={"command": ["./receive"]}),
        program("cold", "true", source={"redis": "redis://127.0.0.1:1/0", "list": "post"}),
    )
    done = stage.run(*words, input="x")
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@needs_redis
@pytest.mark.parametrize("kind", [ListKit, StreamKit])
def test_redis_gets_what_is_pushed(stage: Stage, kind: type[QueueKit]) -> None:
    kit = kind(stage)
    config(stage, source_of(kit))
    done = stage.run("push", "email", "--each-line", input="one\ntwo\n")
    assert done.stdout.startswith("2 messages put into "), done.stderr
    assert kit.left() == 2
    assert stage.run("redrive", "email").stdout.startswith("0 messages brought back into ")
    kit.close()


def test_sqs_gets_what_is_pushed_with_the_secrets_of_the_program_alone(stage: Stage) -> None:
    kit = SqsKit(stage, Server(stage), "email")
    stage.write("secrets", "".join(f"{name}={value}\n" for name, value in FAKE.items()))
    config(stage, source_of(kit), env_file="secrets")
    done = stage.run("push", "email", input="letter")
    assert done.stdout == "1 message put into email\n", done.stderr
    assert kit.left() == 1
    stage.path("binary").write_bytes(b"\xff")
    refused = stage.run("push", "email", "binary")
    assert refused.stderr == "cannot push to email: this queue takes text only, and the message is no UTF-8 (binary)\n"
    kit.client.send_message(QueueUrl=kit.dead_url, MessageBody="dead")
    assert stage.run("redrive", "email").stdout == "1 message brought back into email\n"
    assert kit.left() == 2
    kit.close()


def open_python() -> str:
    """A Python like this one that every user may run; empty: there is none."""
    for name in (sys.executable, shutil.which("python3", path="/usr/bin") or ""):
        version = ["-I", "-c", "import sys; print(sys.version_info[:2])"]
        try:
            found = subprocess.run([name, *version], user=NOBODY, cwd="/", capture_output=True, text=True, check=False)
        except OSError:
            continue
        if found.stdout.strip() == str(sys.version_info[:2]):
            return name
    return ""


@needs_root
def test_root_pushes_as_the_user_of_the_program(stage: Stage, shared: Path) -> None:
    python = open_python()
    if not python:
        pytest.skip("no Python that another user may run")
    os.chown(shared, NOBODY, NOBODY)
    file = config(stage, {"directory": str(shared / "spool")}, user="nobody", umask="0077", directory="/")
    command = [python, "-m", "minisup", "push", "-c", str(file), "email", str(file)]
    keys = {"env": stage.environ(PYTHONPATH=os.pathsep.join(sys.path)), "cwd": stage.root, "text": True}
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False, **keys)
    assert done.returncode == 0, done.stderr
    (message,) = (shared / "spool" / "new").iterdir()
    assert (message.stat().st_uid, message.stat().st_mode & 0o777) == (NOBODY, 0o600)
    os.chown(shared, 0, 0)
    shared.chmod(0o700)
    refused = subprocess.run(command, stderr=subprocess.PIPE, check=False, **keys)
    assert refused.returncode == 1
    assert refused.stderr.startswith("cannot push to email: Permission denied ("), "root does not open it for him"


@needs_root
def test_who_may_not_become_the_user_of_the_program_is_told(stage: Stage, shared: Path) -> None:
    python = open_python()
    if not python:
        pytest.skip("no Python that another user may run")
    file = shared / "minisup.toml"
    file.write_text('[program.email]\ncommand = "cat"\nuser = "daemon"\nsource = { directory = "spool" }\n')
    environ = stage.environ(PYTHONPATH=os.pathsep.join(sys.path))
    command = [python, "-m", "minisup", "push", "-c", str(file), "email", str(file)]
    keys = {"env": environ, "cwd": "/", "text": True, "user": NOBODY, "stderr": subprocess.PIPE}
    done = subprocess.run(command, check=False, **keys)
    assert done.returncode in {1, 78}
    assert "daemon" in done.stderr, done.stderr
    assert "root" in done.stderr, done.stderr


def test_a_start_or_restart_of_what_waits_for_a_message_is_done(stage: Stage) -> None:
    daemon = stage.up(program("email", "cat", source={"directory": "spool"}, numprocs=2))
    wait_until(lambda: daemon.slot("email:0")["reason"] == "message", SOON, "it waits for a message")
    for verb in ("restart", "start", "resume"):
        assert daemon.ask(verb, ["email"], wait=True, timeout=SOON)["done"], verb
    assert daemon.program("email")["running"] == 0


@pytest.mark.parametrize("supervisor", ['shutdown_timeout = "4s"', "history = { max_rows = 9 }"])
def test_the_history_knows_what_became_of_a_message(stage: Stage, supervisor: str) -> None:
    daemon = stage.up(program("email", "cat", source={"directory": "spool", "warm": 1}), supervisor=supervisor)
    (pushed,) = json.loads(stage.run("push", "email", "--json", input="one").stdout)["ids"]
    stage.run("push", "email", input="two")
    wait_until(lambda: daemon.program("email")["source"]["acked"] == 2, SOON, "both are done")
    query = ("history", "-c", stage.path("minisup.toml"), "--message")

    def rows() -> list[dict[str, object]]:
        return [json.loads(line) for line in stage.run(*query, pushed, "--json").stdout.splitlines()]

    (row,) = wait_until(rows, SOON, "the run is in the history")
    assert (row["message"], row["receives"], row["outcome"]) == (pushed, 1, "worked")
    assert isinstance(row["wait"], float)
    assert 0 <= row["wait"] < SOON
    assert stage.run(*query, "nobody").stdout == ""
