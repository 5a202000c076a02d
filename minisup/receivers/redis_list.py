"""A list as a queue. What is in work is in a list of this receiver's own; a key beside it says that the receiver lives.

LIST is taken from its right end, and `push` puts in at the left. The keys beside it:

    LIST:minisup:receivers       set of the receivers that have, or had, messages in work
    LIST:minisup:NAME            list of what the receiver NAME has in work
    LIST:minisup:NAME:alive      lives as long as the lease, and is renewed three times in it
    LIST:minisup:receives        hash of how often a message was received, by the digest of its text
    LIST:minisup:later           sorted set of what was given back with a delay, by the time when it is due
    LIST:minisup:reasons         hash of why messages are in LIST:dead, by digest

Each change is one script, so that no message is ever in two places or in none.
"""

import os
import time
from collections.abc import Mapping
from functools import partial
from hashlib import sha1
from typing import Any, Final

from minisup.receivers.channel import Channel
from minisup.receivers.protocol import LONGEST_BODY, Message
from minisup.receivers.receiver import TOO_LONG
from minisup.receivers.redis_receiver import FAILURES, LONGEST_PATROL, RedisReceiver
from minisup.receivers.resp import RedisConnection, Word

A_SCRIPT: Final = 1000
"""Messages that one script moves at most: it holds up the server meanwhile."""

# KEYS: list, its prefix, dead letters; ARGV: receiver, lease in milliseconds, ...
_HEAD: Final = """
local prefix, me, lease = KEYS[2], ARGV[1], ARGV[2]
local own = prefix .. me
local function sign()
  local was = redis.call('EXISTS', own .. ':alive')
  redis.call('SET', own .. ':alive', '1', 'PX', lease)
  redis.call('SADD', prefix .. 'receivers', me)
  return was
end
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
"""

_SIGN: Final = _HEAD + "return sign()"
"""Returns 0 if the sign of life before this one was too old."""

_TAKE: Final = (
    _HEAD
    + """
local value = redis.call('LMOVE', KEYS[1], own, 'RIGHT', 'LEFT')
return value or ''
"""
)

_COUNT: Final = _HEAD + "return redis.call('HINCRBY', prefix .. 'receives', ARGV[3], 1)"

_ACK: Final = (
    _HEAD
    + """
if redis.call('LREM', own, 1, ARGV[4]) == 0 then return 0 end
redis.call('HDEL', prefix .. 'receives', ARGV[3])
return 1
"""
)

_RETURN: Final = (
    _HEAD
    + """
if redis.call('LREM', own, 1, ARGV[4]) == 0 then return 0 end
local delay = tonumber(ARGV[5])
if delay > 0 then redis.call('ZADD', prefix .. 'later', now() + delay, ARGV[6] .. '|' .. ARGV[4])
else redis.call('RPUSH', KEYS[1], ARGV[4]) end
return 1
"""
)

_REJECT: Final = (
    _HEAD
    + """
if redis.call('LREM', own, 1, ARGV[4]) == 0 then return 0 end
redis.call('LPUSH', KEYS[3], ARGV[4])
redis.call('HSET', prefix .. 'reasons', ARGV[3], ARGV[5])
redis.call('HDEL', prefix .. 'receives', ARGV[3])
return 1
"""
)

_CLAIM: Final = (
    _HEAD
    + """
sign()
if redis.call('LREM', prefix .. ARGV[3], 1, ARGV[4]) == 0 then return 0 end
redis.call('LPUSH', own, ARGV[4])
return 1
"""
)

_HOLDS: Final = _HEAD + "if redis.call('LPOS', own, ARGV[4]) then return 1 end return 0"

