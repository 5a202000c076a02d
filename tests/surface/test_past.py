"""`history`, `report`, `events` and `logs --run` as their users meet them."""

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from html.parser import HTMLParser

import pytest

from minisup.cli.history.history import cells_of, last_line
from minisup.cli.report.report_html import page
from minisup.cli.report.report_svg import nice
from minisup.cli.report.report_text import lines as report_lines
from minisup.cli.sparkline import bars, squeezed
from minisup.cli.timeparse import moment
from minisup.errors import UsageError
from minisup.history.period import Period, report
from minisup.history.row import Row
from minisup.history.store import Retention, Store

pytestmark = pytest.mark.usefixtures("past")

NOW = 1_763_632_000.0  # 2025-11-20 09:46:40 UTC


def row(run=1, program="email", slot=0, started=NOW, duration=0.143, outcome="worked", **facts):
    base = {"code": 0, "signal": None, "cpu": 0.01, "max_rss": None, "failures": 0, "output": None}
    return Row(run, program, slot, started, duration, outcome, **{**base, **facts})


GIVEN = [
    row(1, "email", 0),
    row(2, "email", 1, NOW + 1, 9.0, "failed", code=1, output="first\n\nSQLSTATE[HY000] \x1b[31mrefused\n \n"),
    row(3, "sms", 0, NOW + 2, 0.0, "unstartable", code=None, output="cannot start x: no such file"),
    row(4, "sms", 0, NOW + 3, 30.0, "timeout", code=None, signal="SIGTERM", max_rss=90 << 20),
    row(5, "email", 0, NOW + 4, None, "lost", code=None),
]


