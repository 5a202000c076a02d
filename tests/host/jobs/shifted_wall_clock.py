"""minisup with a wall clock that is off by as many seconds as a file says. Arguments: that file, then minisup's.

Both the seam in `minisup.host.clock` and `time.time` are shifted, so that code that goes past the seam is found out.
"""

import sys
import time
from pathlib import Path

real = time.time
offset_file = Path(sys.argv.pop(1))


def shifted() -> float:
    """Seconds since 1970, plus the offset."""
    try:
        return real() + float(offset_file.read_text())
    except FileNotFoundError:
        return real()


time.time = shifted

from minisup.host.clock import Clock  # noqa: E402 -- the clock must be shifted before anything takes a copy of it

Clock.wall = staticmethod(shifted)  # type: ignore[method-assign] -- the seam

from minisup.__main__ import main  # noqa: E402 -- as above

sys.exit(main())
