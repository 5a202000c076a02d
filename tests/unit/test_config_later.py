"""Keys whose behaviour comes later: checked like any other, then refused."""

import pytest
from config_kit import JOB, problem, problems

LATER = []


@pytest.mark.parametrize(("keys", "key"), LATER, ids=[row[1] for row in LATER])
def test_what_comes_later_is_refused_and_never_ignored(tmp_path, keys, key):
    assert problem(tmp_path, keys) == (key, "not supported yet; remove it")


INSIDE_LATER = []


@pytest.mark.parametrize(("keys", "message"), INSIDE_LATER, ids=[row[0][:40] for row in INSIDE_LATER])
def test_what_comes_later_is_checked_all_the_same(tmp_path, keys, message):
    said = [message for _, _, message in problems(tmp_path, JOB + keys)]
    assert message in said
    assert any("not supported yet" in other for other in said)
