"""Redis as a queue: the server dies, hangs, comes back with and without what it knew; what others put into it."""

import signal
from collections.abc import Iterator

import pytest
from kit import SOON, Stage, holds_for, wait_until
from queue_kit import ListKit, StreamKit

from minisup.receivers import protocol
from minisup.receivers.protocol import LONGEST_BODY


@pytest.fixture
def stream(stage: Stage) -> Iterator[StreamKit]:
    kit = StreamKit(stage)
    yield kit
    kit.close()


@pytest.fixture
def queue(stage: Stage) -> Iterator[ListKit]:
    kit = ListKit(stage)
    yield kit
    kit.close()


@pytest.fixture(params=["stream", "list"])
def kit(request: pytest.FixtureRequest, stage: Stage) -> Iterator[StreamKit | ListKit]:
    kit = StreamKit(stage) if request.param == "stream" else ListKit(stage)
    yield kit
    kit.close()


def test_a_server_that_dies_is_told_once_and_a_settlement_is_tried_until_it_is_back(kit: StreamKit | ListKit) -> None:
    kit.push(b"one", b"two")
    it = kit.receiver()
    one, two = it.take(2)
    kit.client.save()
    kit.server.kill()
    it.tell(protocol.ack([one.id]))
    it.until(lambda: it.troubles, "it is told")
    holds_for(lambda: (it.read(), len(set(it.troubles)) == len(it.troubles) <= 2)[1], 1.0, "each reason once")
    assert it.settled == []
    said = len(it.said)
    kit.server.start()
    it.until(lambda: it.settled == [one.id], "it is settled when the server is back")
    assert protocol.Connected() in it.said[said:]
    it.ack(two.id)
    assert kit.left() == 0


def test_a_server_that_comes_back_empty_has_lost_what_was_in_work_and_goes_on(kit: StreamKit | ListKit) -> None:
    kit.push(b"one")
    it = kit.receiver()
    [message] = it.take()
    kit.server.kill()
    kit.server.start()
    it.credit(1)

    def is_lost() -> bool:
        it.tell(protocol.keep([message.id], 60.0))
        return message.id in it.lost

    it.until(is_lost, "it is lost")
    kit.push(b"two")
    it.until(lambda: it.messages[-1].body == b"two", "the next one comes")


def test_a_server_that_hangs_does_not_keep_the_receiver_from_its_end(kit: StreamKit | ListKit) -> None:
    it = kit.receiver().ready()
    it.credit(1)
    kit.server.process.send_signal(signal.SIGSTOP)
    try:
        assert it.end(limit=SOON) == 0
    finally:
        kit.server.process.send_signal(signal.SIGCONT)


def test_a_receive_that_waits_is_ended_at_once_by_a_stop_or_when_the_credit_is_taken_back(
    kit: StreamKit | ListKit,
) -> None:
    it = kit.receiver().ready()
    it.credit(1)
    it.until(lambda: _blocked(kit) == 1, "it waits")
    it.credit(0)
    it.until(lambda: _blocked(kit) == 0, "it does not wait any more")
    it.credit(1)
    it.until(lambda: _blocked(kit) == 1, "it waits again")
    it.stop(SOON)
    assert _blocked(kit) == 0


def _blocked(kit: StreamKit | ListKit) -> int:
    return int(kit.client.info("clients")["blocked_clients"])


def test_what_is_refused_is_told_in_the_servers_words(kit: StreamKit | ListKit) -> None:
    kit.client.config_set("requirepass", "secret")
    it = kit.receiver()
    it.until(lambda: it.troubles, "it is told")
    assert it.troubles[0].startswith("redis: NOAUTH")
    url = kit.url.replace("//", "//:secret@")
    kit.receiver(redis=url).ready()


def test_a_key_of_another_kind_is_told(kit: StreamKit | ListKit) -> None:
    kit.client.set("mail", "x")
    kit.client.set("post", "x")
    it = kit.receiver()
    it.credit(1)
    it.until(lambda: it.troubles, "it is told")
    assert "WRONGTYPE" in it.troubles[0]


def test_somebody_who_is_no_redis_is_told(stage: Stage, queue: ListKit) -> None:
    script = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
    script += "while True: c = s.accept()[0]; c.sendall(b'220 ready\\r\\n'); c.close()"
    mail = stage.popen(["python3", "-c", script], stdout=-1)
    it = queue.receiver(redis=f"redis://127.0.0.1:{int(mail.stdout.readline())}")
    it.until(lambda: it.troubles, "it is told")
    assert it.troubles[0].startswith("redis: ")


def test_what_is_too_long_is_set_aside(kit: StreamKit | ListKit) -> None:
    huge = bytes(LONGEST_BODY + 1)
    if isinstance(kit, StreamKit):
        kit.client.xadd("mail", {"body": huge})
    else:
        kit.client.lpush("post", huge)
    kit.push(b"fine")
    it = kit.receiver()
    [message] = it.take()
    assert message.body == b"fine"
    assert kit.dead() == [huge]
    assert "more than 1,048,576 bytes" in it.troubles[0]


