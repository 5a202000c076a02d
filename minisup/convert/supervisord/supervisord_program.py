"""One [program:x] of a supervisord.conf, as one or more [program.NAME] of minisup."""

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from minisup.config.text.wording import show
from minisup.convert.command_kind import JOB, Judged
from minisup.convert.names import label
from minisup.convert.render import written
from minisup.convert.supervisord import supervisord_ties as ties
from minisup.convert.supervisord.ini import Section
from minisup.convert.supervisord.late_words import Piece, for_a_shell, pieces_of, split_later
from minisup.convert.supervisord.supervisord_log import LogKeys
from minisup.convert.supervisord.supervisord_policy import PolicyKeys, kind_of, on_failure_hint, other_kind
from minisup.convert.supervisord.supervisord_reader import ImportContext, SectionKeys
from minisup.convert.templates import FormatError, PercentError, Variable, expand

MOST_PROCESSES: Final = 10_000
MOST_PROGRAMS: Final = 100
"""Of how many processes, which need numbers that minisup does not give, each becomes a program of its own."""

_NUMBERED: Final = ("command", "directory", "environment")
"""Where another number than the process's own would be wrong. A log file may have any."""

_LOG_FILES: Final = ("stdout_logfile", "stderr_logfile")
_NUMBER: Final = "%(process_num)"
_ORDER: Final[tuple[str, ...]] = (
    *("command", "kind", "numprocs", "restart", "autostart", "after", "stable_after", "directory", "user", "umask"),
    *("environment", "groups", "exit", "stop", "log"),
)


class Draft(NamedTuple):
    """A program of minisup while the import goes on: its table may still get `after`, or another log rotation."""

    name: str
    table: dict[str, Any]
    keys: SectionKeys
    judged: Judged
    priority: tuple[int, int]

    @property
    def can_be_waited_for(self) -> bool:
        """Whether others may be `after` it."""
        return self.judged.kind != JOB and "autostart" not in self.table

    def put(self, key: str, value: object) -> None:
        """Set a key of the table, in its place among the others."""
        self.table[key] = value
        ordered = {name: self.table[name] for name in _ORDER if name in self.table}
        self.table.clear()
        self.table.update(ordered)


class Given(NamedTuple):
    """What the rest of the file says about a program: its groups, and what [supervisord] sets for all."""

    groups: tuple[str, ...]
    group_priority: int | None
    defaults: Mapping[str, str]


class CommandForms(NamedTuple):
    """A command: its words as minisup fills them in, how it is written in the TOML file, the variables that a shell
    splits, what must be in its environment for that, and whether it was run by pidproxy.
    """

    words: list[str]
    text: str | list[str]
    split: Sequence[str] = ()
    environment: Mapping[str, str] = MappingProxyType({})
    proxied: bool = False


NO_COMMAND: Final = CommandForms([], "")


class Numbers(NamedTuple):
    """How many processes there are, and the number of the first. Text: from a variable."""

    procs: int | str
    first: int


def convert_program(section: Section, given: Given, world: ImportContext, taken: Collection[str]) -> list[Draft]:
    """The programs that the section becomes: one, unless its processes have numbers that slots cannot have."""
    name = section.name.partition(":")[2].strip()
    ours = label(name, taken)
    names = {"program_name": name, "group_name": given.groups[0] if given.groups else name}
    keys = SectionKeys(world, section, {**names, "process_num": 0, "numprocs": 1})
    numbers = _numbers(keys)
    if _splits(keys, numbers):
        drafts = _split(ours, keys, numbers, given, taken)
    else:
        keys = SectionKeys(world, section, {**names, **_slot_names(numbers)})
        _number_notes(keys, numbers)
        drafts = [_draft(ours, keys, numbers, given)]
    world.ledger.remark(section.spot, _remark(drafts, name), [one.name for one in drafts], drafts[0].judged.kind)
    return drafts


def _split(ours: str, keys: SectionKeys, numbers: Numbers, given: Given, taken: Collection[str]) -> list[Draft]:
    """A program for each process, all in a group of the section's name."""
    count = int(numbers.procs)
    keys.changed("numprocs", f"{count} programs of one slot each")
    keys.taken("numprocs_start", "the numbers are written into the programs")
    given = given._replace(groups=(*given.groups, ours))
    drafts = []
    for number in range(numbers.first, numbers.first + count):
        one = SectionKeys(keys.world, keys.section, {**keys.names, "process_num": number, "numprocs": count})
        drafts.append(_draft(label(f"{ours}-{number}", taken), one, Numbers(1, 0), given))
    return drafts


