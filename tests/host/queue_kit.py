"""Real queues of each kind for the tests of receivers: what is put in, what is left, what was set aside."""

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

from kit import SOON, Stage, wait_until
from receiving import Receiving
from redis_kit import Redis
from sqs import FAKE, Server

from minisup.receivers.queues import Queue, open_queue

ACCOUNT = "123456789012"


class QueueKit:
    """One queue. `settings` are what its receiver gets; `waiting` and `dead` look past minisup's own code."""

    kind = ""
    env: Mapping[str, str] | None = None

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.receivers: list[Receiving] = []

    def receiver(self, lease: float = 60.0, *, known: Mapping[str, str] | None = None, **more: object) -> Receiving:
        self.receivers.append(Receiving(self.stage, self.settings(lease, **more), known=known, env=self.env))
        return self.receivers[-1]

    def settings(self, lease: float = 60.0, **more: object) -> dict[str, Any]:
        raise NotImplementedError

    def queue(self) -> AbstractContextManager[Queue]:
        return closing(open_queue(self.settings()))

    def push(self, *bodies: bytes) -> list[str]:
        with self.queue() as queue:
            return [queue.push(body, {}) for body in bodies]

    def left(self) -> int:
        """Messages that nobody has removed or set aside, in work or not."""
        raise NotImplementedError

    def dead(self) -> list[bytes]:
        raise NotImplementedError

    def close(self) -> None:
        for one in self.receivers:
            one.socket.close()


class DirectoryKit(QueueKit):
    kind = "directory"

    @property
    def spool(self) -> Path:
        return self.stage.path("spool")

    def settings(self, lease: float = 60.0, **more: object) -> dict[str, Any]:
        return {"kind": "directory", "directory": str(self.spool), "lease": lease, **more}

    def drop(self, name: bytes | str, body: bytes) -> None:
        """As a user does it: written, then renamed."""
        new = self.spool / "new"
        new.mkdir(parents=True, exist_ok=True)
        raw = name if isinstance(name, bytes) else name.encode()
        (new / ".fresh").write_bytes(body)
        os.rename(bytes(new / ".fresh"), bytes(new) + b"/" + raw)

    def files(self, place: str) -> list[Path]:
        return sorted(
            path
            for path in (self.spool / place).rglob("*")
            if path.is_file() and not path.name.startswith(".") and path.suffix != ".reason"
        )

    def left(self) -> int:
        return len(self.files("new")) + len(self.files("work"))

    def dead(self) -> list[bytes]:
        return [path.read_bytes() for path in self.files("failed")]


class _RedisKit(QueueKit):
    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.server = Redis(stage)
        self.reconnect()

    def reconnect(self) -> None:
        import redis  # noqa: PLC0415 - an extra

        self.client: Any = redis.Redis(port=self.server.port)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.server.port}/0"

    def close(self) -> None:
        super().close()
        self.client.close()


class StreamKit(_RedisKit):
    kind = "stream"

    def settings(self, lease: float = 60.0, **more: object) -> dict[str, Any]:
        return {"kind": "redis", "redis": self.url, "stream": "mail", "group": "senders", "lease": lease, **more}

    def left(self) -> int:
        return int(self.client.xlen("mail"))

    def dead(self) -> list[bytes]:
        return [fields[b"body"] for _, fields in self.client.xrange("mail:dead")]


class ListKit(_RedisKit):
    kind = "list"

    def settings(self, lease: float = 60.0, **more: object) -> dict[str, Any]:
        return {"kind": "redis", "redis": self.url, "list": "post", "lease": lease, **more}

    def left(self) -> int:
        works = [key for key in self.client.keys("post:minisup:minisup-*") if not key.endswith(b":alive")]
        return int(
            self.client.llen("post") + self.client.zcard("post:minisup:later") + sum(map(self.client.llen, works))
        )

    def dead(self) -> list[bytes]:
        return list(reversed(self.client.lrange("post:dead", 0, -1)))


class SqsKit(QueueKit):
    kind = "sqs"
    env = FAKE

    def __init__(self, stage: Stage, server: Server, name: str, **attributes: str) -> None:
        super().__init__(stage)
        self.server = server
        self.client = server.client()
        self.dead_url = self.client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        given = {"VisibilityTimeout": "300", **attributes}
        self.url = self.client.create_queue(QueueName=name, Attributes=given)["QueueUrl"]

    def settings(self, lease: float = 60.0, **more: object) -> dict[str, Any]:
        return {"kind": "sqs", "sqs": self.url, "dead_letter": self.dead_url, "lease": lease, "poll": 2, **more}

    def push(self, *bodies: bytes) -> list[str]:
        send = self.client.send_message
        return [send(QueueUrl=self.url, MessageBody=body.decode())["MessageId"] for body in bodies]

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def dead(self) -> list[bytes]:
        found = self.client.receive_message(QueueUrl=self.dead_url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"].encode() for message in found.get("Messages", [])]

    def close(self) -> None:
        super().close()
        self.client.close()


def until_left(kit: QueueKit, count: int) -> None:
    wait_until(lambda: kit.left() == count, SOON, f"{count} messages are left")
