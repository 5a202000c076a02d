"""Warnings about known workers: when they come, and when they nearly do."""

import pytest
from lint_kit import comes, found, said

IDLE = "exit = { idle = [66] }\n"
ONCE = "php artisan queue:work --once"


@pytest.mark.parametrize(
    ("command", "keys", "warned"),
    [
        (f"{ONCE} --timeout=60", "", True),
        (f"{ONCE} --timeout 60", "", True),
        (f"{ONCE} --timeout=0", "", False),
        (f"{ONCE} --timeout=60", "max_runtime = '60s'", False),
        (ONCE, "", False),
        ("php artisan queue:work --max-jobs=1 --timeout=60", "", False),
        ("php artisan mail:send --once --timeout=60", "", False),
        (["sh", "-c", "cd /app && exec php artisan queue:work --once --timeout=60"], "", True),
    ],
)
def test_a_timeout_that_once_does_not_enforce(tmp_path, command, keys, warned):
    assert comes(tmp_path, keys, "MS112", command=command) == warned


WORK = "php artisan queue:work"
HIDDEN = "queue.visibility_timeout = "
DATABASE = "environment = { QUEUE_CONNECTION = 'database', DB_QUEUE_RETRY_AFTER = '30' }"
REDIS = "environment = {{ REDIS_QUEUE_RETRY_AFTER = '{}' }}".format


@pytest.mark.parametrize(
    ("command", "keys", "fix"),
    [
        (f"{WORK} --timeout=90", HIDDEN + "'90s'", "--timeout=85, or queue.visibility_timeout of 95 s"),
        (f"{WORK} --timeout=89", HIDDEN + "'90s'", None),
        (WORK, HIDDEN + "'60s'", "--timeout=55, or queue.visibility_timeout of 65 s"),
        (WORK, "queue.visibility_timeout = '61s'", None),
        (WORK, "queue.visibility_timeout = '8s'", "--timeout=4, or queue.visibility_timeout of 65 s"),
        (f"{WORK} --timeout=0", HIDDEN + "'90s'", "--timeout=85, or queue.visibility_timeout of 95 s"),
        (WORK, "", None),
        (f"{ONCE} --timeout=90", HIDDEN + "'90s'", None),
        (f"{WORK} redis", REDIS("60"), "--timeout=55, or REDIS_QUEUE_RETRY_AFTER of 65 s"),
        (WORK, DATABASE, "--timeout=25, or DB_QUEUE_RETRY_AFTER of 65 s"),
        (f"{WORK} redis", "environment = { DB_QUEUE_RETRY_AFTER = '30' }", None),
        (f"{WORK} redis", REDIS("x"), None),
        (f"{WORK} redis", REDIS("90"), None),
    ],
)  # fmt: skip
def test_a_timeout_after_which_the_job_is_somebody_elses_already(tmp_path, command, keys, fix):
    warned = said(tmp_path, keys, "MS113", command=command)
    assert (warned and warned[1]) == (fix and f"{fix} or more")


def test_what_minisup_itself_has_in_its_environment_counts(tmp_path):
    environ = {"QUEUE_CONNECTION": "redis", "REDIS_QUEUE_RETRY_AFTER": "60"}
    assert found(tmp_path, f"[program.a]\ncommand = '{WORK}'\n", "MS113", environ=environ)


@pytest.mark.parametrize(
    ("keys", "warned"),
    [
        ("stop.drain = 0", True),
        ("stop = { drain = '10s', timeout = '30s' }", True),
        ("kind = 'service'", True),
        ("", False),
        ("stop.drain = '4s'", False),  # and the default timeout
        ("stop = { drain = '30s', timeout = '30s' }", False),
    ],
)
def test_once_dies_of_the_signal(tmp_path, keys, warned):
    assert comes(tmp_path, keys, "MS114", command=ONCE) == warned
    assert not comes(tmp_path, keys, "MS114", command="php artisan queue:work --max-jobs=1 --stop-when-empty")


@pytest.mark.parametrize(
    ("command", "keys", "words"),
    [
        (f"{ONCE} --sleep=3", IDLE, "--sleep=3 keeps a run that finds no work for 3 s before it exits, beside the 1 s"),
        (ONCE, IDLE, "--sleep=3, the default, keeps a run"),
        (f"{WORK} --stop-when-empty --sleep=5", "idle.output = 'empty'", "--sleep=5 keeps a run"),
        (ONCE, "idle.faster_than = '300ms'", "so no run is idle by idle.faster_than 300ms"),
        (ONCE, "idle.faster_than = '4s'", "beside the 1 s to 20 s of the idle ladder"),
        (f"{ONCE} --sleep=0", IDLE, None),
        (f"{ONCE} --sleep=3", "", None),  # the sleep is the pace
        (f"{WORK} --sleep=3 --max-time=60", IDLE, None),  # between two looks, not before an exit
    ],
)  # fmt: skip
def test_a_sleep_on_top_of_the_ladder(tmp_path, command, keys, words):
    warned = said(tmp_path, keys, "MS115", command=command)
    assert words in warned[0] if words else warned is None


@pytest.mark.parametrize(
    ("command", "fix"),
    [
        (WORK, "--max-time=3600 or --max-jobs=500: minisup starts the next one"),
        ("php bin/console messenger:consume async", "--time-limit=3600: minisup starts the next one"),
        ("celery -A shop worker", "--max-tasks-per-child=1000: celery then replaces its processes"),
        ("python3 -m celery worker", "--max-tasks-per-child=1000: celery then replaces its processes"),
        ("rq worker high", "--max-jobs=1000: minisup starts the next one"),
        (f"{WORK} --once", None),
        (f"{WORK} --stop-when-empty", None),
        (f"{WORK} --max-jobs=9", None),
        (f"{WORK} --max-time 60", None),
        ("php bin/console messenger:consume async --limit=10", None),
        ("php bin/console messenger:consume async --memory-limit=128M", None),
        ("celery -A shop worker --max-tasks-per-child=100", None),
        ("celery -A shop beat", None),
        ("rq worker --burst", None),
        ("php artisan horizon", None),
        ("queue:work", None),
    ],
)
def test_a_worker_without_an_end(tmp_path, command, fix):
    warned = said(tmp_path, "kind = 'service'", "MS116", command=command)
    assert (warned and warned[1]) == fix


@pytest.mark.parametrize("keys", ["max_runtime = '1h'", "limits.memory = '256MiB'"])
def test_a_worker_whose_end_minisup_knows(tmp_path, keys):
    assert not comes(tmp_path, f"kind = 'service'\n{keys}", "MS116", command=WORK)


@pytest.mark.parametrize(
    ("command", "keys", "warned"),
    [
        (WORK, "", True),
        ("celery -A shop worker --max-tasks-per-child=100", "", True),
        (WORK, "kind = 'service'", False),
        (WORK, "max_runtime = '1h'", False),
        (f"{WORK} --max-time=60", "", False),
        (ONCE, "", False),
        ("work", "", False),
    ],
)
def test_a_worker_that_is_no_job(tmp_path, command, keys, warned):
    assert comes(tmp_path, keys, "MS117", command=command) == warned