# --- process numbers --------------------------------------------------------------------------------------------------


def _numbers(keys: SectionKeys) -> Numbers:
    count = keys.whole("numprocs", 1)
    first = keys.whole("numprocs_start", 0)
    if isinstance(first, str):
        keys.changed(
            "numprocs_start", "0: it cannot come from a variable; write the number, and each process has its own"
        )
        first = 0
    if isinstance(count, int) and count > MOST_PROCESSES:
        keys.problem("numprocs", f"{count} is more than minisup can run of a program, {MOST_PROCESSES}")
        count = 1
    return Numbers(max(count, 0) if isinstance(count, int) else count, first)


def _slot_names(numbers: Numbers) -> dict[str, int | str | Variable]:
    """What process_num and numprocs are in a program whose slots have the numbers of the processes."""
    if numbers.procs == 1:
        return {"process_num": numbers.first, "numprocs": 1}
    if isinstance(numbers.procs, str):  # most have no more than ten
        return {"process_num": Variable("MINISUP_SLOT", 1), "numprocs": Variable("MINISUP_NUMPROCS", 1)}
    return {
        "process_num": Variable("MINISUP_SLOT", 1 if numbers.procs <= 10 else 0),  # noqa: PLR2004 - slots 0 to 9
        "numprocs": Variable("MINISUP_NUMPROCS", len(str(numbers.procs))),
    }


def _splits(keys: SectionKeys, numbers: Numbers) -> bool:
    """Whether each process must become a program, because `${MINISUP_SLOT}` is not its number."""
    if not any(_NUMBER in keys.raw(key) for key in _NUMBERED) or numbers.procs in {0, 1}:
        return False
    if isinstance(numbers.procs, str):
        return False
    if numbers.first == 0 and all(_fits(keys, key, _slot_names(numbers)) for key in _NUMBERED):
        return False
    if numbers.procs > MOST_PROGRAMS:
        keys.problem(
            "numprocs",
            f"the processes use numbers that slots (0, 1, ...) do not have, so that each would become a program; "
            f"{numbers.procs} are more than {MOST_PROGRAMS}",
        )
        return False
    return True


def _fits(keys: SectionKeys, key: str, numbers: Mapping[str, int | str | Variable]) -> bool:
    """Whether the value of `key` can be written with these `numbers`."""
    names = {**keys.names, **numbers}
    try:
        expand(keys.raw(key), lambda name: names.get(name, ""), keys.world.refs)
    except FormatError:
        return False
    except PercentError:
        pass  # that is said when the value is read
    return True


def _number_notes(keys: SectionKeys, numbers: Numbers) -> None:
    """Say where the number of a slot is not, or may not be, that of the process. `keys` have the names of slots."""
    if numbers.procs == 1:
        return
    unknown = {"process_num": Variable("MINISUP_SLOT"), "numprocs": Variable("MINISUP_NUMPROCS")}
    if isinstance(numbers.procs, str):
        used = any(_NUMBER in keys.raw(key) for key in _NUMBERED)
        if numbers.first and used:
            keys.changed(
                "numprocs_start",
                "the numbers begin at 0, as those of slots do, because numprocs comes from a variable; "
                "write how many they are, and each process has its own",
            )
        if not all(_fits(keys, key, unknown) for key in _NUMBERED):
            keys.changed(
                "numprocs",
                f"numprocs = {show(numbers.procs)}; numbers with leading zeros are right for up to ten processes: "
                f"if there are more, write how many",
            )
    for key in _LOG_FILES:
        raw = keys.raw(key)
        if _NUMBER in raw and (numbers.first or not _fits(keys, key, _slot_names(numbers))):
            path = keys.final(key) or ""
            keys.changed(key, f"{show(path)}: with the numbers of the slots, 0, 1 ..., without leading zeros")


# --- the table --------------------------------------------------------------------------------------------------------


