"""An SQS queue. One thread receives, one settles, and the loop listens to minisup: a long poll holds up nothing.

One receive is under way at a time, and none without credit. What it brings beyond the credit is given back at once.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, NamedTuple
from uuid import uuid4

from minisup.receivers.channel import Channel
from minisup.receivers.protocol import Message
from minisup.receivers.receiver import Receiver
from minisup.receivers.sqs_queue import A_BATCH, FIFO, LONGEST_HIDDEN, SYSTEM, SqsQueue, whole_seconds, words

FIRST_BACKOFF: Final = 1.0
LONGEST_BACKOFF: Final = 10.0
COUNT_EACH: Final = 10.0
"""Seconds between two requests for the number of messages that wait."""

COUNT_RARELY: Final = 60.0
"""The same, when the last receive brought nothing."""

MOST_REJECTED: Final = 10_000
"""Messages that are remembered until the queue sets them aside."""

SAME_ATTEMPT: Final = 240.0
"""Seconds in which a receive that failed may be made again as the same one: FIFO queues know it for five minutes."""

MARGIN: Final = 5.0
"""Seconds that our clock and Amazon's may be apart at the end of the 12 hours."""

LAST: Final = 3.0
"""Seconds for what is still to be settled when minisup has gone."""

NO_PLACE: Final = 900.0
"""Seconds that a rejected message stays hidden if there is nowhere to set it aside."""

GONE: Final = ("ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight", "NonExistentReceiptHandle")
VISIBLE: Final = "MessageNotInflight"
TOO_LONG: Final = "Total VisibilityTimeout"

Found = dict[str, Any]


class Held(NamedTuple):
    """A message that minisup has. `since`: wall clock. `whole`: as SQS gave it, if its dead letter is to be sent."""

    handle: str
    since: float
    whole: Found | None = None

    @property
    def receipt(self) -> str:
        """What the next receiver needs to know."""
        return f"{self.since:.0f} {self.handle}"

    def hidden(self, seconds: float) -> int:
        """How long it can be hidden from now on: SQS refuses more than 12 hours from the receive."""
        left = LONGEST_HIDDEN - MARGIN - max(0.0, time.time() - self.since)
        return max(0, min(whole_seconds(seconds), int(left)))


class Task(NamedTuple):
    """What the thread that settles is to do for one message."""

    kind: str  # ack, return, reject, keep
    held: Held
    seconds: float = 0.0
    reason: str = ""


