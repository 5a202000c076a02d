"""The live screen as text: whole pictures at 80, 120 and 200 columns, and what each pane shows."""

# ruff: noqa: E501 - a picture is as wide as its terminal

import html
import os
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from fake_minisup import program, run_ended, slot, snapshot
from live_fleet import bad_day, view
from picture import picture
from rich.console import Console

from minisup.cli.live import cells
from minisup.cli.live.deadline import Deadline, found
from minisup.cli.live.paint import View, paint, reach
from minisup.cli.live.past import LastHour, counted
from minisup.cli.live.rates import BARS, STEP, Rates
from minisup.cli.live.ui import Ask, Pane, Ui, press
from minisup.cli.live.usage import Usage
from minisup.errors import MinisupError

PICTURE = Path(__file__).parents[2] / "docs" / "screen.svg"
SMS = Ui(program="sms")
WIDE_TEXT = "接続が拒否されました。"


def text(drawn):
    return "".join(f"{line.plain.rstrip()}\n" for line in paint(drawn))


PICTURES = {
    (80, 24): """\
 minisup 0.1.0   up 3 d 4 h   20 slots, 8 running   913 runs/min   pid 1
 PROGRAM   STATE                                       SLOTS     RUNS/MIN     OK
▸sms       holding, probe in 11 s · exit 1, 9th in a…  ◌◌◌◌             4    0.0
 invoices  backoff 4.1 s · exit 1, 3rd in a row        ●●◌◌            96   71.0
 email     running                                     ●●●●●●○○       812   99.8
 migrate   done, worked in 4.2 s                       ✓                0  100.0
 push      paused                                      ⏸⏸               0   99.9
 schedule  waiting, next in 41 s                       ○                1  100.0
 ─ sms ────────────────────────────────────────────────────────────────────────
  sms:0  hold     11 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY0…
  sms:1  hold     26 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY0…
  sms:2  hold     41 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY0…
  sms:3  hold     56 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY0…










 enter slots  l logs  w why  r restart  s stop  / filter  ? help  q quit
""",
    (120, 24): """\
 minisup 0.1.0   up 3 d 4 h   20 slots, 8 running   913 runs/min   pid 1
 PROGRAM   STATE                                      SLOTS             RUNS/MIN     OK    P50    P95  BUSY  BUDGET
▸sms       holding, probe in 11 s · exit 1, 9th in …  ◌◌◌◌        4 ███▁▁▁▁▁▁▁▁▁    0.0      -      -    0%  ······ 0/14
 invoices  backoff 4.1 s · exit 1, 3rd in a row       ●●◌◌       96 ███▅▂▂▂▃▅▂▂▂   71.0   1.2s   4.8s   44%  ███··· 7/14
 email     running                                    ●●●●●●○○  812 ▂▄▆██▇▆▅▃▂▂▄   99.8  142ms  201ms   83%  ██████ 18
 migrate   done, worked in 4.2 s                      ✓           0               100.0   4.2s      -    0%  ██████ 11
 push      paused                                     ⏸⏸          0         ▄██▄   99.9  142ms  201ms    0%  ██████ 12
 schedule  waiting, next in 41 s                      ○           1 ████████████  100.0   3.1s   3.4s    5%  ██████ 11
 ─ sms ────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  sms:0  hold     11 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY000] [2002] Connection refused"
  sms:1  hold     26 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY000] [2002] Connection refused"
  sms:2  hold     41 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY000] [2002] Connection refused"
  sms:3  hold     56 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY000] [2002] Connection refused"










 ↑↓ choose  enter slots  l logs  w why  r restart  s stop/start  p pause  +/- scale  / filter  o order  ? help  q quit
""",
    (200, 16): """\
 minisup 0.1.0   up 3 d 4 h   20 slots, 8 running   913 runs/min   pid 1
 PROGRAM   STATE                                          SLOTS             RUNS/MIN     OK    P50    P95  BUSY  BUDGET        CPU   MEM
▸sms       holding, probe in 11 s · exit 1, 9th in a row  ◌◌◌◌        4 ███▁▁▁▁▁▁▁▁▁    0.0      -      -    0%  ······ 0/14    0%    0M
 invoices  backoff 4.1 s · exit 1, 3rd in a row           ●●◌◌       96 ███▅▂▂▂▃▅▂▂▂   71.0   1.2s   4.8s   44%  ███··· 7/14     -     -
 email     running                                        ●●●●●●○○  812 ▂▄▆██▇▆▅▃▂▂▄   99.8  142ms  201ms   83%  ██████ 18    124%  212M
 migrate   done, worked in 4.2 s                          ✓           0               100.0   4.2s      -    0%  ██████ 11       -     -
 push      paused                                         ⏸⏸          0         ▄██▄   99.9  142ms  201ms    0%  ██████ 12       -     -
 schedule  waiting, next in 41 s                          ○           1 ████████████  100.0   3.1s   3.4s    5%  ██████ 11       -     -
 ─ sms ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
  sms:0  hold     11 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY000] [2002] Connection refused"
  sms:1  hold     26 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY000] [2002] Connection refused"
  sms:2  hold     41 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY000] [2002] Connection refused"
  sms:3  hold     56 s      run 81220 failed after 0.21 s  exit 1 "SQLSTATE[HY000] [2002] Connection refused"


 ↑↓ choose  enter slots  l logs  w why  r restart  s stop/start  p pause  +/- scale  / filter  o order  ? help  q quit
""",
}


