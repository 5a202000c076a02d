"""From bytes to keys, and from keys to where the reader is and what is asked of minisup."""

import pytest
from fake_minisup import program, slot

from minisup.cli.live.keys import decode
from minisup.cli.live.ui import QUIT, Order, Pane, Ui, press, settle, shown


def fleet():
    held = [slot("sms", number, "waiting", reason="hold", next_in=11.0) for number in range(3)]
    return [
        program("email", per_minute=800.0, busy=0.8, groups=["mail"]),
        program("idle", "waiting", [slot("idle", 0, "waiting", reason="idle", next_in=1.0)], busy=None),
        program("shop", kind="service", per_minute=0.0),
        program("sms", "holding", held, failing_for=60.0),
        program("over", "off", [slot("over", 0, "off")]),
    ]


def after(*keys, ui=None, programs=None):
    programs = fleet() if programs is None else programs
    ui, asked = ui or settle(Ui(), programs), []
    for key in keys:
        ui, ask = press(ui, key, programs)
        asked += [] if ask is None else [ask]
    return ui, asked


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"\x1b[A\x1b[B\x1bOA", ["up", "down", "up"]),
        (b"\x1b", ["esc"]),
        (b"\x1b\x1b[5~", ["esc", "page up"]),
        (b"\r\x7f\t\x03", ["enter", "backspace", "tab", "ctrl-c"]),
        ("ü€".encode(), ["ü", "€"]),
        (b"\xff\x00a", ["a"]),
        (b"\x1b[1;5Cx", ["x"]),
        (b"\x1b[200~", []),
        (b"\x1b[", []),
        (b"", []),
    ],
)
def test_bytes_become_keys(data, keys):
    assert decode(data) == keys


def test_trouble_comes_first_and_the_cursor_starts_there():
    ui, _ = after()
    assert [entry["name"] for entry in shown(fleet(), ui)] == ["sms", "email", "idle", "over", "shop"]
    assert ui.program == "sms"


def test_arrows_move_within_the_list_and_stop_at_its_ends():
    assert after("up")[0].program == "sms"
    assert after("down", "j")[0].program == "idle"
    assert after("end")[0].program == "shop"
    assert after("end", "down", "k")[0].program == "over"
    assert after("page down")[0].program == "shop"
    assert after("end", "home")[0].program == "sms"


def test_enter_opens_the_slots_and_the_cursor_moves_there():
    ui, _ = after("enter")
    assert (ui.pane, ui.slot) == (Pane.SLOTS, "sms:0")
    assert after("enter", "down", "down", "down")[0].slot == "sms:2"
    assert after("enter", "down", "esc")[0] == after()[0]
    assert after("enter", "enter")[0].pane is Pane.NONE


def test_logs_why_and_help_open_and_close_over_what_was_there():
    assert after("l")[0].pane is Pane.LOGS
    assert after("l", "w")[0].pane is Pane.WHY
    assert after("w", "w")[0].pane is Pane.NONE
    assert after("enter", "?", "esc")[0].pane is Pane.SLOTS
    assert after("l", "down", "down", "up")[0].scroll == 1
    assert after("l", "up")[0].scroll == 0


def test_the_filter_narrows_as_it_is_typed_and_looks_at_names_states_and_groups():
    ui, _ = after("/", "m", "a", "i")
    assert ui.typing
    assert [entry["name"] for entry in shown(fleet(), ui)] == ["email"]
    assert ui.program == "email"
    assert after("/", "@", "m", "enter")[0].program == "email"
    assert after("/", "h", "o", "l", "enter")[0].program == "sms"
    assert after("/", "x", "x")[0].program == ""
    assert after("/", "x", "backspace", "enter")[0].program == "sms"
    assert after("/", "s", "m", "s", "enter", "esc")[0].filter == ""
    assert after("/", "x", "esc")[0].filter == ""
    assert after("/", "q")[1] == [], "a letter of the filter is no command"


