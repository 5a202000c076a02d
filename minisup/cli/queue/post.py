"""`minisup post`: a message as an HTTP request with the headers of `sqsd`, Elastic Beanstalk's daemon for workers.

A process does this for each message, so it loads little: no configuration, no argparse, and TLS for https alone.
"""

from __future__ import annotations

import os
import sys
import time

from minisup.cli.output import complain
from minisup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.client import HTTPResponse
    from urllib.parse import SplitResult

    from minisup.cli.argv import Words

OPTIONS = {"--reject": "reject", "--timeout": "timeout", "--type": "type"}
FLAGS: dict[str, str] = {}

TIMEOUT = "299s"
"""How long the service may take: as sqsd's InactivityTimeout."""

CONNECT = 5.0
TYPE = "application/json"

DONE, FAILED, REJECTED, LATER = 0, 1, 65, 75
"""Exit codes: EX_DATAERR is what a source rejects a message by, EX_TEMPFAIL that the service asks for time."""

BUSY = frozenset({429, 503})
FIRST_RECEIVED = "ApproximateFirstReceiveTimestamp"
OF_THE_QUEUE = frozenset({FIRST_RECEIVED, "MessageGroupId", "MessageDeduplicationId"})
"""Attributes that a queue of SQS makes itself: sqsd does not pass them on as attributes of the message."""

LONGEST_ANSWER = 1 << 16
LONGEST_DELAY = 43_200
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def from_words(words: Words) -> int:
    """`minisup post` as it stands on the command line."""
    if len(words.targets) != 1:
        raise UsageError("cannot post: it takes one URL; write minisup post http://127.0.0.1:8080/worker/queue")
    named = words.options
    return post(words.targets[0], named.get("reject", ""), named.get("timeout", TIMEOUT), named.get("type", TYPE))


def post(url: str, reject: str, timeout: str, content_type: str) -> int:
    """The exit code that says what became of the message; what is not 2xx is told on stderr."""
    parts = _address(url)
    rejected = _codes(reject)
    patience = _seconds(timeout)
    if parts.scheme == "http":
        sys.modules.setdefault("ssl", None)  # type: ignore[arg-type] # half of the time that http.client takes to load
    from http import client  # noqa: PLC0415 -- as above

    message = _body()  # a process that is ready waits here, with everything loaded
    headers = {**headers_of(_facts(os.environ)), "Content-Type": content_type}
    made = client.HTTPSConnection if parts.scheme == "https" else client.HTTPConnection
    connection = made(parts.hostname or "", parts.port, timeout=CONNECT)
    where = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    try:
        connection.connect()
        connection.sock.settimeout(patience)
        path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        connection.request("POST", path, message, headers)
        return _code(where, connection.getresponse(), rejected)
    except TimeoutError:
        complain(f"cannot post to {where}: no answer in {patience:g} s")
    except (OSError, client.HTTPException) as error:
        complain(f"cannot post to {where}: {getattr(error, 'strerror', None) or str(error) or type(error).__name__}")
    finally:
        connection.close()
    return FAILED


def headers_of(facts: Mapping[str, object]) -> dict[str, str]:
    """What sqsd says of a message, by the facts in `MINISUP_MESSAGE_META`."""
    from minisup.version import __version__  # noqa: PLC0415 -- loaded late, as all that only a message needs

    attributes = facts.get("attributes")
    named: dict[str, str] = attributes if isinstance(attributes, dict) else {}
    headers = {
        "User-Agent": f"aws-sqsd/2.0 (minisup {__version__})",
        "X-Aws-Sqsd-Msgid": facts.get("id") or "",
        "X-Aws-Sqsd-Queue": facts.get("queue") or "",
        "X-Aws-Sqsd-Receive-Count": facts.get("receives") or "1",
        "X-Aws-Sqsd-First-Received-At": _first_received(named),
    }
    headers |= {
        f"X-Aws-Sqsd-Attr-{name}": value
        for name, value in named.items()
        if name not in OF_THE_QUEUE and name and _TOKEN.issuperset(name)
    }
    return {name: _header(str(value)) for name, value in headers.items()}


def _facts(environ: Mapping[str, str]) -> Mapping[str, object]:
    meta = environ.get("MINISUP_MESSAGE_META")
    if meta:
        import json  # noqa: PLC0415 -- a process that was ready has it in its file

        with open(meta, encoding="utf-8") as file:
            found: Mapping[str, object] = json.load(file)
        return found
    start = "MINISUP_MESSAGE_ATTR_"
    return {
        "id": environ.get("MINISUP_MESSAGE_ID"),
        "queue": environ.get("MINISUP_MESSAGE_QUEUE"),
        "receives": environ.get("MINISUP_MESSAGE_RECEIVES"),
        "attributes": {name[len(start) :]: value for name, value in environ.items() if name.startswith(start)},
    }


def _body() -> bytes:
    path = os.environ.get("MINISUP_MESSAGE_FILE")
    if path:
        with open(path, "rb") as file:
            return file.read()
    return sys.stdin.buffer.read()


def _first_received(attributes: Mapping[str, str]) -> str:
    """ISO 8601, UTC; a queue that does not know gives the message for the first time now."""
    text = attributes.get(FIRST_RECEIVED, "")
    moment = int(text) / 1000 if text.isascii() and text.isdigit() and len(text) < len("9999999999999999") else None
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def _header(text: str) -> str:
    """As a header may be: one line, its letters as UTF-8."""
    return "".join(one if one.isprintable() else " " for one in text).encode().decode("latin-1")


def _code(where: str, answer: HTTPResponse, rejected: frozenset[int]) -> int:
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - what all of 2xx means
        return DONE
    first = answer.read(LONGEST_ANSWER).decode(errors="replace").strip().partition("\n")[0]
    said = f"{where}: {status} {answer.reason}" + (f": {first[:200]}" if first else "")
    if status in BUSY:
        delay = _delay(answer.headers.get("Retry-After", ""))
        complain(said if delay is None else f"{said}; return after {delay} s")
        return LATER
    complain(said)
    return REJECTED if status in rejected else FAILED


def _delay(text: str) -> int | None:
    """The seconds of `Retry-After`, which is a number of them or a date; None: it asks for none."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), LONGEST_DELAY)
    if not text:
        return None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 -- few services say a date

    try:
        left = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0, min(round(left), LONGEST_DELAY))


def _address(url: str) -> SplitResult:
    from urllib.parse import urlsplit  # noqa: PLC0415 -- http.client needs it as well

    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port):
            return parts
    except ValueError:
        pass
    raise UsageError(f"cannot post to {url}: it is no address of a service; write http://HOST:PORT/PATH")


def _codes(text: str) -> frozenset[int]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if all(len(word) == len("400") and word.isascii() and word.isdigit() and word.startswith("4") for word in words):
        return frozenset(map(int, words)) - BUSY
    raise UsageError(f"cannot read --reject: {text} is no list of statuses 4xx; write --reject 400,422")


def _seconds(text: str) -> float:
    from minisup.cli.timeparse import seconds  # noqa: PLC0415 -- loaded before the message is there

    found = seconds(text, "--timeout")
    if not found:
        raise UsageError('cannot post with --timeout 0: nothing answers at once; write --timeout "299s"')
    return found
