"""minisup on a machine where starting a process takes its time. Arguments: seconds a start, then minisup's."""

import sys
import time

from minisup.host.start.launcher import Launcher

seconds = float(sys.argv.pop(1))
start = Launcher.start


def slowly(self, wish):
    """A start, after a while."""
    time.sleep(seconds)
    return start(self, wish)


Launcher.start = slowly

from minisup.__main__ import main  # noqa: E402 -- now it can be imported

sys.exit(main())
