"""From a supervisord.conf and the files that it includes to a minisup configuration.

The parts: `ini` has the syntax, `templates` the expansions, `supervisord_keys` what is said of keys that need no
thought, `supervisord_program` with `supervisord_policy` and `supervisord_log` what a [program:x] becomes. Values that
supervisord itself would refuse are problems; keys that it silently ignores are named.
"""

import glob
import math
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from minisup.config.text.wording import did_you_mean, show
from minisup.convert.command_kind import SERVICE
from minisup.convert.names import label
from minisup.convert.read import STDIN, directory_of, read_text
from minisup.convert.report_builder import Converted, KeyResult, Ledger, Location
from minisup.convert.supervisord.ini import DEFAULT, IniReader, Section
from minisup.convert.supervisord.supervisord_keys import (
    DAEMON,
    DAEMON_READ,
    FCGI,
    FCGI_INSTEAD,
    GO_PORT,
    GROUP,
    LISTENER,
    LISTENER_INSTEAD,
    PLUGIN,
    PROGRAM,
    SERVERS,
)
from minisup.convert.supervisord.supervisord_order import CANNOT_VARY, NOT_ASKED, order_by_priority
from minisup.convert.supervisord.supervisord_policy import STOP_TIMEOUT
from minisup.convert.supervisord.supervisord_program import Draft, Given, convert_program, read_pairs, read_umask
from minisup.convert.supervisord.supervisord_reader import ImportContext, SectionKeys
from minisup.convert.templates import PercentError, Refs, expand

_LEVELS: Final = {"critical": "error", "error": "error", "warn": "warning", "info": "info"}
_DETAILED: Final = ("debug", "trace", "blather")
_PLATFORM_GIVES: Final = 10
"""Seconds that minisup takes the platform to give unless it is told otherwise."""


