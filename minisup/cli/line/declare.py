"""What a command takes, said once in its function's annotations: read for parsing, help, completion and reference."""

from __future__ import annotations

import enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

MISSING = object()
"""The default of what must be given."""


class Argument:
    """A word, or several, by their place: `Annotated[str, Argument(...)]`."""

    def __init__(
        self,
        *,
        metavar: str,
        help: str,  # noqa: A002 -- what it is called everywhere
        complete: str = "",
    ) -> None:
        self.names: tuple[str, ...] = ()
        self.metavar = metavar
        self.help = help
        self.complete = complete
        self.show_default = False
        self.parser: Callable[[str], Any] | None = None


class Option(Argument):
    """A word that begins with a dash, and its value: `Annotated[str | None, Option("--out", "-o", ...)]`.

    A flag is of type `bool` and has no value; `--yes/--no` is both. `parser` raises UsageError.
    """

    def __init__(
        self,
        *names: str,
        help: str,  # noqa: A002 -- as above
        metavar: str = "",
        complete: str = "",
        parser: Callable[[str], Any] | None = None,
        show_default: bool = False,
    ) -> None:
        super().__init__(metavar=metavar, help=help, complete=complete)
        self.names = names
        self.parser = parser
        self.show_default = show_default


class Declared:
    """An annotated parameter of a command's function, as it is typed."""

    def __init__(self, name: str, annotation: Any, default: object) -> None:  # noqa: ANN401 -- any type
        said: Argument = annotation.__metadata__[0]
        kind = _without_none(annotation.__origin__)
        self.name = name
        self.said = said
        self.default = default
        self.is_option = isinstance(said, Option)
        self.is_flag = kind is bool
        self.is_many = getattr(kind, "__origin__", None) is list
        self.choices: tuple[str, ...] = ()
        self.kind: Callable[[str], Any] = str
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            self.choices, self.kind = tuple(str(one.value) for one in kind), kind

    @property
    def is_required(self) -> bool:
        """Whether the line makes no sense without it."""
        return self.default is MISSING

    @property
    def yes(self) -> tuple[str, ...]:
        """The names of an option; of `--follow/--no-follow` the first."""
        return tuple(name.partition("/")[0] for name in self.said.names)

    @property
    def no(self) -> tuple[str, ...]:
        """The names that turn a flag off."""
        return tuple(name.partition("/")[2] for name in self.said.names if "/" in name)

    @property
    def usage(self) -> str:
        """How an argument stands in the usage: `{TARGET}...`, `[FILE]`."""
        word = f"{{{self.said.metavar}}}" if self.is_required else f"[{self.said.metavar}]"
        return f"{word}..." if self.is_many else word


def parameters(function: Callable[..., Any]) -> list[Declared]:
    """The parameters of a command, in the order in which help shows them."""
    code, annotations = function.__code__, function.__annotations__
    names = code.co_varnames[: code.co_argcount]
    defaults: Mapping[str, object] = dict(zip(reversed(names), reversed(function.__defaults__ or ()), strict=False))
    return [
        Declared(name, annotations[name], defaults.get(name, MISSING))
        for name in names
        if hasattr(annotations[name], "__metadata__")
    ]


def _without_none(kind: Any) -> Any:  # noqa: ANN401 -- any type
    """`str` of `str | None`."""
    if hasattr(kind, "__origin__"):
        return kind
    return next((one for one in getattr(kind, "__args__", ()) if one is not type(None)), kind)
