"""From the end of a run to the end of its message: each delivery is settled once.

    worked, recycled, idle         -> ack: the message is done
    rejected                       -> reject: set aside, and the worker is well
    failed, crashed, timeout, oom  -> return, hidden for longer each time, or for as long as the run asks
                                      (`asked_delay`); after `max_receives` receives: reject
    fatal, unstartable, stopped    -> return at once: the message is not to blame, whoever gets it next
    lost                           -> left to its lease: nobody knows what became of the run

What is still in hand when nobody may have it is returned at once, too. A message whose lease is lost is acknowledged
if its run has worked, and otherwise left: it is somebody else's by now.
"""

from dataclasses import replace

from minisup.core.deliveries import Deliveries, Delivery
from minisup.core.facts import MessageRejected, PoisonMessage
from minisup.core.messages import Record, Settle, Settlement
from minisup.core.model import COUNTED, MessageSource, Outcome, Seconds
from minisup.core.policy.backoff import DOUBLINGS
from minisup.core.policy.outcome import described
from minisup.core.slot import Slot
from minisup.core.state import State

EX_TEMPFAIL = 75
"""The exit code of sysexits.h for what may work later."""

LONGEST_HIDDEN = 43_200
"""Seconds that a run may ask for: as long as SQS hides a message."""

LONGEST_NUMBER = 9

DONE = frozenset({Outcome.WORKED, Outcome.RECYCLED, Outcome.IDLE})
"""Ends after which the message is acknowledged."""


def settle(state: State, slot: Slot, record: Record, *, unread: bool) -> None:
    """The run has ended: its message goes where the outcome says; one that it has not read is returned at once."""
    delivery = take_back(state, slot)
    source = slot.program.source
    action = decide(state, slot, delivery, record, unread=unread)
    if source is not None:
        count(source, action.how)
        if record.outcome in COUNTED and not unread and action.how is Settlement.RETURN:
            failed_again(state, slot, source, delivery, record)
        elif action.how in {Settlement.ACK, Settlement.REJECT}:
            source.forget(delivery.message)
    state.out.append(action)
    if action.how is Settlement.REJECT:
        state.note(MessageRejected(slot.name, record.run, delivery.message, delivery.receives, action.reason))
        set_aside(slot, record)


def failed_again(state: State, slot: Slot, source: Deliveries, delivery: Delivery, record: Record) -> None:
    """The message has failed: that is told when it is the message's own doing, and costs no token when it fails alone.

    Its `return_delay` and `max_receives` bound what it costs. An outage fails other messages, too, and they cost one.
    """
    if source.failed(delivery.message):
        state.note(PoisonMessage(slot.program.name, delivery.message, delivery.receives, record.cause))
    if source.is_alone_in_failing() and source.failures[delivery.message].times > 1:
        slot.next_start = replace(slot.next_start, needs_token=False)


def decide(state: State, slot: Slot, delivery: Delivery, record: Record, *, unread: bool) -> Settle:
    """What becomes of the message of a run that came to this."""
    program, outcome = slot.program.name, record.outcome
    source = slot.program.source
    if outcome in DONE:
        return Settle(program, delivery.message, Settlement.ACK)
    if outcome is Outcome.LOST or delivery.lost:
        return Settle(program, delivery.message, Settlement.LEAVE)
    why = described(outcome, record.code, record.signal, record.cause)
    if outcome is Outcome.REJECTED:
        return Settle(program, delivery.message, Settlement.REJECT, reason=why)
    if outcome not in COUNTED or source is None or unread:
        return Settle(program, delivery.message, Settlement.RETURN)
    if delivery.receives >= (source.max_receives or source.policy.max_receives):
        return Settle(program, delivery.message, Settlement.REJECT, reason=f"{why}; received {delivery.receives} times")
    asked = asked_delay(record)
    if asked is not None:
        return Settle(program, delivery.message, Settlement.RETURN, asked)
    delay = return_delay(source.policy, delivery.receives)
    return Settle(program, delivery.message, Settlement.RETURN, state.uniform(delay / 2, delay))


def return_delay(policy: MessageSource, receives: int) -> Seconds:
    """The longest that a message which has failed stays hidden, after its `receives`-th receive (1: the first)."""
    return min(policy.max_return_delay, policy.return_delay * 2.0 ** min(receives - 1, DOUBLINGS))


def asked_delay(record: Record) -> Seconds | None:
    """How long the run asks its message to stay hidden: exit 75, and a last line that ends `return after 30 s`.

    `minisup post` says so for a service that answers 429 or 503 with `Retry-After`. None: it asks for nothing.
    """
    number = record.cause.removesuffix(" s").rpartition("return after ")[2]
    asks = record.code == EX_TEMPFAIL and record.cause.endswith(f"return after {number} s")
    if not asks or not number.isdecimal() or len(number) > LONGEST_NUMBER:
        return None
    return float(min(int(number), LONGEST_HIDDEN))


def take_back(state: State, slot: Slot) -> Delivery:
    """The slot's message is no longer in work."""
    delivery, slot.delivery = slot.delivery, None
    assert delivery is not None
    del state.in_work[slot.program.name, delivery.message]
    return delivery


def give_back(state: State, slot: Slot) -> None:
    """The run that was to have the message does not start: it is returned at once."""
    delivery = take_back(state, slot)
    if slot.program.source is not None:
        count(slot.program.source, Settlement.RETURN)
    send_back(state, slot.program.name, delivery.message)


def send_back(state: State, program: str, message: str) -> None:
    """Return a message that no run has had."""
    state.in_work.pop((program, message), None)
    state.out.append(Settle(program, message, Settlement.RETURN))


def count(source: Deliveries, how: Settlement) -> None:
    """Count a settlement."""
    if how is Settlement.ACK:
        source.acked += 1
        source.stats.acked += 1
    elif how is Settlement.RETURN:
        source.returned += 1
        source.stats.returned += 1
    elif how is Settlement.REJECT:
        source.rejected += 1
        source.stats.rejected += 1


def set_aside(slot: Slot, record: Record) -> None:
    """A message that had failed is set aside: if it was the only one that failed, nothing is failing any more."""
    program = slot.program
    source = program.source
    if record.outcome in COUNTED and source is not None and not source.suspects and not program.holds.for_cause:
        program.failing.end()