@pytest.fixture
def past(tmp_path, monkeypatch):
    """A configuration with a history, and nobody who answers."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    directory = tmp_path / "state"
    directory.mkdir()
    store = Store(str(directory / "history.db"), Retention(1e12, 10**9))
    store.write(GIVEN)
    store.close()
    (tmp_path / "minisup.toml").write_text(
        f'[supervisor]\nsocket = "{tmp_path}/none"\nstate_dir = "state"\n'
        '[program.email]\ncommand = "true"\ngroups = ["mail"]\n[program.new]\ncommand = "true"\n'
    )
    yield directory / "history.db"
    monkeypatch.undo()
    time.tzset()


def runs(process):
    assert process.returncode == 0, process.stderr
    return [json.loads(line)["run"] for line in process.stdout.splitlines()]


# --- history ----------------------------------------------------------------------------------------------------------


def test_the_history_is_a_table(minisup):
    process = minisup("history")
    assert process.stdout.splitlines() == [
        "RUN  SLOT     STARTED                TOOK  OUTCOME               CPU  MEMORY  LAST LINE",
        "  1  email:0  2025-11-20 09:46:40  0.14 s  worked             0.01 s       -",
        "  2  email:1  2025-11-20 09:46:41     9 s  failed (exit 1)    0.01 s       -  SQLSTATE[HY000] ?[31mrefused",
        "  3  sms:0    2025-11-20 09:46:42     0 s  unstartable        0.01 s       -  cannot start x: no such file",
        "  4  sms:0    2025-11-20 09:46:43    30 s  timeout (SIGTERM)  0.01 s  90 MiB",
        "  5  email:0  2025-11-20 09:46:44       -  lost               0.01 s       -",
    ]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("-n 2", [4, 5]),
        ("-n 0", [1, 2, 3, 4, 5]),
        ("all", [1, 2, 3, 4, 5]),
        ("sms", [3, 4]),
        ("email:0", [1, 5]),
        ("email:1 sms", [2, 3, 4]),
        ("em*", [1, 2, 5]),
        ("em*:0", [1, 5]),
        ("@mail", [1, 2, 5]),
        ("new", []),
        ("new:0", []),
        ("--failed", [2, 3, 4]),
        ("--failed email", [2]),
        ("--outcome timeout", [4]),
        ("--outcome worked,lost", [1, 5]),
        ("--failed --outcome worked", []),
        ("--slower-than 5s", [2, 4]),
        ("--since 2025-11-20T09:46:42Z", [3, 4, 5]),
        ("--until 2025-11-20T09:46:42Z", [1, 2]),
    ],
)
def test_filters_choose_runs(minisup, line, found):
    assert runs(minisup("history", "--json", *line.split())) == found
    assert runs(minisup("history", "--json", *line.split(), "--config=minisup.toml")) == found


def test_json_has_the_fields_that_are_promised(minisup):
    (line,) = minisup("history", "--json", "--outcome", "timeout").stdout.splitlines()
    assert json.loads(line) == {
        "run": 4,
        "program": "sms",
        "slot": "sms:0",
        "started": "2025-11-20T09:46:43.000Z",
        "duration": 30.0,
        "outcome": "timeout",
        "code": None,
        "signal": "SIGTERM",
        "cpu": 0.01,
        "max_rss": 90 << 20,
        "failures": 0,
        "output": None,
        "delay": None,
        "message": None,
        "receives": None,
        "wait": None,
        "boot": None,
    }


def test_csv_has_a_head_and_the_same_fields(past):
    command = [sys.executable, "-m", "minisup", "history", "--csv"]
    process = subprocess.run(command, cwd=past.parents[1], capture_output=True, text=True, check=True)
    found = list(csv.DictReader(io.StringIO(process.stdout)))
    assert [one["run"] for one in found] == ["1", "2", "3", "4", "5"]
    assert found[1]["output"] == GIVEN[1].output
    assert found[4]["duration"] == ""


def test_a_target_without_runs_that_nobody_knows_is_four(minisup):
    process = minisup("history", "nope")
    assert process.returncode == 4
    assert process.stderr.startswith("cannot find nope")
    assert "email, sms" in process.stderr


def test_no_rows_is_a_word_and_no_error(minisup):
    process = minisup("history", "--slower-than", "1h")
    assert (process.returncode, process.stdout) == (0, "")
    assert "no such runs" in process.stderr


def test_no_history_at_all_says_what_to_do(minisup, past):
    past.unlink()
    process = minisup("history")
    assert process.returncode == 1
    assert process.stderr.startswith("cannot find a history")
    assert "-c FILE" in process.stderr


def test_a_damaged_history_says_what_to_do(minisup, past):
    past.write_text("no database " * 100)
    process = minisup("history")
    assert process.returncode == 1
    assert process.stderr.startswith("cannot read the history ")
    assert "moves a damaged file aside" in process.stderr


def test_damage_in_the_middle_is_a_sentence_too(minisup, past):
    with closing(sqlite3.connect(past)) as opened:
        opened.execute("DROP TABLE run")
        opened.commit()
    process = minisup("history")
    assert process.returncode == 1
    assert process.stderr.startswith("cannot read the history ")


def test_a_minisup_in_memory_is_asked(minisup, fake):
    assert runs(minisup("history", "--json", "-s", fake)) == [810, 811]
    assert runs(minisup("history", "--json", "--failed", "email", "-s", fake)) == [811]
    assert (
        json.loads(minisup("report", "--json", "--since", "2025-11-01", "-s", fake).stdout)["programs"][0]["runs"] == 2
    )


def test_history_does_without_declarations_and_rich(past):
    script = (
        "import sys; from minisup.__main__ import run; run(['history', '--failed']);"
        "assert not {'minisup.cli.app', 'rich'} & set(sys.modules), sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], cwd=past.parents[1], check=True, capture_output=True)


def test_cells_show_what_a_terminal_cannot_be_harmed_by():
    assert last_line(row(output="a\x1b[2Jb\n")) == "a?[2Jb"
    assert last_line(row(output="\n \n")) == ""
    assert cells_of(row(), today=True)[2].count(":") == 2


# --- logs --run -------------------------------------------------------------------------------------------------------


def test_what_a_failed_run_printed_is_found_in_the_history(minisup):
    process = minisup("logs", "--run", "2")
    assert process.stdout == "email:1 | first\nemail:1 | \nemail:1 | SQLSTATE[HY000] \x1b[31mrefused\nemail:1 |  \n"
    assert minisup("logs", "--run", "2", "-n", "1").stdout == "email:1 |  \n"
    found = json.loads(minisup("logs", "--run", "2", "--json").stdout)["lines"][0]
    assert found == {"slot": "email:1", "run": 2, "stream": None, "timestamp": None, "text": "first"}


def test_a_run_without_output_and_one_that_never_was_are_told_apart(minisup):
    silent = minisup("logs", "--run", "1")
    assert (silent.returncode, silent.stdout) == (0, "")
    assert "supervisor.history.output" in silent.stderr
    never = minisup("logs", "--run", "99")
    assert never.returncode == 1
    assert never.stderr.startswith("cannot find run 99: ")
    assert "`minisup history`" in never.stderr


def test_logs_without_a_run_still_need_a_minisup(minisup):
    assert minisup("logs").returncode == 3


# --- events -----------------------------------------------------------------------------------------------------------


def test_events_are_sentences_or_objects(minisup, fake, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert minisup("events", "-s", fake).stdout.splitlines() == [
        "2026-11-22 10:00:00.123 email: recovered after 9 m; 58 tries were spent",
        "2026-11-22 10:00:00.123 warning: two",
    ]
    monkeypatch.undo()
    time.tzset()
    assert json.loads(minisup("events", "--json", "-n", "1", "-s", fake).stdout)["fact"] == "recovered"


def test_events_are_followed_until_the_end(minisup, fake):
    process = minisup("events", "-f", "--json", "-s", fake)
    assert json.loads(json.loads(process.stdout)["message"]) == {"targets": [], "lines": 10}
    assert (process.returncode, process.stderr) == (0, "minisup has ended\n")
    of_one = minisup("events", "email", "-f", "--json", "-s", fake)
    assert json.loads(json.loads(of_one.stdout)["message"]) == {"targets": ["email"], "lines": 10}
    assert minisup("events", "nope", "-s", fake).returncode == 4


# --- moments ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1h", NOW - 3600),
        ("90", NOW - 90),
        ("2025-11-22", 1_763_769_600.0),
        ("2025-11-22T10:00", 1_763_805_600.0),
        ("2025-11-22 10:00:05", 1_763_805_605.0),
        ("2025-11-22T10:00Z", 1_763_805_600.0),
        ("09:00", NOW - 2800),
        ("09:00:30", NOW - 2770),
    ],
)
def test_a_moment_is_an_age_a_time_of_day_or_a_date(text, at):
    assert moment(text, "--since", NOW) == at


@pytest.mark.parametrize("text", ["yesterday", "", "25:00", "2026-13-01", "-1h", "1:2:3:4"])
def test_what_is_no_moment_says_what_to_write(text):
    with pytest.raises(UsageError, match=r'--since.* write "1h"'):
        moment(text, "--since", NOW)


# --- the report -------------------------------------------------------------------------------------------------------

DAY = Period(NOW - 86400, NOW)


@pytest.fixture
def document(past):
    store = Store(str(past), Retention(1e12, 10**9))
    found = [row(10 + n, "email", n % 2, DAY.since + n * 60, 0.1 + n % 7 / 10) for n in range(1440)]
    found += [row(5000 + n, "sms", 0, DAY.since + 3600 + n * 15, 0.2, "failed", code=1, failures=n) for n in range(40)]
    found += [row(6000, "sms", 0, DAY.since + 4300, 0.2), row(6001, "idler", 0, DAY.since, 0.01, "idle", code=66)]
    store.write(found)
    with closing(sqlite3.connect(past)) as opened:
        yield report(opened, DAY)
    store.close()


def test_the_report_is_calm_text(document):
    shown = [str(line).rstrip() for line in report_lines(document, 100, unicode=True)]
    assert shown[0] == "24 h to Nov 20 09:46 UTC   1,482 runs   1/min"
    email = shown.index("email   1,440 runs   1/min   100 % ok   0.3 % busy with 2 slots")
    block = shown[email : shown.index("", email)]
    assert block[1].startswith("  runs            ████")
    assert block[1].endswith("1/min at 09:46")
    assert block[4] == f"{' ' * 18}09:46{' ' * 38}09:46"
    assert "  took            p50 400 ms   p95 700 ms   p99 700 ms   longest 700 ms" in block
    assert "  ended           worked 1,440 (100 %)" in block
    assert not any("failures" in line or "outage" in line for line in block)
    sms = shown[shown.index(next(line for line in shown if line.startswith("sms"))) :]
    assert "  wasted          39 relaunches failed again" in sms
    assert "  longest outage  12 m from 10:46: 40 runs failed, none worked" in sms
    assert "  ended           worked 1 (2.4 %)   failed 40 (97.6 %)" in sms


@pytest.mark.parametrize("width", [1, 20, 42, 43, 60, 80, 120, 200])
@pytest.mark.parametrize("unicode", [True, False])
def test_the_report_fits_any_terminal(document, width, unicode):
    shown = [str(line) for line in report_lines(document, width, unicode=unicode)]
    assert max(map(len, shown)) <= max(width, 80)
    if not unicode:
        assert all(line.isascii() for line in shown)


def test_an_ascii_terminal_gets_ascii(past):
    command = [sys.executable, "-m", "minisup", "report", "--since", "2025-11-01"]
    environ = {"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"}
    process = subprocess.run(command, cwd=past.parents[1], env=environ, capture_output=True, check=True)
    assert b"#" in process.stdout
    assert process.stdout.isascii()


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.text = [], set(), [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]
        if tag not in {"meta", "rect", "line"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_and_needs_nothing_else(document):
    text = page(document)
    found = Page(text)
    assert {"svg", "rect", "table", "section"} <= found.tags
    assert not found.tags & {"script", "link", "img", "iframe"}
    assert found.links == ["#email", "#idler", "#sms"]
    assert "url(" not in text
    assert "@import" not in text
    assert not re.search(r"https?://", text)
    for word in ("12 m from 10:46", "39 relaunches failed again", "p95 700 ms", "97.6 %"):
        assert word in found.text
    assert text.count("<svg") == 6


def test_names_cannot_break_the_page(document):
    hostile = {**document["programs"][0], "name": "<b>&", "hints": ["<script>"]}
    found = Page(page({**document, "programs": [hostile]}))
    assert not found.tags & {"b", "script"}
    assert "<script>" in found.text


def test_the_page_is_written_where_it_is_asked_for(minisup, tmp_path):
    process = minisup("report", "--since", "2025-11-01", "--html", "out.html")
    assert process.stdout == "wrote out.html\n"
    assert Page((tmp_path / "out.html").read_text(encoding="utf-8"))
    again = minisup("report", "--html", "out.html")
    assert (again.returncode, again.stdout, again.stderr) == (
        1,
        "",
        "cannot write out.html: it exists; --force writes over it, another name keeps it, - prints\n",
    )
    assert minisup("report", "--html", "out.html", "--force").stdout == "wrote out.html\n"
    assert minisup("simulate", "--html", "out.html").stderr == again.stderr
    assert minisup("report", "--html", "-").stdout.startswith("<!doctype html>")
    refused = minisup("report", "--html", "none/out.html")
    assert (refused.returncode, refused.stderr[:12]) == (1, "cannot write")


def test_a_time_without_runs_is_said(minisup):
    process = minisup("report", "--since", "2020-01-01", "--until", "2020-01-02")
    assert "no run started in this time" in process.stdout


def test_a_period_begins_with_the_history(minisup):
    found = json.loads(minisup("report", "--json", "--since", "2025-01-01", "--until", "2025-11-20T10:00:00Z").stdout)
    assert found["since"] == "2025-11-20T09:46:40.000Z"
    assert [program["name"] for program in found["programs"]] == ["email", "sms"]
    one = json.loads(minisup("report", "email:1", "--json", "--since", "2025-01-01").stdout)["programs"]
    assert [(program["name"], program["runs"]) for program in one] == [("email", 1)]


# --- bars -------------------------------------------------------------------------------------------------------------


def test_bars_are_as_high_as_their_numbers():
    assert bars([0, 1, 4, 8]) == [" ▁▄█"]
    assert bars([0, 1, 2], rows=2) == ["  █", " ██"]
    assert bars([0, 0]) == ["  "]
    assert bars([1, 100], unicode=False) == [".#"]
    assert bars([]) == [""]


def test_columns_are_sums_of_equally_many():
    assert squeezed([1] * 144, 100) == [2] * 72
    assert squeezed([1] * 144, 144) == [1] * 144
    assert squeezed([1] * 144, 47) == [4] * 36
    assert squeezed([1, 2], 0) == []


@pytest.mark.parametrize(("highest", "top"), [(0.25, 0.3), (1, 1), (11, 20), (173, 200), (0, 1e-6), (5.5, 6)])
def test_the_axis_ends_at_a_round_number(highest, top):
    assert nice(highest) == pytest.approx(top)
