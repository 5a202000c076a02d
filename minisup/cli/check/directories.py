"""Whether the users of programs may enter their working directories: what `check` knows of this machine."""

from minisup.check.lints.subject import Closed
from minisup.cli.check.helper_python import may, parents
from minisup.config.schema import Config

_ENTER = 1


def closed(config: Config) -> dict[str, Closed]:
    """By program that runs as somebody else: where its user is held up on the way into its directory."""
    found: dict[str, Closed] = {}
    for name, program in config.programs.items():
        identity = program.identity
        if identity is None or identity.uid is None:
            continue
        directory = program.for_slot(0).directory
        place = next((path for path in (*parents(directory), directory) if not may(identity, path, _ENTER)), None)
        if place is not None:
            shown = program.for_slot(0, hide=True).directory
            found[name] = Closed(identity.name or f"user {identity.uid}", shown, place if place != directory else shown)
    return found
