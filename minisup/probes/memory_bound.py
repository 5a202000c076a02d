"""A bound for the memory of a helper: libraries read whatever a server sends, however much that is."""

import resource


def bound_memory(most: int) -> None:
    """Give this process no more than `most` bytes of data: who asks for more hears MemoryError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    given = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([most, *given]), hard))
