"""minisup runs short-lived queue jobs: it paces fast exits, spends a retry budget, and drains before it signals.

`from minisup import Client` talks to a running minisup.
"""

from minisup.version import __version__

__all__ = ["Client", "__version__"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minisup.control.client import Client


def __getattr__(name: str) -> object:
    # Loaded when asked for: the daemon imports this package and never the client.
    if name == "Client":
        from minisup.control.client import Client  # noqa: PLC0415 -- as above

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
