"""The thread that looks at starts which take too long is told of one only while it sleeps, and misses none."""

import os
import signal
import time
from pathlib import Path

import pytest
from kit import SOON, wait_until
from lookup import state_of

from minisup.host.start import stopped
from minisup.host.start.stopped import StartWatch


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> tuple[StartWatch, list[str]]:
    monkeypatch.setattr(stopped, "PATIENCE", 0.02)
    said: list[str] = []
    return StartWatch(lambda _pid: False, said.append), said


def test_it_sleeps_while_nothing_starts_and_can_be_told_twice(watch: tuple[StartWatch, list[str]]) -> None:
    made, _ = watch
    for _ in range(20):
        wait_until(lambda: made.asleep, SOON, "it sleeps")
        made.starts += 1
        made.rouse()
        made.rouse()
        made.starts += 1


def test_a_child_that_is_stopped_again_and_again_is_killed(watch: tuple[StartWatch, list[str]]) -> None:
    made, said = watch
    pid = os.fork()
    if pid == 0:
        while True:
            time.sleep(60)
    os.kill(pid, signal.SIGSTOP)
    made.starts += 1
    made.rouse()
    deadline = time.monotonic() + SOON
    while state_of(pid) != "Z" and time.monotonic() < deadline:
        os.kill(pid, signal.SIGSTOP)
    made.starts += 1
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert "continued it" in said[0]
    assert "killed it" in said[-1]


def test_without_a_thread_to_be_had_starts_go_on(
    watch: tuple[StartWatch, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_arguments: object) -> int:
        raise RuntimeError("can't start new thread")

    made, _ = watch
    tries = len(list(Path("/proc/self/task").iterdir()))
    with monkeypatch.context() as patch:
        patch.setattr(stopped, "start_new_thread", none)
        made.rouse()
        assert made.asleep, "it tries again"
    made.starts = 2000
    made.rouse()
    wait_until(lambda: len(list(Path("/proc/self/task").iterdir())) > tries, SOON, "now there is one")
