"""What is a secret, and that it shows nowhere: by its name, inside URLs, and wherever a variable has put it."""

import json

import pytest
from config_kit import ENVIRON, JOB, read, write
from hypothesis import given
from hypothesis import strategies as st

from minisup.check.effective import facts, problem_facts
from minisup.check.explain import explain
from minisup.config.load import load
from minisup.config.reload_plan import plan
from minisup.config.text.masking import conceal, hide_urls, is_secret, mask
from minisup.errors import ConfigError


@pytest.mark.parametrize(
    "name",
    [
        *("API_KEY", "apikey", "AWS_SECRET_ACCESS", "GH_TOKEN", "DB_PASSWORD", "TOKENS", "PASS", "DB_PASS", "dbPass"),
        *("PASSWD", "MYSQL_PWD", "PGPASSWORD", "PASSPHRASE", "AUTH", "BASIC_AUTH", "HTTP_AUTH_2", "CREDENTIALS"),
        *("GOOGLE_APPLICATION_CREDENTIALS", "SENTRY_DSN", "dsn", "DATABASE_URL", "TEST_DATABASE_URL"),
    ],
)
def test_secret_names(name):
    assert is_secret(name)
    assert mask(name, "x") == "***"


@pytest.mark.parametrize("name", ["APP_ENV", "USER", "PATH", "PWD", "OLDPWD", "AUTHOR", "PASSENGERS", "BASE_URL"])
def test_names_that_are_not_secret(name):
    assert not is_secret(name)
    assert mask(name, "x") == "x"


def test_an_empty_secret_is_shown_as_empty():
    assert mask("API_KEY", "") == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:pw@cache:6379/0", "redis://***@cache:6379/0"),
        ("http://u:p@ss@rabbit/api?vhost=%2F&token=abc#top", "http://***@rabbit/api?vhost=***&token=***#top"),
        ("curl https://u@a/x https://b/?k=1;l=2", "curl https://***@a/x https://b/?k=***;l=***"),
        ("https://hooks.example.com/?s3cret", "https://hooks.example.com/?***"),
        ("https://a/?x=&y=1&z", "https://a/?x=&y=***&***"),
        ("PostgreSQL+psycopg://bob:x@db/shop", "PostgreSQL+psycopg://***@db/shop"),
        ("https://a/b@c", "https://a/b@c"),
        ("bob@example.com?x=1", "bob@example.com?x=1"),
        ("http://[", "http://["),
    ],
)
def test_what_urls_carry_is_not_shown(text, shown):
    assert hide_urls(text) == shown
    assert hide_urls(shown) == shown
    assert mask("BASE_URL", text) == shown


def test_a_value_is_concealed_wherever_it_stands_the_longest_first():
    assert conceal("/srv/s3cret/s3crets and 123", {"s3cret", "s3crets", "123", ""}) == "/srv/***/*** and 123"


@given(st.text(), st.sets(st.text()))
def test_any_text_can_be_concealed(text, secrets):
    shown = conceal(text, secrets)
    assert not any(len(secret) >= 4 and secret in shown.replace("***", "") for secret in secrets if "*" not in secret)


# --- configurations ---------------------------------------------------------------------------------------------------

EVERYWHERE = """\
[supervisor]
socket = "/run/${API_TOKEN}/s"
state_dir = "/var/${API_TOKEN}"
on_drain = "http://${API_TOKEN}.example.com/x"
environment = { MIRROR = "${API_TOKEN}", QUEUE_URL = "amqp://bob:hunter2@rabbit/?key=hunter2" }

[program.email]
command = ["./${API_TOKEN}", "--url=http://bob:hunter2@a/?token=hunter2", "${QUEUE_URL}"]
directory = "/srv/${API_TOKEN}"
environment = { NAME = "${API_TOKEN}", DB_PWD = "hunter2" }
watch = ["/srv/${API_TOKEN}/*.php"]
log = { to = "file", path = "/var/log/${API_TOKEN}.log" }
scale = { probe = { http = "http://bob:hunter2@rabbit/${API_TOKEN}?password=hunter2", json = "x" } }
"""


def test_check_shows_no_secret_in_any_form(tmp_path):
    config = read(tmp_path, EVERYWHERE)
    assert config.programs["email"].for_slot(0).directory == "/srv/s3cret"
    for text in (explain(config), json.dumps(facts(config))):
        assert "s3cret" not in text
        assert "hunter2" not in text
        assert "/srv/***" in text
        assert "http://***@rabbit/***?password=***" in text


def test_reload_diff_shows_no_secret(tmp_path):
    old = load(write(tmp_path, EVERYWHERE), ENVIRON, "/srv")
    new = load(write(tmp_path, EVERYWHERE), {**ENVIRON, "API_TOKEN": "another"}, "/srv")
    changes = plan(old, new).changes
    assert "directory" in {change.key for change in changes}
    assert not [change for change in changes if any(word in str(change) for word in ("s3cret", "another", "hunter2"))]


@pytest.mark.parametrize(
    "text",
    [
        JOB + 'env_file = "/nowhere/${API_TOKEN}/.env"',
        '[supervisor]\ninclude = ["/nowhere/${API_TOKEN}.toml"]\n' + JOB,
        '[supervisor]\ninclude = ["${API_TOKEN}/*.toml"]\n' + JOB,
        JOB + 'user = "${API_TOKEN}"',
        JOB + "scale = { probe = { http = 'ftp://bob:s3cret@x' } }",
        JOB + "log = { to = 'file', path = '/dev/stdout/${API_TOKEN}', stderr = 'separate', stderr_path = '${NO}' }",
    ],
)
def test_problems_show_no_secret(tmp_path, text):
    write(tmp_path, "x = 1", "s3cret/a.toml")
    with pytest.raises(ConfigError) as error:
        load(write(tmp_path, text), ENVIRON, str(tmp_path))
    assert "s3cret" not in str(error.value) + json.dumps(problem_facts(error.value))