@pytest.mark.parametrize("size", PICTURES)
def test_the_whole_picture(size):
    usage = {"email": (1.24, 212 << 20), "sms": (0.0, 0)}
    assert text(view(*size, usage=usage)) == PICTURES[size]


@pytest.mark.parametrize("width", [1, 2, 3, 9, 20, 40, 80, 99, 100, 120, 139, 140, 200])
@pytest.mark.parametrize("height", [1, 2, 5, 10, 24, 60])
@pytest.mark.parametrize("pane", Pane)
def test_a_picture_fills_its_terminal_and_no_more(width, height, pane):
    for unicode in (True, False):
        said = ["x" * 300, "  Why       " + WIDE_TEXT * 20, f"sms:0 | {WIDE_TEXT}", ""] * 25
        drawn = view(width, height, replace(SMS, pane=pane), lines=said, unicode=unicode)
        lines = paint(drawn)
        assert len(lines) == height
        assert max(line.cell_len for line in lines) <= width
        assert reach(drawn).page >= 1


def test_the_pane_shrinks_before_the_table():
    assert text(view(120, 9)).count("sms:") == 0
    assert text(view(120, 12)).count("sms:") == 2
    assert text(view(120, 30)).count("sms:") == 4


def test_a_long_list_keeps_the_chosen_program_in_sight():
    many = snapshot(*(program(f"p{number:03}") for number in range(500)))
    drawn = text(View(many, Ui(program="p250"), 100, 24))
    assert "p250" in drawn
    assert "p000" not in drawn
    slots = snapshot(program("wide", slots=[slot("wide", number) for number in range(500)]))
    drawn = text(View(slots, Ui(program="wide", pane=Pane.SLOTS, slot="wide:499"), 100, 24))
    assert "wide:499" in drawn
    assert "●500" in drawn


def test_logs_show_their_end_and_scroll_back_why_begins_at_its_head():
    lines = [f"line {number}" for number in range(100)]
    assert "line 99" in text(view(80, 24, replace(SMS, pane=Pane.LOGS), lines=lines))
    assert "line 99" not in text(view(80, 24, replace(SMS, pane=Pane.LOGS, scroll=5), lines=lines))
    assert "line 0\n" in text(view(80, 24, replace(SMS, pane=Pane.WHY), lines=lines))
    assert "line 0\n" not in text(view(80, 24, replace(SMS, pane=Pane.WHY, scroll=5), lines=lines))
    assert "line 99" in text(view(80, 24, replace(SMS, pane=Pane.WHY, scroll=500), lines=lines))


def test_what_a_job_printed_cannot_move_the_cursor():
    drawn = text(view(80, 24, replace(SMS, pane=Pane.LOGS), lines=["\x1b[2Jgone\x07"]))
    assert "?[2Jgone?" in drawn


def test_countdowns_go_on_between_two_answers():
    assert "probe in 11 s" in text(view(120, 24))
    assert "probe in 9.0 s" in text(view(120, 24, age=2.0)) or "probe in 9 s" in text(view(120, 24, age=2.0))


def test_the_last_line_asks_types_tells_or_lists_the_keys():
    asking = replace(SMS, pending=Ask("stop", {}, "stop sms", "stop sms? 2 runs"))
    assert text(view(80, 24, asking)).endswith(" stop sms? 2 runs   y / n\n")
    assert text(view(80, 24, replace(SMS, typing=True, filter="sm"))).endswith(
        " /sm_   enter keeps it, esc shows all\n"
    )
    assert text(view(80, 24, replace(SMS, notice="restart sms: accepted"))).endswith(" restart sms: accepted\n")
    assert text(view(80, 24, replace(SMS, filter="sms"))).splitlines()[-1].startswith(" filter: sms   enter slots")


def test_a_filter_that_nothing_passes_says_how_to_get_back():
    assert "nothing matches 'zzz'; esc shows all" in text(view(80, 24, Ui(filter="zzz")))