_DUE: Final = (
    _HEAD
    + """
local due = redis.call('ZRANGEBYSCORE', prefix .. 'later', '-inf', now(), 'LIMIT', 0, 1000)
for _, member in ipairs(due) do
  redis.call('ZREM', prefix .. 'later', member)
  redis.call('RPUSH', KEYS[1], string.sub(member, string.find(member, '|', 1, true) + 1))
end
local first = redis.call('ZRANGE', prefix .. 'later', 0, 0, 'WITHSCORES')
if first[2] then return math.max(0, math.floor(first[2] - now())) end
return -1
"""
)
"""Moves what is due back to the list; returns the milliseconds until the next is, -1: there is none."""

_RECOVER: Final = (
    _HEAD
    + """
local moved = 0
for _, one in ipairs(redis.call('SMEMBERS', prefix .. 'receivers')) do
  if redis.call('EXISTS', prefix .. one .. ':alive') == 0 then
    while moved < 1000 and redis.call('LMOVE', prefix .. one, KEYS[1], 'LEFT', 'RIGHT') do moved = moved + 1 end
    if moved < 1000 then redis.call('SREM', prefix .. 'receivers', one) end
  end
end
return moved
"""
)
"""Moves what receivers without a sign of life had in work back to the list."""

_LEAVE: Final = (
    _HEAD
    + """
if redis.call('EXISTS', own) == 0 then
  redis.call('DEL', own .. ':alive')
  redis.call('SREM', prefix .. 'receivers', me)
end
"""
)

_REDRIVE: Final = (
    _HEAD
    + """
local moved = 0
while moved < 1000 and redis.call('LMOVE', KEYS[3], KEYS[1], 'RIGHT', 'LEFT') do moved = moved + 1 end
if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('DEL', prefix .. 'reasons') end
return moved
"""
)


def digest(value: bytes) -> str:
    """What stands for a message's text in names."""
    return sha1(value, usedforsecurity=False).hexdigest()


