"""Hooks and task protection in the file: what is understood, what is refused, and what is shown."""

import json

import pytest
from config_kit import ENVIRON, JOB, problems, read

from minisup.check.effective import facts
from minisup.check.explain import explain
from minisup.config.reload_plan import ReloadEffect, plan

URL = "https://hooks.example.com:8443/services/s3cret?key=s3cret"
SHOWN = "https://hooks.example.com:8443/***"


def supervisor(lines):
    return f"[supervisor]\n{lines}\n{JOB}"


def hook(tmp_path, value, environ=ENVIRON):
    return read(tmp_path, supervisor(f"on_failing = {value}"), environ).supervisor.on_failing


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("'notify --to \"the team\"'", ("notify", "--to", "the team")),
        ("['notify', '${APP}', '$HOME', '$${X}']", ("notify", "shop", "$HOME", "${X}")),
        ("'${APP} ${MISSING:-a b}'", None),
        (f"'{URL}'", (URL,)),
        (f"['{URL}']", (URL,)),
        ("'HTTP://localhost'", ("HTTP://localhost",)),
        ("'${WEBHOOK:-http://[::1]:80/x}'", ("http://[::1]:80/x",)),
    ],
)
def test_a_hook_is_a_command_or_a_url(tmp_path, value, words):
    if words is None:
        found = problems(tmp_path, supervisor(f"on_failing = {value}"))
        assert [key for _, key, _ in found] == ["supervisor.on_failing"]
        return
    found = hook(tmp_path, value)
    assert found.words == words
    assert found.url == (words[0] if len(words) == 1 else "")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (f"'{URL}'", SHOWN),
        ("'https://example.com'", "https://example.com"),
        ("'http://[::1]:80/x'", "http://[::1]:80/***"),
        ("['sh', '-c', 'echo it']", "sh -c 'echo it'"),
        ("'notify ${API_TOKEN}'", "notify ***"),
        ("'http://${API_TOKEN}.example.com'", "http://***.example.com"),
        ("'http://host?key=1'", "http://host***"),
        ("'${SECRET_URL:-http://host/x}'", "***"),
    ],
)
def test_of_a_url_only_the_host_is_shown_and_secrets_are_masked(tmp_path, value, shown):
    assert hook(tmp_path, value).shown == shown


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("''", "the command is empty"),
        ("7", "expected a command as text or a list of words, got 7"),
        ("['notify', 7]", 'expected text, got 7; write "7"'),
        ("'notify ${MISSING}'", "MISSING is not set; set it, or write ${MISSING:-default}"),
        ("'http://'", 'is a URL without a host; write "https://host/path"'),
        ("'http://host:x/'", "is a URL whose host or port cannot be understood"),
        ("'http://host:99999/'", "is a URL whose host or port cannot be understood"),
        ("'http://[::1/'", "is a URL whose host or port cannot be understood"),
        ("'http://host:0/'", 'is a URL without a host; write "https://host/path"'),
        ("['http://host/a b']", "is a URL with characters that a URL cannot have; write them as %XX"),
        ("'http://host/ü'", "is a URL with characters that a URL cannot have; write them as %XX"),
        (
            "'http://me:pw@host/'",
            "is a URL with a user; put a token into the path, or let a command as curl send it",
        ),
        (
            "'http://host/ -H x'",
            "has a URL and more; a URL stands alone, a command begins with a program as curl",
        ),
    ],
)
def test_what_is_neither_is_refused(tmp_path, value, message):
    assert problems(tmp_path, supervisor(f"on_drain = {value}")) == [(2, "supervisor.on_drain", message)]


def test_check_prints_hooks_without_their_secrets(tmp_path):
    text = supervisor(f"on_drain = ['sh', '-c', 'echo ${{API_TOKEN}}']\non_give_up = '{URL}'\nplatform = 'ecs'")
    config = read(tmp_path, text)
    said = explain(config)
    assert "    hooks     on_drain runs sh -c 'echo ***'\n" in said
    assert f"              on_give_up posts to {SHOWN}\n" in said
    assert "    protected from scale-in while jobs or tasks are in progress\n" in said
    document = json.dumps(facts(config))
    assert "s3cret" not in said + document
    assert facts(config)["supervisor"]["on_give_up"] == SHOWN
    assert facts(config)["supervisor"]["on_failing"] is None


def test_check_says_when_protection_is_switched_off(tmp_path):
    said = explain(read(tmp_path, supervisor("platform = 'ecs'\ntask_protection.enabled = false")))
    assert "    protected not from scale-in\n" in said
    assert "protected" not in explain(read(tmp_path, JOB))


def test_another_hook_is_a_change_that_counts_at_once_and_shows_no_secret(tmp_path):
    old = read(tmp_path, supervisor(f"on_failing = '{URL}'"))
    new = read(tmp_path, supervisor(f"on_failing = '{URL}2'\ntask_protection = {{ enabled = false, poll = '21s' }}"))
    assert [tuple(change) for change in plan(old, new).changes] == [
        ("", "task_protection.enabled", True, False, ReloadEffect.LIVE),
        ("", "task_protection.poll", 1.0, 21.0, ReloadEffect.LIVE),
        ("", "on_failing", SHOWN, SHOWN, ReloadEffect.LIVE),
    ]
    assert plan(old, read(tmp_path, JOB)).changes[0][2:] == (SHOWN, None, ReloadEffect.LIVE)
