"""Which tests share a worker: those with real processes run one after another, beside those that only compute."""

import signal
from pathlib import Path

import pytest

for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):  # a background job ignores the first two, nohup the last
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)

PEERS = {"test_laravel.py", "test_rq.py", "test_sqs.py", "test_sqs_receiver.py", "test_supervisord.py"}
"""Tests that mostly wait for other programs: a group of their own."""

PATIENT = {
    "test_directory_receiver.py",
    "test_documented_examples.py",
    "test_empty_queue.py",
    "test_hanging_helpers.py",
    "test_hooks.py",
    "test_imported.py",
    "test_once.py",
    "test_receivers.py",
    "test_redis_receiver.py",
    "test_scaling.py",
    "test_schedules.py",
    "test_simulated_supervisord.py",
    "test_task_protection.py",
    "test_verdict.py",
    "test_watcher.py",
    "test_watching.py",
}
"""Tests with real processes that mostly wait for a time to pass: beside the others the processor has room for them."""

GROUPS = {"host": "host", "chaos": "host", "twins": "twins"}
"""By directory: chaos takes the whole machine, so it does not run beside the others with real processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests with real processes together, so that they do not disturb each other's timing."""
    for item in items:
        path = Path(item.path)
        if group := GROUPS.get(path.parent.name):
            apart = "peers" if path.name in PEERS else "patient" if path.name in PATIENT else group
            item.add_marker(pytest.mark.xdist_group(apart))
