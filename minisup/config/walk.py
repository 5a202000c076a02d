"""Tables of the file, walked along the type hints of the schema. Every problem is noted; the walk goes on."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from minisup.config.files.globs import escaped
from minisup.config.files.problems import ProblemReport, Source
from minisup.config.keys.core_keys import key_of
from minisup.config.keys.hook_table import HookCommand, read_hook
from minisup.config.keys.key_info import Key
from minisup.config.text.interpolate import InterpolationError, interpolate, names_in
from minisup.config.text.masking import MASK, is_secret
from minisup.config.text.toml_lines import Path, key_text
from minisup.config.text.wording import did_you_mean, named, one_of, show
from minisup.config.values import READERS, Unfit, Value, read_choice, read_exit_code, read_path, read_text

_KEYS_NAMED: Final = 10
_PLAIN_KEY: Final = Key("")


def keys_of(table: type) -> Mapping[str, tuple["Field[Any]", Key]]:
    """The keys of a table of the schema, by name, in order."""
    return _keys_of(table)


@cache
def _keys_of(table: Any) -> Mapping[str, tuple["Field[Any]", Key]]:  # noqa: ANN401 - a type; mypy would have it hashable
    return {item.name: (item, key) for item in fields(table) if (key := key_of(table, item))}


def hint_of(item: "Field[Any]", key: Key) -> object:
    """The type of a key in the file."""
    return item.type if key.hint is None else key.hint


@cache
def unwrap(hint: object) -> tuple[object, str]:
    """A type hint without `| None`, and its mark (`"seconds"`, `"path"` ...) if it has one."""
    if get_origin(hint) in {Union, UnionType}:
        hint = next(part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is Annotated:
        plain, mark = get_args(hint)
        return plain, str(mark)
    return hint, ""


class Walker:
    """Reads tables of one source. `known` are the variables; `slot_known` those that a program's templates may use."""

    __slots__ = ("known", "report", "slot_known", "source")

    def __init__(
        self,
        source: Source,
        report: ProblemReport,
        known: Mapping[str, str],
        slot_known: Mapping[str, str] | None = None,
    ) -> None:
        self.source = source
        self.report = report
        self.known = known
        self.slot_known = slot_known

    def table(self, kind: type, raw: object, path: Path) -> dict[str, Any]:
        """The keys of `raw` that are given and understood, typed; tables inside likewise as dicts."""
        if not isinstance(raw, dict):
            self.report.reject(self.source, path, f"expected a table, got {show(raw)}{_keys_in_words(kind)}")
            return {}
        keys = keys_of(kind)
        given: dict[str, Any] = {}
        for name, value in raw.items():
            if self.report.full:
                break
            if name in keys:
                item, key = keys[name]
                self._entry(given, name, hint_of(item, key), value, (*path, name), key)
            else:
                self.report.add(self.source, (*path, name), f"unknown key{self._meant(kind, name, path)}")
        for name, (item, _) in keys.items():
            if name not in raw and item.default is MISSING and item.default_factory is MISSING:
                self.report.add(self.source, path, f"{name} is missing")
                self.report.bad.add((self.source.name, (*path, name)))
        return given

    def _entry(self, given: dict[str, Any], name: str, hint: object, raw: object, path: Path, key: Key) -> None:
        try:
            given[name] = self._value(hint, raw, path, key)
        except Unfit as unfit:
            self.report.reject(self.source, path, str(unfit))

    def _value(self, hint: object, raw: object, path: Path, key: Key) -> object:
        plain, mark = unwrap(hint)
        if mark == "command":
            return self._command(raw, path)
        if mark == "hook":
            return self._hook(raw, path)
        if mark == "environment":
            return self._environment(raw, path)
        if mark == "slot path":
            return self._template(read_path(Value(raw, show(raw)), key), self.slot_known)
        if isinstance(plain, type) and is_dataclass(plain):
            return self.table(plain, raw, path)
        if get_origin(plain) in {tuple, frozenset}:
            return self._items(plain, raw, path, key)
        return self._scalar(plain, mark, self._filled(raw), key)

    def _scalar(self, plain: object, mark: str, value: Value, key: Key) -> object:
        if isinstance(plain, type) and issubclass(plain, Enum):
            return read_choice(plain, value)
        read = READERS[mark or plain](value, key)
        if mark == "glob":
            return os.path.join(escaped(self.source.here), str(read))
        return os.path.join(self.source.here, str(read)) if mark == "path" else read

    def _items(self, plain: object, raw: object, path: Path, key: Key) -> object:
        many = get_origin(plain)
        inner, mark = unwrap(get_args(plain)[0])
        if not isinstance(raw, list):
            what = "exit codes" if many is frozenset else "text"
            hint = "" if isinstance(raw, dict) else f"; write [{show(raw)}]"
            raise Unfit(f"expected a list of {what}, got {show(raw)}{hint}")
        out: list[Any] = []
        for item in raw:
            try:
                value = self._filled(item)
                out.append(
                    read_exit_code(value, key) if many is frozenset else self._scalar(inner, mark, value, _PLAIN_KEY)
                )
            except Unfit as unfit:
                self.report.reject(self.source, path, str(unfit))
        return frozenset(out) if many is frozenset else tuple(out)

    def _filled(self, raw: object) -> Value:
        """A value with its variables filled in. What secret variables stand for is not shown."""
        if not isinstance(raw, str) or "$" not in raw:
            return Value(raw, show(raw))
        text = self._expand(raw, self.known)
        if any(map(is_secret, names_in(raw))):
            return Value(text, show(MASK), "${" in raw)
        return Value(text, f"{show(text)} (from {show(raw)})", True) if "${" in raw else Value(text, show(text))

    def _expand(self, text: str, known: Mapping[str, str]) -> str:
        self.report.secrets.update(known[name] for name in names_in(text) if is_secret(name) and name in known)
        try:
            return interpolate(text, known)
        except InterpolationError as error:
            raise Unfit(str(error)) from None

    def _template(self, text: str, known: Mapping[str, str] | None) -> str:
        """`text` as it is, once it is sure that it can be filled in for every slot."""
        self._expand(text, self.known if known is None else known)
        return text

    def _command(self, raw: object, path: Path) -> tuple[str, ...]:
        if isinstance(raw, str):
            try:
                words: list[object] = list(shlex.split(raw))
            except ValueError as error:
                raise Unfit(f"{show(raw)} cannot be split into words: {str(error).lower()}") from None
        elif isinstance(raw, list):
            words = raw
        else:
            raise Unfit(f"expected a command as text or a list of words, got {show(raw)}")
        read = [self._word(word, path) for word in words]
        first = read[0] if read else ""
        if first is not None and not self._first_word(first):
            raise Unfit("the command is empty")
        return tuple(word or "" for word in read)

    def _word(self, raw: object, path: Path) -> str | None:
        try:
            return self._template(read_text(Value(raw, show(raw)), _PLAIN_KEY), self.slot_known)
        except Unfit as unfit:
            self.report.reject(self.source, path, str(unfit))
            return None

    def _first_word(self, word: str) -> str:
        return interpolate(word, self.known if self.slot_known is None else self.slot_known)

    def _hook(self, raw: object, path: Path) -> HookCommand:
        words = self._command(raw, path)
        if not self.report.understood(self.source, path):
            return HookCommand(words, "")
        try:
            filled = [interpolate(word, self.known) for word in words]
            return read_hook(filled, [interpolate(word, self.known, hide=True) for word in words])
        except ValueError as error:
            raise Unfit(str(error)) from None

    def _environment(self, raw: object, path: Path) -> dict[str, str]:
        """Names and text. In a program the text stays a template; in [supervisor] its variables are filled in."""
        if not isinstance(raw, dict):
            raise Unfit(f'expected a table as {{ NAME = "text" }}, got {show(raw)}')
        out: dict[str, str] = {}
        for name, value in raw.items():
            try:
                text = self._variable(name, value)
            except Unfit as unfit:
                self.report.reject(self.source, (*path, name), str(unfit))
            else:
                out[name] = text
        return out

    def _variable(self, name: str, value: object) -> str:
        if not name or "=" in name or "\0" in name:
            raise Unfit(f"{show(name)} cannot be the name of a variable")
        if is_secret(name) and not isinstance(value, str):
            raise Unfit("expected text; write it in quotes")
        text = read_text(Value(value, show(value)), _PLAIN_KEY)
        return self._expand(text, self.known) if self.slot_known is None else self._template(text, self.slot_known)

    def _meant(self, kind: type, name: str, path: Path) -> str:
        """A hint for an unknown key: a similar one, or where this one belongs."""
        keys = keys_of(kind)
        inner = [
            f"{outer}.{name}"
            for outer, (item, key) in keys.items()
            if isinstance(table := unwrap(hint_of(item, key))[0], type)
            and is_dataclass(table)
            and name in keys_of(table)
        ]
        if inner:
            return f"; did you mean {one_of(inner)}?"
        if len(path) > 2 and name in self._program_keys():  # noqa: PLR2004 - inside [program.NAME]
            return f"; it belongs to {key_text(path[:2])}: write it above this table"
        if path == ("supervisor",) and name in self._program_keys():
            return "; it belongs in [program.NAME]"
        if path[0] == "program" and len(path) == 2 and name in self._supervisor_keys():  # noqa: PLR2004 - as above
            return "; it belongs in [supervisor]"
        return did_you_mean(name, keys) or (f"; there are {named(keys)}" if len(keys) <= _KEYS_NAMED else "")

    def _program_keys(self) -> frozenset[str]:
        from minisup.config.schema import ProgramTable  # noqa: PLC0415 - only for a hint

        return frozenset(keys_of(ProgramTable))

    def _supervisor_keys(self) -> frozenset[str]:
        from minisup.config.keys.supervisor_table import SupervisorTable  # noqa: PLC0415 - only for a hint

        return frozenset(keys_of(SupervisorTable))


def _keys_in_words(kind: type) -> str:
    keys = keys_of(kind)
    return f"; its keys are {named(keys)}" if len(keys) <= _KEYS_NAMED else ""


def build(kind: type, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an instance of `kind`
    """The table from what is given, then `defaults` (where they depend on other keys), then the schema's own.

    None if a key without a default is not there: the walk has said so.
    """
    values: dict[str, Any] = {**defaults, **given}
    for name, (item, key) in keys_of(kind).items():
        table = unwrap(hint_of(item, key))[0]
        if isinstance(table, type) and is_dataclass(table) and name in values:
            values[name] = build(table, given.get(name, {}), defaults.get(name, {}))
        if name not in values and item.default is MISSING and item.default_factory is MISSING:
            return None
    return kind(**values)
