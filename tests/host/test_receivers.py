"""What every receiver does, whatever its queue is: each as a real process, on a real queue, driven over its socket."""

import hashlib
import os
import signal
from collections.abc import Iterator

import pytest
from kit import SOON, Stage, Stopwatch, holds_for, wait_until
from queue_kit import DirectoryKit, ListKit, QueueKit, SqsKit, StreamKit
from sqs import Server

from minisup.receivers import protocol
from minisup.receivers.protocol import LONGEST_BODY

KINDS = ("directory", "stream", "list", "sqs")
MOST_MEMORY = {"directory": 12, "stream": 22, "list": 22, "sqs": 36}
"""MiB that belong to the process."""


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    stage = Stage(tmp_path_factory.mktemp("moto"))
    yield Server(stage)
    stage.close()


@pytest.fixture(params=KINDS)
def kit(request: pytest.FixtureRequest, stage: Stage) -> Iterator[QueueKit]:
    kit: QueueKit
    match request.param:
        case "directory":
            kit = DirectoryKit(stage)
        case "stream":
            kit = StreamKit(stage)
        case "list":
            kit = ListKit(stage)
        case _:
            server = request.getfixturevalue("moto")
            kit = SqsKit(stage, server, f"mail-{os.path.basename(stage.mark)}")
    yield kit
    kit.close()


def test_a_message_comes_with_what_is_known_of_it_and_goes_with_its_ack(kit: QueueKit) -> None:
    kit.push("größer 🐘".encode())
    it = kit.receiver()
    [message] = it.take()
    assert (message.body.decode(), message.receives) == ("größer 🐘", 1)
    assert kit.left() == 1
    it.ack(message.id)
    assert kit.left() == 0
    it.ready()
    it.credit(1)
    it.until(lambda: it.waiting == 0, "nothing waits")
    assert it.pss() < MOST_MEMORY[kit.kind]
    assert it.end() == 0


def test_nothing_comes_without_credit_and_never_more_than_there_is(kit: QueueKit) -> None:
    kit.push(*(b"%d" % number for number in range(5)))
    it = kit.receiver().ready()
    it.until(lambda: it.waiting == 5, "five wait")
    assert it.messages == []
    first = it.take(2)
    it.credit(0)
    holds_for(lambda: (it.read(), len(it.messages) == 2)[1], 0.3, "two, and no more")
    rest = it.take(3)
    assert sorted(message.body for message in [*first, *rest]) == [b"0", b"1", b"2", b"3", b"4"]
    it.ack(*(message.id for message in [*first, *rest]))
    assert kit.left() == 0
    it.end()


def test_a_message_given_back_comes_again_after_its_delay_with_another_receive_counted(kit: QueueKit) -> None:
    kit.push(b"again")
    it = kit.receiver()
    [message] = it.take()
    watch = Stopwatch()
    it.give_back(message.id, 1.0)
    [again] = it.take()
    assert 0.9 < watch.seconds < 4.0
    assert (again.id, again.body, again.receives) == (message.id, b"again", 2)
    it.give_back(again.id)
    [third] = it.take()
    assert third.receives == 3
    it.ack(third.id)
    assert kit.left() == 0
    it.end()


