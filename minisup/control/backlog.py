"""What waits for clients that read slowly, all of them together: one number, so that a crowd cannot fill the memory."""

from typing import Final

MOST: Final = 16 << 20
"""Bytes of notifications for all followers together; beyond, each may be behind by `SHARE` only."""

SHARE: Final = 1 << 18

MOST_IN_REPLIES: Final = 64 << 20
"""Bytes beyond which nothing long is answered: a reply may be of any size, and its reader as slow as he likes."""


class Backlog:
    """Bytes that wait for clients."""

    def __init__(self) -> None:
        self.total = 0

    def allows(self, behind: int, most: int) -> bool:
        """Whether a follower may be so many bytes behind; `most` where there is room for all."""
        return behind <= (most if self.total <= MOST else SHARE)

    @property
    def full(self) -> bool:
        """Whether too much waits for another long reply."""
        return self.total > MOST_IN_REPLIES
