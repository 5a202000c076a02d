"""What kind of program a command is: one that runs for long, or one that does a piece of work and exits.

The rules, first match wins:

1. A word that ends it after one piece of work (`--once`, `--limit=1`, `--stop-when-empty` ...): a job.
2. A command that is known to run for long (php-fpm, nginx, `celery worker`, `artisan horizon` ...): a service.
3. A shell loop (`while true; do ...`): a service, because the loop is what runs.

Nothing is said about any other command: whoever asks decides by what else it knows.
"""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

JOB: Final = "job"
SERVICE: Final = "service"
TASK: Final = "task"

LARAVEL_OUT_OF_MEMORY: Final = 12
"""The exit code with which `artisan queue:work` says that it has used up its memory and wants to be started again."""

_ONCE: Final = frozenset({"--once", "--limit=1", "--max-jobs=1", "--stop-when-empty", "--burst", "--oneshot"})
_ONCE_PAIRS: Final = frozenset({("--limit", "1"), ("-l", "1"), ("--max-jobs", "1")})

_SERVERS: Final = frozenset(
    (  # noqa: SIM905 - a list of words is best read so
        "apache2 apache2-foreground apachectl asterisk beanstalkd caddy celery celerybeat cron crond daphne dnsmasq "
        "dockerd dramatiq envoy etcd fail2ban-server flower frankenphp granian gunicorn haproxy httpd huey_consumer "
        "huey_consumer.py hypercorn litestream mailpit mariadbd memcached minio mongod mosquitto mysqld mysqld_safe "
        "nats-server nginx node_exporter openresty postgres prometheus pgbouncer puma rabbitmq-server redis-server "
        "resque-pool rr rqscheduler rsyslogd shoreman sidekiq solid_queue soketi sshd stunnel supercronic syslog-ng "
        "thin traefik twistd unicorn unit unitd uvicorn uwsgi varnishd vector waitress-serve websockify x11vnc Xvfb"
    ).split()
)
_SUBCOMMANDS: Final = frozenset(
    {
        *("queue:work", "queue:listen", "horizon", "octane:start", "octane:frankenphp", "octane:roadrunner"),
        *("octane:swoole", "reverb:start", "schedule:work", "websockets:serve", "websocket:serve", "pulse:check"),
        *("pulse:work", "nightwatch:agent", "inertia:start-ssr", "serve", "short-schedule:run", "mqtt:subscribe"),
        *("messenger:consume", "messenger:consume-messages", "rabbitmq:consumer", "swarrot:consume", "server:start"),
        *("runserver", "qcluster", "rqworker", "rqscheduler", "process_tasks", "runworker", "db_worker"),
        *("run_huey", "celery", "daphne", "rundramatiq", "jobs:work", "solid_queue:start", "resque:work"),
        "server",
    }
)
_CONSOLES: Final = frozenset({"artisan", "console", "manage.py", "django-admin", "rails", "rake", "yii", "spark"})
_PAIRS: Final = frozenset(
    {("rq", "worker"), ("arq", "worker"), ("streamlit", "run"), ("flask", "run"), ("good_job", "start")}
)
_VERSION: Final = re.compile(r"^(php-fpm|python|gunicorn|celery|uwsgi|ruby|node)[-0-9.]*$")
_FRONTS: Final = frozenset({"exec", "env", "nice", "ionice", "sudo", "gosu", "su-exec", "tini", "dumb-init", "nohup"})
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_MODULES: Final = re.compile(r"^python[0-9.]*$")
_LOOP: Final = re.compile(r"\b(while|until)\b.*\bdo\b|\bfor\s*\(\(", re.DOTALL)
_MORE: Final = re.compile(r"&&|\|\||;|\n")


class Judged(NamedTuple):
    """`kind` (empty: not known), why, and exit codes that ask for a fresh run."""

    kind: str
    why: str
    recycle: tuple[int, ...] = ()


UNKNOWN: Final = Judged("", "its command is none that is known to run for long")


def judge(words: Sequence[str]) -> Judged:
    """What is known of a command, by the rules of this module."""
    text = shell_text(words)
    if text is not None and _LOOP.search(text):
        return Judged(SERVICE, "it is a shell loop; minisup is the loop itself: the command inside would be a job")
    known = UNKNOWN
    for command in _commands(words, text):
        judged = _judge(command)
        if judged.kind:
            known = judged
    return known


def shell_text(words: Sequence[str]) -> str | None:
    """What `sh -c TEXT` runs, if that is what the words are."""
    if words and os.path.basename(words[0]) in _SHELLS:
        for number, word in enumerate(words[1:-1], 1):
            if word.startswith("-") and word.endswith("c"):
                return words[number + 1]
    return None


def _commands(words: Sequence[str], text: str | None) -> Iterator[list[str]]:
    if text is None:
        yield _without_fronts(words)
        return
    for part in _MORE.split(text):
        try:
            yield _without_fronts(shlex.split(part))
        except ValueError:
            yield _without_fronts(part.split())


def _without_fronts(words: Sequence[str]) -> list[str]:
    """The words from the command itself on: without `exec`, `env A=b`, `nice -n 5`, `gosu user`."""
    rest = list(words)
    while rest:
        name = os.path.basename(rest[0])
        if name in _FRONTS:
            rest.pop(0)
            while rest and (rest[0].startswith("-") or rest[0].isdigit()):
                rest.pop(0)
            if name in {"gosu", "su-exec"} and rest:
                rest.pop(0)
        elif "=" in name and not rest[0].startswith(("-", "/")):
            rest.pop(0)
        else:
            break
    return rest


def _judge(words: Sequence[str]) -> Judged:
    once = next((word for word in words if word in _ONCE), "") or next(
        (" ".join(pair) for pair in pairwise(words) if pair in _ONCE_PAIRS), ""
    )
    if once:
        return Judged(JOB, f"{once} ends it after the work that is there")
    name = _long_runner(words)
    if not name:
        return UNKNOWN
    recycle = (LARAVEL_OUT_OF_MEMORY,) if name == "queue:work" else ()
    return Judged(SERVICE, f"{name} is known to run for long", recycle)


def _long_runner(words: Sequence[str]) -> str:
    """The word by which the command is known to run for long, or nothing."""
    names = [os.path.basename(word) for word in words]
    if not names:
        return ""
    head = 1 if _MODULES.match(names[0]) and names[1:2] == ["-m"] else 0
    first = names[head * 2] if head and len(names) > 2 else names[0]  # noqa: PLR2004 - python -m MODULE
    if first in _SERVERS or (_VERSION.match(first) and not first.startswith(("python", "ruby", "node"))):
        return first
    for one, two in pairwise(names):
        if (one, two) in _PAIRS:
            return f"{one} {two}"
        if one in _CONSOLES and two in _SUBCOMMANDS:
            return two
    scripts = [name for name in names[1:3] if name in _SERVERS]
    return scripts[0] if scripts and _is_interpreter(names[0]) else ""


def _is_interpreter(name: str) -> bool:
    return bool(_MODULES.match(name)) or name in {"php", "ruby", "bundle", "pipenv", "poetry", "uv", "npx", "node"}
