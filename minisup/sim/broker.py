"""A simulated queue that hands out messages: hidden while somebody has them, and again after they were returned."""

from dataclasses import dataclass, field

from minisup.core.messages import Received, Settle, Settlement
from minisup.core.model import Instant


@dataclass(slots=True)
class Message:
    """One message. `visible` is when it may be received next; `receives` how often it has been."""

    name: str
    sent: Instant
    visible: Instant
    receives: int = 0
    given: bool = False


@dataclass(slots=True)
class Broker:
    """The queue of one program, first in first out among what is visible. `credit` is what the core allows."""

    program: str
    credit: int = 0
    on_its_way: int = 0  # messages that the core has not seen yet: they use up its credit
    away: bool = False  # it does not answer
    messages: dict[str, Message] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)  # acknowledged
    set_aside: list[str] = field(default_factory=list)
    receives: int = 0

    def send(self, name: str, now: Instant) -> None:
        """Somebody sends a message."""
        self.messages[name] = Message(name, now, now)

    def receive(self, now: Instant) -> Received | None:
        """The next message, if the core has credit for one and one is visible."""
        if self.credit <= 0 or self.away:
            return None
        message = next((one for one in self.messages.values() if not one.given and one.visible <= now), None)
        if message is None:
            return None
        self.credit -= 1
        self.on_its_way += 1
        self.receives += 1
        message.receives += 1
        message.given = True
        return Received(self.program, message.name, message.receives, now - message.sent)

    def settle(self, action: Settle, now: Instant) -> Instant | None:
        """The core has settled a message; returns when it is visible again, None: never."""
        message = self.messages[action.message]
        assert message.given, f"{action.message} is settled, but nobody has it"
        if action.how is Settlement.LEAVE:
            return None  # its lease would run out; here nothing has one
        message.given = False
        if action.how is Settlement.RETURN:
            message.visible = now + action.delay
            del self.messages[action.message]  # behind those that wait already
            self.messages[action.message] = message
            return message.visible
        (self.done if action.how is Settlement.ACK else self.set_aside).append(action.message)
        del self.messages[action.message]
        return None

    def next_visible(self, now: Instant) -> Instant | None:
        """When the next hidden message becomes visible; None: none will."""
        times = [one.visible for one in self.messages.values() if not one.given and one.visible > now]
        return min(times, default=None)
