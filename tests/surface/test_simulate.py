"""`simulate` as its users meet it; what it prints is held by the page about it."""

import json
import time
from html.parser import HTMLParser

import pytest

from minisup.cli.simulate.simulate_html import page
from minisup.cli.simulate.simulate_text import lines
from minisup.history.row import Row
from minisup.history.store import Retention, Store

CONFIG = """
[program.email]
command = "php artisan sqs:email"
numprocs = 4
after = ["migrate"]
[program.sms]
command = "php artisan sqs:sms"
exit = { idle = [7] }
[program.migrate]
command = "php artisan migrate"
kind = "task"
[program.web]
command = "php artisan serve"
kind = "service"
autostart = false
"""
NOW = 1_763_632_000.0


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    path = tmp_path / "minisup.toml"
    path.write_text(f'[supervisor]\nsocket = "{tmp_path}/none"\nstate_dir = "state"\n{CONFIG}', encoding="utf-8")
    yield path
    monkeypatch.undo()
    time.tzset()


def document(minisup, *words):
    process = minisup("simulate", *words, "--json")
    assert (process.returncode, process.stderr) == (0, "")
    return json.loads(process.stdout)


def row(run, program="email", started=0.0, duration=1.0, outcome="worked"):
    return Row(run, program, 0, NOW + started, duration, outcome, 0, None, 0.0, None, 0, None)


@pytest.fixture
def past(tmp_path):
    """A history: a run each 10 s, an outage of 100 s, and one program that was idle now and then."""
    (tmp_path / "state").mkdir()
    store = Store(str(tmp_path / "state" / "history.db"), Retention(1e12, 10**9))
    ends = ["worked"] * 20 + ["failed"] * 10 + ["worked"] * 20
    store.write([row(number, started=10.0 * number, outcome=end) for number, end in enumerate(ends)])
    sms = ["worked", "idle"] * 25
    store.write([row(100 + n, "sms", 10.0 * n, 0.5, outcome) for n, outcome in enumerate(sms)])
    store.close()


def test_all_that_start_by_themselves_are_simulated_unless_some_are_named(minisup):
    assert [program["name"] for program in document(minisup, "--for", "1m")["programs"]] == ["email", "sms", "migrate"]
    named = document(minisup, "--for", "1m", "--program", "web", "-p", "email")
    assert [program["name"] for program in named["programs"]] == ["email", "web"]
    email, web = (program["minisup"] for program in named["programs"])
    assert email["launches"] > 100  # what it is after has worked
    assert (web["launches"], web["outcomes"], web["busy"]) == (1, {}, 1.0)


def test_the_same_seed_says_the_same_and_another_one_does_not(minisup):
    words = ("--for", "10m", "--failure-rate", "20%", "--program", "email")
    one, same = (minisup("simulate", *words, "--seed", "3").stdout for _ in range(2))
    assert one == same
    assert one.replace("seed 3", "seed 4") != minisup("simulate", *words, "--seed", "4").stdout


def test_what_is_said_and_what_is_assumed(minisup):
    made = document(
        minisup, "--for", "1h", "--burst", "sms=12:00+500", "--outage", "email=12:10+45s", "--deploy", "12:20",
        "--job-duration", "1s-3s", "--job-duration", "sms=500ms", "--failure-rate", "email=0.1",
    )  # fmt: skip
    assert made["begins"] == "11:50"
    assert [(event["time"], event["what"], event["programs"]) for event in made["happens"]] == [
        ("12:00", "burst", ["sms"]),
        ("12:10", "outage", ["email"]),
        ("12:20", "deploy", ["email", "sms", "migrate"]),
    ]
    email, sms, migrate, deploys = made["setting"]
    assert email == (
        "email: a run takes 1 s to 3 s; 10 % of them fail; a failing one ends after 0.2 s (assumed); "
        "work is always waiting (assumed)"
    )
    assert sms == ("sms: a run takes 0.5 s; 30/m messages come by chance, 50 % of what it can do (assumed)")
    assert migrate == "migrate: a run takes 1 s to 3 s; it is a task"
    assert deploys.startswith("deploys: shutdown_timeout is 10 s;")
    queue = made["programs"][1]["minisup"]["queue"]
    assert queue["arrived"] > 500 + 1500


def test_messages_and_durations_for_all_are_not_for_services(minisup):
    made = document(minisup, "-p", "web", "-p", "sms", "--job-duration", "1s", "--arrivals", "50%", "--burst", "5m+3")
    sms, web = made["programs"]
    assert (web["minisup"]["launches"], web["minisup"]["queue"]) == (1, None)
    assert sms["minisup"]["queue"]["arrived"] > 1000
    assert made["setting"][1] == "web: a run takes for ever (assumed); it is a service"


def test_beside_supervisord_an_outage_is_fatal(minisup):
    made = document(minisup, "--for", "30m", "--outage", "10:00+10m", "-p", "email", "--versus", "supervisord")
    (email,) = made["programs"]
    theirs, ours = email["supervisord"], email["minisup"]
    assert (theirs["rules"], theirs["fatal"]["slots"], ours["fatal"]["slots"]) == ("supervisord", 4, 0)
    assert theirs["fatal"]["first"] - 300.0 == pytest.approx(8.0, abs=2.0)
    assert theirs["outages"][0]["back"] is None
    assert ours["outages"][0]["back"] < 30.0