class RedisList:
    """The commands on one list and the keys beside it."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.list: str = settings["list"]
        self.prefix = f"{self.list}:minisup:"
        self.dead: str = settings.get("dead_letter") or f"{self.list}:dead"

    def script(self, server: RedisConnection, script: str, me: str, lease_ms: int, *words: Word) -> Any:  # noqa: ANN401 - as above
        """Run one of the scripts above."""
        return server.ask("EVAL", script, 3, self.list, self.prefix, self.dead, me, lease_ms, *words)

    def push(self, server: RedisConnection, body: bytes, attributes: Mapping[str, str]) -> str:
        """Put a message in; returns its digest. A list has no place for attributes."""
        if attributes:
            raise ValueError("a message in a Redis list has no attributes; a stream has")
        server.ask("LPUSH", self.list, body)
        return digest(body)

    def redrive(self, server: RedisConnection) -> int:
        """Bring back what was set aside; returns how many."""
        total = 0
        while brought := self.script(server, _REDRIVE, "", 0):
            total += brought
        return total

    def waiting(self, server: RedisConnection) -> int:
        """The length of the list."""
        length: int = server.ask("LLEN", self.list)
        return length


class ListReceiver(RedisReceiver):
    """Receives from one list."""

    def __init__(self, channel: Channel, settings: Mapping[str, Any]) -> None:
        super().__init__(channel, settings)
        self._queue = RedisList(settings)
        self._held: dict[str, bytes] = {}
        self._sign_at = 0.0

    def _run(self, script: str, *words: Word) -> Any:  # noqa: ANN401 - what the server said
        return self._queue.script(self.server, script, self.me, self.lease_ms, *words)

    # --- receiving ----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """See `RedisReceiver`."""
        self._sign()

    def blocking(self, seconds: float) -> tuple[Word, ...]:
        """See `RedisReceiver`."""
        return ("BLMOVE", self._queue.list, f"{self._queue.prefix}{self.me}", "RIGHT", "LEFT", seconds)

    def received(self, answer: Any) -> None:  # noqa: ANN401 - what the server said
        """See `RedisReceiver`."""
        if answer is None:
            return
        self._pass_on(answer)
        for _ in range(self.credit):  # the rest without waiting
            value = self._run(_TAKE)
            if not value:
                break
            self._pass_on(value)

    def _pass_on(self, value: bytes) -> None:
        mark = digest(value)
        which = self._name(mark)
        self._held[which] = value
        if len(value) > LONGEST_BODY:
            self._run(_REJECT, mark, value, TOO_LONG)
            del self._held[which]
            self.aside(which, TOO_LONG)
        elif not self.credit:
            self._run(_RETURN, mark, value, 0, "")
            del self._held[which]
        else:
            self.give(Message(which, value, self._run(_COUNT, mark), None, {}, f"{self.me} {mark}"))

    def _name(self, mark: str) -> str:
        """An id: always the same for a message, but for one with the same text as another one that is in work."""
        which, copies = mark[:20], 1
        while which in self._held or which in self._unclaimed:
            copies += 1
            which = f"{mark[:20]}-{copies}"
        return which

    def patrol(self, now: float) -> float:
        """See `RedisReceiver`."""
        if now >= self._sign_at:
            self._sign()
        while self._run(_RECOVER) >= A_SCRIPT:
            pass
        due = self._run(_DUE)
        return min(LONGEST_PATROL if due < 0 else due / 1000 + 0.001, self._sign_at - now)

    def _sign(self) -> None:
        """Give a sign of life; one that comes too late finds that others have taken what we had."""
        if not self._run(_SIGN):
            for which, value in list(self._held.items()):
                if not self._run(_HOLDS, digest(value), value) and not self.is_pending(which):
                    del self._held[which]
                    self.lose(which)
        self._sign_at = time.monotonic() + self.lease / 3

    def number_waiting(self) -> int:
        """See `RedisReceiver`."""
        return self._queue.waiting(self.server)

    # --- minisup's words ----------------------------------------------------------------------------------------------

    def claim(self, receipts: Mapping[str, str]) -> None:
        """See `RedisReceiver`."""
        there: dict[str, dict[str, list[bytes]]] = {}  # of each earlier receiver: the texts by their digest
        for which, receipt in receipts.items():
            name, _, mark = receipt.partition(" ")
            if name not in there:
                values: list[bytes] = self.server.ask("LRANGE", f"{self._queue.prefix}{name}", 0, -1)
                there[name] = {}
                for value in values:
                    there[name].setdefault(digest(value), []).append(value)
            found = there[name].get(mark)
            value = found.pop() if found else b""
            if found is not None and (name == self.me or self._run(_CLAIM, name, value)):
                self._held[which] = value
            elif which in self._pending:  # an earlier receiver may have done it
                del self._pending[which]
                self.settle(which)
            else:
                self.lose(which)

    def ack(self, ids: tuple[str, ...]) -> None:
        """See `Receiver`."""
        for which in ids:
            self.attempt(which, partial(self._settle, which, _ACK))

    def give_back(self, which: str, delay: float) -> None:
        """See `Receiver`."""
        self.attempt(which, partial(self._settle, which, _RETURN, round(delay * 1000), os.urandom(8).hex()))
        self.hasten(delay)

    def reject(self, which: str, reason: str) -> None:
        """See `Receiver`."""
        self.attempt(which, partial(self._settle, which, _REJECT, reason))

    def _settle(self, which: str, script: str, *words: Word) -> bool:
        value = self._held.get(which)
        done = value is not None and bool(self._run(script, digest(value), value, *words))
        self._held.pop(which, None)
        return done

    def keep(self, ids: tuple[str, ...], lease: float) -> None:
        """See `Receiver`. One sign of life is good for all; its lease is that of the settings."""
        del lease
        for which in ids:
            if which not in self._held and which not in self._unclaimed and not self.is_pending(which):
                self.lose(which)
        if not self.is_usable():
            return
        try:
            self._sign()
        except FAILURES as error:
            self.fail(error)

    def leave(self) -> None:
        """See `Receiver`."""
        super().leave()
        try:
            self._run(_LEAVE)
        except FAILURES:
            pass
