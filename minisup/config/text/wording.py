"""Words and values of the user in a sentence of ours: short, printable, with a hint at what was meant."""

from collections.abc import Iterable, Sequence
from typing import Final

from minisup.config.text.toml_lines import printable

_LONGEST_SHOWN: Final = 60
_CHOICES_NAMED: Final = 6


def show(value: object) -> str:
    """A value of the file as a sentence shows it: short, on one line, printable."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**_LONGEST_SHOWN:
        return f"a number of more than {_LONGEST_SHOWN} digits"
    if isinstance(value, int | float):
        return str(value)
    names = ((dict, "a table"), (list, "a list"))
    return next((name for kind, name in names if isinstance(value, kind)), f"the {type(value).__name__} {value}")


def _quoted(text: str) -> str:
    cut = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(letter) or printable(letter) for letter in cut) + '"'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean NAME?` for the known name nearest to `word`, or nothing."""
    import difflib  # noqa: PLC0415 - only for a configuration that has problems

    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word[:100].lower(), names, n=1, cutoff=0.6)
    return f"; did you mean {names[near[0]]}?" if near else ""


def near_names(word: str, known: Iterable[str]) -> str:
    """`did you mean email, email-2 or e?`: at most three names that begin with `word` or are like it, or nothing."""
    import difflib  # noqa: PLC0415 - as above

    names, typed = list(known), word[:100].lower()
    begin = [name for name in names if typed and name.lower().startswith(typed)]
    near = list(dict.fromkeys([*begin, *difflib.get_close_matches(typed, names, n=3)]))[:3]
    return f"did you mean {one_of(near)}?" if near else ""


def one_of(words: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def named(words: Iterable[str]) -> str:
    """A few of the names, for a sentence."""
    found = sorted(words)
    more = f" and {len(found) - _CHOICES_NAMED} more" if len(found) > _CHOICES_NAMED else ""
    return ", ".join(found[:_CHOICES_NAMED]) + more
