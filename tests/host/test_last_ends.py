"""Children that end while minisup waits for strangers, after its loop."""

import subprocess
from types import SimpleNamespace
from typing import Any, cast

from plumbing import Plumbing

from minisup.host.exits import Exits
from minisup.host.helper import Helpers
from minisup.host.reap import Ended


def test_a_helper_that_ends_beside_the_last_strangers_is_signalled_no_more() -> None:
    plumbing = Plumbing()
    ended: list[Ended] = []
    child = subprocess.Popen(["true"])
    helpers: Helpers = {child.pid: ended.append}
    leftovers = SimpleNamespace(orphans=lambda: bool(helpers))
    now = plumbing.loop.clock.monotonic
    desk: Any = SimpleNamespace(helpers=helpers, leftovers=leftovers, loop=plumbing.loop, now=now)
    Exits(cast("Any", desk)).let_strangers_end(now() + 10.0)
    child.returncode = 0  # who has been reaped is not to be waited for
    assert [(one.pid, one.code) for one in ended] == [(child.pid, 0)]
    assert not helpers, "its number may be somebody else's by now"