def test_of_many_outages_and_deploys_the_worst_is_told(minisup):
    words = ("-p", "email", "--for", "5d", "--job-duration", "1m-2m")
    many = minisup("simulate", *words, "--outage", "daily 10:00+1m", "--deploy", "daily 12:00").stdout
    assert "  5 outages " in many
    assert "  5 deploys             18 cut, gone in at most 4 s\n" in many
    assert many.count("an outage of") == 5
    hourly = [word for hour in range(14) for word in ("--outage", f"{hour}h+1m")]
    assert "  ...  and 2 more\n" in minisup("simulate", *words, *hourly).stdout
    two = minisup("simulate", *words, "--outage", "10:00+1m", "--outage", "daily 11:00+2h", "--for", "2d").stdout
    assert two.count("  all at work after") == 3


def test_a_program_that_is_given_up_is_said(minisup, config):
    retry = 'retry = { give_up = "exit", give_up_after = "1m" }'
    config.write_text(f'[program.email]\ncommand = "true"\n{retry}\n', encoding="utf-8")
    text = minisup("simulate", "--for", "30m", "--outage", "10:00+100s").stdout
    assert '  give_up = "exit": 10 s later the platform starts minisup again (assumed)\n' in text
    assert "  gave up               1 time\n" in text


@pytest.mark.usefixtures("past")
def test_of_the_history_durations_failures_outages_and_messages_are_taken(minisup):
    made = document(minisup, "--from-history", "-p", "email", "-p", "sms")
    assert made["seconds"] == pytest.approx(490.0, abs=5.0)
    assert made["begins"] == "09:46:40"
    (outage,) = made["happens"]
    assert (outage["what"], outage["at"], outage["size"], outage["programs"]) == ("outage", 200.0, 100.0, ["email"])
    email, sms = made["setting"]
    assert email.startswith("email: a run takes 1 s on average of 40 (as recorded);")
    assert "work is always waiting (no idle run is recorded)" in email
    assert "25 messages come when they were taken (as recorded)" in sms
    sms = made["programs"][1]["minisup"]
    assert sms["queue"]["taken"] == sms["queue"]["arrived"] == 25
    longer = document(minisup, "--from-history", "-p", "sms", "--for", "20m", "--outage", "09:50+1m")
    assert longer["programs"][0]["minisup"]["queue"]["arrived"] > 50


@pytest.mark.usefixtures("past")
def test_a_history_without_runs_of_the_program_says_what_to_do(minisup):
    process = minisup("simulate", "--from-history", "-p", "web")
    assert process.returncode == 1
    assert process.stderr.startswith("cannot simulate from the history: it has no run of web\n  say how long runs take")


def test_without_a_history_it_says_so(minisup):
    process = minisup("simulate", "--from-history")
    assert process.returncode == 1
    assert process.stderr.startswith("cannot find a history")


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("--program nope", 4, "cannot find nope: programs in the configuration: email, migrate, sms, web\n"),
        ("--outage 10:00", 2, "cannot read --outage '10:00': write a moment and how long it lasts: \"10:00+45s\"\n"),
        ("--outage x=10:00+1s", 2, "cannot read --outage 'x=10:00+1s': x is not simulated; programs that are:"),
        ("--for 10m --deploy 20m", 2, "cannot simulate --deploy at 20 m after the start: the time is 10 m from 00:00;"),
        ("--for 0", 2, 'cannot read --for \'0\': write a time of at most a year, as "30m" or "7d"\n'),
        ("--html x --json", 2, "cannot print --json and write --html at once; choose one\n"),
        ("--versus runit", 2, "invalid value for '--versus': 'runit' is not one of 'supervisord'"),
        ("-p web --arrivals web=50%", 2, "cannot say how much web can do (its runs take no time or for ever); write"),
        ("--html nowhere/x.html --for 1m", 1, "cannot write nowhere/x.html: No such file or directory;"),
        ("-c nowhere.toml", 78, "nowhere.toml"),
        (
            "--for 60d --job-duration 1s",
            2,
            "cannot simulate so much at once: email alone may have 20,736,000 runs, and",
        ),
    ],
)
def test_what_is_refused_says_what_to_write(minisup, line, code, sentence):
    process = minisup("simulate", *line.split())
    assert process.returncode == code
    assert process.stdout == ""
    assert process.stderr.startswith("cannot ")
    assert sentence in process.stderr


def test_nothing_that_starts_by_itself_is_said(minisup, config):
    config.write_text('[program.web]\ncommand = "true"\nautostart = false\n', encoding="utf-8")
    assert "no program starts by itself (autostart = false); name one with --program" in minisup("simulate").stderr


class Page(HTMLParser):
    """The tags of a page, and what it loads."""

    def __init__(self):
        super().__init__()
        self.open, self.loads = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in {"meta", "rect", "line", "br"}:
            self.open.append(tag)
        self.loads += [value for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag):
        if tag not in {"rect", "line"}:
            assert self.open.pop() == tag


def test_the_page_stands_alone(minisup, tmp_path):
    line = "--for 2h --burst sms=12:00+50 --outage 12:10+1m --deploy 13:00 --versus supervisord --seeds 2"
    words = line.split()
    made = document(minisup, *words)
    process = minisup("simulate", *words, "--html", "x.html")
    assert process.stdout == "wrote x.html\n"
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert text == page(made)
    parser = Page()
    parser.feed(text)
    assert (parser.open, parser.loads) == ([], [])
    assert "supervisord: messages that wait" in text
    assert "median" in text
    assert minisup("simulate", *words, "--html", "-").stdout == text


@pytest.mark.parametrize("width", [40, 72, 200])
def test_it_fits_a_terminal_of_any_width_also_in_ascii(minisup, width):
    made = document(minisup, "--for", "1h", "--outage", "10:00+5m", "-p", "email")
    plain = [line.plain for line in lines(made, width, unicode=False)]
    assert all(line.isascii() for line in plain)
    assert any("#" in line for line in plain) == (width > 45)
    drawn = [line for line in plain if "top" in line]
    assert all(len(line) <= max(width, 46) for line in drawn)
