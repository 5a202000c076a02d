"""What can be asked is declared once: the command line and the client offer nothing else and nothing less."""

from minisup import Client
from minisup.cli.commands import ENTRIES
from minisup.cli.control.control_commands import WORDS
from minisup.core.messages import Verb
from minisup.core.request_table import Request
from minisup.host.requests.verbs import VERBS

ON_SLOTS = {name for name, verb in VERBS.items() if {"targets", "now", "wait"} <= verb.parameters.keys()}


def test_every_request_on_slots_has_its_words_its_command_and_its_place_in_the_table_of_requests():
    assert ON_SLOTS == {words.verb for words in WORDS} == {verb.value for verb in Verb}
    assert {request.value for request in Request} >= ON_SLOTS
    assert ENTRIES.keys() >= ON_SLOTS


def test_every_method_is_one_of_the_clients():
    """A request on slots need not be: `ask` takes its name."""
    assert [name for name in VERBS.keys() - ON_SLOTS if not hasattr(Client, name.replace(".", "_"))] == []


def test_what_can_be_waited_for_can_be_watched():
    waits = {name for name, verb in VERBS.items() if "wait" in verb.parameters}
    assert {name for name, verb in VERBS.items() if "progress" in verb.parameters} == waits - {"run"}