def _draft(name: str, keys: SectionKeys, numbers: Numbers, given: Given) -> Draft:
    environment = _environment(keys)
    command = _command(keys)
    _said_of_command(keys, command)
    judged = kind_of(keys, command.words)
    world = _world(keys, given)
    found: dict[str, Any] = {
        "command": command.text,
        "kind": judged.kind,
        **world,
        **PolicyKeys(keys, judged, proxied=command.proxied).table(),
        "environment": {**environment, **command.environment},
        "groups": [label(group) for group in given.groups],
        "log": LogKeys(keys, world.get("user")).read(),
    }
    if numbers.procs != 1:
        found["numprocs"] = numbers.procs
    if judged.kind == JOB:
        del found["kind"]
    table = {key: found[key] for key in _ORDER if key in found and found[key] not in ({}, [])}
    own = keys.whole("priority", 999)
    priority = own if isinstance(own, int) else 999
    _plain_notes(keys, name, numbers)
    group_priority = priority if given.group_priority is None else given.group_priority
    return Draft(name, table, keys, judged, (group_priority, priority))


def _command(keys: SectionKeys) -> CommandForms:
    """The command as it is written in the TOML file."""
    text = keys.text("command")
    if text is None:
        if not keys.has("command"):
            keys.problem("command", "is missing; supervisord would not start")
        return NO_COMMAND
    try:
        words = pieces_of(text)
    except ValueError as error:
        hint = "; a ; or # after a space begins a comment, also inside quotes" if "quot" in str(error) else ""
        keys.problem("command", f"cannot be split into words: {str(error).lower()}{hint}")
        return NO_COMMAND
    plain = _joined(words)
    if not plain or not plain[0]:
        keys.problem("command", "is empty")
        return NO_COMMAND
    proxied = ties.is_proxied(plain)
    if proxied:
        words = ties.without_proxy(words)
        plain = _joined(words)
    refs = keys.world.refs
    finished = [refs.finish(word) for word in plain]
    split = split_later(words, refs)
    if split:
        return CommandForms(finished, for_a_shell(words, refs), split, _asked(keys, text), proxied)
    rewritten = proxied or "\n" in text
    return CommandForms(finished, refs.finish(shlex.join(plain) if rewritten else text.strip()), proxied=proxied)


def _joined(words: Sequence[Sequence[Piece]]) -> list[str]:
    return ["".join(piece.text for piece in word) for word in words]


def _asked(keys: SectionKeys, text: str) -> dict[str, str]:
    """The variables of a shell's command that must be set. supervisord does not start without them."""
    refs, known = keys.world.refs, keys.world.environment
    return {
        name: refs.finish(refs.ref(name))
        for name in refs.names_in_order(text)
        if not name.startswith("MINISUP_") and name not in known
    }


def _said_of_command(keys: SectionKeys, command: CommandForms) -> None:
    """What became of `command`: it is as it was, or a shell splits its variables."""
    said = [ties.WITHOUT_PROXY] if command.proxied else []
    if command.split:
        several = _listed([f"${name}" for name in command.split])
        said.append(
            f"{written(command.text)}: a shell splits {several} into words, as supervisord did after it had filled "
            f"{'it' if len(command.split) == 1 else 'them'} in; quotes in a value stay in it"
        )
        if command.environment:
            said.append(
                f"environment names {_listed(list(command.environment))}, because minisup must not start without"
            )
    elif any(not name.startswith("MINISUP_") for name in keys.world.refs.names(keys.text("command") or "")):
        said.append("as it is; a variable stays one word, also if its value has spaces")
    said += ties.ties(keys.raw("command"))
    if said:
        keys.changed("command", "; ".join(said))
    keys.taken("command", "as it is")


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _environment(keys: SectionKeys) -> dict[str, str]:
    """The variables that the program sets. They are known to the other keys from here on."""
    pairs = read_pairs(keys, "environment")
    keys.environment = pairs
    finish = keys.world.refs.finish
    keys.taken("environment", f"environment: {', '.join(map(finish, pairs)) or 'empty'}")
    return {finish(name): finish(value) for name, value in pairs.items()}


def read_pairs(keys: SectionKeys, key: str, *, twice: bool = False) -> dict[str, str]:
    """The variables in `KEY="value",OTHER=value`, unfinished. The words are those of a shell, without its escapes.

    `twice`: supervisord fills in the value of [supervisord] two times, so that a `%` is written as `%%%%` there.
    """
    text = _without_lists(keys, key, keys.text(key, twice=twice) or "")
    if not text:
        return {}
    lexer = shlex.shlex(text)
    lexer.wordchars += "/.+-():"
    try:
        tokens = list(lexer)
    except ValueError as error:
        keys.problem(key, f"cannot be read: {str(error).lower()}")
        return {}
    pairs: dict[str, str] = {}
    for at in range(0, len(tokens), 4):  # NAME = value, and what stands between two of them
        name, equals, value = (*tokens[at : at + 3], "", "")[:3]
        if equals != "=" or not value:
            keys.problem(key, f'expected NAME="value" pairs with commas between them; quote the value of {show(name)}')
            return {}
        pairs[name] = value.strip("'\"")
    return pairs


