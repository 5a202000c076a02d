"""Crontabs: those of a user and those of the system."""

import pwd
import subprocess

import pytest
from convert_kit import notes

from minisup.config.load import load
from minisup.convert.crontab.crontab_file import import_crontab
from minisup.convert.import_report import report_text
from minisup.convert.render import render
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
    home = {"directory": "${HOME:-/}"}
    assert imported(tmp_path, TEXT).document["program"] == {
        "schedule-run": {
            "command": ["/bin/bash", "-c", "exec php /srv/shop/artisan schedule:run >> /dev/null 2>&1"],
            "schedule": {"cron": "* * * * *"},
            "environment": environment,
            **home,
        },
        "backup": {
            "command": "/srv/bin/backup.sh --keep 7",
            "schedule": {"cron": "30 3 * * mon-fri", **zone},
            "environment": environment,
            **home,
        },
        "report": {
            "command": "/srv/bin/report",
            "schedule": {"cron": "0 * * * *", **zone},
            "environment": environment,
            **home,
        },
        "warm-up": {
            "command": "/srv/bin/warm-up",
            "kind": "task",
            "restart": "never",
            "environment": environment,
            **home,
        },
        "mail": {
            "command": ["/bin/bash", "-c", "printf '%s\\n' 'Happy new year' Bye | { mail -s \"100%\" ops\n}"],
            "schedule": {"cron": "0 0 1 1 *", **zone},
            "environment": environment,
            **home,
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


def test_a_schedule_of_freebsd_counts_seconds(tmp_path):
    assert imported(tmp_path, "@90 run\n").document["program"]["run"]["schedule"] == {"every": "90s"}
    assert imported(tmp_path, "@every_minute run\n").document["program"]["run"]["schedule"] == {"cron": "* * * * *"}


# --- users ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "user"),
    [
        ("* * * * * root cd /srv && php artisan schedule:run\n", 1, "root"),
        ("# jobs\n* * * * * php /x.php\n*/5 * * * * www-data php /srv/artisan schedule:run\n", 3, "www-data"),
        ("@daily root run-parts /etc/cron.daily\n", 1, "root"),
        ("17 * * * * shopper cd / && run-parts --report /etc/cron.hourly\n", 1, "shopper"),
        ("1 * * * * shopper /usr/bin/a\n2 * * * * shopper /srv/bin/b\n", 1, "shopper"),
        ("1 * * * * daemon /usr/bin/a\n", 1, "daemon"),
    ],
)
def test_a_crontab_whose_lines_name_users_is_refused_and_system_is_named(tmp_path, text, line, user):
    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, text)
    problem = caught.value.problems[0]
    assert problem.line == line
    assert problem.message.startswith(f'"{user}" stands where the command begins, and is a user')
    assert "--system" in problem.message
    assert imported(tmp_path, text, system=False).document["program"]


@pytest.mark.parametrize(
    "text",
    [
        "* * * * * php /srv/a.php\n* * * * * php /srv/b.php\n",
        "* * * * * chronic php /srv/a.php\n",
        "* * * * * flock -n /tmp/l /usr/bin/php /srv/a.php\n",
        "* * * * * mail -s report ops@example.org\n",
        "* * * * * backup --all\n* * * * * backup --more\n",
        "* * * * * sync\n",
        "* * * * * certtool /etc/a\n* * * * * certtool /etc/b\n",
        "* * * * * $HOME/bin/x /usr/bin/y\n",
    ],
)
def test_commands_are_not_taken_for_users(tmp_path, text):
    assert imported(tmp_path, text).document["program"]


@pytest.mark.parametrize("user", ["php", "/usr/bin/php", "cd", "$HOME/x"])
def test_what_is_no_user_is_refused_where_lines_name_one(tmp_path, user):
    with pytest.raises(ConfigError, match="leave out --system if the lines name none"):
        imported(tmp_path, f"* * * * * {user} /srv/x.php\n", system=True)


