"""Runs that cannot be started: held with the system's words, and started by themselves when the cause is gone."""

import errno
import json
import os
from collections.abc import Callable

import pytest
from kit import AT_ONCE, SLACK, SOON, Stage, program, sh, wait_until

PROMISED = 2.0
"""Seconds from a file's appearance to the start."""


def missing_command(stage: Stage) -> tuple[str, Callable[[], object]]:
    return program("late", stage.path("late.sh")), lambda: stage.script("late.sh", "echo here; sleep 60")


def command_that_is_not_executable(stage: Stage) -> tuple[str, Callable[[], object]]:
    path = stage.write("late.sh", "#!/bin/sh\necho here; sleep 60\n")
    return program("late", path), lambda: path.chmod(0o755)


def missing_directory(stage: Stage) -> tuple[str, Callable[[], object]]:
    directory = stage.path("release")
    return program("late", sh("echo here; sleep 60"), directory=directory), directory.mkdir


def command_missing_in_path(stage: Stage) -> tuple[str, Callable[[], object]]:
    environment = {"PATH": f"{stage.root}:/usr/bin:/bin"}
    return program("late", "late.sh", environment=environment), lambda: stage.script("late.sh", "echo here; sleep 60")


def command_that_is_a_directory(stage: Stage) -> tuple[str, Callable[[], object]]:
    path = stage.path("late.sh")
    path.mkdir()

    def heal() -> None:
        path.rmdir()
        stage.script("late.sh", "echo here; sleep 60")

    return program("late", path), heal


CASES = [
    (missing_command, "no such file or directory"),
    (command_that_is_not_executable, "permission denied"),
    (missing_directory, "no such file or directory"),
    (command_missing_in_path, "no such file or directory"),
    (command_that_is_a_directory, "permission denied"),
]


@pytest.mark.parametrize(("case", "words"), CASES, ids=[case.__name__ for case, _ in CASES])
def test_what_cannot_be_started_is_held_with_its_cause_and_starts_once_it_can(
    stage: Stage, case: Callable[[Stage], tuple[str, Callable[[], object]]], words: str
) -> None:
    text, heal = case(stage)
    daemon = stage.up(text + "stop = { drain = 0 }\n", program("other", sh("sleep 60"), stop=AT_ONCE))
    wait_until(lambda: daemon.slot("late:0")["reason"] == "hold", SOON, "the slot is held")
    late = daemon.program("late")
    assert late["slots"][0]["phase"] == "waiting"
    assert late["slots"][0]["last"]["outcome"] == "unstartable"
    assert words in late["slots"][0]["cause"]
    assert late["budget"]["tokens"] == late["budget"]["size"]
    assert late["runs"]["unstartable"] == late["runs"]["total"] >= 1
    wait_until(lambda: words in daemon.stderr, SOON, "the console says so")
    other = daemon.running_pid("other:0")
    heal()
    wait_until(lambda: daemon.slot("late:0")["phase"] == "running", PROMISED + SLACK, "it starts by itself")
    wait_until(lambda: daemon.lines("late:0") == ["here"], SOON, "it runs")
    assert daemon.slot("late:0")["reason"] is None
    assert daemon.running_pid("other:0") == other


def test_two_slots_that_cannot_be_started_are_both_released_by_the_first_that_can(stage: Stage) -> None:
    daemon = stage.up(program("late", stage.path("late.sh"), numprocs=3, stop=AT_ONCE))
    wait_until(lambda: daemon.program("late")["phases"] == {"waiting": 3}, SOON, "all slots wait")
    wait_until(lambda: {slot["reason"] for slot in daemon.program("late")["slots"]} == {"hold"}, SOON, "all are held")
    stage.script("late.sh", "sleep 60")
    wait_until(lambda: daemon.program("late")["running"] == 3, PROMISED + SLACK, "all three run")


def test_a_restart_tries_a_held_program_at_once(stage: Stage) -> None:
    daemon = stage.up(program("late", stage.path("late.sh"), stop=AT_ONCE))
    wait_until(lambda: daemon.slot("late:0")["reason"] == "hold", SOON, "the slot is held")
    tried = daemon.program("late")["runs"]["unstartable"]
    daemon.ask("restart", ["late"])
    wait_until(lambda: daemon.program("late")["runs"]["unstartable"] > tried, 1.0, "one more try")


def test_a_held_program_does_not_keep_minisup_from_stopping(stage: Stage) -> None:
    daemon = stage.up(program("late", stage.path("late.sh")))
    wait_until(lambda: daemon.slot("late:0")["reason"] == "hold", SOON, "the slot is held")
    daemon.term()
    assert daemon.wait(2.0) == 0


def test_exit_78_is_held_until_a_file_named_in_the_command_changes(stage: Stage) -> None:
    job = stage.script("job.sh", "exit 78")
    daemon = stage.up(program("mail", ["sh", str(job)], min_runtime=0, stop=AT_ONCE))
    wait_until(lambda: daemon.slot("mail:0")["reason"] == "hold", SOON, "the slot is held")
    assert daemon.slot("mail:0")["last"]["outcome"] == "fatal"
    assert daemon.program("mail")["runs"]["total"] == 1
    stage.script("job.sh", "sleep 60")
    wait_until(lambda: daemon.slot("mail:0")["phase"] == "running", PROMISED + SLACK, "a deploy of the script ends it")


def test_a_text_file_without_an_interpreter_is_unstartable_in_the_systems_words(stage: Stage) -> None:
    path = stage.write("job", "echo no interpreter\n", 0o755)
    daemon = stage.up(program("job", path, stop=AT_ONCE))
    slot = wait_until(lambda: held(daemon.slot("job:0")), SOON, "the slot is held")
    assert os.strerror(errno.ENOEXEC).lower() in slot["cause"]


def held(slot: dict[str, object]) -> dict[str, object] | None:
    return slot if slot["reason"] == "hold" else None


def test_a_secret_in_a_directory_shows_neither_in_why_nor_in_events(stage: Stage) -> None:
    lost = program("lost", "true", directory="/nowhere/${API_TOKEN}")
    daemon = stage.up(lost, env={"API_TOKEN": "hunter2"})
    wait_until(lambda: daemon.slot("lost:0")["cause"], SOON, "it is held")
    assert daemon.slot("lost:0")["cause"] == "cannot enter /nowhere/***: no such file or directory"
    told = json.dumps([daemon.status(), daemon.ask("why", ["lost"]), daemon.ask("events", lines=100)])
    assert "hunter2" not in told + daemon.stderr
