"""A stream with a consumer group as a queue. What is in work is in the group's list of pending entries.

An entry's lease is its idle time, which the server measures. A message that is given back gets an idle time at which
the lease is over when its delay is; a delay longer than the lease is kept up by this process.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from minisup.receivers.channel import Channel
from minisup.receivers.protocol import LONGEST_BODY, Message
from minisup.receivers.receiver import TOO_LONG
from minisup.receivers.redis_receiver import FAILURES, LONGEST_PATROL, RedisReceiver, text
from minisup.receivers.resp import RedisConnection, RefusedError, Word

BODY: Final = b"body"
OWN: Final = b"minisup-"
"""How fields begin that are added to a dead letter."""

A_LOOK: Final = 100
"""Pending entries that one patrol may take over."""

# KEYS: stream, dead letters; ARGV: group, consumer, ...
_OWNED: Final = """
local function owner(id)
  local found = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)
  return found[1] and found[1][2]
end
"""

_KEEP: Final = (
    _OWNED
    + """
local gone = {}
for at = 4, #ARGV do
  if owner(ARGV[at]) == ARGV[2] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[at], 'IDLE', ARGV[3], 'JUSTID')
  else gone[#gone + 1] = ARGV[at] end
end
return gone
"""
)
"""Makes these idle for so many milliseconds; returns those that are not the consumer's."""

_CLAIM: Final = (
    _OWNED
    + """
local gone = {}
for at = 3, #ARGV, 2 do
  if owner(ARGV[at]) == ARGV[at + 1] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[at], 'IDLE', 0, 'JUSTID')
  else gone[#gone + 1] = ARGV[at] end
end
return gone
"""
)
"""Takes over pairs of an entry and its consumer; returns the entries that another one has."""

_REMOVE: Final = """
local function remove(id)
  redis.call('XACK', KEYS[1], ARGV[1], id)
  if #redis.call('XINFO', 'GROUPS', KEYS[1]) == 1 then redis.call('XDEL', KEYS[1], id) end
end
"""

_ACK: Final = (
    _REMOVE
    + """
if redis.call('EXISTS', KEYS[1]) == 1 then for at = 2, #ARGV do remove(ARGV[at]) end end
return 1
"""
)

_REJECT: Final = (
    _OWNED
    + _REMOVE
    + """
local has = owner(ARGV[3])
if not has then return 1 end
if has ~= ARGV[2] then return 0 end
local found = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
if found[1] then
  local fields = found[1][2]
  for at = 4, #ARGV do fields[#fields + 1] = ARGV[at] end
  redis.call('XADD', KEYS[2], '*', unpack(fields))
end
remove(ARGV[3])
return 1
"""
)

_REDRIVE: Final = """
local found = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 100)
for _, entry in ipairs(found) do
  local fields = {}
  for at = 1, #entry[2], 2 do
    if string.sub(entry[2][at], 1, 8) ~= 'minisup-' then
      fields[#fields + 1] = entry[2][at]
      fields[#fields + 1] = entry[2][at + 1]
    end
  end
  redis.call('XADD', KEYS[1], '*', unpack(fields))
  redis.call('XDEL', KEYS[2], entry[1])
end
return #found
"""

_LEAVE: Final = """
for _, one in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local is = {}
  for at = 1, #one, 2 do is[one[at]] = one[at + 1] end
  local forsaken = string.sub(is['name'], 1, 8) == 'minisup-' and is['idle'] > tonumber(ARGV[3])
  if is['pending'] == 0 and (is['name'] == ARGV[2] or forsaken) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], is['name'])
  end
end
"""
"""Removes this consumer and old ones of other minisups, unless they have pending entries."""

PAGES: Final = 20
"""Looks of one patrol."""

HIDDEN: Final = 0.75
"""What is due only after so much of the lease is hidden once more: the server knows no delay longer than the lease."""

START: Final = b"0-0"
ROUNDING: Final = 50
"""Milliseconds that our clock and the server's may be apart over a delay."""

FORSAKEN: Final = 24 * 3600 * 1000
"""Milliseconds."""


class RedisStream:
    """The commands on one stream and its group."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.stream: str = settings["stream"]
        self.group: str = settings["group"]
        self.dead: str = settings.get("dead_letter") or f"{self.stream}:dead"

    def script(self, server: RedisConnection, script: str, *words: Word) -> Any:  # noqa: ANN401 - what the server said
        """Run one of the scripts above."""
        return server.ask("EVAL", script, 2, self.stream, self.dead, *words)

    def make(self, server: RedisConnection) -> None:
        """The group, from the stream's first entry on, unless it is there."""
        try:
            server.ask("XGROUP", "CREATE", self.stream, self.group, "0", "MKSTREAM")
        except RefusedError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def push(self, server: RedisConnection, body: bytes, attributes: Mapping[str, str]) -> str:
        """Put a message in; returns its id."""
        pairs = [word for name, value in attributes.items() for word in (name, value)]
        return text(server.ask("XADD", self.stream, "*", BODY, body, *pairs))

    def redrive(self, server: RedisConnection) -> int:
        """Bring back what was set aside; returns how many."""
        total = 0
        while brought := self.script(server, _REDRIVE):
            total += brought
        return total

    def waiting(self, server: RedisConnection) -> int | None:
        """How many entries the group has not been given; None: the server cannot tell."""
        for known in server.ask("XINFO", "GROUPS", self.stream):
            facts = dict(zip(known[::2], known[1::2], strict=False))
            if facts[b"name"] == self.group.encode():
                lag: int | None = facts.get(b"lag")
                if lag is not None:
                    return lag
                length: int = server.ask("XLEN", self.stream)  # entries were deleted, as after an ack of the only group
                return max(0, length - int(facts[b"pending"]))
        return None


class StreamReceiver(RedisReceiver):
    """Receives for one group of one stream."""

    def __init__(self, channel: Channel, settings: Mapping[str, Any]) -> None:
        super().__init__(channel, settings)
        self._queue = RedisStream(settings)
        self._held: set[str] = set()
        self._returned: dict[str, float] = {}  # given back by us: when to take it again (monotonic)
        self._cursor: bytes = START

    def begin(self) -> None:
        """See `RedisReceiver`."""
        self._queue.make(self.server)

    def claim(self, receipts: Mapping[str, str]) -> None:
        """See `RedisReceiver`."""
        pairs = [word for pair in receipts.items() if is_entry(pair[0]) for word in pair]
        self._held.update(receipts)
        for which in [which for which in receipts if not is_entry(which)]:
            self._drop(which)
        for which in self._queue.script(self.server, _CLAIM, self._queue.group, self.me, *pairs):
            self._drop(text(which))

    def _drop(self, which: str) -> None:
        """Somebody else has it, unless an earlier receiver has settled it: then the answer to that is enough."""
        if not self.is_pending(which):
            self._held.discard(which)
            self.lose(which)

    def blocking(self, seconds: float) -> tuple[Word, ...]:
        """See `RedisReceiver`."""
        queue = self._queue
        block = ("COUNT", self.credit, "BLOCK", round(seconds * 1000))
        return ("XREADGROUP", "GROUP", queue.group, self.me, *block, "STREAMS", queue.stream, ">")

    def received(self, answer: Any) -> None:  # noqa: ANN401 - what the server said
        """See `RedisReceiver`."""
        for _, entries in answer or ():
            self._pass_on((entry[0], entry[1], 1) for entry in entries)

    def _pass_on(self, entries: Iterable[tuple[bytes, list[bytes] | None, int]]) -> None:
        for raw, fields, receives in entries:
            which = text(raw)
            self._returned.pop(which, None)
            if fields is None:  # deleted from the stream by somebody
                self.server.ask("XACK", self._queue.stream, self._queue.group, which)
                continue
            body, attributes = message_of(fields)
            if len(body) > LONGEST_BODY:
                self._set_aside(which, TOO_LONG, receives)
                self.aside(which, TOO_LONG)
            elif not self.credit:
                self._give_back(which, 0.0)
            else:
                self._held.add(which)
                self.give(Message(which, body, receives, sent_at(which), attributes, self.me))

    def patrol(self, now: float) -> float:
        """See `RedisReceiver`."""
        for which, due in list(self._returned.items()):
            if due - now > HIDDEN * self.lease and not self._hide(which, due - now):
                del self._returned[which]
        self._take_again(now)
        queue = self._queue
        for _ in range(PAGES):
            if not self.credit:
                break
            words = (queue.stream, queue.group, self.me, self.lease_ms, self._cursor, "COUNT", min(self.credit, A_LOOK))
            self._cursor, found, *_ = self.server.ask("XAUTOCLAIM", *words)
            self._pass_on(self._counted(found))
            if self._cursor == START:
                break
        return min((due - now for due in self._returned.values() if due > now), default=LONGEST_PATROL)

    def is_urgent(self, now: float) -> bool:
        """See `RedisReceiver`."""
        return bool(self.credit) and any(due <= now for due in self._returned.values())

    def _take_again(self, now: float) -> None:
        """What we gave back ourselves, and is due. Somebody else may have it by now."""
        queue = self._queue
        for which in [which for which, due in self._returned.items() if due <= now][: self.credit]:
            del self._returned[which]
            words = (queue.stream, queue.group, self.me, max(0, self.lease_ms - ROUNDING), which)
            self._pass_on(self._counted(self.server.ask("XCLAIM", *words)))

    def _counted(self, entries: Iterable[list[Any]]) -> Iterator[tuple[bytes, list[bytes] | None, int]]:
        for raw, fields in [entry for entry in entries if entry]:
            found = self.server.ask("XPENDING", self._queue.stream, self._queue.group, raw, raw, 1)
            yield raw, fields, found[0][3] if found else 1

    def number_waiting(self) -> int | None:
        """See `RedisReceiver`."""
        return self._queue.waiting(self.server)

    # --- settlements --------------------------------------------------------------------------------------------------

    def ack(self, ids: tuple[str, ...]) -> None:
        """See `Receiver`. Whoever has it by now: it is done."""
        for which in ids:
            self._settle(which, partial(self._ack, which))

    def _settle(self, which: str, how: Callable[[], bool]) -> None:
        if which in self._held or which in self._unclaimed:
            self.attempt(which, how)
        else:
            self.lose(which)

    def settled(self, which: str) -> None:
        """See `RedisReceiver`."""
        self._held.discard(which)

    def _ack(self, which: str) -> bool:
        return bool(self._queue.script(self.server, _ACK, self._queue.group, which))

    def give_back(self, which: str, delay: float) -> None:
        """See `Receiver`."""
        self._settle(which, lambda: self._give_back(which, delay))

    def _give_back(self, which: str, delay: float) -> bool:
        if not self._hide(which, delay):
            return False
        self._returned[which] = time.monotonic() + delay
        self.hasten(delay)
        return True

    def _hide(self, which: str, delay: float) -> bool:
        idle = max(0, self.lease_ms - round(delay * 1000))
        return not self._queue.script(self.server, _KEEP, self._queue.group, self.me, idle, which)

    def reject(self, which: str, reason: str) -> None:
        """See `Receiver`."""
        self._settle(which, lambda: self._set_aside(which, reason))

    def _set_aside(self, which: str, reason: str, receives: int = 0) -> bool:
        facts = ["minisup-id", which, "minisup-reason", reason]
        facts += ["minisup-receives", str(receives)] if receives else []
        return bool(self._queue.script(self.server, _REJECT, self._queue.group, self.me, which, *facts))

    def keep(self, ids: tuple[str, ...], lease: float) -> None:
        """See `Receiver`. The lease is the one of the settings: others look at how long an entry has been idle."""
        del lease
        for which in [which for which in ids if which not in self._held and which not in self._unclaimed]:
            self.lose(which)
        kept = [which for which in ids if which in self._held and which not in self._returned]
        if not kept or not self.is_usable():
            return
        try:
            gone = self._queue.script(self.server, _KEEP, self._queue.group, self.me, 0, *kept)
        except FAILURES as error:
            self.fail(error)
            return
        for which in map(text, gone):
            self._drop(which)

    def leave(self) -> None:
        """See `Receiver`."""
        super().leave()
        try:
            self._queue.script(self.server, _LEAVE, self._queue.group, self.me, FORSAKEN)
        except FAILURES:
            pass


def message_of(fields: list[bytes]) -> tuple[bytes, dict[str, str]]:
    """Body and attributes: the field `body` and the others; the only field; or all of them as a JSON object."""
    pairs = dict(zip(fields[::2], fields[1::2], strict=False))
    if BODY in pairs:
        body = pairs.pop(BODY)
        return body, {text(name): text(value) for name, value in pairs.items()}
    if len(pairs) == 1:
        [(_, body)] = pairs.items()
        return body, {}
    return json.dumps({text(name): text(value) for name, value in pairs.items()}, ensure_ascii=False).encode(), {}


def is_entry(which: str) -> bool:
    """Whether this is the id of an entry."""
    return all(part.isascii() and part.isdigit() for part in which.split("-")) and which.count("-") == 1


def sent_at(which: str) -> float | None:
    """When an entry was added, from an id that the server made; None: it has another one."""
    milliseconds = int(which.partition("-")[0])
    return milliseconds / 1000 if 1e12 < milliseconds < 1e13 else None  # noqa: PLR2004 - 2001 to 2286
