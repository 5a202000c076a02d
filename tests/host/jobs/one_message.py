"""Takes one message from an SQS queue, works on it, deletes it and exits: 0 worked, 3 queue empty, else failed.

Arguments: the endpoint, the name of the queue, and a file that gets a line `begin BODY` and `end BODY` a message.
A message whose body is a number of seconds keeps the job busy for so long.

Most of the time of such a job is the import of boto3. Without the garbage collector, and without the interpreter's
tidying up at the end, it takes a third less.
"""

import gc
import os
import sys
import time

gc.disable()

import boto3  # noqa: E402 -- as the docstring says
from botocore.config import Config  # noqa: E402

EMPTY = 3


def note(path: str, line: str) -> None:
    """Append a whole line in one write, so that lines of several jobs do not mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def main(endpoint: str, queue: str, trace: str) -> int:
    once = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5)
    sqs = boto3.client("sqs", endpoint_url=endpoint, region_name="us-east-1", config=once)
    url = f"{endpoint}/123456789012/{queue}"
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages", [])
    if not messages:
        return EMPTY
    body = messages[0]["Body"]
    note(trace, f"begin {body}")
    time.sleep(float(body) if body.replace(".", "").isdigit() else 0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
    note(trace, f"end {body}")
    sys.stdout.write(f"handled {body}\n")
    return 0


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)
