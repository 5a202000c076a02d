"""Jobs for RQ, and `python mails.py ADDRESS...`, which puts some into the queue."""

import os
import sys
import time


def send(to: str) -> str:
    """Send one mail, or seem to."""
    time.sleep(0.3)
    if to.startswith("bad"):
        raise ValueError(f"no such address: {to}")
    return f"sent to {to}"


if __name__ == "__main__":
    from redis import Redis
    from rq import Queue

    server = Redis(os.environ.get("REDIS_HOST", "127.0.0.1"), int(os.environ.get("REDIS_PORT", "6379")))
    for address in sys.argv[1:]:
        Queue("mails", connection=server).enqueue("mails.send", address)
