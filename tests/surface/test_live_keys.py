"""From bytes to keys, and from keys to where the reader is and what is asked of minisup."""

import pytest
from fake_minisup import program, slot

from minisup.cli.live.keys import Hands, decode
from minisup.cli.live.ui import QUIT, TOO_FAST, Order, Pane, Reach, Ui, press, settle, shown


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
    assert after("w", "down", "down", "up")[0].scroll == 1
    assert after("w", "up")[0].scroll == 0
    assert after("l", "up", "up", "down")[0].scroll == 1, "logs begin with their end"
    assert after("l", "down")[0].scroll == 0


def test_a_page_is_what_is_in_sight_and_nothing_is_scrolled_beyond_its_end():
    programs, reach = fleet(), Reach(page=4, most=6)
    ui = settle(Ui(pane=Pane.HELP), programs)
    places = []
    for key in ("page down", "page down", "page down", "up", "page up", "page up", "end", "home"):
        ui, _ = press(ui, key, programs, reach)
        places.append(ui.scroll)
    assert places == [4, 6, 6, 5, 1, 0, 6, 0]


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


def test_what_only_starts_runs_is_asked_of_minisup_at_once():
    assert after("r")[1][0][:2] == ("restart", {"targets": ["sms"]})
    assert after("s", ui=Ui(program="over"))[1][0][:2] == ("start", {"targets": ["over"]})
    assert after("+", ui=Ui(program="email"))[1][0][:2] == ("scale", {"target": "email", "numprocs": 3})
    assert after("r", ui=Ui(program="email"))[1], "running jobs drain: nothing is ended"


PAUSED = {"by": "app", "since": "2026-11-25T09:58:00.000Z"}


def test_what_is_paused_is_resumed_also_while_a_run_is_in_progress():
    running = [program("sms", "paused", [slot("sms", 0, paused=PAUSED)])]
    assert after("p", programs=running)[1][0][:2] == ("resume", {"targets": ["sms"]})


def test_slots_that_leave_do_not_count_for_the_next_size():
    leaving = [program("sms", slots=[slot("sms", 0), slot("sms", 1, "draining", leaving=True)])]
    assert after("+", programs=leaving)[1][0][:2] == ("scale", {"target": "sms", "numprocs": 2})


def test_what_is_paused_is_resumed():
    paused = [program("sms", "paused", [slot("sms", 0, "waiting", reason="paused", paused=PAUSED)])]
    assert after("p", programs=paused)[1][0][:2] == ("resume", {"targets": ["sms"]})


QUESTIONS = [
    ("email", "s", "stop", "stop email? 2 runs in progress: drain, then the stop signal"),
    ("sms", "s", "stop", "stop sms? no run starts until it is started"),
    ("email", "p", "pause", "pause email? no run starts until it is resumed; 2 runs may finish"),
    ("idle", "p", "pause", "pause idle? no run starts until it is resumed"),
    ("shop", "r", "restart", "restart shop? 2 runs of a service: the stop signal, one after another"),
    ("shop", "-", "scale", "scale shop=1? shop:1 goes, its run gets the stop signal"),
    ("email", "-", "scale", "scale email=1? email:1 goes, its run may finish"),
    ("sms", "-", "scale", "scale sms=2? sms:2 goes"),
    ("migrate", "r", "restart", "restart migrate? it is done, and would run again"),
    ("migrate", "s", "start", "start migrate? it is done, and would run again"),
]


@pytest.mark.parametrize(("name", "key", "verb", "question"), QUESTIONS)
def test_keys_that_stop_end_shrink_or_run_again_ask_first(name, key, verb, question):
    programs = [*fleet(), program("migrate", "done", [slot("migrate", 0, "done")], kind="task")]
    ui, asked = after(key, ui=Ui(program=name), programs=programs)
    assert asked == []
    assert ui.pending.question == question
    assert after(key, "n", ui=Ui(program=name), programs=programs)[1] == []
    assert after(key, "enter", "y", ui=Ui(program=name), programs=programs)[1] == [], "another key is no"
    [ask] = after(key, "y", ui=Ui(program=name), programs=programs)[1]
    assert ask.method == verb


def test_a_program_without_slots_cannot_shrink():
    empty = [program("email", "off", [])]
    ui, asked = after("-", programs=empty)
    assert (asked, ui.pending, ui.notice) == ([], None, "email has no slot that could go")


@pytest.mark.parametrize("key", ["s", "r", "p", "+", "-", "q"])
def test_a_key_that_was_typed_blindly_does_nothing_and_says_so(key):
    ui, ask = press(Ui(program="email"), key, fleet(), blind=True)
    assert (ask, ui.pending, ui.notice) == (None, None, TOO_FAST)


def test_a_blind_yes_leaves_the_question_open_and_a_blind_no_counts():
    ui, _ = after("s", ui=Ui(program="email"))
    still, ask = press(ui, "y", fleet(), blind=True)
    assert (still.pending, ask) == (ui.pending, None)
    assert press(ui, "n", fleet(), blind=True)[0].pending is None


def test_typed_ahead_keys_still_move_look_and_filter():
    ui = settle(Ui(), fleet())
    for key in ("down", "l", "esc", "/", "s", "q"):
        ui, ask = press(ui, key, fleet(), blind=True)
        assert ask is None
    assert ui.filter == "sq"
    assert press(ui, "ctrl-c", fleet(), blind=True)[1] is QUIT


def test_a_burst_is_told_from_a_key_that_is_held_down():
    hands = Hands()
    assert not hands.are_blind(["s"], 10.0)
    assert not hands.are_blind(["down", "down", "down"], 10.1)
    assert not hands.are_blind([], 10.2)
    assert hands.are_blind(["s", "y"], 11.0)
    assert hands.are_blind(["s"], 11.01), "the rest of what was pasted"
    assert not hands.are_blind(["s"], 11.2)


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
