"""A run with another user's rights under a minisup that may not signal it: what is shown is what is.

Set-uid programs are such runs for a minisup that is not root. For root, taking away CAP_KILL makes the same.
"""

import os
import shutil
import signal
from pathlib import Path

import pytest
from kit import SOON, Stage, program, wait_until

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root, another user and setpriv"
)


def test_a_run_that_may_not_be_signalled_is_shown_alive_and_said_to_be_left_so(open_stage: Stage) -> None:
    stop = {"drain": 0, "timeout": "100ms"}
    theirs = program("theirs", "sleep 60", user="nobody", stop=stop)
    daemon = open_stage.up(theirs, before=["setpriv", "--bounding-set=-kill", "--inh-caps=-kill"])
    pid = daemon.running_pid("theirs:0")
    wait_until(lambda: Path(f"/proc/{pid}").stat().st_uid != 0, SOON, "it is another user's")
    daemon.ask("stop", ["theirs"])
    wait_until(lambda: daemon.slot("theirs:0")["phase"] == "killing", SOON, "all has been tried")
    slot = daemon.slot("theirs:0")
    assert (slot["pid"], slot["cause"]) == (pid, "cannot be signalled: it runs with the rights of another user")
    daemon.says("cannot signal theirs:0 run 1")
    daemon.ask("shutdown", now=True)
    assert daemon.wait() == 0
    os.kill(pid, signal.SIGKILL)
    daemon.says("left alive: theirs:0 run 1")
    assert daemon.stderr.count("cannot signal theirs:0") == 1
    assert " 0 cut" in daemon.stderr
