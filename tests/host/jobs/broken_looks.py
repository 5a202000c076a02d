"""Run by a test: `minisup` in which every look at other processes fails, as if one of them had found how."""

from typing import Any

from minisup.__main__ import main
from minisup.host.process import processes


def fail(*_: object, **__: object) -> Any:
    """What a process may have written breaks whoever looks at it."""
    raise ValueError("what another wrote")


for look in ("census", "children_of_self", "session_members", "group_lives"):
    setattr(processes, look, fail)
main()
