"""`priority`: the order in which supervisord starts programs, as `after`, where that is asked for."""

from collections.abc import Iterable
from typing import Final

from minisup.convert.render import written
from minisup.convert.supervisord.supervisord_program import Draft

CANNOT_VARY: Final = "it cannot come from a variable; 999, the default, counts"
NOT_ASKED: Final = "all start and stop at the same time; `after` orders them, and --after-priority writes it"


def order_by_priority(drafts: list[Draft], *, wanted: bool) -> None:
    """Let each program wait for those that can be waited for (tasks and services) of the next lower priority."""
    for draft in drafts:
        before = _before(draft, drafts) if wanted else []
        if isinstance(draft.keys.whole("priority", 999), str):
            draft.keys.changed("priority", CANNOT_VARY)
        if before:
            draft.put("after", before)
            draft.keys.changed("priority", f"after = {written(before)}: it starts when they are up or have worked")
        draft.keys.unneeded("priority", "no task or service with a lower one starts by itself" if wanted else NOT_ASKED)


def _before(draft: Draft, drafts: Iterable[Draft]) -> list[str]:
    lower = [other for other in drafts if other.can_be_waited_for and other.priority < draft.priority]
    nearest = max((other.priority for other in lower), default=None)
    return [other.name for other in lower if other.priority == nearest]
