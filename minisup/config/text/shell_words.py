"""Words of a command as one would type them in a shell."""

from typing import Final

from minisup.config.text.toml_lines import printable

_SAFE: Final = frozenset("@%_-+=:,./*")


def word(text: str) -> str:
    """A word of a command, quoted if a shell would need it."""
    if text and all(letter.isalnum() or letter in _SAFE for letter in text):
        return text
    return "'" + printable(text).replace("'", "'\"'\"'") + "'"
