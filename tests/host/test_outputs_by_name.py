"""A program of another user opens its outputs by name, as nginx, php-fpm and shell scripts do."""

import os

import pytest
from kit import AT_ONCE, SOON, Stage, program, sh, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start runs as another user")

BY_NAME = "echo one > /dev/stdout; echo two > /dev/stderr; echo three > /proc/self/fd/2; sleep 60"


@pytest.mark.parametrize("log", [{}, {"stderr": "join"}], ids=["separate", "join"])
def test_a_program_of_another_user_can_open_its_outputs_by_name(open_stage: Stage, log: dict[str, str]) -> None:
    daemon = open_stage.up(program("named", sh(BY_NAME), user="nobody", stop=AT_ONCE, log=log))

    def lines() -> list[str]:
        text = daemon.stdout + daemon.stderr
        return sorted(line for line in text.splitlines() if line.startswith("named:0 | "))

    wait_until(lambda: len(lines()) == 3, SOON, "all three lines have come")
    assert lines() == [f"named:0 | {word}" for word in ("one", "three", "two")]


def test_an_output_that_is_minisups_own_stays_so(open_stage: Stage) -> None:
    daemon = open_stage.up(
        program("plain", sh("echo here; sleep 60"), user="nobody", stop=AT_ONCE, log={"to": "inherit"})
    )
    daemon.prints("here")
    assert daemon.stdout_path.stat().st_uid == 0