def test_a_minisup_that_does_not_answer_is_told_and_the_last_picture_stays():
    drawn = text(view(120, 24, gone=4.2))
    assert drawn.startswith(" minisup has not answered for 4.2 s; this is the last that it said\n")
    assert "email" in drawn


def test_a_minisup_that_has_ended_is_told_from_one_that_does_not_answer():
    drawn = text(view(120, 24, gone=4.2, over=True))
    assert drawn.startswith(" minisup has ended 4.2 s ago; this is the last that it said\n")


def test_a_question_keeps_its_answers_on_a_narrow_terminal():
    asking = replace(SMS, pending=Ask("stop", {}, "stop sms", "stop sms? " + "2 runs in progress " * 5))
    assert text(view(40, 24, asking)).endswith("…   y / n\n")


def test_help_is_whole_at_80x24():
    drawn = view(80, 24, replace(SMS, pane=Pane.HELP))
    assert reach(drawn).most == 0
    assert "up, down" in text(drawn)
    assert "relaunches after failure that are left\n" in text(drawn)
    assert "…" not in text(drawn)


@pytest.mark.parametrize("pane", [Pane.HELP, Pane.WHY, Pane.LOGS])
def test_paging_shows_every_line_of_a_pane(pane):
    said = [f"line {number}" for number in range(40)]
    ui, seen = replace(SMS, pane=pane), ""
    key = "page up" if pane is Pane.LOGS else "page down"
    for _ in range(20):
        drawn = view(80, 14, ui, lines=said)
        seen += text(drawn)
        ui, _ = press(ui, key, bad_day()["programs"], reach(drawn))
    wanted = said if pane is not Pane.HELP else ["up, down", "stop (drain first)", "SLOTS", "BUDGET    relaunches"]
    assert [line for line in wanted if line not in seen] == []


def test_long_japanese_messages_lose_nothing_in_the_pane_of_why():
    said = ["sms is in backoff.", f'            131 x exit 1, "{WIDE_TEXT * 12}"']
    drawn = text(view(60, 30, replace(SMS, pane=Pane.WHY), lines=said))
    assert "".join(drawn.split()).count("接続が拒否されました。") == 12


def test_a_long_line_of_output_goes_on_behind_the_name_of_its_slot():
    drawn = text(view(60, 24, replace(SMS, pane=Pane.LOGS), lines=[f"sms:0 | {'word ' * 20}"]))
    assert drawn.count("word") == 20
    assert "\n         word" in drawn


def test_colours_of_columns_say_what_is_unusual():
    full = {"tokens": 11.0, "size": 11, "label": "holding"}
    assert str(cells.budget(program(budget=full), unicode=True).spans[0].style) == "green"
    assert "yellow" in str(cells.busy(program(busy=1.0)).style)
    assert str(cells.busy(program(kind="service", busy=1.0)).style) == "", "a service is to be busy"


def test_a_shutdown_tells_how_far_it_has_come():
    slots = [
        slot("email", 3, "draining", since=130.0, next_in=4.2),
        slot("email", 4, "draining", since=3.0, next_in=4.2),
    ]
    drawn = text(View(snapshot(program("email", "draining", slots), state="draining"), Ui(program="email"), 120, 10))
    assert drawn.splitlines()[0] == (
        " draining   2 runs left   the stop signal in 4.2 s   email:3 (run 812, 2 m 10 s) is the longest"
    )
    ended = View(snapshot(program("email", "off", []), state="stopping"), Ui(program="email"), 120, 10)
    assert text(ended).splitlines()[0] == " stopping   0 runs left"


def test_without_unicode_everything_is_ascii():
    for pane in Pane:
        assert text(view(120, 40, replace(SMS, pane=pane), unicode=False)).isascii()


def drawn_with(**console):
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        drawing = Console(width=120, force_terminal=True, file=nowhere, **console)
        with drawing.capture() as drawn:
            for line in paint(view(120, 24)):
                drawing.print(line)
    return drawn.get()


def test_colour_is_never_alone():
    assert "\x1b[33mbackoff" in drawn_with(color_system="standard")
    plain = drawn_with(no_color=True)
    assert "\x1b[3" not in plain
    assert "backoff" in plain


def test_the_last_hour_is_kept_in_bars_of_five_minutes():
    rates = Rates()
    for minute in range(200):
        rates.add(snapshot(program("email", per_minute=float(minute))), minute * 60.0)
    bars = rates.by_program()["email"]
    assert len(bars) == BARS
    assert bars[-1] == pytest.approx(197.0)
    assert bars[0] == pytest.approx(197.0 - 5 * (BARS - 1))
    rates.add(snapshot(program("email", per_minute=1000.0)), 199 * 60.0 + STEP)
    assert rates.by_program()["email"][-1] == 1000.0


