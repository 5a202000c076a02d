"""A real SQS-compatible server on a free loopback port, and what the tests do with its queues."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
from kit import Stage, program, wait_until

JOB = Path(__file__).parent / "jobs" / "one_message.py"
BATCH = 10
START_LIMIT = 30.0

FAKE = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "127.0.0.1",
}
"""What boto3 needs to know in order to ask nobody but the endpoint that it is given."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """moto's server; its queues live in its memory and die with it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = stage.path(f"moto.{self.port}.log")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", self.port]
        with self.log.open("ab") as log:
            self.process = self.stage.popen(command, env=FAKE, stdout=log, stderr=subprocess.STDOUT)
        wait_until(self.listens, START_LIMIT, "the server listens")

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def client(self) -> Any:
        keys = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing", "region_name": "us-east-1"}
        return boto3.client("sqs", endpoint_url=self.endpoint, **keys)

    def queue(self, name: str, *bodies: str) -> str:
        """Make the queue, if it is not there, and send these messages; returns its name."""
        client = self.client()
        url = client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
        for first in range(0, len(bodies), BATCH):
            part = bodies[first : first + BATCH]
            entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(part)]
            client.send_message_batch(QueueUrl=url, Entries=entries)
        client.close()
        return name

    def left(self, name: str) -> int:
        """Messages that nobody has deleted, in work or not."""
        client = self.client()
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = f"{self.endpoint}/123456789012/{name}"
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        client.close()
        return sum(int(attributes[key]) for key in names)

    def worker(self, queue: str, trace: Path, **keys: object) -> str:
        """A program that handles the queue, one message a run."""
        words = [sys.executable, str(JOB), self.endpoint, queue, str(trace)]
        idle = {"wait": "200ms", "max_wait": "1s"}
        keys = {"min_runtime": 0, "exit": {"idle": [3]}, "idle": idle, "environment": FAKE, **keys}
        return program(queue, words, **keys)


def ended(lines: list[str]) -> list[str]:
    """The bodies of the messages that were handled to their end."""
    return [line.removeprefix("end ") for line in lines if line.startswith("end ")]
