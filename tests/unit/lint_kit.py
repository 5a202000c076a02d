"""Looking at configurations with the numbered warnings, and what is known beside each example of the documentation."""

import json

from config_kit import JOB, write

from minisup.check.lint import review
from minisup.check.lints.subject import Closed, ClosedPython, OpenLog, Others, ShellScript, Surroundings, Usual
from minisup.check.systemd_unit import Unit
from minisup.config.load import load

GOOD = Unit("minisup.service", "mixed", 90.0, "continue")
FAST = Usual(runs=1204, median=0.2, p95=0.4, capped=True)
NOWHERE = Surroundings()

AROUND = {
    "MS105": Surroundings(GOOD._replace(kill_mode="control-group")),
    "MS106": Surroundings(GOOD._replace(stop_timeout=30.0)),
    "MS107": Surroundings(GOOD._replace(oom_policy="stop")),
    "MS118": Surroundings(memory=1024 * 2**20),
    "MS119": Surroundings(usual={"email": FAST}),
    "MS122": Surroundings(usual={"report": Usual(runs=300, median=74.0, p95=110.0)}),
    "MS126": Surroundings(usual={"report": Usual(runs=300, median=14.0, p95=25.0)}),
    "MS138": Surroundings(closed={"email": Closed("user 65534", "/root/app", "/root")}),
    "MS145": Surroundings(scripts={"web": ShellScript("/srv/app/start.sh", "php serve.php")}),
    "MS140": Surroundings(files=1024),
    "MS130": Surroundings(others=Others(files={"/srv/shop/minisup.toml": "deploy"}, as_root=True)),
    "MS131": Surroundings(others=Others(env_files={"email": ("/srv/shop/.env", "everybody")})),
    "MS133": Surroundings(others=Others(commands={"backup": ("/srv/shop/backup.sh", "deploy")})),
    "MS134": Surroundings(others=Others(directories={"/srv/shop": ("/srv/shop/minisup.toml", "the group staff")})),
    "MS135": Surroundings(open_logs={"email": OpenLog("log.path", "/var/log/app", "www-data")}),
    "MS136": Surroundings(out_of_reach={"email": ClosedPython("redis", "www-data", "/root/venv/bin/python", "/root")}),
}
"""By number: what is known where the example of docs/reference/lints.md is looked at."""


def configuration(directory, text, environ=None):
    """A configuration in a file of its own."""
    return load(write(directory, text), environ or {}, "/srv")


def found(directory, text, number, around=NOWHERE, environ=None):
    """The findings with this number about a whole configuration."""
    findings = review(configuration(directory, text, environ), around).findings
    return [finding for finding in findings if finding.id == number]


def said(directory, keys, number, around=NOWHERE, command="true"):
    """Message and fix of a warning about the program `email` with these keys; None: it does not come."""
    text = JOB.replace('"true"', json.dumps(command)) + keys
    findings = found(directory, text, number, around)
    assert len(findings) <= 1
    return (findings[0].message, findings[0].fix) if findings else None


def comes(directory, keys, number, around=NOWHERE, command="true"):
    """Whether a warning comes about the program `email` with these keys."""
    return said(directory, keys, number, around, command) is not None
