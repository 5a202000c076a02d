"""What `check` says about the files that the import writes: only what is true, and worth a look."""

import re
from pathlib import Path

import pytest
from convert_kit import ENVIRON

from minisup.check.lint import lint
from minisup.config.load import load

EXPECTED = Path(__file__).parent / "expected"
WARNED = {
    "debian-supervisord": [],
    "django-celery": ["MS116"],  # celery worker without --max-tasks-per-child
    "docker-all-in-one": [],
    "docker-php": [],
    "everything": [],
    "laravel-horizon": [],
    "laravel-worker": [],
    "ports": [],
    "short-job": ["MS124"],  # two slots that ask SQS twice a second
    "symfony-messenger": [],
}

MORE = {
    "crontab-locks": {"MS120"},  # sleep 30; flock: written so for a shell
    "crontab-whenever": {"MS120"},
    "crontab-user-laravel": {"MS120"},
    "images-airflow": {"MS116"},  # celery worker and queue:work without an end of their own
    "images-celery-ddtrace": {"MS116"},
    "images-laravel-queue-env": {"MS116"},
    "images-python-workers": {"MS116"},
    "images-mysql-pidproxy": {"MS120"},
}
"""What is warned of, where it is anything."""


def test_each_of_them_is_looked_at():
    names = {path.stem for path in EXPECTED.glob("*.toml")}
    assert set(WARNED) == {name for name in names if not name.startswith(("images-", "crontab-"))}
    assert set(MORE) < names


@pytest.mark.parametrize("name", WARNED)
def test_an_imported_configuration_is_warned_of_what_is_true(tmp_path, name):
    assert warnings(tmp_path, name) == WARNED[name]


@pytest.mark.parametrize("name", sorted(path.stem for path in EXPECTED.glob("*-*.toml") if path.stem not in WARNED))
def test_the_files_of_images_and_crontabs_are_warned_of_what_is_true(tmp_path, name):
    assert set(warnings(tmp_path, name)) == MORE.get(name, set())


def warnings(tmp_path, name):
    file = tmp_path / "minisup.toml"
    text = (EXPECTED / f"{name}.toml").read_text(encoding="utf-8")
    file.write_text(
        re.sub(r"^user = .*\n", "", text, flags=re.MULTILINE), encoding="utf-8"
    )  # not every machine has them
    return [finding.id for finding in lint(load(file, ENVIRON, str(tmp_path)))]