def test_the_bars_begin_with_the_history():
    rates = Rates()
    now = 100 * STEP + 7.0
    rates.add(snapshot(program("email", per_minute=30.0), program("sms", per_minute=0.0)), now)
    before = [0] * (BARS - 4) + [50, 0, 100, 5]  # the last one is the running step: what was seen counts
    rates.precede({"email": before, "gone": [0] * (BARS - 1) + [3]}, now)
    assert rates.by_program() == {"email": [10.0, 0.0, 20.0, 30.0], "sms": [0.0] * 4, "gone": [0.0] * 3}
    rates.add(snapshot(program("email", per_minute=60.0)), now + 1.0)
    assert rates.by_program()["email"] == [10.0, 0.0, 20.0, 45.0]


def test_a_history_without_a_run_changes_no_bar():
    rates = Rates()
    rates.add(snapshot(program("email")), 1000.0)
    rates.precede({}, 1000.0)
    assert rates.by_program() == {"email": [58.0]}


def test_the_last_hour_of_a_history_in_memory():
    now = datetime.fromisoformat("2026-11-22T11:00:00.000Z").timestamp()
    runs = [run_ended(number, started=f"2026-11-22T10:{number:02}:00.000Z") for number in (2, 4, 59)]
    runs.append(run_ended(99, started="2026-11-22T09:00:00.000Z"))
    counts = counted({"file": None, "runs": runs}, now - STEP)
    assert counts == {"email": [2, *[0] * (BARS - 2), 1]}
    assert counted({"file": None, "runs": []}, now) == {}


def test_a_history_that_cannot_be_read_leaves_the_bars_alone(tmp_path):
    with pytest.raises(MinisupError):
        counted({"file": str(tmp_path / "elsewhere.db"), "runs": []}, 1000.0)
    look = LastHour([str(tmp_path / "no-socket")])
    look._thread.join(10)
    assert look.take() is None


def test_how_far_a_shutdown_is_stands_in_the_header():
    steps = [
        {"fact": "shutdown_step", "timestamp": "2026-11-22T10:00:00.000Z", "fields": {"within": 9.0}},
        {"fact": "cut", "timestamp": "2026-11-22T10:00:03.000Z", "fields": {}},
        {"fact": "shutdown_step", "timestamp": "2026-11-22T10:00:04.000Z", "fields": {"within": 5.0}},
    ]
    began = datetime.fromisoformat("2026-11-22T10:00:00.000Z").timestamp()
    assert found(steps) == Deadline(began, 9.0)
    assert found(steps[1:2]) is None
    passed, span = Deadline(began, 9.0).passed()
    assert passed > 0
    assert span == 9.0
    ending = snapshot(program("email", "draining", [slot("email", 3, "draining")]), state="draining")
    drawn = text(View(ending, Ui(program="email"), 120, 10, deadline=(4.2, 9.0)))
    assert drawn.startswith(" draining   1 run left   4.2 s of 9 s   email:3")


def test_usage_is_measured_only_when_the_daemon_is_ours():
    me = os.getpid()
    with open("/proc/uptime", encoding="ascii") as up, open(f"/proc/{me}/stat", "rb") as stat:
        ticks = int(stat.read().rpartition(b")")[2].split()[19])
        age = float(up.read().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    running = snapshot(program("email", slots=[slot("email", 0, pid=me), slot("email", 1, pid=2**30)]))
    here = Usage(me, age)
    here.measure(running, {"email"})
    cpu, memory = here.measure(running, {"email"})["email"]
    assert cpu >= 0
    assert memory > 1 << 20
    assert here.measure(running, set()) == {}
    assert Usage(me, age + 1000.0).measure(running, {"email"}) is None, "a process of that number, but another one"
    assert Usage(2**30, 1.0).measure(bad_day(), {"email"}) is None


def test_the_picture_in_the_readme_is_what_is_drawn():
    assert words_in(PICTURE.read_text(encoding="utf-8")) == words_in(picture()), (
        "python tests/surface/picture.py > docs/screen.svg"
    )


def words_in(svg):
    return html.unescape(" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))).split()


def test_why_is_wrapped_where_it_does_not_fit():
    lines = ["sms is holding.", "", "  Why       " + "word " * 20, "            3 x exit 1"]
    drawn = text(view(60, 24, replace(SMS, pane=Pane.WHY), lines=lines))
    assert "   Why       word word" in drawn
    assert "\n             word word" in drawn
    assert drawn.count("word") == 20
    assert "             3 x exit 1\n" in drawn
