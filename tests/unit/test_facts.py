"""Facts have names for programs and sentences for people."""

import pytest

from minisup import narrate
from minisup.core import facts


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        (facts.Cut("a:0", 1, 2.0), "cut"),
        (facts.StateChanged("a", "off"), "state_changed"),
        (facts.RotationFailed("/x", "rotate", "No space left on device"), "rotation_failed"),
        (facts.PipesClosed("a:0", 7, 1), "pipes_closed"),
    ],
)
def test_a_fact_is_known_by_its_name(fact, name):
    assert facts.name_of(fact) == name


def test_every_fact_has_a_sentence():
    assert set(facts.Fact.__args__) == set(narrate.SENTENCES)


@pytest.mark.parametrize(
    ("fact", "level", "sentence"),
    [
        (
            facts.OutputLost("/x", "File too large"),
            "warning",
            "cannot write to /x: File too large; its output is discarded, jobs go on",
        ),
        (
            facts.PipesClosed("email:3", 7, 10),
            "warning",
            (
                "email: what run 7 left behind still holds its output, as do many others of the program: it is no "
                "longer read (10 so far); let a run end what it starts, or let that write elsewhere"
            ),
        ),
        (
            facts.OutputRuleSlow("email", 7),
            "warning",
            (
                "email: its patterns for output took too long on run 7, so the exit code alone decided; "
                "write idle and worked rules without nested repeats"
            ),
        ),
        (facts.OutputTaken("/x", 1_258_291), "info", "/x takes output again; 1.2 MiB lost so far"),
        (
            facts.RotationFailed("/x", "rotate", "Permission denied"),
            "warning",
            "cannot rotate /x: Permission denied; it grows, and is tried again each minute",
        ),
        (
            facts.RotationFailed("/x", "compress", "No space left on device"),
            "warning",
            "cannot compress what was rotated of /x: No space left on device; it stays as it is",
        ),
        (facts.Reopened(2, (), "USR1"), "info", "opened 2 log files anew (USR1)"),
        (
            facts.Reopened(1, ("/x: Is a directory",), "uid 0 pid 7"),
            "warning",
            "opened 1 log file anew (uid 0 pid 7); cannot open /x: Is a directory",
        ),
    ],
)
def test_what_is_told_about_output(fact, level, sentence):
    assert (narrate.level(fact), narrate.sentence(fact)) == (level, sentence)


def test_changed_files_are_named_and_counted():
    assert narrate.sentence(facts.FilesChanged("email", "app/Job.php", 1)) == "restart of email: app/Job.php changed"
    many = facts.FilesChanged("email", "app/Job.php", 1_205)
    assert narrate.sentence(many) == "restart of email: app/Job.php and 1,204 more files changed"
    assert narrate.sentence(many._replace(files=2)) == "restart of email: app/Job.php and 1 more file changed"
    assert (facts.name_of(many), narrate.level(many)) == ("files_changed", "info")


def test_facts_of_a_reload_have_names_and_sentences():
    taken = facts.Reloaded(("sms",), ("email",), ("old", "older"), "root")
    assert facts.name_of(taken) == "reloaded"
    assert narrate.sentence(taken) == "reloaded by root: new: sms; changed: email; draining away: old, older"
    assert narrate.sentence(facts.Reloaded((), (), (), "HUP")) == "reloaded by HUP: nothing has changed"
    refused = facts.NotReloaded("minisup.toml has 1 problem", "HUP")
    assert narrate.sentence(refused) == (
        "cannot reload (HUP), the old configuration still counts: minisup.toml has 1 problem"
    )
    assert narrate.level(refused) == "warning"
