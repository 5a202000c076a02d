"""A command line's words as the values of a command's parameters. What makes no sense is a UsageError."""

from __future__ import annotations

from minisup.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, NoReturn

    from minisup.cli.line.declare import Declared

PROGRAM = "minisup"


class SortedWords:
    """What was typed: texts (or True and False) by parameter, and the words that belong to no option.

    `open` is the option whose value is missing, for the shell that completes it.
    """

    def __init__(self) -> None:
        self.given: dict[str, list[str | bool]] = {}
        self.plain: list[str] = []
        self.rest: list[str] = []
        self.open: Declared | None = None
        self.open_name = ""


class WordReader:
    """Reads the words of one command, or of `minisup` itself. `path` is what errors call it."""

    def __init__(self, known: Sequence[Declared], path: str, *, stops: bool = False) -> None:
        """`stops`: the first plain word ends it, and stands in `rest` with all that follow."""
        self.known = known
        self.path = path
        self._stops = stops
        self._by_name: dict[str, tuple[Declared, bool]] = {}
        for one in known:
            self._by_name |= dict.fromkeys(one.yes, (one, True)) | dict.fromkeys(one.no, (one, False))

    def sort(self, argv: Sequence[str], *, open_end: bool = False) -> SortedWords:
        """Options and plain words, apart. Raises UsageError for options that are unknown or have no value.

        `open_end`: the last option may be without its value, and is then `open`.
        """
        found, words = SortedWords(), list(argv)
        while words:
            word = words.pop(0)
            if word == "--":
                if self._stops:
                    found.rest = words
                else:
                    found.plain += words
                break
            if not word.startswith("-") or word == "-":
                if self._stops:
                    found.rest = [word, *words]
                    break
                found.plain.append(word)
            else:
                self._option(word, words, found)
        if found.open is not None and not open_end:
            self.refuse(f"option '{found.open_name}' requires an argument")
        return found

    def values(self, found: SortedWords) -> dict[str, Any]:
        """The value of each parameter. Raises UsageError for what is missing, too much, or not one of the choices."""
        plain = list(found.plain)
        values: dict[str, Any] = {}
        for one in self.known:
            if one.is_option:
                texts: Sequence[str | bool] = found.given.get(one.name, ())
            else:
                count = len(plain) if one.is_many else 1
                texts, plain = plain[:count], plain[count:]
            values[one.name] = self._value(one, texts)
        if plain:
            self.refuse(f"got unexpected extra argument(s) ({' '.join(plain)})")
        return values

    def refuse(self, why: str) -> NoReturn:
        """Raise the UsageError that says why, and where help is."""
        raise UsageError(f"cannot run `{self.path}`: {why}\n  {self.path} --help shows how it is used")

    def _option(self, word: str, words: list[str], found: SortedWords) -> None:
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            if name not in self._by_name:
                self.refuse(f"no such option: {name}{self._meant(name)}")
            self._take(name, value if equals else None, words, found)
            return
        letters = word[1:]
        while letters:
            name, letters = f"-{letters[0]}", letters[1:]
            if name not in self._by_name:
                self.refuse(f"no such option: {name}")
            if not self._by_name[name][0].is_flag:
                self._take(name, letters or None, words, found)
                return
            self._take(name, None, words, found)

    def _take(self, name: str, value: str | None, words: list[str], found: SortedWords) -> None:
        one, means = self._by_name[name]
        given: str | bool = means
        if one.is_flag and value is not None:
            self.refuse(f"option '{name}' does not take a value")
        if not one.is_flag:
            if value is None and not words:
                found.open, found.open_name = one, name
                return
            given = words.pop(0) if value is None else value
        found.given.setdefault(one.name, []).append(given)

    def _meant(self, name: str) -> str:
        meant = sorted(close_to(name, (known for known in self._by_name if known.startswith("--"))))
        return f" (Possible options: {', '.join(meant)})" if meant else ""

    def _value(self, one: Declared, texts: Sequence[str | bool]) -> object:
        if not texts:
            if one.is_required:
                more = ". Choose from:\n\t" + ",\n\t".join(one.choices) if one.choices else ""
                self.refuse(f"missing argument '{one.said.metavar}'{more}")
            return one.default
        values = [text if isinstance(text, bool) else self._read(one, text) for text in texts]
        return values if one.is_many else values[-1]

    def _read(self, one: Declared, text: str) -> object:
        if one.choices and text not in one.choices:
            name = one.yes[0] if one.is_option else one.said.metavar
            known = ", ".join(map(repr, one.choices))
            self.refuse(f"invalid value for '{name}': {text!r} is not one of {known}")
        return one.said.parser(text) if one.said.parser else one.kind(text)


def close_to(word: str, known: Iterable[str]) -> list[str]:
    """What may have been meant."""
    from difflib import get_close_matches  # noqa: PLC0415 -- for those who mistype

    return get_close_matches(word[:100], list(known))
