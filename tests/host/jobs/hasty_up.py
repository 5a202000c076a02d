"""minisup that remembers for 4 s instead of a minute how many slots it wanted: nobody has to wait for it to shrink."""

import sys

from minisup.core.policy import autoscale

autoscale.KEEP = 4.0

from minisup.__main__ import main  # noqa: E402 -- now it can be imported

sys.exit(main())
