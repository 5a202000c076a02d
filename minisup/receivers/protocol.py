"""The lines between minisup and a receiver, for both ends: made here, and checked here.

`docs/reference/receivers.md` describes them for people. minisup trusts no receiver: `said` takes any bytes, and gives
what they say or raises NonsenseError. A receiver trusts minisup: `told` leaves out what it does not know, so that the
protocol can grow.

Both ends work without blocking: `Lines` joins what was read, and bounds it.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, Final, NamedTuple

from minisup.probes.number import sayable

LONGEST_BODY: Final = 1 << 20
"""Bytes of a message's body."""

LONGEST_LINE: Final = 1 << 16
"""Bytes of a line without a body, and of what a line with a body has beside it."""

LONGEST_MESSAGE: Final = 6 * LONGEST_BODY + LONGEST_LINE
"""Bytes of a line with a body: JSON writes a byte as six (`\\u0000`) at most."""

MOST_CREDIT: Final = 10_000
"""More credit than this is as much."""

MOST_WAITING: Final = 10**12
MOST_RECEIVES: Final = 10**9
LONGEST_ID: Final = 512
LONGEST_RECEIPT: Final = 4096
MOST_ATTRIBUTES: Final = 32
LONGEST_ATTRIBUTES: Final = 1 << 15
"""Characters of all names and values together."""

LATEST: Final = 253_402_300_799
"""The last second of the year 9999, in seconds since 1970: what is later has no name that a job could read."""

_PIECE: Final = 1 << 15  # of many ids in one line, so that it stays below `LONGEST_LINE` however they are escaped


class NonsenseError(ValueError):
    """A receiver said what is no line of the protocol. The text says what is wrong with it."""


