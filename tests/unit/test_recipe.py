import os

import pytest

from minisup.host.start.environment import Account
from minisup.host.start.recipe import fingerprint, needed_paths, recipe


def test_the_last_two_variables_are_left_to_the_run():
    made = recipe(["php"], [b"A=1"])
    assert made.environment == [b"A=1", b"MINISUP_RUN_ID=0", b"MINISUP_FAILURES=0"]


def test_an_account_that_is_ours_is_no_reason_for_the_slow_way():
    ours = Account("me", os.geteuid(), os.getegid(), tuple(os.getgroups()))
    assert recipe(["php"], [], account=ours).account is None
    assert recipe(["php"], [], account=Account("bob", 4242, 4242, ())).account is not None


@pytest.mark.parametrize(
    ("argv", "environment", "directory"),
    [(["a\0b"], [], None), (["a"], [b"SECRET=x\0y"], None), (["a"], [], "/x\0y")],
)
def test_a_nul_byte_is_refused_before_any_spawn_and_no_value_is_shown(argv, environment, directory):
    with pytest.raises(ValueError, match="NUL byte") as refused:
        recipe(argv, environment, directory=directory)
    assert "x\\x00y" not in str(refused.value) or directory


def test_needed_are_the_directory_the_candidates_and_the_files_named(tmp_path):
    (tmp_path / "artisan").touch()
    (tmp_path / "app.ini").touch()
    (tmp_path / "sub").mkdir()
    made = recipe(
        ["php", "artisan", "--config=app.ini", "sub", "gone", "artisan"], [b"PATH=/nope:bin"], directory=str(tmp_path)
    )
    assert needed_paths(made) == (
        str(tmp_path),
        "/nope/php",
        f"{tmp_path}/bin/php",
        f"{tmp_path}/artisan",
        f"{tmp_path}/app.ini",
    )


def test_a_file_that_appears_is_seen(tmp_path):
    path = tmp_path / "job"
    before = fingerprint([str(path)])
    assert before == (None,)
    path.touch()
    assert fingerprint([str(path)]) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.chmod(0o755),
        lambda path: path.write_text("other"),
        lambda path: os.utime(path, (1, 1)),
        lambda path: path.unlink(),
        lambda path: os.replace(path.with_name("next"), path),
    ],
    ids=["mode", "size", "time", "gone", "replaced"],
)
def test_a_file_that_changes_is_seen(tmp_path, change):
    path = tmp_path / "job"
    path.write_text("text")
    path.chmod(0o644)
    path.with_name("next").write_text("text")
    before = fingerprint([str(path)])
    assert fingerprint([str(path)]) == before
    change(path)
    assert fingerprint([str(path)]) != before


def test_a_log_file_in_the_directory_is_no_change_of_the_directory(tmp_path):
    """Else a held program would be tried each second for as long as anything is written beside it."""
    before = fingerprint([str(tmp_path)])
    (tmp_path / "app.log").touch()
    assert fingerprint([str(tmp_path)]) == before
    tmp_path.chmod(0o711)
    assert fingerprint([str(tmp_path)]) != before
