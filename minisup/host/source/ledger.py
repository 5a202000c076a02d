"""`state_dir/messages`: the messages in work, for the minisup that comes after one which was killed.

One JSON line for each message that a run gets, each settlement that is decided, and each that the queue has confirmed;
appended, and written anew when most of it is over. The kernel keeps what was written when minisup dies.
"""

import json
import math
import os
from collections.abc import Iterable
from typing import Final, NamedTuple

from minisup.core.messages import Settle, Settlement
from minisup.host import state_file

MOST: Final = 64 << 20
"""Bytes that are read."""

REWRITE: Final = 1 << 20
"""Bytes after which what is over is left out."""


class InWork(NamedTuple):
    """A message of an earlier minisup that is not settled. `decided`: what had been decided about it, if anything."""

    program: str
    source: str  # a fingerprint of where it came from
    message: str
    receipt: str
    receives: int
    slot: str
    run: int
    decided: Settle | None = None


class DeliveryLedger:
    """The file of this life; of no effect until `open`, and where state is kept in memory."""

    def __init__(self) -> None:
        self._path = ""
        self._fd = -1
        self._size = 0
        self._entries: dict[tuple[str, str], InWork] = {}

    def open(self, directory: str) -> list[InWork]:
        """Begin anew; returns what an earlier minisup has left. OSError: it cannot be written; nothing is kept."""
        self._path = f"{directory}/messages"
        left = read(self._path)
        self._entries = {(entry.program, entry.message): entry for entry in left}
        self._begin()
        return left

    def given(self, entry: InWork) -> None:
        """A run is about to get a message."""
        self._entries[entry.program, entry.message] = entry
        self._append(_given(entry))

    def decided(self, action: Settle) -> None:
        """A message is to be settled so."""
        entry = self._entries.get((action.program, action.message))
        if entry is None:  # no run had it
            return
        if action.how is Settlement.LEAVE:
            self.over(action.program, action.message)
            return
        self._entries[action.program, action.message] = entry._replace(decided=action)
        self._append(_decided(action))

    def over(self, program: str, message: str) -> None:
        """The queue knows, or somebody else has it."""
        if self._entries.pop((program, message), None) is not None:
            self._append({"over": [program, message]})

    def forget(self, entries: Iterable[InWork]) -> None:
        """These are nobody's any more, however many they are."""
        if self._fd < 0:
            return
        for entry in entries:
            self._entries.pop((entry.program, entry.message), None)
        try:
            self._begin()
        except OSError:
            pass  # the next minisup finds them, and that their runs have ended

    def close(self) -> None:
        """Minisup leaves; if nothing is in work there is nothing to find."""
        if self._fd < 0:
            return
        os.close(self._fd)
        self._fd = -1
        if not self._entries:
            try:
                os.unlink(self._path)
            except OSError:
                pass  # whoever reads it finds that all is over

    def _append(self, document: object) -> None:
        if self._fd < 0:
            return
        line = b"\n%b\n" % json.dumps(document).encode()  # one before: what a full disk has cut off spoils itself only
        try:
            self._size += os.write(self._fd, line)
            if self._size > REWRITE:
                self._begin()
        except OSError:
            pass  # a full disk must not stop the jobs: what is lost is left to its lease

    def _begin(self) -> None:
        lines = [json.dumps(document) for entry in self._entries.values() for document in _documents(entry)]
        content = "".join(f"{line}\n" for line in lines).encode()
        state_file.replace(self._path, content)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._size = 0  # since it was written anew


def read(path: str) -> list[InWork]:
    """What is not settled; a line that cannot be understood (the last one may be torn) is left out."""
    try:
        content = state_file.read(path, MOST)
    except OSError:
        return []
    entries: dict[tuple[str, str], InWork] = {}
    for line in content.split(b"\n"):
        try:
            _take(json.loads(line or b"null"), entries)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            continue
    return list(entries.values())


def _take(document: object, entries: dict[tuple[str, str], InWork]) -> None:
    if not isinstance(document, dict):
        return
    if "given" in document:
        program, source, message, receipt, receives, slot, run = document["given"]
        texts = (program, source, message, receipt, slot)
        if all(isinstance(text, str) for text in texts) and type(receives) is type(run) is int:
            entries[program, message] = InWork(program, source, message, receipt, receives, slot, run)
    elif "decided" in document:
        program, message, how, delay, reason = document["decided"]
        entry = entries.get((program, message))
        if entry is not None and math.isfinite(delay):
            settle = Settle(program, message, Settlement(how), float(delay), str(reason))
            entries[program, message] = entry._replace(decided=settle)
    elif "over" in document:
        program, message = document["over"]
        entries.pop((program, message), None)


def _documents(entry: InWork) -> Iterable[object]:
    yield _given(entry)
    if entry.decided is not None:
        yield _decided(entry.decided)


def _given(entry: InWork) -> object:
    return {"given": list(entry[:7])}


def _decided(action: Settle) -> object:
    return {"decided": [action.program, action.message, action.how.value, action.delay, action.reason]}
