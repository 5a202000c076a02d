"""One [program:x] of a supervisord.conf, as one or more [program.NAME] of minisup."""

import os
import shlex
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from minisup.config.problems import show
from minisup.convert.commands import JOB, Judged
from minisup.convert.ini import Section
from minisup.convert.names import label
from minisup.convert.render import written
from minisup.convert.supervisord_log import Log
from minisup.convert.supervisord_policy import Policy, kind_of, on_failure_hint, other_kind
from minisup.convert.supervisord_reader import Keys, World
from minisup.convert.templates import FormatError, PercentError, Variable, expand

MOST_PROCESSES: Final = 10_000
MOST_PROGRAMS: Final = 100
"""Of how many processes, which need numbers that minisup does not give, each becomes a program of its own."""

_NUMBERED: Final = ("command", "directory", "environment", "stdout_logfile", "stderr_logfile")
_NUMBER: Final = "%(process_num)"
_ORDER: Final[tuple[str, ...]] = (
    *("command", "kind", "numprocs", "restart", "autostart", "after", "stable_after", "directory", "user", "umask"),
    *("environment", "groups", "exit", "stop", "log"),
)


class Draft(NamedTuple):
    """A program of minisup while the import goes on: its table may still get `after`, or another log rotation."""

    name: str
    table: dict[str, Any]
    keys: Keys
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


class Numbers(NamedTuple):
    """How many processes there are, and the number of the first. Text: from a variable."""

    procs: int | str
    first: int


def convert_program(section: Section, given: Given, world: World, taken: Collection[str]) -> list[Draft]:
    """The programs that the section becomes: one, unless its processes have numbers that slots cannot have."""
    name = section.name.partition(":")[2].strip()
    ours = label(name, taken)
    names = {"program_name": name, "group_name": given.groups[0] if given.groups else name}
    keys = Keys(world, section, {**names, "process_num": 0, "numprocs": 1})
    numbers = _numbers(keys)
    if _splits(keys, numbers):
        drafts = _split(ours, keys, numbers, given, taken)
    else:
        drafts = [_draft(ours, Keys(world, section, {**names, **_slot_names(numbers)}), numbers, given)]
    world.ledger.remark(section.spot, _remark(drafts, name), [one.name for one in drafts], drafts[0].judged.kind)
    return drafts


def _split(ours: str, keys: Keys, numbers: Numbers, given: Given, taken: Collection[str]) -> list[Draft]:
    """A program for each process, all in a group of the section's name."""
    count = int(numbers.procs)
    keys.changed("numprocs", f"{count} programs of one slot each")
    keys.taken("numprocs_start", "the numbers are written into the programs")
    given = given._replace(groups=(*given.groups, ours))
    drafts = []
    for number in range(numbers.first, numbers.first + count):
        one = Keys(keys.world, keys.section, {**keys.names, "process_num": number, "numprocs": count})
        drafts.append(_draft(label(f"{ours}-{number}", taken), one, Numbers(1, 0), given))
    return drafts


# --- process numbers --------------------------------------------------------------------------------------------------


def _numbers(keys: Keys) -> Numbers:
    count = keys.whole("numprocs", 1)
    first = keys.whole("numprocs_start", 0)
    if isinstance(first, str):
        keys.problem("numprocs_start", "cannot come from a variable; write the number")
        first = 0
    if isinstance(count, int) and count > MOST_PROCESSES:
        keys.problem("numprocs", f"{count} is more than minisup can run of a program, {MOST_PROCESSES}")
        count = 1
    return Numbers(max(count, 0) if isinstance(count, int) else count, first)


def _slot_names(numbers: Numbers) -> dict[str, int | str | Variable]:
    """What process_num and numprocs are in a program whose slots have the numbers of the processes."""
    if numbers.procs == 1:
        return {"process_num": numbers.first, "numprocs": 1}
    digits = 1 if isinstance(numbers.procs, int) and numbers.procs <= 10 else 0  # noqa: PLR2004 - slots 0 to 9
    known = len(str(numbers.procs)) if isinstance(numbers.procs, int) else 0
    return {
        "process_num": Variable("MINISUP_SLOT", digits),
        "numprocs": Variable("MINISUP_NUMPROCS", known),
    }


