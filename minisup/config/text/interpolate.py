"""Variables in values: `${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$`; nothing else is special."""

import re
from collections.abc import Mapping
from typing import Final

from minisup.config.text.masking import MASK, hide_urls, is_secret, mask
from minisup.config.text.toml_lines import printable

SLOT_ONLY: Final = "MINISUP_SLOT"
RUN_ONLY: Final = frozenset({"MINISUP_RUN_ID", "MINISUP_FAILURES", "MINISUP_STATE"})
OWN: Final = RUN_ONLY | {"MINISUP_PROGRAM", SLOT_ONLY, "MINISUP_NUMPROCS", "MINISUP_HERE"}
"""Variables that minisup gives; what the environment holds under these names is an outer minisup's and not used."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL: Final = re.compile(r"\$\$|\$\{")
_OPEN_OR_CLOSE: Final = re.compile(r"\$\$|\$\{|\}")
_DEEPEST: Final = 8


class InterpolationError(ValueError):
    """A variable is missing or a `${` is not well formed. `name` is the variable, if there is one."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


def interpolate(text: str, values: Mapping[str, str], *, hide: bool = False) -> str:
    """`text` with its variables replaced from `values`. As in a shell, an empty value is unset for `:-` and `:?`.

    With `hide`, what secret variables stand for is masked, and what URLs carry. InterpolationError: unset without a
    default, or malformed.
    """
    filled = _expand(text, values, hide, 0) if "$" in text else text
    return hide_urls(filled) if hide else filled


def _expand(text: str, values: Mapping[str, str], hide: bool, depth: int) -> str:
    if depth > _DEEPEST:
        raise InterpolationError(f"variables are nested more than {_DEEPEST} deep")
    out: list[str] = []
    at = 0
    while found := _SPECIAL.search(text, at):
        out.append(text[at : found.start()])
        if found[0] == "$$":
            out.append("$")
            at = found.end()
        else:
            end = _closing(text, found.end())
            out.append(_value(text[found.end() : end], values, hide, depth))
            at = end + 1
    out.append(text[at:])
    return "".join(out)


def _closing(text: str, start: int) -> int:
    depth = 1
    for found in _OPEN_OR_CLOSE.finditer(text, start):
        if found[0] == "}":
            depth -= 1
            if not depth:
                return found.start()
        elif found[0] == "${":
            depth += 1
    raise InterpolationError("a ${ is not closed; add } or write $${ for a literal ${")


def _value(inside: str, values: Mapping[str, str], hide: bool, depth: int) -> str:
    match = _NAME.match(inside)
    name = match[0] if match else ""
    operator, rest = inside[len(name) : len(name) + 2], inside[len(name) + 2 :]
    if not name or operator not in {"", ":-", ":?"}:
        shown = name + MASK if is_secret(name) else printable(inside)
        raise InterpolationError(
            f"${{{shown}}} is not ${{NAME}}, ${{NAME:-default}} or ${{NAME:?message}}; write $${{ for a literal ${{"
        )
    value = values.get(name)
    if not operator and value is None:
        raise InterpolationError(_why_missing(name), name)
    if operator == ":?" and not value:
        raise InterpolationError(f"{name}: {printable(rest.strip()) or 'is not set'}", name)
    if operator == ":-" and not value:
        value = _expand(rest, values, hide, depth + 1)
    return mask(name, value or "") if hide else value or ""


def _why_missing(name: str) -> str:
    if name in RUN_ONLY:
        return f"{name} exists only in the run's own environment; a shell can read it there"
    if name == SLOT_ONLY:
        return f"{name} is known only in command, directory, environment and the log paths of a program"
    if name in OWN:
        return f"{name} is not known here"
    return f"{name} is not set; set it, or write ${{{name}:-default}}"


def names_in(text: str) -> frozenset[str]:
    """The names of all variables that `text` mentions."""
    return frozenset(
        match[0] for found in _SPECIAL.finditer(text) if found[0] == "${" and (match := _NAME.match(text, found.end()))
    )
