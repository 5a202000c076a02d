"""The Laravel example, with a real worker and a real Redis: what it prints tells worked, failed and idle apart."""

import json
import os
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from kit import SLACK, SOON, Daemon, Stage, wait_until
from redis_kit import Redis, example, missing

FRAMEWORK = Path("/usr/share/php/Illuminate/Foundation")
WHY_NOT = missing("php", "redis-server") or ("" if FRAMEWORK.exists() else "php-laravel-framework is not installed")
if not WHY_NOT and subprocess.run(["php", "-r", "exit(extension_loaded('redis') ? 0 : 1);"], check=False).returncode:
    WHY_NOT = "php-redis is not installed"
pytestmark = [pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT), pytest.mark.timeout(120)]

MAX_WAIT = 3.0
BOOT = 4.0
"""Seconds that PHP and the framework may take to start on a busy machine."""


class Shop:
    """The example, its Redis, and minisup."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.redis = Redis(stage)
        self.file = example(stage, "laravel", **{'max_wait = "5s"': f'max_wait = "{MAX_WAIT:g}s"'})
        self.storage = stage.path("storage")
        self.environ = {**self.redis.environ, "STORAGE": str(self.storage)}

    def up(self) -> Daemon:
        self.daemon = self.stage.up_file(self.file, env=self.environ)
        return self.daemon

    def send(self, *to: str) -> None:
        self.storage.mkdir(exist_ok=True)
        command = ["php", "artisan", "mail:send", *to]
        subprocess.run(command, cwd=self.file.parent, env={**os.environ, **self.environ}, check=True, timeout=60)

    def runs(self) -> dict[str, int]:
        return self.daemon.program("mails")["runs"]

    def history(self) -> list[dict[str, object]]:
        said = self.stage.run("-c", self.file, "-s", self.stage.socket, "history", "mails", "-n", "0", "--json")
        assert said.returncode == 0, said.stderr
        return [json.loads(line) for line in said.stdout.splitlines()]


@pytest.fixture
def shop(stage: Stage) -> Shop:
    return Shop(stage)


def test_worked_failed_and_idle_runs_are_told_apart(shop: Shop) -> None:
    shop.send(*(f"good-{number}" for number in range(12)), "bad")
    shop.up()
    wait_until(lambda: shop.runs()["worked"] >= 12, 60, "all good mails are sent")
    wait_until(lambda: shop.runs()["failed"] >= 2, 30, "the bad one was tried twice")
    wait_until(lambda: shop.runs()["idle"] >= 8, 30, "the slots find the queue empty")
    runs = shop.runs()
    assert (runs["worked"], runs["failed"]) == (12, 2)
    assert runs["total"] == 14 + runs["idle"]
    sent = [line for line in shop.daemon.stdout.splitlines() if "sent to" in line]
    assert len(sent) == 12
    wait_until(lambda: shop.daemon.program("mails")["failing_for"] is None, 10, "an idle run proves that all is well")
    shop.daemon.says("first failure")
    assert "no such address: bad" in next(line for line in shop.daemon.stderr.splitlines() if "first failure" in line)


def test_idle_slots_poll_ever_more_slowly_and_hear_a_message_within_max_wait(shop: Shop) -> None:
    shop.up()
    wait_until(lambda: shop.runs()["idle"] >= 16, 60, "the ladder is climbed")
    slots = shop.daemon.program("mails")["slots"]
    assert {slot["reason"] for slot in slots if slot["phase"] == "waiting"} == {"idle"}
    assert max(slot["next_in"] or 0.0 for slot in slots) <= MAX_WAIT
    shop.send("one")
    wait_until(lambda: shop.runs()["worked"] == 1, MAX_WAIT + BOOT, "the message is handled")


def test_a_burst_is_soon_spread_over_all_slots(shop: Shop) -> None:
    shop.up()
    wait_until(lambda: shop.runs()["idle"] >= 16, 60, "the ladder is climbed")
    shop.send(*(f"good-{number}" for number in range(40)))
    wait_until(lambda: shop.runs()["worked"] >= 40, 60, "the burst is worked off")

    def rows() -> list[dict[str, object]] | None:
        found = [row for row in shop.history() if row["outcome"] == "worked"]
        return found if len(found) == 40 else None

    worked = wait_until(rows, 10, "the history has all runs")
    begins = [seconds(row["started"]) for row in worked]
    first = min(begin + row["duration"] for begin, row in zip(begins, worked, strict=True))
    by_slot = {row["slot"]: begin for begin, row in sorted(zip(begins, worked, strict=True), key=lambda it: -it[0])}
    assert len(by_slot) == 8
    assert max(by_slot.values()) - first < 1.0 + SLACK
    assert shop.runs()["failed"] == 0


def seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def test_a_redis_that_does_not_answer_is_a_failure_and_no_empty_queue(shop: Shop) -> None:
    shop.up()
    wait_until(lambda: shop.runs()["idle"] >= 8, 60, "the queue is empty")
    shop.redis.kill()
    wait_until(lambda: shop.daemon.program("mails")["failing_for"], MAX_WAIT + 2 * BOOT, "the program is failing")
    wait_until(lambda: "exit 0 without its worked.output" in shop.daemon.stderr, SOON, "it says why")
    shop.redis.start()
    shop.send("after")
    wait_until(lambda: shop.runs()["worked"], 30 + BOOT, "the message is handled")
    assert shop.daemon.program("mails")["failing_for"] is None


# --- preset laravel-daemon --------------------------------------------------------------------------------------------


def daemon_of(shop: Shop, *options: str, **values: str) -> Daemon:
    """The example with a worker that takes many jobs."""
    text = shop.file.read_text()
    begin, end = text.index("[program.mails]"), text.index("environment = {")
    words = " ".join(["php artisan queue:work redis --queue=mails --sleep=0.2", *options])
    keys = {"preset": "laravel-daemon", "command": words, "directory": "${MINISUP_HERE}", **values}
    table = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    shop.file.write_text(f'{text[:begin]}[program.mails]\nafter = ["storage"]\n{table}{text[end:]}')
    shop.daemon = shop.stage.up_file(shop.file, env={**shop.environ, "MAIL_TAKES": "1500"})
    return shop.daemon


def test_a_daemon_finishes_its_job_on_term(shop: Shop) -> None:
    daemon = daemon_of(shop)
    shop.send("one", "two")
    wait_until(lambda: "Processing" in daemon.stdout, 30, "it is in its first job")
    daemon.term()
    assert daemon.wait(30) == 0
    daemon.prints("Processed:")
    assert daemon.stdout.count("Processed:") == 1
    daemon.says("0 cut")


def test_a_daemon_at_its_memory_limit_is_recycled_and_one_without_jobs_was_idle(shop: Shop) -> None:
    daemon = daemon_of(shop, "--memory=1")
    wait_until(lambda: shop.runs()["recycled"] >= 2, 30, "it asks to be replaced")
    assert daemon.program("mails")["failing_for"] is None
    daemon.end()
    shop.file.write_text(shop.file.read_text().replace("--memory=1", "--stop-when-empty"))
    shop.daemon = shop.stage.up_file(shop.file, env={**shop.environ, "MAIL_TAKES": "10"})
    wait_until(lambda: shop.runs()["idle"] >= 1, 30, "it has found nothing")
    shop.send("one", "two")
    wait_until(lambda: shop.runs()["worked"] == 1, 30, "both in one run")
    shop.daemon.prints("Processed:", 2)
    assert shop.daemon.stdout.count("Processed:") == 2