# --- streams ----------------------------------------------------------------------------------------------------------


def test_entries_of_others_are_understood(stream: StreamKit) -> None:
    stream.client.xadd("mail", {"body": b"\xff", "kind": "a"})
    stream.client.xadd("mail", {"payload": "only"})
    stream.client.xadd("mail", {"a": "1", "b": "zwei ü"}, id="9999999999999-1")
    it = stream.receiver()
    first, second, third = it.take(3)
    assert (first.body, first.attributes) == (b"\xff", {"kind": "a"})
    assert (second.body, second.attributes) == (b"only", {})
    assert third.body.decode() == '{"a": "1", "b": "zwei ü"}'
    assert first.sent is not None


def test_an_entry_stays_for_another_group(stream: StreamKit) -> None:
    stream.push(b"both")
    stream.client.xgroup_create("mail", "audit", "0")
    it = stream.receiver()
    [message] = it.take()
    it.ack(message.id)
    assert stream.client.xlen("mail") == 1
    assert stream.client.xpending("mail", "senders")["pending"] == 0


def test_an_entry_that_was_deleted_while_it_waited_harms_nothing(stream: StreamKit) -> None:
    stream.push(b"gone", b"there")
    first = stream.receiver(lease=0.5)
    gone, there = first.take(2)
    stream.client.xdel("mail", gone.id)
    first.kill()
    second = stream.receiver(lease=0.5)
    [again] = second.take()
    assert again.id == there.id


def test_a_delay_longer_than_the_lease_is_kept(stream: StreamKit) -> None:
    stream.push(b"later")
    it, other = stream.receiver(lease=0.5), stream.receiver(lease=0.5)
    [message] = it.take()
    it.give_back(message.id, 2.0)
    other.credit(1)
    holds_for(lambda: (it.read(), other.read(), not other.messages)[2], 1.6, "it is hidden")
    wait_until(lambda: (other.read(), other.messages)[1], SOON, "it comes")


def test_a_receiver_that_ends_takes_its_name_off_the_group(stream: StreamKit) -> None:
    it = stream.receiver()
    stream.push(b"one")
    [message] = it.take()
    assert len(stream.client.xinfo_consumers("mail", "senders")) == 1
    it.ack(message.id)
    it.end()
    assert stream.client.xinfo_consumers("mail", "senders") == []


def test_push_keeps_attributes_in_a_stream_and_redrive_leaves_out_what_was_added(stream: StreamKit) -> None:
    with stream.queue() as queue:
        queue.push(b"body", {"kind": "a"})
    it = stream.receiver()
    [message] = it.take()
    it.reject(message.id, "exit 65")
    [(_, fields)] = stream.client.xrange("mail:dead")
    assert fields == {
        b"body": b"body", b"kind": b"a", b"minisup-id": message.id.encode(), b"minisup-reason": b"exit 65",
    }  # fmt: skip
    with stream.queue() as queue:
        assert queue.redrive() == 1
    [again] = it.take()
    assert again.attributes == {"kind": "a"}


# --- lists ------------------------------------------------------------------------------------------------------------


def test_equal_messages_are_two_messages_with_two_ids(queue: ListKit) -> None:
    queue.push(b"same", b"same", b"same")
    it = queue.receiver()
    taken = it.take(3)
    assert len({message.id for message in taken}) == 3
    it.ack(taken[0].id)
    assert queue.left() == 2
    it.give_back(taken[1].id)
    [again] = it.take()
    it.ack(again.id)
    it.ack(taken[2].id)
    assert queue.left() == 0


def test_a_list_leaves_nothing_behind_when_all_is_done(queue: ListKit) -> None:
    queue.push(b"one")
    it = queue.receiver()
    [message] = it.take()
    it.ack(message.id)
    it.end()
    assert queue.client.keys() == []


def test_the_first_in_is_the_first_out_also_when_it_comes_back_from_the_dead(queue: ListKit) -> None:
    queue.push(b"1", b"2", b"3")
    first = queue.receiver(lease=0.5)
    first.take(2)
    first.kill()
    second = queue.receiver(lease=0.5)
    wait_until(lambda: (second.read(), queue.client.llen("post") == 3)[1], SOON, "they are back")
    assert [message.body for message in second.take(3)] == [b"1", b"2", b"3"]


def test_a_unix_socket_is_a_way_too(stage: Stage, queue: ListKit) -> None:
    path = stage.socket.parent / "r"
    words = ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"]
    stage.popen(words, stdout=-3, stderr=-3, cwd=stage.root)
    wait_until(path.exists, SOON, "it listens")
    queue.receiver(redis=f"unix://{path}?db=1").ready()
