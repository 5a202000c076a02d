"""What `sqs`, `redis` and `http` ask, each with the library that it needs, loaded with the first question."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from minisup.probes.number import number_in, whole

PATIENCE: Final = 8.0
"""Seconds that a connection and an answer may take; minisup's own patience (`timeout`) may end sooner or later."""

LONGEST: Final = 1 << 20
"""Bytes of an answer over HTTP."""

Spec = Mapping[str, Any]
Ask = Callable[[], int]

_AMAZON: Final = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?/")


class ProbeError(Exception):
    """A probe cannot ask. The text says why."""


def asker(spec: Spec) -> Ask:
    """A function that asks and returns how many messages wait."""
    kind = next(kind for kind in ASKERS if spec.get(kind))
    return ASKERS[kind](spec)


def ask_sqs(spec: Spec) -> Ask:
    """Visible messages of an SQS queue. Credentials and region are found as by every AWS tool."""
    try:
        import boto3  # type: ignore[import-untyped] # noqa: PLC0415
        from botocore.config import Config  # type: ignore[import-untyped] # noqa: PLC0415
    except ImportError:
        raise ProbeError("sqs needs boto3: pip install 'minisup[sqs]'") from None
    url, attribute = spec["sqs"], "ApproximateNumberOfMessages"
    found = _AMAZON.match(url)
    place = {"region_name": found[1]} if found else {"endpoint_url": url.split("/", 3)[0] + "//" + url.split("/", 3)[2]}
    patience = Config(connect_timeout=PATIENCE, read_timeout=PATIENCE, retries={"max_attempts": 0})
    client = boto3.client("sqs", config=patience, **place)

    def ask() -> int:
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])
        return whole(int(answer["Attributes"][attribute]))

    return ask


def ask_redis(spec: Spec) -> Ask:
    """The length of a list, of a stream, of what a group has not been given, or of whatever a key holds."""
    try:
        import redis  # noqa: PLC0415
    except ImportError:
        raise ProbeError("redis needs its library: pip install 'minisup[redis]'") from None
    library: Any = redis
    server: Any = library.Redis.from_url(spec["redis"], socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
    if spec.get("list"):
        return lambda: whole(server.llen(spec["list"]))
    if spec.get("group"):
        return lambda: _lag(server, spec["stream"], spec["group"])
    if spec.get("stream"):
        return lambda: whole(server.xlen(spec["stream"]))
    return lambda: _size(server, spec["key"])


def _lag(server: Any, stream: str, group: str) -> int:  # noqa: ANN401 - redis is not there when types are checked
    for known in server.xinfo_groups(stream):
        if known["name"] == group.encode():
            if known.get("lag") is None:
                raise ProbeError(
                    f"redis cannot tell how far {group} is behind (it needs Redis 7, and no XDEL or XTRIM)"
                )
            return whole(known["lag"])
    raise ProbeError(f"the stream {stream} has no group {group}")


def _size(server: Any, key: str) -> int:  # noqa: ANN401 - as above
    sizes: Mapping[bytes, Callable[[], Any]] = {
        b"none": lambda: 0,
        b"list": lambda: server.llen(key),
        b"stream": lambda: server.xlen(key),
        b"set": lambda: server.scard(key),
        b"zset": lambda: server.zcard(key),
        b"hash": lambda: server.hlen(key),
        b"string": lambda: number_in(server.get(key).decode(errors="replace")),
    }
    kind = server.type(key)
    if kind not in sizes:
        raise ProbeError(f"{key} is a {kind.decode()}, which has no length")
    return whole(sizes[kind]())


def ask_http(spec: Spec) -> Ask:
    """What an address answers; a user and a password in it are sent as basic authorization."""
    from base64 import b64encode  # noqa: PLC0415
    from urllib.parse import unquote, urlsplit, urlunsplit  # noqa: PLC0415
    from urllib.request import Request, urlopen  # noqa: PLC0415

    parts = urlsplit(spec["http"])
    who, _, host = parts.netloc.rpartition("@")
    headers = {"User-Agent": "minisup"}
    if who:
        headers["Authorization"] = f"Basic {b64encode(unquote(who).encode()).decode()}"
    url = urlunsplit(parts._replace(netloc=host))

    def ask() -> int:
        with urlopen(Request(url, headers=headers), timeout=PATIENCE) as answer:  # noqa: S310 - http(s), checked at load
            body = answer.read(LONGEST + 1)
        if len(body) > LONGEST:
            raise ProbeError(f"the answer has more than {LONGEST >> 20} MiB")
        return number_in(body.decode(errors="replace"), spec.get("json"))

    return ask


ASKERS: Final[Mapping[str, Callable[[Spec], Ask]]] = {"sqs": ask_sqs, "redis": ask_redis, "http": ask_http}
