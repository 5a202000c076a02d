"""What `check` says about the files that the import writes: only what is true, and worth a look."""

import re
from pathlib import Path

import pytest

from minisup.config.lint import lint
from minisup.config.load import load

EXPECTED = Path(__file__).parent / "expected"
ENVIRON = {"WORKERS": "2", "SQS_QUEUE": "mails", "WITH_CRON": "true", "SMS_TOKEN": "x", "HOSTNAME": "web"}
WARNED = {
    "debian-supervisord": ["MS104"],  # a drain of 60 s, the default, in a shutdown of 35 s
    "django-celery": ["MS116"],  # celery worker without --max-tasks-per-child
    "docker-all-in-one": ["MS104"],
    "docker-php": [],
    "everything": ["MS104", "MS104"],
    "laravel-horizon": [],
    "laravel-worker": [],
    "ports": ["MS104"],
    "short-job": ["MS124"],  # two slots that ask SQS twice a second
    "symfony-messenger": ["MS104"],
}


def test_each_of_them_is_looked_at():
    assert sorted(WARNED) == sorted(path.stem for path in EXPECTED.glob("*.toml"))


@pytest.mark.parametrize("name", WARNED)
def test_an_imported_configuration_is_warned_of_what_is_true(tmp_path, name):
    file = tmp_path / "minisup.toml"
    text = (EXPECTED / f"{name}.toml").read_text(encoding="utf-8")
    file.write_text(
        re.sub(r"^user = .*\n", "", text, flags=re.MULTILINE), encoding="utf-8"
    )  # not every machine has them
    assert [finding.id for finding in lint(load(file, ENVIRON, str(tmp_path)))] == WARNED[name]