def test_the_order_changes_and_comes_round():
    assert [entry["name"] for entry in shown(fleet(), after("o")[0])] == ["email", "idle", "over", "shop", "sms"]
    assert next(entry["name"] for entry in shown(fleet(), after("o", "o")[0])) == "email"
    assert [entry["name"] for entry in shown(fleet(), after("o", "o", "o")[0])][-1] == "idle"
    assert after("o", "o", "o", "o")[0].order is Order.TROUBLE


@pytest.mark.parametrize("key", ["q", "ctrl-c"])
def test_leaving(key):
    assert after(key)[1] == [QUIT]
    assert after("s", "ctrl-c", ui=Ui(program="email"))[1] == [QUIT], "also while a question is open"


def test_what_ends_no_run_is_asked_at_once():
    assert after("r")[1][0][:2] == ("restart", {"targets": ["sms"]})
    assert after("s")[1][0][:2] == ("stop", {"targets": ["sms"]})
    assert after("s", ui=Ui(program="over"))[1][0][:2] == ("start", {"targets": ["over"]})
    assert after("p", ui=Ui(program="email"))[1][0][:2] == ("pause", {"targets": ["email"]})
    assert after("+", ui=Ui(program="email"))[1][0][:2] == ("scale", {"target": "email", "numprocs": 3})
    assert after("-", ui=Ui(program="email"))[1][0][:2] == ("scale", {"target": "email", "numprocs": 1})
    assert after("r", ui=Ui(program="email"))[1], "running jobs drain: nothing is ended"


PAUSED = "paused by app since 09:58"


def test_what_is_paused_is_resumed_also_while_a_run_is_in_progress():
    running = [program("sms", "paused", [slot("sms", 0, cause=PAUSED)])]
    assert after("p", programs=running)[1][0][:2] == ("resume", {"targets": ["sms"]})


def test_slots_that_leave_do_not_count_for_the_next_size():
    leaving = [program("sms", slots=[slot("sms", 0), slot("sms", 1, "draining", cause="leaves: sms is scaled to 1")])]
    assert after("+", programs=leaving)[1][0][:2] == ("scale", {"target": "sms", "numprocs": 2})


def test_what_is_paused_is_resumed():
    paused = [program("sms", "paused", [slot("sms", 0, "waiting", reason="paused", cause=PAUSED)])]
    assert after("p", programs=paused)[1][0][:2] == ("resume", {"targets": ["sms"]})


@pytest.mark.parametrize(
    ("name", "key", "question"),
    [
        ("email", "s", "stop email? 2 runs in progress: drain, then the stop signal"),
        ("shop", "r", "restart shop? 2 runs of a service: the stop signal, one after another"),
    ],
)
def test_what_ends_runs_is_asked_only_after_yes(name, key, question):
    ui, asked = after(key, ui=Ui(program=name))
    assert asked == []
    assert ui.pending.question == question
    assert after(key, "n", ui=Ui(program=name))[1] == []
    assert after(key, "enter", "y", ui=Ui(program=name))[1] == [], "another key is no"
    [ask] = after(key, "y", ui=Ui(program=name))[1]
    assert ask.params == {"targets": [name]}


def test_a_slot_is_the_target_while_its_line_is_chosen():
    _, [ask] = after("enter", "down", "r")
    assert ask.params == {"targets": ["sms:1"]}
    _, [ask] = after("enter", "down", "s", "y", ui=Ui(program="email"))
    assert ask.params == {"targets": ["email:1"]}


def test_a_program_or_slot_that_is_gone_gives_way():
    left = [entry for entry in fleet() if entry["name"] != "sms"]
    assert settle(Ui(program="sms", slot="sms:2"), left) == Ui(program="email")
    fewer = [program("sms", "holding", [slot("sms", 0, "waiting", reason="hold")])]
    assert settle(Ui(program="sms", pane=Pane.SLOTS, slot="sms:2"), fewer).slot == "sms:0"
    assert settle(Ui(program="sms"), []) == Ui()
    assert after("s", "r", "enter", "l", "down", programs=[])[1] == []


def test_a_key_without_a_meaning_changes_nothing():
    assert after("x", "ctrl-d", "ä") == after()
