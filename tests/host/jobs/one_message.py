"""Takes one message from an SQS queue, works on it, deletes it and exits: 0 worked, 3 queue empty, else failed.

Arguments: the endpoint, the name of the queue, and a file that gets a line `begin BODY` and `end BODY` a message.
A message whose body is a number of seconds keeps the job busy for so long.

It speaks the queue's JSON protocol itself: importing boto3 takes half a second of processor time, and three hundred
such jobs took longer on a busy machine than a test may.
"""

import fcntl
import http.client
import json
import os
import sys
import time
from typing import Any

EMPTY = 3
ANSWERS_WITHIN = 20.0
"""Seconds after which the server is taken to be gone."""


class Queue:
    """One queue of the server at `endpoint`."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.connection = http.client.HTTPConnection(endpoint.removeprefix("http://"), timeout=ANSWERS_WITHIN)
        self.url = f"{endpoint}/123456789012/{name}"

    def ask(self, action: str, **parameters: object) -> dict[str, Any]:
        """What the server answers; fails when it refuses."""
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{action}",
            "Authorization": "AWS4-HMAC-SHA256 Credential=nobody/20261128/us-east-1/sqs/aws4_request",
        }
        self.connection.request("POST", "/", json.dumps({"QueueUrl": self.url, **parameters}), headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise OSError(f"{action}: {answer.status} {body.decode()}")
        return json.loads(body or b"{}")


def note(path: str, line: str) -> None:
    """Append a whole line in one write, so that lines of several jobs do not mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def main(endpoint: str, name: str, trace: str) -> int:
    queue = Queue(endpoint, name)
    messages = queue.ask("ReceiveMessage", MaxNumberOfMessages=1).get("Messages", [])
    if not messages:
        return EMPTY
    body = messages[0]["Body"]
    note(trace, f"begin {body}")
    time.sleep(float(body) if body.replace(".", "").isdigit() else 0)
    with open(trace, "ab") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)  # of two deletions at once the server, a stand-in, can forget one
        queue.ask("DeleteMessage", ReceiptHandle=messages[0]["ReceiptHandle"])
    note(trace, f"end {body}")
    sys.stdout.write(f"handled {body}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