class SqsReceiver(Receiver):
    """Receives from one queue."""

    def __init__(self, channel: Channel, settings: Mapping[str, Any]) -> None:
        super().__init__(channel, settings)
        self._queue = SqsQueue(settings)
        self._held: dict[str, Held] = {}
        self._rejected: dict[str, str] = {}  # by us, for the queue to set aside: why
        self._arrived: deque[Callable[[], None]] = deque()  # from the threads, for the loop
        self._wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wanted: SimpleQueue[int] = SimpleQueue()
        self._receiving = False
        self._backoff = FIRST_BACKOFF
        self._retry_at = self._count_at = 0.0
        self._counting = self._asked_policy = self._is_empty = False
        self._settler = Settler(self._queue, self._post, self._settled, self._vanished, self._refused)
        for work in (self._receive, self._settler.run):
            threading.Thread(target=work, daemon=True).start()

    def descriptors(self) -> Iterable[int]:
        """See `Receiver`."""
        return (self._wake,)

    def is_receiving(self) -> bool:
        """See `Receiver`."""
        return self._receiving

    def work(self) -> float | None:
        """See `Receiver`."""
        try:
            os.read(self._wake, 4096)
        except BlockingIOError:
            pass
        while self._arrived:
            self._arrived.popleft()()
        now = time.monotonic()
        if not self._receiving and self.credit and now >= self._retry_at:
            self._receiving = True
            self._wanted.put(self.credit)
        if self._is_to_count(now):
            self._counting = True
            self._settler.ask(self._number)
        moments = [at for at in (self._retry_at, self._count_at) if at > now]
        return min(moments) - now if moments else None

    def _post(self, what: Callable[[], None]) -> None:
        """From a thread: let the loop do this."""
        self._arrived.append(what)
        try:
            os.write(self._waker, b"\n")
        except BlockingIOError:  # it has been woken often enough
            pass

    # --- receiving ----------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        """In its thread."""
        attempt, since = "", 0.0
        while True:
            count = self._wanted.get()
            if not attempt or time.monotonic() - since > SAME_ATTEMPT:
                attempt, since = uuid4().hex, time.monotonic()
            try:
                if not self._asked_policy:
                    self._ask_policy()
                found = self._queue.receive(count, self.lease, attempt)
            except Exception as error:  # noqa: BLE001 - whatever a library raises is the reason
                self._post(partial(self._receive_failed, words(error)))
            else:
                attempt = ""
                self._post(partial(self._received, found))

    def _ask_policy(self) -> None:
        """Who may receive may not be allowed to ask for attributes: then nothing is known of a policy."""
        try:
            self.max_receives = self._queue.max_receives()
        except Exception as error:
            if "AccessDenied" not in words(error):
                raise
        self._asked_policy = True

    def _receive_failed(self, text: str) -> None:
        self._receiving = False
        self._is_empty = False
        self._refused(text)
        self._retry_at = time.monotonic() + self._backoff
        self._backoff = min(2 * self._backoff, LONGEST_BACKOFF)

    def _received(self, found: list[Found]) -> None:
        self._receiving = False
        self._backoff = FIRST_BACKOFF
        self._is_empty = not found
        self.well()
        if not found and not self._queue.is_fifo:  # of those, groups that wait for one message bring nothing, too
            self.count(0)
        for message in found:
            self._pass_on(message)

    def _pass_on(self, message: Found) -> None:
        which = message["MessageId"]
        held = Held(message["ReceiptHandle"], time.time(), message if self._queue.dead_letter else None)
        reason = self._rejected.get(which)
        if self._settler.renew(which, held):  # it is done, and only its removal has not worked yet
            return
        if reason and held.whole is not None:
            del self._rejected[which]
            self._settler.add(which, Task("reject", held, reason=reason))
        elif reason or not self.credit:
            self._settler.add(which, Task("again", held))
        else:
            self._held[which] = held
            self.give(given(message, held))

    def _is_to_count(self, now: float) -> bool:
        """An empty queue is known to be empty while a receive waits for its first message."""
        known = self._receiving and self._is_empty and not self._queue.is_fifo
        return not (known or self._counting) and now >= max(self._count_at, self._retry_at)

    def _number(self) -> None:
        """In the thread that settles."""
        try:
            number = self._queue.waiting()
        except Exception as error:
            if "AccessDenied" not in words(error):
                raise
            return  # nobody asks again
        self._post(lambda: self._counted(number))

    def _counted(self, number: int) -> None:
        self._counting = False
        self._count_at = time.monotonic() + (COUNT_RARELY if self._is_empty else COUNT_EACH)
        self.count(number)
        self.well()

    # --- minisup's words ----------------------------------------------------------------------------------------------

    def know(self, receipts: Mapping[str, str]) -> None:
        """See `Receiver`."""
        for which, receipt in receipts.items():
            since, _, handle = receipt.partition(" ")
            if since.isdigit() and handle:
                self._held[which] = Held(handle, float(since))
            else:
                self.lose(which)

    def ack(self, ids: tuple[str, ...]) -> None:
        """See `Receiver`."""
        for which in ids:
            self._do(which, "ack")

    def give_back(self, which: str, delay: float) -> None:
        """See `Receiver`."""
        self._do(which, "return", delay)

    def reject(self, which: str, reason: str) -> None:
        """See `Receiver`."""
        held = self._held.get(which)
        if held is None or held.whole is not None:
            self._do(which, "reject", reason=reason)
        elif self._queue.dead_letter or self.max_receives is not None:
            if len(self._rejected) >= MOST_REJECTED:
                self._rejected.pop(next(iter(self._rejected)))
            self._rejected[which] = reason or "rejected"  # no run gets it again; its text, or the queue's policy, will
            self._do(which, "return")
        else:
            self.aside(which, "nowhere, it stays in the queue: that has no redrive policy, and no dead_letter is named")
            self._do(which, "return", NO_PLACE)

    def keep(self, ids: tuple[str, ...], lease: float) -> None:
        """See `Receiver`."""
        for which in ids:
            held = self._held.get(which)
            if held is None:
                self.lose(which)
            elif time.time() - held.since > LONGEST_HIDDEN:
                self._vanished(which)
            else:
                self._settler.add(which, Task("keep", held, lease))

    def _do(self, which: str, kind: str, seconds: float = 0.0, reason: str = "") -> None:
        held = self._held.get(which)
        if held is None:
            self.lose(which)
        else:
            self._settler.add(which, Task(kind, held, seconds, reason))

    def _settled(self, which: str) -> None:
        if self._held.pop(which, None) is not None:
            self.settle(which)

    def _vanished(self, which: str) -> None:
        if self._held.pop(which, None) is not None:
            self.lose(which)

    def _refused(self, text: str) -> None:
        if self._counting:
            self._counting = False
            self._count_at = time.monotonic() + COUNT_EACH
        self.ill(f"sqs: {text}")

    def leave(self) -> None:
        """See `Receiver`. A receive under way is not waited for: what it brings is hidden for its lease."""
        self._settler.finish(LAST)
        os._exit(0)