def import_supervisord(
    path: str,
    *more: str,
    out: str | None = None,
    after_priority: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> Converted:
    """The import of the file `path` and of `more`, as if it included them.

    `out`: the directory that the TOML file will be in; else that of `path`.

    `after_priority`: write `after` for programs of a higher `priority`. ConfigError: all problems of the files.
    """
    ledger = Ledger()
    files, sections, corpus = _read([path, *more], environ, ledger)
    world = ImportContext(sections, Refs(corpus), ledger, os.path.abspath(out or directory_of(path)))
    supervisor, defaults = _supervisord(world)
    groups, priorities = _groups(world, after_priority)
    drafts = _programs(world, groups, priorities, defaults)
    if not drafts and not ledger.problems:
        ledger.problem(Location(files[0], 0), "", "there is no [program:NAME] in it")
    order_by_priority(drafts, wanted=after_priority)
    _same_rotation(drafts)
    for section in sections.values():
        _other(SectionKeys(world, section, {}))
        _leftovers(SectionKeys(world, section, {}))
    supervisor.update(_shutdown(drafts, ledger))
    document: dict[str, Any] = {"program": {draft.name: draft.table for draft in drafts}}
    return ledger.finish("supervisord", files, {"supervisor": supervisor, **document} if supervisor else document)


# --- files ------------------------------------------------------------------------------------------------------------


def _read(
    paths: Sequence[str], environ: Mapping[str, str], ledger: Ledger
) -> tuple[list[str], dict[str, Section], str]:
    """The names of all files, their sections, and all of their text."""
    sections: dict[str, Section] = {}
    texts: dict[str, str] = {}
    real: set[str] = set()

    def take(name: str) -> None:
        if os.path.realpath(name) in real:
            return
        real.add(os.path.realpath(name))
        text = read_text(name, ledger)
        if text is not None:
            texts[name] = text
            IniReader(name, sections, ledger).read(text)

    includes: list[Section] = []
    for path in paths:
        take(path)
        include = sections.pop("include", None)
        for name in _included(path, include, environ, ledger) if include else ():
            take(name)
        nested = sections.pop("include", None)
        for entry in nested.entries.values() if nested else ():
            ledger.note(
                entry.spot, entry.key, KeyResult.UNNEEDED, "supervisord reads no [include] of a file that is included"
            )
        includes += filter(None, [include, nested])
    sections |= {f"include {number}": section for number, section in enumerate(includes)}
    return list(texts) or list(paths), sections, "\n".join(texts.values())


def _included(path: str, include: Section, environ: Mapping[str, str], ledger: Ledger) -> Iterator[str]:
    """The files that [include] names: patterns, relative to the file, which may name variables of today."""
    entry = include.entries.get("files")
    if entry is None:
        ledger.problem(include.spot, "files", "is missing; remove [include] or name files")
        return
    base = os.path.dirname(path) if path != STDIN else ""
    known = {f"ENV_{name}": value for name, value in environ.items()}
    known |= {"here": directory_of(path), "host_node_name": platform.node()}

    def lookup(name: str) -> str:
        if name not in known:
            hint = f"; {name[4:]} must be set for the import" if name.startswith("ENV_") else ""
            raise PercentError(f"%({name})s is not known here; [include] is read now, with today's environment{hint}")
        return known[name]

    try:
        patterns = expand(entry.value, lookup, Refs(entry.value)).split()
    except PercentError as error:
        ledger.problem(entry.spot, "files", str(error))
        return
    count, empty = 0, []
    for pattern in patterns:
        found = [] if "\0" in pattern else glob.glob(os.path.join(glob.escape(base), pattern))
        files = sorted(name for name in found if os.path.isfile(name))
        count += len(files)
        if not files:
            empty.append(pattern)
        yield from files
    nothing = f"no file matches {' or '.join(map(show, empty))}" if empty else "no file is named"
    held = f"{count} file{'s' * (count != 1)}, which this import holds{f'; {nothing}' if empty else ''}"
    ledger.note(entry.spot, "files", KeyResult.TAKEN if count else KeyResult.UNNEEDED, held if count else nothing)


# --- [supervisord] ----------------------------------------------------------------------------------------------------


def _supervisord(world: ImportContext) -> tuple[dict[str, Any], dict[str, str]]:
    """The `supervisor` table, and what programs have unless they say otherwise."""
    section = world.sections.get("supervisord")
    if section is None:
        return {}, {}
    keys = SectionKeys(world, section, {})
    for key, answer in DAEMON.items():
        keys.note(key, *answer)
    table: dict[str, Any] = {}
    pairs = read_pairs(keys, "environment", twice=True)
    world.environment = frozenset(map(world.refs.finish, pairs))
    if pairs:
        table["environment"] = {world.refs.finish(name): world.refs.finish(value) for name, value in pairs.items()}
    keys.taken("environment", f"supervisor.environment: {', '.join(table.get('environment', {})) or 'empty'}")
    level = _level(keys)
    if level != "info":
        table["log"] = {"level": level}
    if keys.truth("silent", default=False) is False:
        keys.unneeded("silent", "false is the default")
    keys.unsupported("silent", 'write supervisor.log = { level = "error" }, or send stderr elsewhere')
    if keys.truth("strip_ansi", default=False) is False:
        keys.unneeded("strip_ansi", "false is the default")
    keys.unsupported(
        "strip_ansi", "minisup does not change what runs write; NO_COLOR=1 in environment stops most of it"
    )
    return table, _defaults(keys)


def _level(keys: SectionKeys) -> str:
    text = keys.text("loglevel") or "info"
    if keys.world.refs.has(text):
        keys.changed("loglevel", 'supervisor.log.level = "info": it cannot come from a variable, the words are others')
        return "info"
    text = text.lower()
    if text in _DETAILED:
        keys.taken("loglevel", 'supervisor.log.level = "debug"')
        return "debug"
    if text not in _LEVELS:
        near = did_you_mean(text, (*_LEVELS, *_DETAILED))
        keys.problem("loglevel", f"expected a level as info, got {show(text)}{near}")
    level = _LEVELS.get(text, "info")
    keys.taken("loglevel", f'supervisor.log.level = "{level}"{", the default" if level == "info" else ""}')
    return level


def _defaults(keys: SectionKeys) -> dict[str, str]:
    """user, umask and directory of supervisord itself, which its programs inherit."""
    found: dict[str, str] = {}
    user = keys.final("user")
    if user in {"root", "0"}:
        keys.unneeded("user", "minisup runs as whoever starts it")
    elif user:
        found["user"] = user
        keys.changed("user", f"user = {show(user)} of each program that names none; minisup runs as whoever starts it")
    umask, directory = read_umask(keys), keys.final("directory")
    if keys.truth("nodaemon", default=False) is True:
        for key in ("umask", "directory"):
            keys.unneeded(key, "supervisord heeds it only without nodaemon")
        return found
    if umask:
        found["umask"] = umask
        keys.taken("umask", f"umask = {show(umask)} of each program that names none")
    if directory:
        found["directory"] = directory
        keys.taken("directory", f"directory = {show(directory)} of each program that names none")
    return found


# --- programs and groups ----------------------------------------------------------------------------------------------


def _programs(
    world: ImportContext, groups: Mapping[str, list[str]], priorities: Mapping[str, int], defaults: Mapping[str, str]
) -> list[Draft]:
    drafts: list[Draft] = []
    for name, section in world.sections.items():
        if name.startswith("program:"):
            mine = tuple(groups.get(name.partition(":")[2].strip(), ()))
            first = priorities[mine[0]] if mine else None
            given = Given(mine, first, defaults)
            drafts += convert_program(section, given, world, [draft.name for draft in drafts])
    return drafts


def _groups(world: ImportContext, after_priority: bool) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The groups of each program, by its name, and the priority of each group."""
    members: dict[str, list[str]] = {}
    priorities: dict[str, int] = {}
    for name, section in list(world.sections.items()):
        if not name.startswith("group:"):
            continue
        group = name.partition(":")[2].strip()
        keys = SectionKeys(world, section, {})
        priority = keys.whole("priority", 999)
        priorities[group] = priority if isinstance(priority, int) else 999
        if isinstance(priority, str):
            keys.changed("priority", CANNOT_VARY)
        if after_priority:
            keys.changed("priority", "it counts before the priorities of the programs")
        keys.unneeded("priority", NOT_ASKED)
        text = keys.text("programs")
        if text is None:
            keys.problem("programs", "is missing")
        elif world.refs.has(text):
            said = "cannot come from a variable; write the group"
            keys.changed("programs", f'{said}, groups = ["{label(group)}"], into the programs that it names')
            text = None
        for program in filter(None, map(str.strip, (text or "").split(","))):
            _join(keys, group, program, members)
        keys.taken("programs", f'groups = ["{label(group)}"] of each; together they are @{label(group)}')
    return members, priorities


def _join(keys: SectionKeys, group: str, program: str, members: dict[str, list[str]]) -> None:
    sections = keys.world.sections
    if f"program:{program}" in sections:
        known = members.setdefault(program, [])
        if known:
            keys.changed(
                "programs", f"{program} is in {known[0]}, too: supervisord runs it once for each group, minisup once"
            )
        known.append(group)
    elif f"fcgi-program:{program}" not in sections:
        names = [name.partition(":")[2] for name in sections if name.startswith("program:")]
        keys.problem("programs", f"{show(program)} is no program here{did_you_mean(program, names)}")


def _same_rotation(drafts: list[Draft]) -> None:
    """Let programs that write to one file agree on its rotation: the first one's counts."""
    first: dict[str, dict[str, Any]] = {}
    for draft in drafts:
        log = draft.table.get("log", {})
        for path in filter(None, (log.get("path"), log.get("stderr_path"))):
            known = first.setdefault(path, log)
            for key, word in (("max_size", "maxbytes"), ("keep", "backups")):
                if known.get(key) != log.get(key):
                    log.pop(key, None)
                    log.update({key: known[key]} if key in known else {})
                    draft.keys.correct(
                        f"stdout_logfile_{word}", f"log.{key} as the first program with this file has it"
                    )


def _shutdown(drafts: list[Draft], ledger: Ledger) -> dict[str, Any]:
    """`shutdown_timeout`, where a stopwaitsecs is longer than what platforms give by themselves."""
    longest, whose = 0, None
    for draft in drafts:
        waits = draft.keys.seconds("stopwaitsecs", STOP_TIMEOUT)
        if isinstance(waits, int) and waits > _PLATFORM_GIVES:
            total = waits if draft.judged.kind == SERVICE else waits + STOP_TIMEOUT
            if total > longest:
                longest, whose = total, draft
    if whose is None:
        return {}
    levels = max(map(len, _chains(drafts)))  # each of them reserves a second
    needed = f"{math.ceil((longest + levels) / 0.9 / 5) * 5}s"
    ledger.remark(
        whose.keys.section.spot,
        f'supervisor.shutdown_timeout = "{needed}", because its stop may take {longest} s. The platform must give as '
        f"much (docker stop -t, stopTimeout, terminationGracePeriodSeconds); if it gives less, write what it gives.",
    )
    return {"shutdown_timeout": needed}


def _chains(drafts: list[Draft]) -> list[list[str]]:
    """For each program those that it waits for, one behind the other, as far as it goes."""
    before = {draft.name: draft.table.get("after", [])[:1] for draft in drafts}
    chains = list(before.values())
    for _ in drafts:
        chains = [chain + before.get(chain[-1], []) if chain else chain for chain in chains]
    return chains


# --- all other sections -----------------------------------------------------------------------------------------------


def _other(keys: SectionKeys) -> None:
    """Say what becomes of a section that is neither [supervisord] nor a program nor a group."""
    kind, _, _ = keys.section.name.partition(":")
    ledger = keys.world.ledger
    if kind in SERVERS:
        known, said = SERVERS[kind]
        ledger.remark(keys.section.spot, f"Not supported: {said}.")
        for key in known or tuple(keys.section.entries):
            keys.unsupported(key, "see above")
    elif kind == "eventlistener":
        text = f"{keys.raw('command')} {keys.raw('events')}".lower()
        instead = next(said for words, said in LISTENER_INSTEAD if any(word in text for word in words))
        ledger.remark(keys.section.spot, f"Not supported: there are no event listeners. Instead: {instead}.")
        for key in LISTENER:
            keys.unsupported(key, "see above")
    elif kind == "fcgi-program":
        ledger.remark(keys.section.spot, f"Not supported: {FCGI_INSTEAD}.")
        for key in FCGI:
            keys.unsupported(key, "see above")
    elif keys.section.name not in {"supervisord", "include", DEFAULT} and kind not in {"program", "group"}:
        ledger.remark(keys.section.spot, "Unknown: supervisord does not read this section.")


def _leftovers(keys: SectionKeys) -> None:
    """Name the entries that nobody read: replaced ones, and keys that supervisord does not know."""
    ledger = keys.world.ledger
    for entry in keys.section.replaced:
        ledger.note(entry.spot, entry.key, KeyResult.UNNEEDED, _replaced(keys, entry.key))
    known = _known_keys(keys.section.name)
    for key, entry in keys.section.entries.items():
        if key in known:
            continue
        if key in PLUGIN:
            ledger.note(entry.spot, key, KeyResult.UNSUPPORTED, PLUGIN[key])
        near = GO_PORT.get(key)
        hint = f"; minisup has {near}" if near else did_you_mean(key, known)
        ledger.note(entry.spot, key, KeyResult.UNKNOWN, f"supervisord does not read this key{hint}")


def _replaced(keys: SectionKeys, key: str) -> str:
    later = keys.section.entries[key].spot
    return f"{key} is there again, in {later.file}:{later.line}, and that one counts"


def _known_keys(section: str) -> tuple[str, ...]:
    kind = section.partition(":")[0]
    if section == "supervisord":
        return (*DAEMON, *DAEMON_READ)
    if kind in SERVERS:
        return SERVERS[kind][0]
    plain = {"program": PROGRAM, "group": GROUP, "eventlistener": LISTENER, "fcgi-program": FCGI, "include": ("files",)}
    return (*DAEMON, *DAEMON_READ, *PROGRAM) if section == DEFAULT else plain.get(kind, ())
