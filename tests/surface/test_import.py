"""`minisup import` as its users meet it: where the TOML and the report go, what is refused, and how."""

import json
import subprocess
import sys
import tomllib

import pytest

CONF = "[program:email]\ncommand=php artisan sqs:email\nautorestart=true\nnumprocs=2\nstartretry=3\n"


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "supervisord.conf"
    path.write_text(CONF, encoding="utf-8")
    return path


def test_the_file_goes_to_stdout_and_the_report_to_stderr(minisup, conf):
    process = minisup("import", "supervisord", str(conf))
    assert process.returncode == 0
    assert tomllib.loads(process.stdout) == {"program": {"email": {"command": "php artisan sqs:email", "numprocs": 2}}}
    assert process.stdout.startswith("# Written by `minisup import supervisord` from supervisord.conf.\n")
    assert process.stderr.startswith(f"{conf}: 1 program; 3 taken over, 1 unknown\n")
    assert "5  startretry   unknown" in process.stderr


def test_with_out_the_report_goes_to_stdout_and_says_what_comes_next(minisup, conf, tmp_path):
    process = minisup("import", "supervisord", str(conf), "-o", "minisup.toml")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.endswith("next: minisup check -c minisup.toml\n")
    assert minisup("check", "-c", "minisup.toml").returncode == 0
    again = minisup("import", "supervisord", str(conf), "-o", "minisup.toml")
    assert again.returncode == 2
    assert again.stderr == (
        "cannot import: minisup.toml is there already; --force writes over it, -o names another file\n"
    )
    (tmp_path / "minisup.toml").write_text("old")
    assert minisup("import", "supervisord", str(conf), "-o", "minisup.toml", "--force").returncode == 0
    assert "old" not in (tmp_path / "minisup.toml").read_text()


def test_several_files_are_one_configuration(minisup, conf, tmp_path):
    (tmp_path / "b.conf").write_text("[program:sms]\ncommand=sms\n[program:email]\nnumprocs=3\n")
    (tmp_path / "main.conf").write_text("[include]\nfiles=*.conf\n")
    for files in ((str(conf), "b.conf"), ("main.conf",), ("main.conf", "b.conf", str(conf))):
        process = minisup("import", "supervisord", *files)
        assert process.returncode == 0, process.stderr
        assert tomllib.loads(process.stdout)["program"].keys() == {"email", "sms"}, files
    both = minisup("import", "supervisord", str(conf), "b.conf")
    assert both.stdout.startswith("# Written by `minisup import supervisord` from supervisord.conf and 1 more.\n")
    assert tomllib.loads(both.stdout)["program"]["email"]["numprocs"] == 3


def test_json_has_the_report_and_the_file(minisup, conf):
    process = minisup("import", "supervisord", str(conf), "-o", "minisup.toml", "--json")
    facts = json.loads(process.stdout)
    assert (facts["schema"], facts["from"], facts["programs"]) == (1, "supervisord", ["email"])
    assert facts["counts"] == {"taken over": 3, "unknown": 1}
    assert facts["keys"][-1] == {
        "file": str(conf),
        "line": 5,
        "section": "program:email",
        "key": "startretry",
        "fate": "unknown",
        "said": "supervisord does not read this key; did you mean startretries?",
    }
    assert tomllib.loads(facts["toml"])["program"].keys() == {"email"}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("supervisord", "nowhere.conf"), 78, "cannot import: nowhere.conf has 1 problem\n"),
        (("supervisord", "."), 78, "cannot be read: Is a directory"),
        (("supervisord",), 2, "missing argument"),
        (("runit", "x"), 2, "'runit' is not one of 'supervisord', 'procfile', 'crontab'"),
        (("supervisord", "x", "--system"), 2, "--system is for crontab, and this is supervisord"),
        (("crontab", "x", "--scale", "a=1"), 2, "--scale is for procfile, and this is crontab"),
        (("procfile", "x", "--after-priority"), 2, "--after-priority is for supervisord"),
        (("procfile", "x", "y"), 2, "2 files: a Procfile is one"),
        (("supervisord", "x", "--no-system"), 2, "--system is for crontab, and this is supervisord"),
    ],
)
def test_what_is_refused(minisup, words, code, sentence):
    process = minisup("import", *words)
    assert (process.returncode, process.stdout) == (code, "")
    assert process.stderr.startswith("cannot ")
    assert sentence in process.stderr


def test_problems_are_all_named_with_file_and_line(minisup, tmp_path):
    (tmp_path / "bad.conf").write_text("[program:x]\ncommand=true\nnumprocs=two\nautostart=perhaps\n")
    process = minisup("import", "supervisord", "bad.conf")
    assert (process.returncode, process.stdout) == (78, "")
    assert process.stderr == (
        "cannot import: bad.conf has 2 problems\n"
        '  bad.conf:3  numprocs   expected a whole number, got "two"\n'
        '  bad.conf:4  autostart  expected true or false, got "perhaps"\n'
    )


def test_a_place_that_cannot_be_written_is_said(minisup, conf):
    process = minisup("import", "supervisord", str(conf), "-o", "nowhere/minisup.toml")
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr.startswith("cannot write nowhere/minisup.toml: No such file or directory;")


def test_a_crontab_comes_by_a_pipe(tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "minisup", "import", "crontab", "-"],
        input="@hourly /srv/report\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        cwd=tmp_path,
    )
    table = tomllib.loads(process.stdout)["program"]["report"]
    assert table == {"command": "/srv/report", "directory": "${HOME:-/}", "schedule": {"cron": "0 * * * *"}}


def test_names_in_a_file_that_comes_by_a_pipe_are_those_of_the_current_directory(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "x.conf").write_text("[program:x]\ncommand=%(here)s/x\n")
    process = subprocess.run(
        [sys.executable, "-m", "minisup", "import", "supervisord", "-"],
        input="[include]\nfiles=conf.d/*.conf\n[program:y]\ncommand=%(here)s/y\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        cwd=tmp_path,
    )
    tables = tomllib.loads(process.stdout)["program"]
    assert {name: table["command"] for name, table in tables.items()} == {
        "x": "${MINISUP_HERE}/conf.d/x",
        "y": "${MINISUP_HERE}/y",
    }


def test_a_procfile_with_its_scale(minisup, tmp_path):
    (tmp_path / "Procfile").write_text("web: gunicorn app:app\n")
    process = minisup("import", "procfile", "Procfile", "--scale", "web=3")
    assert tomllib.loads(process.stdout)["program"]["web"]["numprocs"] == 3


def test_only_this_command_loads_the_toml_writer():
    code = "import sys, minisup.cli.app; sys.exit('tomli_w' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
