"""`minisup post`: what an HTTP service gets, and what its answer means for the message."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest
from kit import SOON, Stage, program, wait_until

from minisup.cli.queue.post import headers_of

LARAVEL = ("X-Aws-Sqsd-Queue", "X-Aws-Sqsd-Msgid", "X-Aws-Sqsd-Receive-Count")
"""What dusterio/laravel-aws-worker refuses a request without."""


class Asked(NamedTuple):
    path: str
    headers: Message
    body: bytes


class Service:
    """Answers with the status that the path names, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.retry_after = "30"
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.asked.append(Asked(self.path, self.headers, body))
                status = int(self.path.rpartition("/")[2].partition("?")[0])
                self.send_response(status)
                if status in {429, 503} and service.retry_after:
                    self.send_header("Retry-After", service.retry_after)
                self.end_headers()
                self.wfile.write(b"because of the weather\nand so on" if status != 200 else b"ok")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join(SOON)
        self.server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.close()


def post(stage: Stage, url: str, *words: str, body: str = "{}", **env: str) -> subprocess.CompletedProcess[str]:
    return stage.run("post", url, *words, input=body, env=stage.environ(**env))


def test_a_service_gets_the_headers_of_sqsd_and_the_body_to_the_byte(stage: Stage, service: Service) -> None:
    done = post(
        stage,
        f"{service.url}/worker/200?a=b#c",
        body="tög\n",
        MINISUP_MESSAGE_ID="m-1",
        MINISUP_MESSAGE_QUEUE="email",
        MINISUP_MESSAGE_RECEIVES="2",
        MINISUP_MESSAGE_ATTR_tenant="acme\nX-Evil: 1",
        MINISUP_MESSAGE_ATTR_ApproximateFirstReceiveTimestamp="1790000000123",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (asked,) = service.asked
    assert (asked.path, asked.body) == ("/worker/200?a=b", "tög\n".encode())
    assert all(asked.headers[name] for name in LARAVEL)
    assert {name: value for name, value in asked.headers.items() if name.startswith("X-")} == {
        "X-Aws-Sqsd-Msgid": "m-1",
        "X-Aws-Sqsd-Queue": "email",
        "X-Aws-Sqsd-Receive-Count": "2",
        "X-Aws-Sqsd-First-Received-At": "2026-09-21T14:13:20Z",
        "X-Aws-Sqsd-Attr-tenant": "acme X-Evil: 1",
    }
    assert asked.headers["User-Agent"].startswith("aws-sqsd/")
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["Content-Length"] == "5"


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (204, 0, ""),
        (302, 1, "302 Found: because of the weather"),
        (400, 65, "400 Bad Request: because of the weather"),
        (404, 1, "404 Not Found: because of the weather"),
        (429, 75, "429 Too Many Requests: because of the weather; return after 30 s"),
        (500, 1, "500 Internal Server Error: because of the weather"),
        (503, 75, "503 Service Unavailable: because of the weather; return after 30 s"),
    ],
)
def test_the_status_says_what_becomes_of_the_message(
    stage: Stage, service: Service, status: int, code: int, said: str
) -> None:
    done = post(stage, f"{service.url}/{status}", "--reject", "400,422", "--type", "text/plain")
    url = f"{service.url}/{status}: "
    assert (done.returncode, done.stderr) == (code, f"{url}{said}\n" if said else "")
    assert service.asked[0].headers["Content-Type"] == "text/plain"


def test_a_service_may_name_the_moment_or_ask_for_no_time(stage: Stage, service: Service) -> None:
    service.retry_after = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    said = post(stage, f"{service.url}/503").stderr
    assert 3500 <= int(said.rpartition("return after ")[2].removesuffix(" s\n")) <= 3600
    for nothing in ("", "soon"):
        service.retry_after = nothing
        done = post(stage, f"{service.url}/503")
        assert (done.returncode, "return after" in done.stderr) == (75, False)


