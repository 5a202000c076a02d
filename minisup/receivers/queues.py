"""A program's queue from outside its receiver: put messages in, count them, bring back what was set aside."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

from minisup.receivers.protocol import LONGEST_BODY, MOST_ATTRIBUTES, bounded


class QueueError(Exception):
    """The queue does not do what was asked. The text says why, in one line."""


class Queue(Protocol):
    """One queue, to be closed after use. Every function but `close` may raise QueueError."""

    def push(self, body: bytes, attributes: Mapping[str, str]) -> str:
        """Put a message in; returns its id."""
        ...

    def redrive(self) -> int:
        """Bring back what was set aside, to be received as if for the first time; returns how many messages."""
        ...

    def waiting(self) -> int | None:
        """How many messages wait; None: the queue does not know."""
        ...

    def close(self) -> None:
        """Give the connection back, if there is one."""
        ...


class _Checked:
    """Says in one way what may be put into every queue, and what went wrong."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def push(self, body: bytes, attributes: Mapping[str, str]) -> str:
        if len(body) > LONGEST_BODY:
            raise QueueError(f"the message has {len(body):,} bytes; it may have {LONGEST_BODY:,}")
        if bounded(attributes) != dict(attributes):
            raise QueueError(f"these attributes are too many (more than {MOST_ATTRIBUTES}), too long, or no text")
        with _in_words():
            return self._queue.push(body, attributes)

    def redrive(self) -> int:
        with _in_words():
            return self._queue.redrive()

    def waiting(self) -> int | None:
        with _in_words():
            return self._queue.waiting()

    def close(self) -> None:
        self._queue.close()


class _OverRedis:
    """A connection and the commands on one key."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        from minisup.receivers.redis_list import RedisList  # noqa: PLC0415 - only what is needed
        from minisup.receivers.redis_stream import RedisStream  # noqa: PLC0415 - as above
        from minisup.receivers.resp import RedisConnection  # noqa: PLC0415 - as above

        self._commands: RedisList | RedisStream = RedisList(settings) if settings.get("list") else RedisStream(settings)
        self._server = RedisConnection(settings["redis"])

    def push(self, body: bytes, attributes: Mapping[str, str]) -> str:
        return self._commands.push(self._server, body, attributes)

    def redrive(self) -> int:
        return self._commands.redrive(self._server)

    def waiting(self) -> int | None:
        return self._commands.waiting(self._server)

    def close(self) -> None:
        self._server.close()


def open_queue(settings: Mapping[str, Any]) -> Queue:
    """The queue of a program, by the settings that its receiver gets. Raises QueueError."""
    with _in_words():
        return _Checked(_OPEN[settings["kind"]](settings))


def _directory(settings: Mapping[str, Any]) -> Queue:
    from minisup.receivers.spool import Spool  # noqa: PLC0415 - only what is needed

    spool = Spool(settings["directory"], settings.get("dead_letter"))
    spool.begin()
    spool.make()
    return spool


def _sqs(settings: Mapping[str, Any]) -> Queue:
    from minisup.receivers.sqs_queue import SqsQueue  # noqa: PLC0415 - only what is needed

    return SqsQueue(settings)


_OPEN: Final = {"directory": _directory, "redis": _OverRedis, "sqs": _sqs}


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except KeyError as error:
        raise QueueError(f"minisup itself puts nothing into this kind of queue ({error})") from None
    except UnicodeDecodeError:
        raise QueueError("this queue takes text only, and the message is no UTF-8") from None
    except OSError as error:
        where = f" ({error.filename!s})" if error.filename else ""
        raise QueueError(f"{error.strerror or error}{where}") from None
    except QueueError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a library raises is the reason
        from minisup.receivers.sqs_queue import words  # noqa: PLC0415 - says what Amazon said, or just the text

        raise QueueError(words(error)) from None