def _without_lists(keys: SectionKeys, key: str, text: str) -> str:
    """`text` without the variables that stand for pairs: `A="1",%(ENV_MORE)s`."""
    refs = keys.world.refs
    parts = text.split(",")
    lists = [part for part in parts if refs.is_whole(part.strip())]
    if not lists:
        return text
    names = _listed([refs.finish(part.strip()) for part in lists])
    keys.changed(key, f"without {names}: pairs cannot come from a variable; name each of them, or use env_file")
    return ",".join(part for part in parts if part not in lists)


def _world(keys: SectionKeys, given: Given) -> dict[str, Any]:
    """directory, user and umask: those of the program, else those that [supervisord] sets for all."""
    found: dict[str, Any] = dict(given.defaults)
    directory, user = keys.final("directory"), keys.final("user")
    if directory:
        found["directory"] = directory
        relative = "" if os.path.isabs(directory) or directory.startswith("${") else "; relative to the TOML file now"
        keys.taken("directory", f"directory = {show(directory)}{relative}")
    keys.unneeded("directory", "it is empty")
    if user in {"root", "0"}:
        found.pop("user", None)
        keys.unneeded("user", "only a supervisord that is root can do this, and a minisup that is root does it unasked")
    elif user:
        found["user"] = user
        keys.changed("user", f"user = {show(user)}; HOME, USER and LOGNAME become its own, too")
    umask = read_umask(keys)
    if umask:
        found["umask"] = umask
        keys.taken("umask", f"umask = {show(umask)}")
    return found


def read_umask(keys: SectionKeys) -> str | None:
    """The umask as minisup reads it; None: there is none, or it is wrong."""
    text = keys.text("umask")
    if text is None or keys.world.refs.has(text):
        return text and keys.world.refs.finish(text)
    try:
        return f"{int(text, 8) & 0o777:03o}"
    except ValueError:
        keys.problem("umask", f"expected octal digits as 022, got {show(text)}")
    return None


# --- notes ------------------------------------------------------------------------------------------------------------


def _plain_notes(keys: SectionKeys, name: str, numbers: Numbers) -> None:
    count = written(numbers.procs)
    keys.taken("numprocs", f"numprocs = {count}{', the default' if count == '1' else ''}")
    slots = f"{name}:0" if numbers.procs == 1 else f"{name}:0, {name}:1 ..."
    keys.unneeded("process_name", f"slots have their program's name and a number: {slots}")
    if numbers.first == 0:
        keys.unneeded("numprocs_start", "0 is where slots begin")
    elif any(_NUMBER in keys.raw(key) for key in (*_NUMBERED, *_LOG_FILES)) and numbers.procs == 1:
        keys.taken("numprocs_start", "the number is written where it is used")
    else:
        keys.unneeded("numprocs_start", "slots begin at 0, and nothing else uses the number")
    keys.unneeded("serverurl", "runs find the control socket by themselves, if they talk to minisup at all")


def _remark(drafts: list[Draft], name: str) -> str:
    """What the section has become, in sentences."""
    draft = drafts[0]
    judged, table = draft.judged, draft.table
    said = [f"A {judged.kind}: {judged.why}; {other_kind(judged.kind)}."]
    if table.get("restart") == "on-failure" and not draft.keys.has("autorestart"):
        said.append(
            f'restart = "on-failure", because autorestart is "unexpected" by default{on_failure_hint(judged.kind)}.'
        )
    if table.get("exit") and not draft.keys.has("exitcodes"):
        said.append(f"exit = {written(table['exit'])}: exits that supervisord took as they came are no failures.")
    if not draft.keys.has("stdout_logfile") and table.get("log", {}).get("to") != "file":
        said.append("Its output goes to the console, not to a temporary file.")
    if len(drafts) > 1:
        group = table["groups"][-1]
        said.append(f"A program for each process, because slots do not have their numbers; together they are @{group}.")
    elif draft.name != name:
        said.append(f"Its name is {draft.name} now: minisup's names have letters, digits, '.', '_' and '-'.")
    return " ".join(said)
