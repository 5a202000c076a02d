"""An SQS queue: its own redrive policy, FIFO groups, twelve hours, what it refuses, and a server that is away."""

import json
import time
from collections.abc import Iterator

import pytest
from kit import SOON, Stage, Stopwatch, holds_for, wait_until
from queue_kit import SqsKit
from sqs import Server

from minisup.receivers import protocol
from minisup.receivers.protocol import Connected
from minisup.receivers.sqs import Held
from minisup.receivers.sqs_queue import LONGEST_HIDDEN


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    stage = Stage(tmp_path_factory.mktemp("moto"))
    yield Server(stage)
    stage.close()


@pytest.fixture
def kit(stage: Stage, moto: Server) -> Iterator[SqsKit]:
    kit = SqsKit(stage, moto, f"mail-{stage.mark}")
    yield kit
    kit.close()


def test_a_rejected_message_without_dead_letter_is_set_aside_by_the_queue_and_no_run_gets_it_again(
    kit: SqsKit,
) -> None:
    dead = kit.client.get_queue_attributes(QueueUrl=kit.dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 3})
    kit.client.set_queue_attributes(QueueUrl=kit.url, Attributes={"RedrivePolicy": policy})
    kit.push(b"bad")
    it = kit.receiver(dead_letter=None)
    [message] = it.take()
    it.reject(message.id, "exit 65")
    it.credit(1)
    kit.push(b"good")
    it.until(lambda: it.messages[1:], "the next one comes")
    it.ack(it.messages[1].id)
    it.credit(1)  # without credit nothing is received, and the queue counts receives
    wait_until(lambda: kit.dead() == [b"bad"], SOON, "the queue has set it aside")
    assert [one.body for one in it.messages] == [b"bad", b"good"]
    it.until(lambda: Connected(3) in it.said, "minisup knows after how many receives")


def test_a_rejected_message_that_has_nowhere_to_go_stays_and_that_is_told(kit: SqsKit) -> None:
    kit.push(b"bad")
    it = kit.receiver(dead_letter=None)
    [message] = it.take()
    it.reject(message.id, "exit 65")
    where = "nowhere, it stays in the queue: that has no redrive policy, and no dead_letter is named"
    assert it.troubles == [f"set aside {message.id}: {where}"]
    it.credit(1)
    holds_for(lambda: (it.read(), len(it.messages) == 1)[1], 0.5, "it does not come at once")
    assert kit.left() == 1


def test_a_dead_letter_has_the_attributes_the_id_and_the_reason(kit: SqsKit) -> None:
    attribute = {
        "kind": {"DataType": "String", "StringValue": "größe"},
        "n": {"DataType": "Number", "StringValue": "7"},
    }
    kit.client.send_message(QueueUrl=kit.url, MessageBody="bad", MessageAttributes=attribute)
    it = kit.receiver()
    [message] = it.take()
    assert message.attributes["kind"] == "größe"
    assert message.attributes["n"] == "7"
    assert abs(int(message.attributes["ApproximateFirstReceiveTimestamp"]) / 1000 - time.time()) < SOON
    it.reject(message.id, "exit 65")
    [dead] = kit.client.receive_message(QueueUrl=kit.dead_url, MessageAttributeNames=["All"])["Messages"]
    values = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert values == {"kind": "größe", "n": "7", "minisup-id": message.id, "minisup-reason": "exit 65"}


def test_a_fifo_group_keeps_its_order_and_others_go_on_meanwhile(stage: Stage, moto: Server) -> None:
    client = moto.client()
    options = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "60"}
    url = client.create_queue(QueueName=f"{stage.mark}.fifo", Attributes=options)["QueueUrl"]
    for group in ("a", "b"):
        for number in range(3):
            client.send_message(QueueUrl=url, MessageBody=f"{group}{number}", MessageGroupId=group)
    kit = SqsKit(stage, moto, f"mail-{stage.mark}")
    it = kit.receiver(sqs=url, dead_letter=None)
    order: list[str] = []
    for _ in range(3):
        pair = it.take(2)
        assert len({message.attributes["MessageGroupId"] for message in pair}) == 2
        order += [message.body.decode() for message in pair]
        it.ack(*(message.id for message in pair))
    assert [body for body in order if body[0] == "a"] == ["a0", "a1", "a2"]
    assert [body for body in order if body[0] == "b"] == ["b0", "b1", "b2"]
    client.close()
    kit.close()


