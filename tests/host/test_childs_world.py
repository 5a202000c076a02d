"""What a job finds around it: descriptors, signals, environment, user, directory, umask."""

import json
import os
import pwd
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from kit import AT_ONCE, MARK, SOON, Daemon, Stage, program, sh, wait_until

REPORT = Path(__file__).parent / "jobs" / "report_world.py"


def world(stage: Stage, supervisor: str = "", popen: dict[str, Any] | None = None, **keys: object) -> dict[str, Any]:
    """What a job reports about itself."""
    words = [sys.executable, "-I", str(REPORT), str(stage.path("report"))]
    keys = {"stop": AT_ONCE, **keys}
    daemon = stage.up(
        program("job", words, **keys), supervisor=f'shutdown_timeout = "4s"\n{supervisor}', **(popen or {})
    )
    report = json.loads("".join(wait_until(lambda: stage.lines("report"), SOON, "the job reports")))
    report["daemon"] = daemon.pid
    return report


def test_a_job_has_three_descriptors_and_a_stdin_that_is_empty(stage: Stage) -> None:
    read, write = os.pipe()
    os.set_inheritable(read, True)
    os.set_inheritable(write, True)
    try:
        report = world(stage, popen={"pass_fds": (read, write)})
    finally:
        os.close(read)
        os.close(write)
    assert sorted(report["descriptors"]) == ["0", "1", "2"]
    assert report["descriptors"]["0"] == "/dev/null"


def test_a_job_has_default_signals_whatever_minisup_was_started_with(stage: Stage) -> None:
    ignoring = ("env", "--ignore-signal=HUP,USR1,PIPE,CHLD", "--block-signal=USR2,TERM")
    report = world(stage, popen={"before": ignoring})
    assert (report["SigBlk"], report["SigIgn"], report["SigCgt"]) == (0, 0, report["SigCgt"])


def test_a_job_is_the_leader_of_a_session_of_its_own(stage: Stage) -> None:
    report = world(stage)
    assert report["sid"] == report["pgid"] == report["pid"]
    assert report["ppid"] == report["daemon"]


def test_directory_umask_and_the_directory_of_up(stage: Stage) -> None:
    stage.path("place").mkdir()
    report = world(stage, directory="place", umask="027")
    assert report["cwd"] == str(stage.path("place"))
    assert report["umask"] == 0o27


def test_the_directory_is_where_up_was_started_unless_told(stage: Stage) -> None:
    stage.path("elsewhere").mkdir()
    report = world(stage, popen={"cwd": stage.path("elsewhere")})
    assert report["cwd"] == str(stage.path("elsewhere"))


def test_of_several_values_of_a_variable_the_later_wins(stage: Stage) -> None:
    stage.write("some.env", "B=file\nC=file\nD='quoted value'\n# E=comment\n")
    report = world(
        stage,
        supervisor='environment = { A = "supervisor", B = "supervisor", C = "supervisor" }',
        env_file="some.env",
        environment={"C": "program"},
        popen={"env": {"A": "inherited", "Z": "inherited"}},
    )
    found = {name: report["environment"].get(name) for name in "ABCDEZ"}
    assert found == {"A": "supervisor", "B": "file", "C": "program", "D": "quoted value", "E": None, "Z": "inherited"}


def test_minisups_own_variables(stage: Stage) -> None:
    environment = world(stage, numprocs=1)["environment"]
    assert environment["MINISUP_PROGRAM"] == "job"
    assert environment["MINISUP_SLOT"] == "0"
    assert environment["MINISUP_NUMPROCS"] == "1"
    assert environment["MINISUP_FAILURES"] == "0"
    assert int(environment["MINISUP_RUN_ID"]) >= 1
    assert environment["MINISUP_HERE"] == str(stage.root)


def test_failures_are_counted_for_the_job(stage: Stage) -> None:
    retry = {"backoff": "20ms", "max_backoff": "20ms"}
    stage.up(program("job", sh("echo $MINISUP_FAILURES >> failures; exit 1"), retry=retry))
    wait_until(lambda: stage.lines("failures")[:4] == ["0", "1", "2", "3"], SOON, "the failures are counted")


def test_a_cleared_environment_holds_what_the_file_names_and_no_more(stage: Stage) -> None:
    report = world(
        stage, clear_env=True, environment={"PATH": "/usr/bin:/bin", MARK: stage.mark}, popen={"env": {"LEAK": "1"}}
    )
    names = set(report["environment"]) - {"LC_CTYPE"}  # which the interpreter of the job sets itself
    assert {name for name in names if not name.startswith("MINISUP_")} == {"PATH"}


def test_a_value_with_spaces_stays_one_word(stage: Stage) -> None:
    words = "sh -c 'echo $# >> count' sh ${SENTENCE} ${MINISUP_SLOT}"
    stage.up(program("job", words, min_runtime="10s", stop=AT_ONCE), env={"SENTENCE": "two words"})
    wait_until(lambda: stage.lines("count") == ["2"], SOON, "two words arrive as one")


def other_user(stage: Stage, **keys: object) -> tuple[Daemon, dict[str, str]]:
    """A minisup that runs `id` and `env` as nobody."""
    if os.getuid() != 0:
        pytest.skip("only root may run jobs as somebody else")
    job = sh(
        "{ id -u; id -g; id -G; umask; pwd; echo $HOME $USER $LOGNAME; } > report.new; mv report.new report; sleep 1000"
    )
    daemon = stage.up(program("job", job, user="nobody", stop=AT_ONCE, **keys))
    lines = wait_until(lambda: stage.lines("report"), SOON, "the job reports")
    return daemon, dict(zip(["uid", "gid", "groups", "umask", "cwd", "names"], lines, strict=True))


def test_a_job_of_another_user_has_his_ids_groups_and_names(open_stage: Stage) -> None:
    _, report = other_user(open_stage, umask="077")
    nobody = pwd.getpwnam("nobody")
    assert (report["uid"], report["gid"]) == (str(nobody.pw_uid), str(nobody.pw_gid))
    assert set(report["groups"].split()) == {str(group) for group in os.getgrouplist("nobody", nobody.pw_gid)}
    assert report["umask"] == "0077"
    assert report["names"] == f"{nobody.pw_dir} nobody nobody"


def test_a_job_of_another_user_is_stopped_like_any_other(open_stage: Stage) -> None:
    daemon, _ = other_user(open_stage)
    daemon.ask("stop", ["job"], wait=True)
    assert daemon.slot("job:0")["phase"] == "off"
    assert not open_stage.jobs()


def test_a_directory_that_the_user_may_not_enter_is_unstartable(open_stage: Stage) -> None:
    if os.getuid() != 0:
        pytest.skip("only root may run jobs as somebody else")
    private = open_stage.path("private")
    private.mkdir(mode=0o700)
    daemon = open_stage.up(program("job", "true", user="nobody", directory=private))
    slot = wait_until(lambda: held(daemon), SOON, "it is held")
    assert "permission denied" in slot["cause"]


def held(daemon: Daemon) -> dict[str, Any] | None:
    slot = daemon.slot("job:0")
    return slot if slot["reason"] == "hold" else None


def test_a_job_does_not_keep_minisups_ignored_pipe_signal(stage: Stage) -> None:
    stage.up(program("job", sh("yes | head -n 1 > head; echo > after"), min_runtime="10s", stop=AT_ONCE))
    wait_until(lambda: stage.lines("after"), SOON, "`yes` died of SIGPIPE, as everywhere")
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN  # Python's own doing, which the job must not inherit
