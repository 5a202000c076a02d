"""Warnings that are not wanted: with a reason, for a program or for all, and told when they take nothing away."""

import json

import pytest
from config_kit import JOB, problem, read
from lint_kit import AROUND, GOOD

from minisup.check.effective import facts
from minisup.check.explain import explain
from minisup.check.lint import review
from minisup.check.lints.subject import Surroundings

WHY = "a cut mail is sent again"
CUT = f"{JOB}stop.drain = '60s'\n"


def looked_at(tmp_path, text, **around):
    found = review(read(tmp_path, text), Surroundings(**around))
    return [finding.id for finding in found.findings], [(one.finding.id, one.reason) for one in found.ignored]


@pytest.mark.parametrize("entry", [f"MS104 {WHY}", f"MS104: {WHY}", f"MS104   {WHY}"])
def test_a_program_ignores_a_warning(tmp_path, entry):
    assert looked_at(tmp_path, f'{CUT}ignore = ["{entry}"]') == ([], [("MS104", WHY)])


def test_the_supervisor_ignores_it_for_all_programs(tmp_path):
    text = f'[supervisor]\nignore = ["MS104 {WHY}"]\n{CUT}[program.sms]\ncommand = "x"\nstop.drain = "60s"\n'
    assert looked_at(tmp_path, text) == ([], [("MS104", WHY), ("MS104", WHY)])


def test_another_program_is_still_warned_of(tmp_path):
    text = f'{CUT}ignore = ["MS104 {WHY}"]\n[program.sms]\ncommand = "x"\nstop.drain = "60s"\n'
    assert looked_at(tmp_path, text) == (["MS104"], [("MS104", WHY)])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("MS104", '"MS104" needs a reason; write "MS104 why it is fine"'),
        ("MS104:", '"MS104:" needs a reason; write "MS104 why it is fine"'),
        ("why not", 'expected the number of a warning and a reason, got "why not"; write "MS104 why it is fine"'),
        ("MS1045 x", 'expected the number of a warning and a reason, got "MS1045 x"; write "MS104 why it is fine"'),
    ],
)
def test_a_reason_is_required(tmp_path, entry, message):
    assert problem(tmp_path, f'ignore = ["{entry}"]') == ("ignore", message)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("MS108 x", "ignore names MS108, which does not come here (a message comes back while its run may still work)"),
        ("MS199 x", "ignore names MS199, which is no warning that can be ignored"),
        ("MS101 x", "ignore names MS101, which is no warning that can be ignored"),
    ],
)
def test_what_takes_nothing_away_is_told(tmp_path, entry, words):
    found = review(read(tmp_path, f'{JOB}stop.drain = 0\nignore = ["{entry}"]')).findings
    assert [(finding.id, finding.message, finding.line) for finding in found] == [("MS101", words, 4)]
    assert found[0].key == "program.email.ignore"


@pytest.mark.parametrize("number", ["MS105", "MS118", "MS119"])
def test_what_could_not_have_come_is_not_told(tmp_path, number):
    text = f'[supervisor]\nplatform = "host"\nignore = ["{number} not here"]\n{JOB}'
    assert looked_at(tmp_path, text) == ([], [])
    known = Surroundings(GOOD, 2**40, AROUND["MS122"].usual)
    assert looked_at(tmp_path, text, **known._asdict()) == (["MS101"], [])


def test_a_program_without_runs_is_not_told_by_the_history_of_another(tmp_path):
    text = f'{JOB}stop.drain = 0\nignore = ["MS119 not here"]'
    assert looked_at(tmp_path, text, usual=AROUND["MS122"].usual) == ([], [])


def test_a_warning_about_the_unit_is_ignored_by_the_supervisor(tmp_path):
    text = f'[supervisor]\nplatform = "host"\nignore = ["MS107 we like it"]\n{JOB}'
    assert looked_at(tmp_path, text, unit=GOOD._replace(oom_policy="stop")) == ([], [("MS107", "we like it")])


def test_what_is_ignored_is_shown_with_its_reason(tmp_path):
    config = read(tmp_path, f'{CUT}ignore = ["MS104 {WHY}"]')
    found = review(config)
    said = explain(config, found.findings, found.ignored)
    assert said.splitlines()[0].endswith("1 program, no errors, 1 ignored")
    assert said.endswith(f"\n\n  ignored MS104 email: {WHY}          {tmp_path}/minisup.toml:3\n")
    told = json.loads(json.dumps(facts(config, found.findings, found.ignored)))
    assert told["warnings"] == []
    assert [(entry["code"], entry["reason"]) for entry in told["ignored"]] == [("MS104", WHY)]
