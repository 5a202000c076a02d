"""Which commands are known to run for long, and which to end after a piece of work."""

import shlex

import pytest

from minisup.convert.commands import judge, shell_text

LONG = [
    "php-fpm -F",
    "/usr/sbin/php-fpm8.3 --nodaemonize",
    "nginx -g 'daemon off;'",
    "apache2-foreground",
    "/venv/bin/gunicorn app:app",
    "python -m gunicorn app:app",
    "python3 -m celery -A app worker",
    "celery -A app beat",
    "uvicorn app:app",
    "rq worker mails",
    "php artisan queue:work sqs",
    "php -d memory_limit=1G /srv/artisan horizon",
    "php bin/console messenger:consume async --time-limit=3600",
    "php bin/console messenger:consume async --limit=10",
    "python manage.py runserver",
    "bundle exec sidekiq",
    "bundle exec puma -C config/puma.rb",
    "bundle exec rails server",
    "env A=b nice -n 5 nginx",
    "gosu www-data php-fpm",
    "sh -c 'cd /srv && exec gunicorn app:app'",
    "bash -c 'while true; do php x.php; sleep 1; done'",
    "/bin/bash -lc 'exec php artisan horizon'",
]
SHORT = [
    "php artisan queue:work --once",
    "php bin/console messenger:consume async --limit=1",
    "php bin/console messenger:consume async --limit 1",
    "php bin/console messenger:consume async -l 1",
    "php artisan queue:work --stop-when-empty",
    "php artisan queue:work --max-jobs=1",
    "rq worker --burst",
    "sh -c 'php artisan queue:work --once'",
]
NOBODY_KNOWS = [
    "php artisan sqs:email --verbose",
    "php /srv/send.php",
    "python job.py",
    "python -m job",
    "node consumer.js",
    "/usr/local/bin/run",
    "php artisan serve:something",
    "echo nginx",
    "sh -c 'php job.php'",
    "true",
]


@pytest.mark.parametrize("command", LONG)
def test_known_to_run_for_long(command):
    assert judge(shlex.split(command)).kind == "service"


@pytest.mark.parametrize("command", SHORT)
def test_known_to_end(command):
    assert judge(shlex.split(command)).kind == "job"


@pytest.mark.parametrize("command", NOBODY_KNOWS)
def test_not_known(command):
    assert judge(shlex.split(command)).kind == ""


def test_a_laravel_worker_asks_for_a_fresh_run_by_exit_code_12():
    assert judge(shlex.split("php artisan queue:work")).recycle == (12,)
    assert judge(shlex.split("php artisan horizon")).recycle == ()


def test_a_loop_is_told_apart():
    assert "shell loop" in judge(["sh", "-c", "while :; do x; done"]).why


@pytest.mark.parametrize(
    ("words", "text"),
    [(["sh", "-c", "x"], "x"), (["/bin/bash", "-ec", "x"], "x"), (["sh", "x"], None), ([], None), (["sh", "-c"], None)],
)
def test_what_a_shell_runs(words, text):
    assert shell_text(words) == text
