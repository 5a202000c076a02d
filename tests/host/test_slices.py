"""minisup asks the scheduler for a short slice, and nothing of that reaches its jobs."""

import ctypes
import os
import struct

import pytest
from kit import AT_ONCE, Stage, program

from minisup.host.time_slice import SLICE

SCHED_GETATTR = {"x86_64": 315, "aarch64": 275, "riscv64": 275}.get(os.uname().machine)
ATTRIBUTES = struct.Struct("=IIQiIQQQ")  # size, policy, flags, nice, priority, runtime, deadline, period
HONOURED = (6, 12)

pytestmark = pytest.mark.skipif(SCHED_GETATTR is None, reason="the number of sched_getattr is not known here")


def scheduling_of(pid: int) -> tuple[int, int, int, int]:
    """Policy, flags, nice value and slice (nanoseconds; 0 where Linux is too old to tell) of a process."""
    room = ctypes.create_string_buffer(ATTRIBUTES.size)
    assert ctypes.CDLL(None).syscall(SCHED_GETATTR, pid, room, len(room), 0) == 0
    _, policy, flags, nice, _, runtime, _, _ = ATTRIBUTES.unpack(room.raw)
    return policy, flags, nice, runtime


def kernel() -> tuple[int, int]:
    major, minor = os.uname().release.split(".")[:2]
    return int(major), int(minor)


def test_minisup_asks_for_a_short_slice_and_its_jobs_start_with_an_ordinary_one(stage: Stage) -> None:
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE))
    ours, job, before = (scheduling_of(pid) for pid in (daemon.pid, daemon.running_pid("job:0"), os.getpid()))
    assert ours[1] == 1  # SCHED_FLAG_RESET_ON_FORK
    if kernel() >= HONOURED:
        assert ours[3] == SLICE
    assert job == before


def test_a_nice_value_that_children_would_lose_is_left_alone(stage: Stage) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to be less nice")
    argv = ["nice", "-n", "-3"]
    daemon = stage.up(program("job", "sleep 1000", stop=AT_ONCE), before=argv)
    ours, job = (scheduling_of(pid) for pid in (daemon.pid, daemon.running_pid("job:0")))
    assert ours == job
    assert ours[2] == -3
