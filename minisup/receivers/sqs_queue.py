"""An SQS queue by its URL: what is asked of it, in words that are not Amazon's. Every call blocks."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

A_BATCH: Final = 10
"""Messages of one call, at most."""

LONGEST_HIDDEN: Final = 43_200
"""Seconds that a message may stay hidden, from its receive on: 12 hours."""

CONNECT: Final = 5.0
ANSWER: Final = 10.0
"""Seconds that a connection, and an answer beyond what was asked to wait for, may take."""

POLL: Final = 20
"""Seconds that a receive waits for a message: as long as SQS allows."""

SYSTEM: Final = ("ApproximateReceiveCount", "SentTimestamp", "ApproximateFirstReceiveTimestamp")
FIFO: Final = ("MessageGroupId", "MessageDeduplicationId")
GROUP: Final = "MessageGroupId"

_AMAZON: Final = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?/")


class MissingError(Exception):
    """botocore is not installed. The text says what to do."""


class SqsQueue:
    """One queue. What botocore raises is described by `words`."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        try:
            from botocore.config import Config  # type: ignore[import-untyped] # noqa: PLC0415 - says what is missing
            from botocore.session import get_session  # type: ignore[import-untyped] # noqa: PLC0415
        except ImportError:
            raise MissingError("sqs needs boto3: pip install 'minisup[sqs]'") from None
        self.url: str = settings["sqs"]
        self.dead_letter: str = settings.get("dead_letter") or ""
        self.is_fifo = self.url.endswith(".fifo")
        self._wait: int = settings.get("poll", POLL)
        session = get_session()
        found = _AMAZON.match(self.url)
        parts = urlsplit(self.url)
        place = {"region_name": found[1] if found else session.get_config_variable("region") or "us-east-1"}
        if not found:
            place["endpoint_url"] = f"{parts.scheme}://{parts.netloc}"

        def client(seconds: float) -> Any:  # noqa: ANN401 - botocore makes its classes when it runs
            patience = Config(connect_timeout=CONNECT, read_timeout=seconds, retries={"total_max_attempts": 1})
            return session.create_client("sqs", config=patience, **place)

        self._poller = client(self._wait + ANSWER)  # each thread has its own, so that a receive holds up nothing
        self._client = client(ANSWER)

    # --- receiving ----------------------------------------------------------------------------------------------------

    def receive(self, count: int, lease: float, attempt: str) -> list[dict[str, Any]]:
        """Wait for messages. Of a FIFO queue comes one: the next of its group must not run before it is settled."""
        asked: dict[str, Any] = {"MaxNumberOfMessages": 1 if self.is_fifo else min(count, A_BATCH)}
        if self.is_fifo:
            asked["ReceiveRequestAttemptId"] = attempt
        answer = self._poller.receive_message(
            QueueUrl=self.url,
            WaitTimeSeconds=self._wait,
            VisibilityTimeout=whole_seconds(lease),
            AttributeNames=[*SYSTEM, *(FIFO if self.is_fifo else ())],
            MessageAttributeNames=["All"],
            **asked,
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def waiting(self) -> int:
        """Messages that could be received, as SQS counts."""
        return self._number(self.url)

    def max_receives(self) -> int | None:
        """After how many receives the queue itself sets a message aside; None: never."""
        policy = self._policy()
        return int(policy["maxReceiveCount"]) if policy else None

    # --- settlements: each returns what became of the messages, by id -------------------------------------------------

    def delete(self, handles: Mapping[str, str]) -> dict[str, str]:
        """Remove these; returns a code for each that could not be, by its id."""
        entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles.values())]
        answer = self._client.delete_message_batch(QueueUrl=self.url, Entries=entries)
        return _failures(answer, list(handles))

    def hide(self, handles: Mapping[str, tuple[str, int]]) -> dict[str, str]:
        """Hide these for so many seconds from now on; returns a code for each that could not be, by its id."""
        entries = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for number, (handle, seconds) in enumerate(handles.values())
        ]
        answer = self._client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)
        return _failures(answer, list(handles))

    def set_aside(self, message: Mapping[str, Any], reason: str) -> None:
        """Send a copy to the dead letters."""
        extra = {"minisup-id": message["MessageId"], "minisup-reason": reason or "rejected"}
        self._send(self.dead_letter, message, extra)

    # --- in, and back -------------------------------------------------------------------------------------------------

    def push(self, body: bytes, attributes: Mapping[str, str]) -> str:
        """Put a message in; returns its id. Raises ValueError for a body that is no text, or empty."""
        message = {"Body": body.decode(), "MessageAttributes": {}}
        return self._send(self.url, message, attributes)

    def redrive(self) -> int:
        """Bring back what was set aside, as far as it is there now; returns how many."""
        dead = self.dead_letter or self._own_dead_letter()
        if not dead:
            raise ValueError(f"{self.url} has no redrive policy, and no dead_letter is named")
        left = self._number(dead)
        brought = 0
        while left > 0:
            asked = {"MaxNumberOfMessages": min(left, A_BATCH), "WaitTimeSeconds": 1, "VisibilityTimeout": 30}
            names = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
            messages = self._client.receive_message(QueueUrl=dead, **asked, **names).get("Messages", [])
            for message in messages:
                self._send(self.url, message, {})
                self._client.delete_message(QueueUrl=dead, ReceiptHandle=message["ReceiptHandle"])
                brought += 1
            left = left - len(messages) if messages else 0
        return brought

    def close(self) -> None:
        """Give the connections back."""
        self._poller.close()
        self._client.close()

    def _send(self, url: str, message: Mapping[str, Any], extra: Mapping[str, str]) -> str:
        attributes = {
            name: value
            for name, value in message.get("MessageAttributes", {}).items()
            if not name.startswith("minisup-")
        }
        for name, text in extra.items():
            if len(attributes) < A_BATCH and text:
                attributes[name] = {"DataType": "String", "StringValue": text}
        fields: dict[str, Any] = {"QueueUrl": url, "MessageBody": message["Body"], "MessageAttributes": attributes}
        if url.endswith(".fifo"):
            from uuid import uuid4  # noqa: PLC0415 - FIFO queues only

            fields[GROUP] = message.get("Attributes", {}).get(GROUP, "minisup")
            fields["MessageDeduplicationId"] = str(uuid4())
        made: str = self._client.send_message(**fields)["MessageId"]
        return made

    def _number(self, url: str) -> int:
        name = "ApproximateNumberOfMessages"
        answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def _policy(self) -> Mapping[str, Any]:
        answer = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["RedrivePolicy"])
        found: Mapping[str, Any] = json.loads(answer.get("Attributes", {}).get("RedrivePolicy", "{}"))
        return found

    def _own_dead_letter(self) -> str:
        arn = self._policy().get("deadLetterTargetArn", "")
        if not arn:
            return ""
        owner, name = arn.split(":")[-2:]
        url: str = self._client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=owner)["QueueUrl"]
        return url


def whole_seconds(seconds: float) -> int:
    """Rounded up, and not more than SQS allows."""
    return min(LONGEST_HIDDEN, -int(-seconds // 1))


def words(error: Exception) -> str:
    """What botocore raised, in few words."""
    found = getattr(error, "response", {}).get("Error", {})
    if found.get("Code"):
        return f"{found['Code'].rpartition('.')[2]}: {found.get('Message', '')}"
    return str(error) or type(error).__name__


def _failures(answer: Mapping[str, Any], ids: Sequence[str]) -> dict[str, str]:
    return {
        ids[int(one["Id"])]: f"{one.get('Code', '').rpartition('.')[2]}: {one.get('Message', '')}"
        for one in answer.get("Failed", [])
    }
