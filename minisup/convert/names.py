"""Names of programs and groups: what another file may call anything, minisup must be able to address."""

import re
from collections.abc import Collection
from typing import Final

_WRONG: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST: Final = 90
_RESERVED: Final = frozenset({"all"})


def label(text: str, taken: Collection[str] = ()) -> str:
    """A name as near to `text` as one can be, with a number behind it if it is `taken` already."""
    plain = _WRONG.sub("-", text).strip("-.")[:_LONGEST] or "program"
    name, number = plain, 1
    while name in taken or name in _RESERVED:
        number += 1
        name = f"{plain}-{number}"
    return name