def test_an_empty_queue_is_asked_once_a_poll(stage: Stage) -> None:
    kit = SqsKit(stage, Server(stage), "mail")  # a server of its own: its requests are counted
    it = kit.receiver().ready()
    it.until(lambda: it.waiting == 0, "it is empty")
    before = _requests(kit)
    it.credit(5)
    holds_for(lambda: True, 3.0, "a poll and a half pass")
    assert _requests(kit) - before <= 3
    kit.close()


def _requests(kit: SqsKit) -> int:
    return kit.server.log.read_text().count("HTTP/1.1")


def test_a_poll_that_is_under_way_is_waited_for_when_receiving_stops_and_its_message_given_back(kit: SqsKit) -> None:
    it = kit.receiver(poll=5).ready()
    it.credit(1)
    it.until(lambda: it.waiting == 0, "it polls")
    holds_for(lambda: True, 0.5, "it still does")
    it.tell(protocol.stop(20.0))
    kit.push(b"late")
    watch = Stopwatch()
    it.stop(20.0)
    assert watch.seconds < 10
    assert it.messages == []
    it.end()
    other = kit.receiver()
    [message] = other.take(limit=10)
    assert (message.body, message.receives) == (b"late", 2), "the poll that was under way had brought it"


def test_a_queue_that_does_not_exist_is_told_in_amazons_words(kit: SqsKit) -> None:
    it = kit.receiver(sqs=f"{kit.url}-nowhere")
    it.credit(1)
    it.until(lambda: it.troubles, "it is told")
    assert it.troubles[0].startswith("sqs: NonExistentQueue: ") or "QueueDoesNotExist" in it.troubles[0]


def test_a_server_that_is_away_is_told_and_a_settlement_is_tried_until_it_is_back(stage: Stage) -> None:
    server = Server(stage)
    kit = SqsKit(stage, server, "mail")
    kit.push(b"one")
    it = kit.receiver()
    [message] = it.take()
    server.kill()
    it.tell(protocol.ack([message.id]))
    it.until(lambda: it.troubles, "it is told")
    assert it.settled == []
    server.start()  # moto comes back empty, so the queue is made again; its receipts are void
    kit.client.create_queue(QueueName="mail")
    it.until(lambda: message.id in [*it.settled, *it.lost], "there is an answer")
    it.credit(1)
    kit.push(b"two")
    it.until(lambda: len(it.messages) == 2, "it goes on")
    it.end()
    kit.close()


def test_somebody_who_is_no_sqs_is_told(stage: Stage, kit: SqsKit) -> None:
    script = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
    script += "while True: c = s.accept()[0]; c.recv(9); c.sendall(b'220 ready\\r\\n'); c.close()"
    mail = stage.popen(["python3", "-c", script], stdout=-1)
    it = kit.receiver(sqs=f"http://127.0.0.1:{int(mail.stdout.readline())}/1/mail")
    it.credit(1)
    it.until(lambda: it.troubles, "it is told")
    assert it.troubles[0].startswith("sqs: ")


def test_a_message_is_hidden_for_twelve_hours_from_its_receive_and_no_longer() -> None:
    now = time.time()
    assert Held("x", now).hidden(120.0) == 120
    assert Held("x", now).hidden(1e6) <= LONGEST_HIDDEN - 5
    assert 90 <= Held("x", now - LONGEST_HIDDEN + 100).hidden(120.0) <= 95
    assert Held("x", now - LONGEST_HIDDEN).hidden(120.0) == 0


def test_a_message_that_was_received_twelve_hours_ago_is_lost(kit: SqsKit) -> None:
    kit.push(b"old")
    first = kit.receiver()
    [message] = first.take()
    first.kill()
    since, _, handle = message.receipt.partition(" ")
    it = kit.receiver(known={message.id: f"{int(since) - LONGEST_HIDDEN - 1} {handle}", "odd": "no receipt"})
    it.until_lost("odd")
    it.tell(protocol.keep([message.id], 60.0))
    it.until_lost(message.id)
