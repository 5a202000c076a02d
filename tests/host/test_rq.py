"""The RQ example, with real burst workers and a real Redis."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kit import Stage, wait_until
from redis_kit import Redis, example, missing

WHY_NOT = missing("redis-server") or ("" if importlib.util.find_spec("rq") else "not installed: rq (a test extra)")
pytestmark = [pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT), pytest.mark.timeout(120)]

BOOT = 5.0
"""Seconds that RQ may take to start on a busy machine."""


def test_bursts_work_until_the_queue_is_empty_and_are_idle_after_that(stage: Stage) -> None:
    redis = Redis(stage)
    file = example(stage, "rq", **{'max_wait = "5s"': 'max_wait = "2s"'})
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**redis.environ, "PATH": path, "NO_PROXY": "127.0.0.1"}
    daemon = stage.up_file(file, env=environ)

    def runs() -> dict[str, int]:
        return daemon.program("mails")["runs"]

    wait_until(lambda: runs()["idle"] >= 8, 60, "all bursts find nothing")
    assert runs()["worked"] == runs()["failed"] == 0
    command = [sys.executable, str(file.parent / "mails.py"), *(f"good-{number}" for number in range(10)), "bad"]
    subprocess.run(command, env={**os.environ, **environ}, check=True, timeout=60)
    wait_until(lambda: runs()["worked"], 2.0 + 2 * BOOT, "a burst works")
    wait_until(lambda: daemon.stdout.count("Job OK") + daemon.stderr.count("Job OK") == 10, 60, "all jobs are done")
    assert runs()["failed"] == 0
    redis.kill()
    wait_until(lambda: daemon.program("mails")["failing_for"], 2.0 + 3 * BOOT, "without Redis it is failing")
    daemon.term()
    assert daemon.wait(70) == 0
