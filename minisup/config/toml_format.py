"""Values as one would write them in the file."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

from minisup.config.schema import ProgramTable
from minisup.config.text.units import format_size, write_duration
from minisup.config.walk import hint_of, keys_of, unwrap


def written(value: Any, mark: str) -> str:  # noqa: ANN401 - a value of any type
    """A value as one would write it in the file."""
    match mark, value:
        case "seconds", float():
            text = f'"{write_duration(value)}"' if value else "0"
        case "size", int():
            text = f'"{value // 10**6}MB"' if value % 1024 else f'"{format_size(value).replace(" ", "")}"'
        case "mode", int():
            text = f'"{value:04o}"'
        case "signal", str():
            text = f'"{value.removeprefix("SIG")}"'
        case "pattern", str():
            text = f"'{value}'" if "'" not in value else repr(value)
        case _, bool():
            text = str(value).lower()
        case _, str():
            text = f'"{value.value if isinstance(value, Enum) else value}"'
        case _, frozenset() | tuple():
            text = str(sorted(value))
        case _:
            text = str(value)
    return text


def written_keys(keys: Mapping[str, Any], table: type = ProgramTable, path: str = "") -> Iterator[tuple[str, str]]:
    """Paths and values of the keys of a program."""
    known = keys_of(table)
    for name, value in keys.items():
        plain, mark = unwrap(hint_of(*known[name]))
        if isinstance(plain, type) and is_dataclass(plain):
            yield from written_keys(value, plain, f"{path}{name}.")
        else:
            yield f"{path}{name}", written(value, mark)