# --- fields -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "*/10 * * * * * /usr/local/bin/poll",
            'if the first one is seconds, write schedule = { every = "10s" } into the TOML file; if the last one',
        ),
        ("* * * * * * poll", 'schedule = { every = "1s" }'),
        ("0 */5 * * * * poll", 'if the first one is seconds, write the other five, "*/5 * * * *"'),
        ("0 0 12 ? * MON poll", 'write the other five, "0 12 ? * MON"'),
        ("*/10 2 * * * * poll", "which starts it once a minute"),
        ("0 */5 * * * * 2026 poll", "has seven fields"),
        ("*/15 * * * * * * poll", 'schedule = { every = "15s" } into the TOML file; the last one is a year'),
        ("*/10 * * * * * root poll", "has six fields"),
    ],
)
def test_six_and_seven_fields_are_no_command_that_begins_with_a_star(tmp_path, line, words):
    with pytest.raises(ConfigError) as caught:
        imported(tmp_path, f"{line}\n")
    assert [words in problem.message for problem in caught.value.problems] == [True], caught.value.problems


@pytest.mark.parametrize(
    ("fields", "schedule", "said"),
    [
        ("-*/15 * * * *", {"cron": "*/15 * * * *"}, "out of cron's log"),
        ("0~59 3 * * *", {"cron": "0 3 * * *", "jitter": "59m"}, "a time by chance: the same as jitter"),
        ("~ * * * *", {"cron": "0 * * * *", "jitter": "59m"}, "the same as jitter"),
        ("5~5 * * * *", {"cron": "5 * * * *"}, "the same as jitter"),
        ("30 1~4 * * *", {"cron": "30 1 * * *", "jitter": "3h"}, "the same as jitter"),
        ("*/5 * * * * -n -q", {"cron": "*/5 * * * *"}, "-n -q is left out"),
    ],
)
def test_what_single_crons_have_beside_the_fields(tmp_path, fields, schedule, said):
    converted = imported(tmp_path, f"{fields} run\n")
    assert converted.document["program"]["run"] == {
        "command": "run",
        "directory": "${HOME:-/}",
        "schedule": schedule,
    }
    assert said in notes(converted)["run"][1]


def test_a_day_by_chance_is_chosen_once_for_the_line(tmp_path):
    converted = imported(tmp_path, "0 3 ~ * * run\n")
    assert imported(tmp_path, "0 3 ~ * * run\n") == converted
    minute, hour, day, *rest = converted.document["program"]["run"]["schedule"]["cron"].split()
    assert (minute, hour, rest) == ("0", "3", ["*", "*"])
    assert 1 <= int(day) <= 28
    assert f'"~" is by chance: {day} was chosen here' in notes(converted)["run"][1]


@pytest.mark.parametrize("fields", ["9~5 * * * *", "~70 * * * *", "* 3~99 * * *"])
def test_a_chance_that_cannot_be_is_a_problem(tmp_path, fields):
    with pytest.raises(ConfigError, match="is not a schedule that minisup knows"):
        imported(tmp_path, f"{fields} run\n")


# --- directory --------------------------------------------------------------------------------------------------------


def test_home_is_where_cron_starts_the_jobs_below_it(tmp_path):
    converted = imported(tmp_path, "* * * * * a\nHOME=/srv/app\n* * * * * b\n* * * * * cd /tmp; c\n")
    tables = converted.document["program"]
    assert [table.get("directory") for table in tables.values()] == ["${HOME:-/}", "/srv/app", None]
    assert tables["b"]["environment"] == {"HOME": "/srv/app"}
    assert "and their directory, because cron starts them there" in notes(converted)["HOME"][1]
    assert 'directory = "/srv/app": cron starts it there' in notes(converted)["b"][1]


