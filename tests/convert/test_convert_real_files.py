"""Files of the kinds that guides show: what they become, and that supervisord would have run the same."""

import shlex
import sys
import tomllib
from contextlib import chdir
from pathlib import Path

import pytest
from convert_kit import CONFIGS, CRONTABS, ENVIRON, IMAGES, REAL, loaded, words_of
from supervisor_reference import processes

from minisup.config.text.interpolate import OWN
from minisup.convert.crontab.crontab_file import import_crontab
from minisup.convert.import_report import report_facts, report_text
from minisup.convert.render import render
from minisup.convert.report_builder import Ledger
from minisup.convert.supervisord.ini import IniReader
from minisup.convert.supervisord.supervisord_file import import_supervisord
from minisup.errors import ConfigError

EXPECTED = Path(__file__).parent / "expected"
ALL = [*REAL, *IMAGES]
IDS = [str(path.relative_to(CONFIGS).with_suffix("")).replace("/", "-") for path in ALL]
OTHERWISE = {
    "everything": "sections that minisup does not have",
    "mysql-pidproxy": "pidproxy is left out",
    "wordpress-env": "pairs of an environment from a variable",
}
"""Files of which minisup runs something else, and why."""


def real(path):
    return import_supervisord(str(path), after_priority=True, environ=ENVIRON)


def expected(name):
    return EXPECTED / f"{name}.toml", EXPECTED / f"{name}.txt"


def outputs(path):
    with chdir(path.parent):  # the report is wrapped, so the name of the file must not depend on where this is
        converted = real(Path(path.name))
    return render(converted.document, [f"Written by the import of {path.name}."]), report_text(converted)


@pytest.mark.parametrize(("path", "name"), list(zip(ALL, IDS, strict=True)), ids=IDS)
def test_it_becomes_what_was_reviewed(path, name):
    """`python tests/convert/test_convert_real_files.py` writes these files anew; review the difference."""
    toml, report = outputs(path)
    assert (toml, report) == tuple(file.read_text(encoding="utf-8") for file in expected(name))


@pytest.mark.parametrize("path", ALL, ids=IDS)
def test_every_key_of_every_file_is_in_the_report_once(path):
    converted = real(path)
    told = [(note.spot.file, note.spot.line, note.key) for note in converted.notes]
    there = []
    for file in converted.files:
        sections = {}
        IniReader(file, sections, Ledger()).read(Path(file).read_text(encoding="utf-8"))
        for section in sections.values():
            there += [(file, entry.spot.line, entry.key) for entry in (*section.entries.values(), *section.replaced)]
    assert sorted(told) == sorted(there)
    assert all(note.said for note in converted.notes)


@pytest.mark.parametrize("path", ALL, ids=IDS)
def test_it_passes_check(path, tmp_path):
    loaded(tmp_path, real(path).document)


@pytest.mark.parametrize("path", [path for path in ALL if path.stem not in OTHERWISE], ids=lambda path: path.stem)
def test_supervisord_would_have_run_the_same_commands(path, tmp_path, monkeypatch):
    """Each process of supervisord is a slot: same words, same variables, same directory."""
    converted = real(path)
    environ = ENVIRON | {"HOME": "/root"}
    config = loaded(tmp_path, converted.document, environ)
    here = f"{tmp_path}/"
    ours = []
    for program in config.programs.values():
        for slot in range(program.numprocs):
            made = program.for_slot(slot)
            given = {**config.supervisor.environment, **made.environment}
            run = words_of(made.argv, environ | made.environment)
            asked = {
                name for name, value in program.environment.items() if run != [*made.argv] and value == f"${{{name}}}"
            }
            given = {name: value for name, value in given.items() if name not in asked | OWN}
            words = [word.replace(here, f"{path.parent.resolve()}/") for word in run]
            ours.append((words, given, made.directory if program.directory else None))
    theirs = [
        (shlex.split(process.command), process.environment, process.directory)
        for process in processes(path, environ, monkeypatch)
        if process.config.__class__.__name__ == "ProcessConfig"
    ]
    assert sorted(ours, key=str) == sorted(theirs, key=str)


NAMES_USERS = {"etc-crontab", "cron.d-app", "cron.d-deploy"}


def crontab_outputs(path):
    """What a crontab becomes: the TOML file and the report, or its problems."""
    with chdir(path.parent):
        try:
            converted = import_crontab(path.name, system=True if path.name in NAMES_USERS else None)
        except ConfigError as error:
            return "", f"{error}\n"
    return render(converted.document, [f"Written by the import of {path.name}."]), report_text(converted)


@pytest.mark.parametrize("path", CRONTABS, ids=lambda path: path.name)
def test_a_crontab_becomes_what_was_reviewed(path):
    toml, report = crontab_outputs(path)
    toml_file, report_file = expected(f"crontab-{path.name}")
    assert report == report_file.read_text(encoding="utf-8")
    assert toml == (toml_file.read_text(encoding="utf-8") if toml_file.exists() else "")


@pytest.mark.parametrize("path", CRONTABS, ids=lambda path: path.name)
def test_check_takes_what_a_crontab_becomes(path, tmp_path):
    toml, _ = crontab_outputs(path)
    if toml:
        loaded(tmp_path, tomllib.loads(toml))


@pytest.mark.parametrize("name", sorted(NAMES_USERS))
def test_a_crontab_of_the_system_is_refused_without_its_option(name):
    with pytest.raises(ConfigError, match=r"import it with --system"):
        import_crontab(str(CONFIGS / "crontabs" / name))


def test_the_file_of_the_short_job_is_the_one_that_started_it_all():
    """Its job exits in under a second: supervisord gives it up, whatever its startretries."""
    toml, report = outputs(CONFIGS / "short-job.conf")
    table = tomllib.loads(toml)["program"]["queue-process-email"]
    assert table == {
        "command": "php artisan sqs:email --verbose",
        "numprocs": 2,
        "stop": {"drain": "300s"},
        "log": {"stderr": "join"},
    }
    assert "startretries             changed" in report
    assert "startsecs                changed" in report


def test_the_report_for_programs_has_the_same_facts():
    converted = real(CONFIGS / "everything.conf")
    facts = report_facts(converted, "text")
    assert facts["schema"] == 1
    assert facts["toml"] == "text"
    assert len(facts["keys"]) == sum(facts["counts"].values()) == len(converted.notes)
    assert {"file", "line", "section", "key", "fate", "said"} == set(facts["keys"][0])
    assert facts["sections"][0]["section"] == "inet_http_server"


def test_no_password_and_no_value_of_a_variable_is_in_the_report():
    for name in ("everything.conf", "debian/supervisord.conf"):
        text = report_text(real(CONFIGS / name))
        assert "secret-of-admin" not in text
        assert "Shop, Inc." not in text


if __name__ == "__main__":
    EXPECTED.mkdir(exist_ok=True)
    told = [(name, outputs(path)) for path, name in zip(ALL, IDS, strict=True)]
    told += [(f"crontab-{path.name}", crontab_outputs(path)) for path in CRONTABS]
    for name, texts in told:
        for file, text in zip(expected(name), texts, strict=True):
            if not text:
                continue
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{file}\n")
