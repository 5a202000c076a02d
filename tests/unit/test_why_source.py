"""What `why` says of a program with a source."""

from test_why import facts, words, world_of

from minisup.cli.status.table import ASCII_GLYPHS, GLYPHS, sign_of
from minisup.core.messages import SourceDown, SourceUp
from minisup.core.model import MessageSource, Policy
from minisup.sim.jobs import Job


def fed(**source):
    return Policy(name="sms", source=MessageSource(**source))


def world_with(*policies, seconds=0.0):
    world = world_of(*policies, job=Job(lasts=0.5), seconds=seconds)
    world.feed(SourceUp("sms"))
    return world


def test_an_empty_queue_says_for_how_long_there_was_no_message_and_what_gives_it_one():
    text = words(world_with(fed(), seconds=180.0))
    assert text.splitlines()[0] == "sms is waiting: no message for 3 m."
    assert "  Source    0 in work; since minisup started 0 done, 0 returned, 0 set aside" in text
    assert "minisup push sms FILE  give it a message" in text
    assert "redrive" not in text


def test_a_queue_that_does_not_answer_is_said_with_its_words():
    world = world_with(fed(), seconds=10.0)
    world.feed(SourceDown("sms", "AccessDenied: not you\x1b"))
    world.run(120.0)
    text = words(world)
    assert text.splitlines()[0] == "sms is waiting: the queue does not answer."
    assert "  Source    it has not answered for 2 m: AccessDenied: not you" in text
    assert "\x1b" not in text
    assert "runs in progress go on" in text
    assert "minisup push" not in text


def test_a_process_that_is_ready_waits_for_its_message():
    text = words(world_with(fed(warm=1), seconds=10.0))
    assert "1 process is ready and waits for its message" in text


def test_what_waits_and_what_was_set_aside_is_counted():
    world = world_of(fed(max_receives=1), job=Job(lasts=0.5, code=1), seconds=1.0)
    world.send("sms", "m1")
    world.run(5.0)
    text = words(world)
    assert "1 set aside" in text
    assert "minisup redrive sms" in text


def test_a_source_that_was_never_heard_of_has_not_answered_yet():
    world = world_of(fed(), seconds=1.0)
    assert facts(world)["source"]["state"] in {"starting", "ok"}
    assert "  Source    " in words(world)


def test_a_ready_slot_has_a_sign_of_its_own():
    world = world_with(fed(warm=1), seconds=10.0)
    (slot,) = facts(world)["slots"]
    assert (slot["phase"], sign_of(slot)) == ("ready", "ready")
    assert {GLYPHS["ready"], ASCII_GLYPHS["ready"]} == {"◉", "@"}
    assert "ready for" in words(world)