def test_a_service_that_is_not_there_or_does_not_answer_has_failed(stage: Stage) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:  # accepts, and nobody serves it
        url = f"http://127.0.0.1:{silent.server_port}/"
        done = post(stage, url.replace("//", "//me:secret@"), "--timeout", "100ms")
        assert (done.returncode, done.stderr) == (1, f"cannot post to {url}: no answer in 0.1 s\n")
    done = post(stage, url)
    assert (done.returncode, done.stderr) == (1, f"cannot post to {url}: Connection refused\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ftp://x/"], "cannot post to ftp://x/: it is no address of a service"),
        (["http://x/", "--reject", "500"], "cannot read --reject: 500 is no list of statuses 4xx"),
        (["http://x/", "--timeout", "0"], "cannot post with --timeout 0"),
        ([], "cannot post: it takes one URL"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(stage: Stage, words: list[str], said: str) -> None:
    done = stage.run("post", *words, input="")
    assert done.returncode == 2
    assert said in done.stderr


def test_a_message_in_a_file_and_one_for_a_process_that_was_ready(stage: Stage, service: Service) -> None:
    stage.write("body", "from a file")
    assert post(stage, f"{service.url}/200", body="", MINISUP_MESSAGE_FILE=str(stage.path("body"))).returncode == 0
    meta = stage.path("meta")
    process = stage.popen(
        [sys.executable, "-m", "minisup", "post", f"{service.url}/200"],
        {"MINISUP_MESSAGE_META": str(meta)},
        stdin=subprocess.PIPE,
    )
    facts = {"id": "m-2", "receives": 3, "queue": "q", "sent_at": None, "attributes": {"my-name": "x", "bad name": "y"}}
    meta.write_text(json.dumps(facts) + "\n")
    process.communicate(b"from a pipe", timeout=SOON)
    assert process.returncode == 0
    assert [asked.body for asked in service.asked] == [b"from a file", b"from a pipe"]
    headers = service.asked[1].headers
    assert [headers[name] for name in LARAVEL] == ["q", "m-2", "3"]
    assert [name for name in headers if "-Attr-" in name] == ["X-Aws-Sqsd-Attr-my-name"]


def test_a_header_is_one_line_of_what_a_header_may_hold() -> None:
    headers = headers_of({"id": "a\r\nb", "attributes": {"é": "x", "ok": "ü"}})
    assert headers["X-Aws-Sqsd-Msgid"] == "a  b"
    assert headers["X-Aws-Sqsd-Attr-ok"].encode("latin-1").decode() == "ü"
    assert not any("é" in name for name in headers)


@pytest.mark.parametrize("warm", [0, 1])
def test_a_program_that_posts_is_a_worker_of_elastic_beanstalk(stage: Stage, service: Service, warm: int) -> None:
    kinds = {"done": 200, "bad": 400, "later": 503}
    tables = []
    for name, status in kinds.items():
        command = [sys.executable, "-m", "minisup", "post", f"{service.url}/{status}", "--reject", "400"]
        source = {"directory": str(stage.path(name)), "warm": warm}
        tables.append(program(name, command, source=source, stop={"drain": 0, "timeout": "2s"}))
    file = stage.config(*tables)
    daemon = stage.up_file(file)
    for name in kinds:
        assert stage.run("push", name, "-a", "tenant=acme", input="{}").returncode == 0
    wait_until(lambda: daemon.program("done")["source"]["acked"] == 1, SOON, "it is done")
    wait_until(lambda: daemon.program("bad")["source"]["rejected"] == 1, SOON, "it is set aside")
    wait_until(lambda: list((stage.path("later") / "new").iterdir()), SOON, "it is returned")
    (envelope,) = (stage.path("later") / "new").iterdir()
    due = int(envelope.name.rpartition("~")[2]) / 1000 - datetime.now(UTC).timestamp()
    assert 20 < due <= 30.5, "the message comes back when the service asked for it"
    by_path = {asked.path: asked.headers for asked in service.asked}
    assert by_path["/200"]["X-Aws-Sqsd-Attr-tenant"] == "acme"
    assert by_path["/503"]["X-Aws-Sqsd-Receive-Count"] == "1"
