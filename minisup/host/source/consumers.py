"""The sources of all programs: from what receivers say to what the core hears, and from its decisions to the queues.

The daemon imports this when a program of its configuration has a source. Nothing here waits for a queue, a receiver or
a run.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple, Protocol

from minisup.config.keys.source_table import DeliverBy
from minisup.config.schema import Config, ProgramTable
from minisup.core.fleet import Fleet
from minisup.core.messages import (
    Deliver,
    Event,
    LeaseExpired,
    Measured,
    MessagesWaiting,
    Received,
    RunSurvived,
    Settle,
    Settlement,
    SourceDown,
    SourceUp,
    Spawn,
)
from minisup.core.model import Instant, Seconds
from minisup.host.loop import Loop
from minisup.host.output.log import OwnLog
from minisup.host.source.consumer import Consumer
from minisup.host.source.giving import (
    Places,
    ReadyRun,
    in_memory,
    remove_file,
    variables,
    write_file,
)
from minisup.host.source.ledger import DeliveryLedger, InWork
from minisup.host.source.receiver_process import ReceiverProcess
from minisup.host.source.settings import module_places, queue_name, settings_of
from minisup.host.start.helper import Helpers
from minisup.host.start.launcher import Launcher
from minisup.host.start.recipe import Recipe, RunInput
from minisup.host.start.recipes import Recipes
from minisup.host.state.statedir import StateDir
from minisup.receivers.protocol import Message, Said

BEGIN: Final = "import sys; sys.path += sys.argv[1:]; from minisup.receivers.__main__ import main; main()"

HELPER: Final = (sys.executable, "-I", "-c", BEGIN)
"""-I: neither a module of the job's directory or home nor a PYTHON variable of its environment is heard."""


class SourcesHost(Protocol):
    """What sources need of the supervisor."""

    config: Config
    console: OwnLog
    fleet: Fleet
    helpers: Helpers
    launcher: Launcher
    loop: Loop
    now: Callable[[], float]
    recipes: Recipes
    state: StateDir
    wall: Callable[[], float]

    def feed(self, event: Event) -> None:
        """Give one event to the core."""
        ...


class InHand(NamedTuple):
    """A message that is not settled, and where it came from."""

    message: Message
    consumer: Consumer


