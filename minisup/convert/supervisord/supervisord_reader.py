"""One section of a supervisord.conf while it is read: values with their expansions filled in, a note for each key."""

import os
from collections.abc import Mapping
from typing import Final

from minisup.config.text.wording import did_you_mean, show
from minisup.convert.read import directory_of
from minisup.convert.report_builder import KeyResult, Ledger
from minisup.convert.supervisord.ini import DEFAULT, IniKey, Section
from minisup.convert.templates import PercentError, Refs, Variable, expand, is_variable_name

_TRUE: Final = frozenset({"yes", "true", "on", "1"})
_FALSE: Final = frozenset({"no", "false", "off", "0"})
_LONGEST: Final = 100_000_000
_HOST: Final = "host_node_name"
_LOOSE: Final = frozenset({"stdout_logfile", "stderr_logfile", "process_name"})
"""Keys whose numbers need not look as they did."""

_HINTS: Final = (
    ("%(here)s", "MINISUP_HERE is the directory of the TOML file"),
    (f"%({_HOST})s", "HOSTNAME must be in minisup's environment"),
)


class ImportContext:
    """What all sections of an import share."""

    __slots__ = ("environment", "ledger", "out", "refs", "sections")

    def __init__(self, sections: dict[str, Section], refs: Refs, ledger: Ledger, out: str) -> None:
        self.sections = sections
        self.refs = refs
        self.ledger = ledger
        self.out = out
        self.environment: frozenset[str] = frozenset()
        """The variables that [supervisord] sets for all programs."""

    def here(self, file: str) -> str:
        """The directory of a file that was read, as seen from the directory that the TOML file will be in."""
        relative = os.path.relpath(directory_of(file), self.out)
        return self.refs.ref("MINISUP_HERE") + ("" if relative == "." else f"/{relative}")


class SectionKeys:
    """The keys of one section. `names` are its expansions, `environment` the variables that it sets itself."""

    __slots__ = ("environment", "names", "section", "world")

    def __init__(self, world: ImportContext, section: Section, names: Mapping[str, str | int | Variable]) -> None:
        self.world = world
        self.section = section
        self.names = names
        self.environment: Mapping[str, str] = {}

    # --- values -------------------------------------------------------------------------------------------------------

    def entry(self, key: str) -> IniKey | None:
        """The entry of the section, or that of [DEFAULT]."""
        default = self.world.sections.get(DEFAULT)
        return self.section.entries.get(key) or (default.entries.get(key) if default else None)

    def raw(self, key: str) -> str:
        """The value as it stands there; empty if it does not."""
        entry = self.entry(key)
        return entry.value if entry else ""

    def has(self, key: str) -> bool:
        return self.entry(key) is not None

    def text(self, key: str, *, twice: bool = False) -> str | None:
        """The value with its expansions filled in; None: it is not there, or has a problem.

        `twice`: the result is filled in again.
        """
        entry = self.entry(key)
        if entry is None:
            return None
        try:
            text = expand(entry.value, lambda name: self._known(name, entry), self.world.refs)
            if twice:
                text = expand(text, lambda name: self._known(name, entry), self.world.refs)
        except PercentError as error:
            self.problem(key, str(error))
            return None
        if "\0" in text:
            self.problem(key, "holds the character NUL, which no command or path can")
            return None
        return text

    def final(self, key: str) -> str | None:
        """`text`, as minisup reads it."""
        text = self.text(key)
        return None if text is None else self.world.refs.finish(text)

    def whole(self, key: str, default: int) -> int | str:
        """A whole number, or text with a variable."""
        text = self.text(key)
        if text is None:
            return default
        if self.world.refs.has(text):
            return self.world.refs.finish(text)
        try:
            return int(text)
        except ValueError:
            self.problem(key, f"expected a whole number, got {show(text)}")
        return default

    def seconds(self, key: str, default: int) -> int | str:
        """A number of seconds, or text with a variable."""
        seconds = self.whole(key, default)
        if isinstance(seconds, int) and seconds > _LONGEST:
            self.problem(key, f"expected at most {_LONGEST} seconds, got {show(str(seconds))}")
        return seconds

    def truth(self, key: str, *, default: bool) -> bool | str:
        """True or false, or text with a variable."""
        text = self.text(key)
        if text is None:
            return default
        if self.world.refs.has(text):
            return self.world.refs.finish(text)
        if text.lower() not in _TRUE | _FALSE:
            self.problem(key, f"expected true or false, got {show(text)}")
        return text.lower() in _TRUE

    def _known(self, name: str, entry: IniKey) -> str | int | Variable:
        if name == "here":
            return self.world.here(entry.spot.file)
        if name == _HOST:
            return Variable("HOSTNAME")
        if name in self.names:
            value = self.names[name]
            return value._replace(loose=True) if isinstance(value, Variable) and entry.key in _LOOSE else value
        variable = name.removeprefix("ENV_")
        if variable != name and variable in self.environment:
            return self.environment[variable]
        if variable != name and is_variable_name(variable):
            return Variable(variable)
        known = ["here", _HOST, *self.names, "ENV_X"]
        hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
        raise PercentError(f"%({name})s is not known here{hint}")

    # --- notes --------------------------------------------------------------------------------------------------------

    def problem(self, key: str, message: str) -> None:
        entry = self.entry(key)
        shown = self.world.refs.shown(message)
        self.world.ledger.problem(entry.spot if entry else self.section.spot, key, shown)

    def taken(self, key: str, said: str) -> None:
        self.note(key, KeyResult.TAKEN, said)

    def changed(self, key: str, said: str) -> None:
        self.note(key, KeyResult.CHANGED, said)

    def unneeded(self, key: str, said: str) -> None:
        self.note(key, KeyResult.UNNEEDED, said)

    def unsupported(self, key: str, said: str) -> None:
        self.note(key, KeyResult.UNSUPPORTED, said)

    def correct(self, key: str, said: str) -> None:
        """Say that a key has changed, whatever was said before."""
        entry = self.entry(key)
        if entry:
            self.world.ledger.correct(entry.spot, key, KeyResult.CHANGED, said)

    def note(self, key: str, fate: KeyResult, said: str) -> None:
        """Say what became of a key; nothing if the section does not have it."""
        entry = self.entry(key)
        if entry is None:
            return
        hints = [hint for word, hint in _HINTS if word in entry.value and fate in {KeyResult.TAKEN, KeyResult.CHANGED}]
        self.world.ledger.note(entry.spot, key, fate, "; ".join([said, *hints]))