@pytest.mark.parametrize(
    ("command", "directory", "becomes"),
    [
        ("cd /srv/app && php artisan x", "/srv/app", "php artisan x"),
        ("cd '/srv/app' &&  php artisan x >> l 2>&1", "/srv/app", ["sh", "-c", "exec php artisan x >> l 2>&1"]),
        ("cd /srv && a && b | c", "/srv", ["sh", "-c", "a && b | c"]),
        ("cd /srv && a 'b; c'", "/srv", "a 'b; c'"),
        ("cd /srv && a || b", None, ["sh", "-c", "cd /srv && a || b"]),
        ("cd /srv && a; b", None, ["sh", "-c", "cd /srv && a; b"]),
        ("cd /srv && a & b", None, ["sh", "-c", "cd /srv && a & b"]),
        ("cd $X && a", "${HOME:-/}", ["sh", "-c", "cd $X && a"]),
        ("cd app && a", "${HOME:-/}", ["sh", "-c", "cd app && a"]),
    ],
)
def test_a_cd_before_the_command_is_its_directory(tmp_path, command, directory, becomes):
    (table,) = imported(tmp_path, f"* * * * * {command}\n").document["program"].values()
    assert (table.get("directory"), table["command"]) == (directory, becomes)


def test_the_home_of_a_user_is_the_directory_if_this_machine_knows_it(tmp_path):
    text = "* * * * * root a\n* * * * * daemon b\n* * * * * nobody-here c\n"
    converted = imported(tmp_path, text, system=True)
    tables = converted.document["program"]
    assert tables["a"]["directory"] == "/root"
    assert tables["b"]["directory"] == pwd.getpwnam("daemon").pw_dir
    assert "directory" not in tables["c"]
    assert "the home of nobody-here, whom this machine does not know: set directory" in notes(converted)["c"][1]


def test_several_crontabs_are_one_configuration(tmp_path):
    (tmp_path / "a").write_text("HOME=/srv\n* * * * * run\n")
    (tmp_path / "b").write_text("* * * * * run\n")
    converted = import_crontab(str(tmp_path / "a"), str(tmp_path / "b"))
    assert [table["directory"] for table in converted.document["program"].values()] == ["/srv", "${HOME:-/}"]
    assert list(converted.document["program"]) == ["run", "run-2"]


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("cd /var/www/app && php artisan schedule:run >> /dev/null 2>&1", "schedule-run"),
        ("cd /srv/shop && ./run.sh", "shop-run"),
        ("cd /srv/app && venv/bin/python manage.py clearsessions", "clearsessions"),
        ("php /var/www/nextcloud/cron.php", "nextcloud-cron"),
        ("curl -s 'https://example.com/wp-cron.php?doing_wp_cron' > /dev/null", "wp-cron"),
        ("wget -q https://shop.example.com/cron/run", "shop.example.com-run"),
        ("test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )", "cron.daily"),
        ("[ -x /a ] && if [ ! -d /b ]; then /usr/lib/php/sessionclean; fi", "sessionclean"),
        ("flock -n /tmp/x.lock /usr/local/bin/sync-orders", "sync-orders"),
        ("flock -n /tmp/x.lock -c 'php /srv/artisan mail:send'", "mail-send"),
        ("sleep 30; /usr/local/bin/poll", "poll"),
        (
            "/bin/bash -l -c 'cd /srv/app && RAILS_ENV=production bundle exec rake report:daily >> l 2>&1'",
            "report-daily",
        ),
        ("su - www-data -s /bin/sh -c 'php /srv/clean.php'", "clean"),
        ("docker exec app php artisan schedule:run", "schedule-run"),
        ("mysqldump shop | gzip > /backup/shop.sql.gz", "mysqldump"),
        ("certbot renew --quiet", "certbot-renew"),
        ("/usr/bin/wp cron event run --due-now", "wp-cron"),
        ("node /app/jobs/clean.js", "clean"),
        ("/app/app", "app"),
        ("(date; uptime) >> /var/log/x", "uptime"),
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