class Lines:
    """Whole lines from pieces. Raises NonsenseError when one becomes longer than any line may be."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are whole now, without their ends."""
        self._buffer += data
        end = self._buffer.rfind(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            self._check(self._searched)
            return []
        lines = bytes(self._buffer[:end]).split(b"\n")
        del self._buffer[: end + 1]
        self._searched = len(self._buffer)
        self._check(max(self._searched, *map(len, lines)))
        return lines

    def _check(self, length: int) -> None:
        if length > LONGEST_MESSAGE:
            self._buffer.clear()
            raise NonsenseError(f"a line is longer than {LONGEST_MESSAGE:,} bytes")


# --- what a receiver says ---------------------------------------------------------------------------------------------


class Message(NamedTuple):
    """One unit of work. `sent`: seconds since 1970, None if the queue does not know."""

    id: str
    body: bytes
    receives: int
    sent: float | None
    attributes: Mapping[str, str]
    receipt: str


class Settled(NamedTuple):
    """These need nothing any more: what was asked for them is done."""

    ids: tuple[str, ...]


class Lost(NamedTuple):
    """The receiver has this message no longer; somebody else may."""

    id: str


class Waiting(NamedTuple):
    """So many messages wait in the queue."""

    messages: int


class Trouble(NamedTuple):
    """The queue cannot be used, because of this; one line, fit to be shown."""

    words: str


class Connected(NamedTuple):
    """The queue can be used (again). `max_receives`: after so many it sets a message aside itself; None: never."""

    max_receives: int | None = None


class Stopped(NamedTuple):
    """No more messages will come."""


Said = Message | Settled | Lost | Waiting | Trouble | Connected | Stopped

STOPPED: Final = b'{"stopped": true}\n'


def message(given: Message) -> bytes:
    """Its line. The body must not be longer than `LONGEST_BODY`."""
    fields = {"message": given.id, **_body(given.body), "receives": given.receives, "sent": given.sent}
    return _line({**fields, "attributes": bounded(given.attributes), "receipt": given.receipt})


def settled(ids: Iterable[str]) -> bytes:
    """One line, or more if there are many."""
    return b"".join(_line({"settled": part}) for part in _parts(ids))


def lost(which: str) -> bytes:
    """The line for a message that the receiver has no longer."""
    return _line({"lost": which})


def waiting(count: int) -> bytes:
    """The line for how many messages wait."""
    return _line({"waiting": count})


def error(words: str) -> bytes:
    """The line for a queue that cannot be used."""
    return _line({"error": sayable(words) or "it gives no reason"})


def ok(max_receives: int | None = None) -> bytes:
    """The line for a queue that can be used, and what is known of it."""
    return _line({"ok": True} if max_receives is None else {"ok": True, "max_receives": max_receives})


def said(line: bytes) -> Said:
    """What a receiver says with this line. Raises NonsenseError, and nothing else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise NonsenseError("a line is no JSON") from None
    if not isinstance(found, dict):
        raise NonsenseError("a line is no JSON object")
    if "message" in found:
        return _message_in(found)
    if len(line) > LONGEST_LINE:
        raise NonsenseError(f"a line without a message is longer than {LONGEST_LINE:,} bytes")
    for word, read in _SAID.items():
        if word in found:
            known: Said = read(found)
            return known
    raise NonsenseError(f"a line has no word of the protocol: {sayable(line[:100].decode(errors='replace'))}")


def bounded(attributes: Mapping[Any, Any]) -> dict[str, str]:
    """As many attributes as may be passed on, in their order: text without NUL, not too many, not too long."""
    kept: dict[str, str] = {}
    room = LONGEST_ATTRIBUTES
    for name, value in attributes.items():
        if _is_text(name) and _is_text(value) and name and len(kept) < MOST_ATTRIBUTES:
            room -= len(name) + len(value)
            if room < 0:
                break
            kept[name] = value
    return kept


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a pair
        return False
    return True


def _body(body: bytes) -> dict[str, str]:
    """Text as it is, unless escapes make it longer than base64."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {"body64": b64encode(body).decode()}
    if len(body) > _PIECE and len(json.dumps(text, ensure_ascii=False)) > len(body) * 4 // 3:
        return {"body64": b64encode(body).decode()}
    return {"body": text}


def _message_in(found: Mapping[str, Any]) -> Message:
    which = _id(found["message"])
    receives = _whole(found, "receives", 1, MOST_RECEIVES, 1)
    sent, receipt = found.get("sent"), found.get("receipt", which)
    if not _is_text(receipt) or len(receipt) > LONGEST_RECEIPT:
        raise NonsenseError(f"message {which}: receipt is no text of at most {LONGEST_RECEIPT:,} characters")
    attributes = found.get("attributes", {})
    if not isinstance(attributes, dict):
        raise NonsenseError(f"message {which}: attributes is no object")
    when = None if sent is None else _moment(sent, f"message {which}: sent")
    return Message(which, _body_in(found, which), receives, when, bounded(attributes), receipt)


def _body_in(found: Mapping[str, Any], which: str) -> bytes:
    plain, coded = found.get("body"), found.get("body64")
    try:
        if isinstance(plain, str) and coded is None:
            body = plain.encode()
        elif isinstance(coded, str) and plain is None:
            body = b64decode(coded, validate=True)
        else:
            raise NonsenseError(f"message {which}: needs body or body64, one of them, as text")
    except (ValueError, UnicodeEncodeError) as problem:
        if isinstance(problem, NonsenseError):
            raise
        raise NonsenseError(f"message {which}: the body cannot be read") from None
    if len(body) > LONGEST_BODY:
        raise NonsenseError(f"message {which}: the body has {len(body):,} bytes, more than {LONGEST_BODY:,}")
    return body


def _id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not value.isprintable():
        raise NonsenseError(f"an id is no printable text of 1 to {LONGEST_ID} characters")
    return value


def _settled_in(found: Mapping[str, Any]) -> Settled:
    if not isinstance(found["settled"], list):
        raise NonsenseError("settled is no list of ids")
    return Settled(tuple(map(_id, found["settled"])))


def _moment(value: object, what: str) -> float | None:
    """Seconds since 1970; None: before that or after `LATEST`, as who sends a message may make it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NonsenseError(f"{what} is no number")
    return float(value) if 0 <= value < LATEST else None  # NaN is not, either


def _whole(found: Mapping[str, Any], name: str, least: int, most: int, default: int | None = None) -> int:
    value = found.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise NonsenseError(f"{name} is no whole number >= {least}")
    return min(value, most)


def _connected_in(found: Mapping[str, Any]) -> Connected:
    _check_true(found, "ok")
    return Connected(_whole(found, "max_receives", 1, MOST_RECEIVES) if "max_receives" in found else None)


def _stopped_in(found: Mapping[str, Any]) -> Stopped:
    _check_true(found, "stopped")
    return Stopped()


def _check_true(found: Mapping[str, Any], word: str) -> None:
    if found[word] is not True:
        raise NonsenseError(f"{word} is not true")


_SAID: Final[Mapping[str, Any]] = {
    "settled": _settled_in,
    "lost": lambda found: Lost(_id(found["lost"])),
    "waiting": lambda found: Waiting(_whole(found, "waiting", 0, MOST_WAITING)),
    "error": lambda found: Trouble(sayable(found["error"]) or "it gives no reason"),
    "ok": _connected_in,
    "stopped": _stopped_in,
}


# --- what minisup says ------------------------------------------------------------------------------------------------


class Source(NamedTuple):
    """The first line: the queue, and how to use it."""

    settings: Mapping[str, Any]


class Known(NamedTuple):
    """Messages that runs have from an earlier receiver: the receipt of each by its id."""

    receipts: Mapping[str, str]


class Credit(NamedTuple):
    """So many messages may come, counted from the moment when `given` had come since the receiver's start."""

    messages: int
    given: int


class Ack(NamedTuple):
    """Done: remove them."""

    ids: tuple[str, ...]


class Return(NamedTuple):
    """Give it back; nobody is to get it before `delay` seconds are over."""

    id: str
    delay: float


class Reject(NamedTuple):
    """Set it aside."""

    id: str
    reason: str


class Keep(NamedTuple):
    """These are in work: nobody else is to get them within `lease` seconds."""

    ids: tuple[str, ...]
    lease: float


class Stop(NamedTuple):
    """Receive nothing more; what is under way may take so many seconds."""

    seconds: float


Told = Source | Known | Credit | Ack | Return | Reject | Keep | Stop


def source(settings: Mapping[str, Any]) -> bytes:
    """The first line that a receiver gets."""
    return _line({"source": settings})


def known(receipts: Mapping[str, str]) -> bytes:
    """Lines for what runs have from an earlier receiver; empty if there is nothing."""
    pairs = dict(receipts)
    parts = _parts(pairs, lambda which: len(which) + len(pairs[which]))
    return b"".join(_line({"known": {which: pairs[which] for which in part}}) for part in parts)


def credit(messages: int, given: int) -> bytes:
    """A line for how many may come now, when so many have come since the receiver's start.

    What matters to the receiver is the sum: as long as that stays the same, no new line is needed.
    """
    return b'{"credit": %d, "given": %d}\n' % (min(max(messages, 0), MOST_CREDIT), given)


def ack(ids: Iterable[str]) -> bytes:
    """One line, or more if there are many."""
    return b"".join(_line({"ack": part}) for part in _parts(ids))


def give_back(which: str, delay: float) -> bytes:
    """The line for a message that others may get after `delay` seconds."""
    return _line({"return": which, "delay": delay})


def reject(which: str, reason: str) -> bytes:
    """The line for a message that is to be set aside."""
    return _line({"reject": which, "reason": sayable(reason)})


def keep(ids: Iterable[str], lease: float) -> bytes:
    """One line, or more if there are many."""
    return b"".join(_line({"keep": part, "lease": lease}) for part in _parts(ids))


def stop(seconds: float) -> bytes:
    """The line that ends receiving."""
    return _line({"stop": seconds})


def told(line: bytes) -> Told | None:
    """What minisup says with this line; None: nothing that this version knows."""
    try:
        found = json.loads(line)
        return next((read(found) for word, read in _TOLD.items() if word in found), None)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _credit(found: Mapping[str, Any]) -> Credit:
    return Credit(int(found["credit"]), int(found["given"]))


_TOLD: Final[Mapping[str, Any]] = {
    "credit": _credit,
    "ack": lambda found: Ack(tuple(found["ack"])),
    "keep": lambda found: Keep(tuple(found["keep"]), _finite(found["lease"])),
    "return": lambda found: Return(found["return"], _finite(found.get("delay", 0.0))),
    "reject": lambda found: Reject(found["reject"], str(found.get("reason", ""))),
    "known": lambda found: Known(dict(found["known"])),
    "stop": lambda found: Stop(_finite(found["stop"])),
    "source": lambda found: Source(dict(found["source"])),
}


def _finite(value: Any) -> float:  # noqa: ANN401 - as JSON gave it
    number = float(value)
    if not isfinite(number) or number < 0:
        raise ValueError(value)
    return number


def _parts(ids: Iterable[str], size: Any = len) -> Iterable[list[str]]:  # noqa: ANN401 - a function
    part: list[str] = []
    room = _PIECE
    for which in ids:
        room -= 6 * size(which) + 6
        if room < 0 and part:
            yield part
            part, room = [], _PIECE - 6 * size(which) - 6
        part.append(which)
    if part:
        yield part


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode(errors="replace") + b"\n"
