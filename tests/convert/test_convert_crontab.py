"""Crontabs: those of a user and those of the system."""

import subprocess

import pytest
from convert_kit import notes

from minisup.config.load import load
from minisup.convert.crontab import import_crontab
from minisup.convert.render import render
from minisup.convert.report import report_text
from minisup.errors import ConfigError

TEXT = r"""
# m h dom mon dow command
SHELL=/bin/bash
MAILTO=ops@example.org
PATH = "/usr/local/bin:/usr/bin:/bin"
* * * * * php /srv/shop/artisan schedule:run >> /dev/null 2>&1
CRON_TZ=Asia/Tokyo
30 3 * * mon-fri /srv/bin/backup.sh --keep 7
@hourly	/srv/bin/report
@reboot /srv/bin/warm-up
0 0 1 1 * mail -s "100\%" ops%Happy new year%Bye
"""


def imported(tmp_path, text, **keys):
    path = tmp_path / "crontab"
    path.write_text(text, encoding="utf-8")
    return import_crontab(str(path), **keys)


def test_a_crontab(tmp_path):
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    zone = {"timezone": "Asia/Tokyo"}
    assert imported(tmp_path, TEXT).document["program"] == {
        "schedule-run": {
            "command": ["/bin/bash", "-c", "exec php /srv/shop/artisan schedule:run >> /dev/null 2>&1"],
            "schedule": {"cron": "* * * * *"},
            "environment": environment,
        },
        "backup": {
            "command": "/srv/bin/backup.sh --keep 7",
            "schedule": {"cron": "30 3 * * mon-fri", **zone},
            "environment": environment,
        },
        "report": {"command": "/srv/bin/report", "schedule": {"cron": "0 * * * *", **zone}, "environment": environment},
        "warm-up": {"command": "/srv/bin/warm-up", "kind": "task", "restart": "never", "environment": environment},
        "mail": {
            "command": ["/bin/bash", "-c", "printf '%s\\n' 'Happy new year' Bye | { mail -s \"100%\" ops\n}"],
            "schedule": {"cron": "0 0 1 1 *", **zone},
            "environment": environment,
        },
    }


def test_every_line_is_in_the_report_and_what_is_not_supported_is_said(tmp_path):
    converted = imported(tmp_path, TEXT)
    assert [note.spot.line for note in converted.notes] == [3, 4, 5, 6, 7, 8, 9, 10, 11]
    said = notes(converted)
    assert said["MAILTO"][0] == "not supported"
    assert "schedule = { cron" in said["report"][1]
    assert "by a pipe" in said["mail"][1]
    assert "a task that runs once" in said["warm-up"][1]


def test_check_takes_what_the_import_writes(tmp_path):
    file = tmp_path / "minisup.toml"
    file.write_text(render(imported(tmp_path, TEXT).document, []), encoding="utf-8")
    programs = load(str(file)).programs.values()
    assert [program.policy().schedule is None for program in programs].count(False) >= 3


def test_what_follows_a_percent_is_the_input(tmp_path):
    table = imported(tmp_path, "* * * * * cat; echo end # done%one%two words\\%\n").document["program"]
    command = next(iter(table.values()))["command"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "one\ntwo words%\nend\n"


@pytest.mark.parametrize(
    ("line", "user", "command"),
    [
        ("* * * * * www-data run", "www-data", "run"),
        ("*/5 * * * *\twww-data\trun it", "www-data", "run it"),
        ("@daily root run", None, "run"),
    ],
)
def test_lines_of_the_system_name_a_user(tmp_path, line, user, command):
    table = imported(tmp_path, f"{line}\n", system=True).document["program"]["run"]
    assert (table.get("user"), table["command"]) == (user, command)


@pytest.mark.parametrize(
    ("line", "schedule"),
    [
        ("@midnight run", {"cron": "0 0 * * *"}),
        ("@weekly run", {"cron": "0 0 * * 0"}),
        ("@annually run", {"cron": "0 0 1 1 *"}),
        ("@every 90s run", {"every": "90s"}),
        ("RANDOM_DELAY=5\n1 2 3 4 5 run", {"cron": "1 2 3 4 5", "jitter": "5m"}),
    ],
)
def test_schedules(tmp_path, line, schedule):
    assert imported(tmp_path, f"{line}\n").document["program"]["run"]["schedule"] == schedule


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("php /srv/artisan schedule:run", "schedule-run"),
        ("cd /srv && php artisan emails:send", "emails-send"),
        ("/usr/bin/python3 /srv/job.py", "job"),
        ("test -x /x || exit 0", "x"),
        ("$X", "job"),
    ],
)
def test_names_come_from_the_commands(tmp_path, command, name):
    assert list(imported(tmp_path, f"* * * * * {command}\n* * * * * {command}\n").document["program"]) == [
        name,
        f"{name}-2",
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("* * * * run\n", 1, "'run' is not a day of week"),
        ("61 * * * * run\n", 1, "'61' is not a minute (0-59)"),
        ("* * * * *\n", 1, "there is no command"),
        ("@never run\n", 1, '"@never" is not known'),
        ("@every soon run\n", 1, "is not a duration"),
        ("run\n", 1, "it has 1 field"),
        ("# nothing\n", 0, "there is no line with a schedule"),
    ],
)
def test_lines_that_are_no_schedules(tmp_path, text, line, words):
    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, text)
    assert [problem.line for problem in caught.value.problems] == [line]
    assert words in caught.value.problems[0].message


def test_a_user_is_needed_where_lines_name_one(tmp_path):
    with pytest.raises(ConfigError, match="no command after the user"):
        imported(tmp_path, "* * * * * root\n", system=True)


def test_a_time_zone_that_nobody_knows_is_told_and_left_out(tmp_path):
    path = tmp_path / "crontab"
    path.write_text("CRON_TZ=Asia/Tokio\n* * * * * echo hi\n", encoding="utf-8")
    converted = import_crontab(str(path))
    assert converted.document["program"]["echo"]["schedule"] == {"cron": "* * * * *"}
    assert '"Asia/Tokio" is no time zone that this machine knows' in report_text(converted)