def _splits(keys: Keys, numbers: Numbers) -> bool:
    """Whether each process must become a program, because `${MINISUP_SLOT}` is not its number."""
    if not any(_NUMBER in keys.raw(key) for key in _NUMBERED) or numbers.procs in {0, 1}:
        return False
    if isinstance(numbers.procs, str):
        if numbers.first != 0:
            keys.problem("numprocs", "the processes need numbers of their own; write how many they are")
        return False
    if numbers.first == 0 and all(_fits(keys, key, numbers) for key in _NUMBERED):
        return False
    if numbers.procs > MOST_PROGRAMS:
        keys.problem(
            "numprocs",
            f"the processes use numbers that slots (0, 1, ...) do not have, so that each would become a program; "
            f"{numbers.procs} are more than {MOST_PROGRAMS}",
        )
        return False
    return True


def _fits(keys: Keys, key: str, numbers: Numbers) -> bool:
    """Whether the value of `key` can be written with `${MINISUP_SLOT}`."""
    names = {**keys.names, **_slot_names(numbers)}
    try:
        expand(keys.raw(key), lambda name: names.get(name, ""), keys.world.refs)
    except FormatError:
        return False
    except PercentError:
        pass  # that is said when the value is read
    return True


# --- the table --------------------------------------------------------------------------------------------------------


def _draft(name: str, keys: Keys, numbers: Numbers, given: Given) -> Draft:
    environment = _environment(keys)
    words, command = _command(keys)
    judged = kind_of(keys, words)
    world = _world(keys, given)
    found: dict[str, Any] = {
        "command": command,
        "kind": judged.kind,
        **world,
        **Policy(keys, judged).table(),
        "environment": environment,
        "groups": [label(group) for group in given.groups],
        "log": Log(keys, world.get("user")).read(),
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


def _command(keys: Keys) -> tuple[list[str], str]:
    """The words of the command, and the command as it is written in the TOML file."""
    text = keys.text("command")
    if text is None:
        if not keys.has("command"):
            keys.problem("command", "is missing; supervisord would not start")
        return [], ""
    try:
        words = shlex.split(text)
    except ValueError as error:
        hint = "; a ; or # after a space begins a comment, also inside quotes" if "quot" in str(error) else ""
        keys.problem("command", f"cannot be split into words: {str(error).lower()}{hint}")
        return [], ""
    if not words or not words[0]:
        keys.problem("command", "is empty")
        return [], ""
    finish = keys.world.refs.finish
    if any(not name.startswith("MINISUP_") for name in keys.world.refs.names(text)):
        keys.changed("command", "as it is; a variable stays one word, also if its value has spaces")
    keys.taken("command", "as it is")
    return [finish(word) for word in words], finish(shlex.join(words) if "\n" in text else text.strip())


def _environment(keys: Keys) -> dict[str, str]:
    """The variables that the program sets. They are known to the other keys from here on."""
    pairs = read_pairs(keys, "environment")
    keys.environment = pairs
    finish = keys.world.refs.finish
    keys.taken("environment", f"environment: {', '.join(map(finish, pairs)) or 'empty'}")
    return {finish(name): finish(value) for name, value in pairs.items()}


def read_pairs(keys: Keys, key: str) -> dict[str, str]:
    """The variables in `KEY="value",OTHER=value`, unfinished. The words are those of a shell, without its escapes."""
    text = keys.text(key)
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


def _world(keys: Keys, given: Given) -> dict[str, Any]:
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


def read_umask(keys: Keys) -> str | None:
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


def _plain_notes(keys: Keys, name: str, numbers: Numbers) -> None:
    count = written(numbers.procs)
    keys.taken("numprocs", f"numprocs = {count}{', the default' if count == '1' else ''}")
    slots = f"{name}:0" if numbers.procs == 1 else f"{name}:0, {name}:1 ..."
    keys.unneeded("process_name", f"slots have their program's name and a number: {slots}")
    if numbers.first == 0:
        keys.unneeded("numprocs_start", "0 is where slots begin")
    elif any(_NUMBER in keys.raw(key) for key in _NUMBERED):
        keys.taken("numprocs_start", "the number is written into the command")
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