class Settler:
    """The thread that settles, in batches of what has come meanwhile. It tries until the queue has said yes or no."""

    def __init__(
        self,
        queue: SqsQueue,
        post: Callable[[Callable[[], None]], None],
        settled: Callable[[str], None],
        lost: Callable[[str], None],
        refused: Callable[[str], None],
    ) -> None:
        self._queue = queue
        self._post = post
        self._tell_settled = settled
        self._tell_lost = lost
        self._tell_refused = refused
        self._changed = threading.Condition()
        self._tasks: dict[str, Task] = {}  # the latest for each message
        self._under_way: dict[str, Task] = {}
        self._questions: deque[Callable[[], None]] = deque()
        self._ending = False

    def add(self, which: str, task: Task) -> None:
        """Do this for a message. Nothing keeps what is being given back; what is to be removed is kept until it is."""
        with self._changed:
            before = self._tasks.get(which) or self._under_way.get(which)
            if task.kind != "keep" or before is None or before.kind == "keep":
                self._tasks[which] = task
            elif before.kind in {"ack", "reject"}:
                self._tasks[f"{which}\n"] = task  # beside it, under a name that no message has
            self._changed.notify()

    def ask(self, question: Callable[[], None]) -> None:
        """Do this, too."""
        with self._changed:
            self._questions.append(question)
            self._changed.notify()

    def renew(self, which: str, held: Held) -> bool:
        """It came again, so its old receipt is of no use; whether it only waits for its removal."""
        with self._changed:
            task = self._tasks.pop(which, None) or self._under_way.get(which)
            if task is None or task.kind not in {"ack", "reject"}:
                return False
            self._tasks[which] = task._replace(held=held)
            self._changed.notify()
            return True

    def finish(self, seconds: float) -> None:
        """Wait until all is done, but not longer."""
        with self._changed:
            self._ending = True
            self._changed.notify()
            self._changed.wait_for(lambda: not self._tasks and not self._under_way, seconds)

    def run(self) -> None:
        """In its thread."""
        backoff = 0.0
        while True:
            with self._changed:
                if backoff:
                    self._changed.wait_for(lambda: self._ending, backoff)
                self._changed.wait_for(lambda: bool(self._tasks or self._questions))
                kind = next(iter(self._tasks.values())).kind if self._tasks else ""
                batch = self._of_kind(kind)
                self._under_way = batch
                question = self._questions.popleft() if self._questions else None
            try:
                if batch:
                    self._carry_out(batch)
                if question is not None:
                    question()
                backoff = 0.0
            except Exception as error:  # noqa: BLE001 - whatever a library raises is the reason
                self._post(partial(self._tell_refused, words(error)))
                if self._ending:
                    return
                backoff = min(max(FIRST_BACKOFF, 2 * backoff), LONGEST_BACKOFF)
            with self._changed:
                for which, task in self._under_way.items():
                    self._tasks.setdefault(which, task)  # unless there is a newer one
                self._under_way = {}
                self._changed.notify_all()

    def _of_kind(self, kind: str) -> dict[str, Task]:
        hides = kind in {"keep", "return", "again"}
        alike = {"keep", "return", "again"} if hides else {kind}
        names = [which for which, task in self._tasks.items() if task.kind in alike][
            : 1 if kind == "reject" else A_BATCH
        ]
        return {which: self._tasks.pop(which) for which in names}

    def _carry_out(self, batch: dict[str, Task]) -> None:
        kind = next(iter(batch.values())).kind
        if kind == "reject":
            [(which, task)] = batch.items()
            assert task.held.whole is not None
            self._queue.set_aside(task.held.whole, task.reason)
            batch[which] = Task("ack", task.held)  # not sent twice if the removal fails
            kind = "ack"
        if kind == "ack":
            failed = self._queue.delete({which: task.held.handle for which, task in batch.items()})
        else:
            failed = self._queue.hide(
                {which: (task.held.handle, task.held.hidden(task.seconds)) for which, task in batch.items()}
            )
        for which, task in list(batch.items()):
            why = failed.get(which, "")
            if not why or is_final(why):
                del batch[which]
                self._answer(which, task, why)
        if batch:
            raise TryAgainError(next(iter(failed.values())))

    def _answer(self, which: str, task: Task, why: str) -> None:
        if task.kind == "again":
            return
        if task.kind == "keep":
            if why and TOO_LONG not in why:
                self._post(lambda: self._tell_lost(which.rstrip("\n")))
        elif why and not (task.kind == "return" and VISIBLE in why):
            self._post(lambda: self._tell_lost(which))
        else:
            self._post(lambda: self._tell_settled(which))


class TryAgainError(Exception):
    """The queue has not done what was asked, and may later."""


def is_final(why: str) -> bool:
    """Whether trying again is of no use."""
    return why.startswith(GONE)


def given(message: Found, held: Held) -> Message:
    """What minisup gets of a message."""
    about = message.get("Attributes", {})
    attributes = {
        name: value["StringValue"]
        for name, value in message.get("MessageAttributes", {}).items()
        if "StringValue" in value
    }
    attributes |= {name: about[name] for name in (*FIFO, SYSTEM[2]) if name in about}
    sent = about.get("SentTimestamp")
    return Message(
        message["MessageId"],
        message["Body"].encode(errors="surrogatepass"),
        int(about.get("ApproximateReceiveCount", 1)),
        int(sent) / 1000 if sent else None,
        attributes,
        held.receipt,
    )