def test_a_rejected_message_is_set_aside_and_brought_back_by_redrive(
    kit: QueueKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (kit.env or {}).items():
        monkeypatch.setenv(name, value)
    kit.push(b"bad")
    it = kit.receiver()
    [message] = it.take()
    it.reject(message.id, "exit 65")
    wait_until(lambda: kit.dead() == [b"bad"], SOON, "it is among the dead letters")
    assert kit.left() == 0
    with kit.queue() as queue:
        assert queue.redrive() == 1
    [again] = it.take()
    assert (again.body, again.receives) == (b"bad", 1)
    it.ack(again.id)
    assert (kit.left(), kit.dead()) == (0, [])
    it.end()


def test_a_receiver_that_was_killed_is_followed_by_one_that_keeps_and_settles_what_runs_have(kit: QueueKit) -> None:
    kit.push(b"one", b"two", b"three")
    first = kit.receiver()
    messages = first.take(3)
    first.kill()
    second = kit.receiver(known=first.receipts())
    one, two, three = (message.id for message in messages)
    second.tell(protocol.keep([one, two, three], 60.0))
    second.ack(one)
    second.reject(two, "bad")
    second.give_back(three)
    [again] = second.take(1)
    assert (again.id, second.lost) == (three, [])
    second.ack(three)
    wait_until(lambda: kit.dead() == [messages[1].body], SOON, "set aside; of SQS when it comes, with its text, again")
    wait_until(lambda: kit.left() == 0, SOON, "nothing is left")
    second.end()


def test_what_a_dead_receiver_was_given_comes_again_after_its_lease_and_not_before(kit: QueueKit) -> None:
    kit.push(b"forsaken")
    first = kit.receiver(lease=2.0)
    [message] = first.take()
    watch = Stopwatch()
    first.kill()
    second = kit.receiver(lease=2.0)
    [again] = second.take()
    assert watch.seconds > 1.5
    assert (again.body, again.receives) == (b"forsaken", 2)
    assert again.id == message.id
    second.ack(again.id)
    assert kit.left() == 0
    second.end()


def test_a_message_that_is_kept_stays_hidden_from_others_for_longer_than_its_lease(kit: QueueKit) -> None:
    kit.push(b"long")
    first, second = kit.receiver(lease=2.0), kit.receiver(lease=2.0)
    [message] = first.take()
    second.credit(1)
    watch = Stopwatch()
    while watch.seconds < 3.5:
        first.tell(protocol.keep([message.id], 2.0))
        holds_for(lambda: (second.read(), not second.messages)[1], 0.5, "nobody else gets it")
    first.ack(message.id)
    assert kit.left() == 0
    assert first.lost == []
    first.end()
    second.end()


def test_a_receiver_that_was_stopped_for_longer_than_the_lease_says_what_it_lost(kit: QueueKit) -> None:
    kit.push(b"stolen")
    first, second = kit.receiver(lease=1.0), kit.receiver(lease=1.0)
    [message] = first.take()
    first.process.send_signal(signal.SIGSTOP)
    [again] = second.take()
    assert (again.body, again.receives) == (b"stolen", 2)
    first.process.send_signal(signal.SIGCONT)
    second.tell(protocol.keep([again.id], 60.0))
    if kit.kind == "sqs":  # an old receipt may go on to work there
        first.tell(protocol.keep([message.id], 1.0))
    else:
        first.tell(protocol.give_back(message.id, 0.0))
        first.until_lost(message.id)
    second.ack(again.id)
    assert kit.left() == 0
    first.end()
    second.end()


def test_two_receivers_on_one_queue_share_its_messages_and_double_none(kit: QueueKit) -> None:
    bodies = [b"%d" % number for number in range(40)]
    kit.push(*bodies)
    both = [kit.receiver(), kit.receiver()]
    taken = [message for _ in range(4) for it in both for message in it.take(5)]
    assert sorted(message.body for message in taken) == sorted(bodies)
    for it in both:
        it.ack(*(message.id for message in it.messages))
        it.end()
    assert kit.left() == 0


@pytest.mark.parametrize("body", [b"x" * LONGEST_BODY, b'{"json": "\\u0000"}\n', "🐘".encode() * 1000])
def test_bodies_of_text_are_exact_to_the_byte(kit: QueueKit, body: bytes) -> None:
    if kit.kind == "sqs" and len(body) == LONGEST_BODY:
        body = body[: 255 << 10]  # moto allows what Amazon did until 2025
    kit.push(body)
    it = kit.receiver()
    [message] = it.take()
    assert hashlib.sha256(message.body).digest() == hashlib.sha256(body).digest()
    it.ack(message.id)
    it.end()


@pytest.mark.parametrize("body", [b"", bytes(LONGEST_BODY), bytes(range(256)) * 4096, b"\xff\xfe", b"a\0b"])
def test_bodies_of_bytes_are_exact_too_where_the_queue_can_hold_them(kit: QueueKit, body: bytes) -> None:
    if kit.kind == "sqs":
        pytest.skip("SQS holds text")
    kit.push(body)
    it = kit.receiver()
    [message] = it.take()
    assert hashlib.sha256(message.body).digest() == hashlib.sha256(body).digest()
    it.ack(message.id)
    assert kit.left() == 0
    it.end()


def test_lines_that_no_minisup_says_do_no_harm(kit: QueueKit) -> None:
    kit.push(b"fine")
    it = kit.receiver()
    it.tell(b'garbage\n\xff\xfe\n[]\n{"credit": "many"}\n{"hello": 1}\n\n' + b"x" * 100_000 + b"\n")
    it.tell(protocol.ack(["nobody"]) + protocol.give_back("nothing", 1.0) + protocol.keep(["none"], 1.0))
    for which in ("nobody", "nothing", "none"):
        it.until_lost(which)
    [message] = it.take()
    it.ack(message.id)
    it.end()


def test_it_ends_with_its_socket_and_not_by_a_term(kit: QueueKit) -> None:
    it = kit.receiver().ready()
    it.credit(1)
    it.process.send_signal(signal.SIGTERM)
    it.process.send_signal(signal.SIGINT)
    kit.push(b"still here")
    it.until(lambda: it.messages, "it goes on")
    watch = Stopwatch()
    it.tell(protocol.ack([it.messages[0].id]))  # the last word before the end is heard
    assert it.end() == 0
    assert watch.seconds < 5
    assert kit.left() == 0


def test_after_a_stop_nothing_comes_and_what_is_in_work_can_be_settled(kit: QueueKit) -> None:
    kit.push(b"in work")
    it = kit.receiver()
    [message] = it.take()
    it.credit(1)
    watch = Stopwatch()
    it.stop(10.0)
    assert watch.seconds < 4.0
    kit.push(b"too late")
    holds_for(lambda: (it.read(), len(it.messages) == 1)[1], 0.3, "nothing comes any more")
    it.ack(message.id)
    assert kit.left() == 1
    it.end()


def test_a_minisup_that_does_not_read_is_not_waited_for_and_does_not_fill_the_memory(kit: QueueKit) -> None:
    if kit.kind == "sqs":
        pytest.skip("the same channel; moto is too slow for so much")
    kit.push(*(bytes(LONGEST_BODY) for _ in range(16)))
    it = kit.receiver()
    it.tell(protocol.credit(16, 0))
    wait_until(lambda: it.pss() > 8, SOON, "it has received something")
    holds_for(lambda: it.pss() < 40, 0.5, "it receives no more than a few")
    it.tell(b"".join(protocol.ack([f"nobody-{number}"]) for number in range(10)))  # it still listens
    it.until(lambda: len(it.messages) == 16 and len(it.lost) == 10, "all come when minisup reads")
    it.end()
