"""Locales that are not UTF-8: the configuration is UTF-8 all the same, and so is what runs get of it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kit import AT_ONCE, SOON, Stage, program, toml, wait_until

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""Python as it is in the C locale when it is told to believe that."""

WORDS = "größe 日本"
PRINT = '#!/bin/sh\nprintf \'%s|%s|%s|%s\' "$1" "$GREETING" "$INHERITED" "$LC_ALL$PYTHONUTF8" > out\n'


@pytest.fixture(scope="module")
def latin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a real ISO-8859-1 locale."""
    if shutil.which("localedef") is None:
        pytest.skip("localedef is needed to make an ISO-8859-1 locale")
    directory = tmp_path_factory.mktemp("locales")
    made = subprocess.run(
        ["localedef", "-i", "en_US", "-f", "ISO-8859-1", directory / "en_US.ISO-8859-1"],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no ISO-8859-1 locale can be made here: {made.stderr.decode(errors='replace')}")
    return {"LOCPATH": str(directory), "LC_ALL": "en_US.ISO-8859-1"}


@pytest.fixture(params=["ascii", "latin"])
def locale(request: pytest.FixtureRequest) -> dict[str, str]:
    return ASCII if request.param == "ascii" else request.getfixturevalue("latin")


def job(name: str, word: str) -> str:
    return program(
        name, ["./print", word], directory="straße", environment={"GREETING": f"grüße {word}"}, restart="never"
    )


def configured(stage: Stage, *programs: str) -> Path:
    place = stage.path("straße")
    place.mkdir(exist_ok=True)
    (place / "print").write_text(PRINT)
    (place / "print").chmod(0o755)
    head = f"[supervisor]\nsocket = {toml(stage.socket)}\nstate_dir = {toml(stage.path('zustände'))}\n"
    return stage.write("größe.toml", "\n".join([head, *programs]))


def out(stage: Stage) -> bytes:
    path = stage.path("straße/out")
    return path.read_bytes() if path.exists() else b""


def test_runs_get_the_configuration_as_it_is_written_and_the_environment_as_it_was(
    stage: Stage, locale: dict[str, str]
) -> None:
    config = configured(stage, job("first", WORDS))
    env = {**locale, "INHERITED": "\udce9"}  # a byte that is not UTF-8
    daemon = stage.up_file(config, env=env)
    mode = f"{locale['LC_ALL']}{locale.get('PYTHONUTF8', '')}"
    expected = f"{WORDS}|grüße {WORDS}|\udce9|{mode}".encode(errors="surrogateescape")
    wait_until(lambda: out(stage) == expected, SOON, "the run got every byte")
    configured(stage, job("first", WORDS), job("second", "2 日"), program("third", "sleep 1000", stop=AT_ONCE))
    assert [change["program"] for change in daemon.ask("reload")["changes"]] == ["second", "third"]
    wait_until(lambda: out(stage).startswith("2 日|grüße 2 日|".encode()), SOON, "so did a run of a reload")
    daemon.running_pid("third:0")


def test_commands_read_the_same_configuration_and_print_as_the_locale_says(stage: Stage, latin: dict[str, str]) -> None:
    config = configured(stage, job("first", WORDS))
    done = subprocess.run(
        [sys.executable, "-m", "minisup", "check", "-c", config],
        env=stage.environ(**latin, COLUMNS="400"),
        cwd=stage.root,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "größe ".encode("latin-1") in done.stdout
    assert str(stage.path("straße")).encode("latin-1") in done.stdout