class Sources:
    """All consumers, the messages in work, and what their runs hold of them."""

    def __init__(self, desk: SourcesHost) -> None:
        self._desk = desk
        self._consumers: dict[str, Consumer] = {}
        self._marks: dict[str, str] = {}  # a fingerprint of where the messages of a program come from
        self._retired: list[Consumer] = []
        self._messages: dict[tuple[str, str], InHand] = {}
        self._ready: dict[int, ReadyRun] = {}  # by run
        self._files: dict[int, str] = {}  # by run
        self._places = Places()
        self._ledger = DeliveryLedger()
        self._until: Instant | None = None  # minisup leaves then, whatever is still to be settled

    # --- a minisup begins ---------------------------------------------------------------------------------------------

    def open(self) -> dict[tuple[str, int], InWork]:
        """Begin the record of messages in work; returns what an earlier minisup has left, by slot and run.

        What it had decided is said to the queue again.
        """
        if self._desk.state.path is None:
            return {}
        try:
            left = self._ledger.open(self._desk.state.path)
        except OSError as error:
            reason = error.strerror or str(error)
            self._desk.console.say(f"cannot keep which messages are in work: {reason}", "warning")
            return {}
        for entry in left:
            if entry.decided is not None:
                self._owe(entry, entry.decided)
        return {(entry.slot, entry.run): entry for entry in left if entry.decided is None}

    def _owe(self, entry: InWork, decided: Settle) -> None:
        consumer = self._of_mark(entry)
        if consumer is None:
            self._ledger.over(entry.program, entry.message)
        else:
            consumer.owe(decided, entry.receipt)

    def survived(self, event: RunSurvived, left: dict[tuple[str, int], InWork]) -> RunSurvived:
        """The event with the message that the run has in work, if that is known and its queue still is the same."""
        entry = left.pop((event.slot, event.run), None)
        consumer = None if entry is None else self._of_mark(entry)
        if entry is None or consumer is None:
            return event
        message = Message(entry.message, b"", entry.receives, None, {}, entry.receipt)
        self._messages[entry.program, entry.message] = InHand(message, consumer)
        consumer.adopt(entry.message, entry.receipt)
        return event._replace(message=entry.message, receives=entry.receives)

    def leave(self, left: Mapping[tuple[str, int], InWork]) -> None:
        """Runs that have ended while no minisup lived: their messages are left to their leases."""
        if left:
            self._ledger.forget(left.values())

    def _of_mark(self, entry: InWork) -> Consumer | None:
        if entry.program not in self._desk.config.programs:
            return None
        consumer = self._consumer(entry.program)
        return consumer if consumer is not None and self._marks.get(entry.program) == entry.source else None

    # --- what the core decides ----------------------------------------------------------------------------------------

    def allow(self, program: str, credit: int) -> None:
        """The program may receive so many messages."""
        consumer = self._consumer(program)
        if consumer is not None:
            consumer.allow(credit)

    def settle(self, action: Settle) -> None:
        """A message is no longer in work."""
        held = self._messages.pop((action.program, action.message), None)
        self._ledger.decided(action)
        if held is not None:
            held.consumer.settle(action)

    def prepare(self, wish: Spawn, recipe: Recipe) -> RunInput:
        """What the run needs to get its message. Raises OSError: it cannot be handed over now."""
        program = wish.slot.rpartition(":")[0]
        owner = owner_of(recipe)
        if wish.ready:
            meta = self._places.file(str(wish.run))
            ready = self._ready[wish.run] = ReadyRun(self._desk.loop, meta)
            return RunInput(ready.stdin, (os.fsencode(f"MINISUP_MESSAGE_META={meta}"),))
        message = self._messages[program, wish.message].message
        self._note(program, message, wish.slot, wish.run)
        made = variables(message, self._queue(program))
        if self._by_file(program):
            path = self._places.file(str(wish.run))
            write_file(path, message.body, owner)
            self._files[wish.run] = path
            return RunInput(None, (*made, os.fsencode(f"MINISUP_MESSAGE_FILE={path}")))
        return RunInput(in_memory(message.body, owner), tuple(made))

    def begun(self, wish: Spawn, given: RunInput) -> None:
        """The process exists, or there is none: what only the start needed is given back."""
        if given.stdin is not None and not wish.ready:
            os.close(given.stdin)

    def deliver(self, action: Deliver) -> None:
        """The run that is ready gets its message."""
        program = action.slot.rpartition(":")[0]
        message = self._messages[program, action.message].message
        self._note(program, message, action.slot, action.run)
        owner = owner_of(self._desk.recipes.of(action.slot))
        try:
            self._ready[action.run].deliver(message, self._queue(program), owner)
        except OSError as error:
            self._desk.console.say(f"cannot hand a message to {action.slot}: {error.strerror or error}", "warning")
            self._ready[action.run].fail()

    def ended(self, run: int) -> bool:
        """The run has ended; whether it had been ready and has read nothing of its message."""
        path = self._files.pop(run, None)
        if path is not None:
            remove_file(path)
        ready = self._ready.pop(run, None)
        return ready is not None and ready.close()

    def measured(self, program: str) -> Measured | None:
        """How many messages wait, for a program that scales by it; None: it has no source."""
        consumer = self._consumers.get(program)
        if consumer is None:
            return None
        error = consumer.error or "the source has not said yet how many messages wait"
        return Measured(program, consumer.waits, "" if consumer.waits is not None else error)

    # --- what the consumers hear --------------------------------------------------------------------------------------

    def received(self, consumer: Consumer, message: Message) -> bool:
        """A message has come; false: it is known already."""
        key = (consumer.program, message.id)
        if key in self._messages:  # its lease had run out, and its run goes on: from now on with the new receipt
            old = self._messages[key]
            self._messages[key] = InHand(old.message._replace(receipt=message.receipt), consumer)
            return False
        self._messages[key] = InHand(message, consumer)
        if self._desk.fleet.halted:
            self.settle(Settle(consumer.program, message.id, Settlement.RETURN))
            return True
        age = None if message.sent is None else max(0.0, self._desk.wall() - message.sent)
        self._desk.feed(Received(consumer.program, message.id, message.receives, age))
        return True

    def settled(self, consumer: Consumer, message: str) -> None:
        """The queue knows what became of a message."""
        self._ledger.over(consumer.program, message)

    def lost(self, consumer: Consumer, message: str) -> None:
        """Somebody else may have a message."""
        if (consumer.program, message) in self._messages:
            self._desk.feed(LeaseExpired(consumer.program, message))
        else:
            self._ledger.over(consumer.program, message)

    def waiting(self, consumer: Consumer, count: int) -> None:
        """So many messages wait."""
        self._desk.feed(MessagesWaiting(consumer.program, count))

    def down(self, consumer: Consumer, why: str) -> None:
        """The source does not work."""
        if self._consumers.get(consumer.program) is consumer:
            self._desk.feed(SourceDown(consumer.program, self._desk.recipes.concealed(why)))

    def up(self, consumer: Consumer, max_receives: int | None) -> None:
        """The source works."""
        if self._consumers.get(consumer.program) is consumer:
            self._desk.feed(SourceUp(consumer.program, max_receives))

    def idle(self, consumer: Consumer) -> None:
        """Nothing of a consumer is left."""
        if consumer in self._retired:
            self._retired.remove(consumer)
            consumer.close()

    # --- changes, and the end -----------------------------------------------------------------------------------------

    def reload(self, config: Config) -> None:
        """Another configuration: messages in work are settled with the queue that they came from."""
        for name, consumer in list(self._consumers.items()):
            program = config.programs.get(name)
            if program is not None and program.source is not None and self._mark(program) == self._marks[name]:
                continue
            del self._consumers[name]
            credit = consumer.credit
            self._retired.append(consumer)
            consumer.stop(0.0)
            if program is not None and program.source is not None:
                self.allow(name, credit)

    def look(self) -> None:
        """A child has been stopped, perhaps a receiver."""
        for consumer in self._all():
            consumer.look()

    def stop(self, within: Seconds) -> None:
        """Minisup shuts down within so many seconds: no more messages."""
        for consumer in self._all():
            consumer.stop(within)

    def linger(self, until: Instant) -> None:
        """All runs are over: what is to be settled has time until then."""
        self._until = until
        self._desk.loop.at(until, _nothing)

    @property
    def lingering(self) -> bool:
        """Whether a queue has still to be told something, and there is time for it."""
        if self._until is None or self._desk.now() >= self._until:
            return False
        return any(consumer.busy or not consumer.ended for consumer in self._all())

    def close(self) -> None:
        """Minisup leaves: what no queue has heard of is left to its lease, or said by the next minisup."""
        for consumer in self._all():
            consumer.close()
        for ready in self._ready.values():
            ready.close()
        self._ready.clear()
        self._places.remove()
        self._ledger.close()

    # --- helpers ------------------------------------------------------------------------------------------------------

    def _all(self) -> list[Consumer]:
        return [*self._consumers.values(), *self._retired]

    def _consumer(self, name: str) -> Consumer | None:
        """The program's consumer, made when it is first needed."""
        consumer = self._consumers.get(name)
        program = self._desk.config.programs.get(name)
        if consumer is not None or program is None or program.source is None:
            return consumer
        self._marks[name] = self._mark(program)
        source = program.source
        settings = settings_of(program)
        start = partial(self._start, name, program)
        consumer = Consumer(self._desk.loop, name, source.lease, program.retry, start, settings, self)
        self._consumers[name] = consumer
        return consumer

    def _start(
        self, name: str, program: ProgramTable, heard: Callable[[Said], bool], ended: Callable[[str], None]
    ) -> ReceiverProcess:
        recipe = self._desk.recipes.of_probe(name, program.receiver_command() or helper_command())
        desk = self._desk
        return ReceiverProcess(desk.loop, desk.launcher.spawner, desk.helpers, recipe, heard, ended)

    def _note(self, program: str, message: Message, slot: str, run: int) -> None:
        mark = self._marks.get(program, "")
        self._ledger.given(InWork(program, mark, message.id, message.receipt, message.receives, slot, run))

    def _queue(self, program: str) -> str:
        table = self._desk.config.programs.get(program)
        return program if table is None else queue_name(table)

    def _by_file(self, program: str) -> bool:
        table = self._desk.config.programs.get(program)
        return table is not None and table.source is not None and table.source.deliver is DeliverBy.FILE

    def _mark(self, program: ProgramTable) -> str:
        """Differs when the messages come from elsewhere, or are asked for in another way."""
        known = [settings_of(program), program.receiver_command(), program.identity, program.for_slot(0).environment]
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def owner_of(recipe: Recipe) -> tuple[int, int] | None:
    """Who is to own what the run reads; None: minisup's own user."""
    account = recipe.account
    if account is None or account.uid is None:
        return None
    return account.uid, -1 if account.gid is None else account.gid


def helper_command() -> tuple[str, ...]:
    """A receiver of ours, with the directories where this process finds its modules."""
    return (*HELPER, *module_places())


def _nothing() -> None:
    """Only the wake-up counts."""
