"""The TOML file: tomli_w writes the values, the layout is that of a file written by hand."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import tomli_w

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_WIDEST: Final = 110


def render(document: Mapping[str, Any], head: Sequence[str]) -> str:
    """`document` (`supervisor` and `program` tables) as text, after `head` as comments."""
    lines = [f"# {line}".rstrip() for line in head]
    if document.get("supervisor"):
        lines += ["", *_table(("supervisor",), document["supervisor"])]
    for name, table in document.get("program", {}).items():
        lines += ["", *_table(("program", name), table)]
    return "\n".join(lines) + "\n"


def written(value: object) -> str:
    """A value as it stands behind `=`, on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(name)} = {written(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(written, value)) + "]"
    return tomli_w.dumps({"k": value}).removeprefix("k = ").rstrip("\n")


def _table(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a table: what fits as `key = value`, then the tables that are too wide for a line."""
    wide = [name for name, value in table.items() if isinstance(value, Mapping) and len(written(value)) > _WIDEST]
    yield f"[{'.'.join(map(_key, path))}]"
    for name, value in table.items():
        if name not in wide:
            yield f"{_key(name)} = {written(value)}"
    for name in wide:
        yield ""
        yield from _table((*path, name), table[name])


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else written(name)
