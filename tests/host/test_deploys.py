"""A deploy as the guide describes it: a link moves from one release to the next, and the old one is removed."""

import shutil
from pathlib import Path

import pytest
from kit import AT_ONCE, SOON, Daemon, Stage, program, sh, toml, wait_until

BUILD = sh("cat release >> ../../built; exec sleep 1000")


def release(stage: Stage, number: int, more: str = "") -> Path:
    """A directory with all that a release has: a configuration, a program by a relative name, and a file of its own."""
    directory = stage.path(f"releases/{number}")
    directory.mkdir(parents=True)
    head = f"[supervisor]\nsocket = {toml(stage.socket)}\nstate_dir = {toml(stage.path('state'))}\n"
    job = program("email", "./job", stop=AT_ONCE)
    service = program("shop", BUILD, kind="service", min_runtime="100ms", stop=AT_ONCE)
    stage.write(f"releases/{number}/minisup.toml", f"{head}\n{job}\n{service}\n{more}")
    stage.write(f"releases/{number}/release", f"{number}\n")
    stage.script(f"releases/{number}/job", "cat release >> ../../ran; exec sleep 1000")
    return directory


def point(stage: Stage, directory: Path) -> None:
    """Let `current` lead to another release, in one moment."""
    stage.path("new").symlink_to(directory)
    stage.path("new").rename(stage.path("current"))


def started(stage: Stage, config: str, pwd: str) -> Daemon:
    point(stage, release(stage, 1))
    daemon = stage.up_file(Path(config.format(stage.root)), cwd=stage.path("current"), env={"PWD": pwd})
    wait_until(lambda: (stage.lines("ran"), stage.lines("built")) == (["1"], ["1"]), SOON, "release 1 runs")
    return daemon


@pytest.mark.parametrize(
    ("config", "pwd"), [("minisup.toml", "{}/current"), ("{}/current/minisup.toml", "")], ids=["in it", "by its path"]
)
def test_after_the_link_has_moved_restart_runs_the_new_release_and_reload_reads_it(
    stage: Stage, config: str, pwd: str
) -> None:
    daemon = started(stage, config, pwd.format(stage.root))
    point(stage, release(stage, 2, program("sms", "sleep 1000", stop=AT_ONCE)))
    shutil.rmtree(stage.path("releases/1"))
    daemon.ask("restart", ["all"], now=True, wait=True)
    wait_until(lambda: (stage.lines("ran"), stage.lines("built")) == (["1", "2"], ["1", "2"]), SOON, "release 2 runs")
    changes = daemon.ask("reload")["changes"]
    assert [(change["program"], change["effect"]) for change in changes] == [("sms", "starts")]
