"""Which tests share a worker: those with real processes run one after another, beside those that only compute."""

import signal
from pathlib import Path

import pytest

for number in (signal.SIGINT, signal.SIGQUIT):  # a shell's background job, as the tests may be, ignores them
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)

PEERS = {"test_laravel.py", "test_rq.py", "test_sqs.py", "test_supervisord.py"}
"""Tests that mostly wait for other programs: a group of their own."""

GROUPS = {"host": "host", "chaos": "host", "twins": "twins"}
"""By directory: chaos takes the whole machine, so it does not run beside the others with real processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests with real processes together, so that they do not disturb each other's timing."""
    for item in items:
        path = Path(item.path)
        if group := GROUPS.get(path.parent.name):
            item.add_marker(pytest.mark.xdist_group("peers" if path.name in PEERS else group))
