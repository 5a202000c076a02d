"""What people write as in a shell, or expect of an environment, and what `check` says of it: MS121, MS137, MS138 ..."""

import json
import os

import pytest
from config_kit import JOB
from lint_kit import comes, configuration, found, said

from minisup.check.lints.subject import Surroundings
from minisup.cli.check.directories import closed


@pytest.mark.parametrize(
    ("command", "warned"),
    [
        ("~/bin/work --once", True),
        ("bin/work --path=~/data", True),
        ("bin/work ~", True),
        ("php artisan work;", True),
        ("php artisan work ;", True),
        ("php artisan work --queue=$QUEUE", True),
        ("git show HEAD~", False),
        ("git show HEAD~2", False),
        ("find . -name x -exec rm {} ;", False),
        ("bin/work ~other", False),
        ("php -r 'echo 1;'", False),
        ("mysql --execute='select 1; select 2'", False),
    ],
)
def test_home_and_semicolons_of_a_shell_are_noticed(tmp_path, command, warned):
    assert comes(tmp_path, "", "MS121", command=command) == warned


@pytest.mark.parametrize(
    ("command", "value", "warned"),
    [
        ("${CMD}", "php work.php", True),
        ("${CMD} --once", "php work.php", True),
        ("${CMD}", "work", False),
        ("php ${CMD}", "two words", False),  # an argument may have spaces
        ("'bin/two words'", "", False),  # somebody has quoted it
    ],
)
def test_a_command_in_a_variable_is_one_word(tmp_path, command, value, warned):
    text = JOB.replace('"true"', json.dumps(command))
    assert bool(found(tmp_path, text, "MS137", environ={"CMD": value})) == warned


def test_a_program_whose_path_has_a_space_is_not_warned_of(tmp_path):
    program = tmp_path / "two words"
    program.touch()
    text = JOB.replace('"true"', '"${CMD}"')
    assert found(tmp_path, text, "MS137", environ={"CMD": str(program)}) == []


def test_a_secret_in_such_a_variable_is_not_shown(tmp_path):
    (finding,) = found(tmp_path, JOB.replace('"true"', '"${API_KEY}"'), "MS137", environ={"API_KEY": "hunter2 x"})
    assert "hunter2" not in finding.message


def test_without_a_shell_the_fix_names_the_variable(tmp_path):
    text = JOB.replace('"true"', '"${CMD}"')
    (finding,) = found(tmp_path, text, "MS137", environ={"CMD": "php work.php"})
    assert finding.fix == 'command = ["sh", "-c", "exec $CMD"], which splits it'


@pytest.mark.parametrize("command", ["${CMD} --once", "'${CMD:-php work.php}'", "${CMD} ${MORE:-x}"])
def test_the_fix_loses_neither_other_words_nor_a_default(tmp_path, command):
    text = JOB.replace('"true"', json.dumps(command))
    (finding,) = found(tmp_path, text, "MS137", environ={"CMD": "php work.php"})
    assert finding.fix == 'command = ["sh", "-c", "..."] with exec before the last command'


CRON = "schedule = { cron = '0 9 * * *' }\n"


@pytest.mark.parametrize(
    ("keys", "warned"),
    [
        (CRON + "environment = { TZ = 'Asia/Tokyo' }", True),
        ("schedule = { cron = '0 9 * * *', timezone = 'UTC' }\nenvironment = { TZ = 'Asia/Tokyo' }", False),
        (CRON, False),
        ("schedule = { every = '10s' }\nenvironment = { TZ = 'Asia/Tokyo' }", False),
        ("environment = { TZ = 'Asia/Tokyo' }", False),
    ],
)
def test_a_zone_beside_a_schedule_is_the_runs_own(tmp_path, keys, warned):
    assert comes(tmp_path, keys, "MS141") == warned


def test_a_zone_of_all_programs_is_not_the_schedules_either(tmp_path):
    text = f"supervisor.environment = {{ TZ = 'Asia/Tokyo' }}\n{JOB}{CRON}"
    (finding,) = found(tmp_path, text, "MS141")
    assert finding.fix == 'schedule = { cron = "0 9 * * *", timezone = "Asia/Tokyo" }'


@pytest.mark.parametrize(
    ("command", "keys", "warned"),
    [
        ("celery -A app worker", "", True),  # group is the default of a job
        ("celery -A app worker", "kind = 'service'", False),
        ("celery -A app worker", "kind = 'service'\nstop.scope = 'group'", True),
        ("celery -A app worker --pool=solo", "", False),
        ("celery -A app worker -P threads", "", False),
        ("celery -A app worker", "preset = 'celery'", False),
        ("celery -A app beat", "", False),
    ],
)
def test_the_pool_of_celery_is_not_to_be_signalled(tmp_path, command, keys, warned):
    assert (said(tmp_path, keys, "MS142", command=command) is not None) == warned


@pytest.mark.skipif(os.getuid() != 0, reason="needs root: programs run as another user")
def test_a_directory_that_the_user_of_a_program_may_not_enter(tmp_path):
    shut, deep = tmp_path / "shut", tmp_path / "shut" / "app"
    deep.mkdir(parents=True)
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)
    text = f"{JOB}user = '65534'\ndirectory = '{deep}'\n"
    assert closed(configuration(tmp_path, text)) == {}
    shut.chmod(0o700)
    (place,) = closed(configuration(tmp_path, text)).values()
    assert (place.directory, place.place) == (str(deep), str(shut))
    assert closed(configuration(tmp_path, text.replace("user = '65534'\n", ""))) == {}
    around = Surroundings(closed={"email": place})
    (finding,) = found(tmp_path, text, "MS138", around)
    assert str(shut) in finding.message
