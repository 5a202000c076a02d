import os

import pytest

from minisup.host.start.environment import (
    DEFAULT_PATH,
    Account,
    changes_identity,
    child_environment,
    executables,
)

BOB = Account("bob", 4242, 4242, (4242, 50), "/home/bob")


def environment(**changes):
    given = {"inherited": {}, "account": None, "layers": (), "program": "email", "slot": 1, "numprocs": 2}
    entries = child_environment(**{**given, **changes})
    found = dict(entry.split(b"=", 1) for entry in entries)
    assert len(found) == len(entries), "a name is given twice"
    return {os.fsdecode(name): os.fsdecode(value) for name, value in found.items()}


def test_minisups_own_variables_are_there():
    assert environment(here="/etc/app") == {
        "MINISUP_PROGRAM": "email",
        "MINISUP_SLOT": "1",
        "MINISUP_NUMPROCS": "2",
        "MINISUP_HERE": "/etc/app",
    }


def test_the_later_layer_wins():
    found = environment(inherited={"A": "0", "B": "0", "C": "0"}, layers=({"B": "1", "C": "1"}, {"C": "2"}))
    assert (found["A"], found["B"], found["C"]) == ("0", "1", "2")


def test_the_users_home_wins_over_ours_and_loses_to_the_files():
    found = environment(inherited={"HOME": "/root", "USER": "root"}, account=BOB, layers=({"LOGNAME": "app"},))
    assert (found["HOME"], found["USER"], found["LOGNAME"]) == ("/home/bob", "bob", "app")


def test_a_user_without_an_entry_keeps_the_home_it_inherits():
    found = environment(inherited={"HOME": "/srv"}, account=Account("4242", 4242, 4242))
    assert (found["HOME"], found["USER"]) == ("/srv", "4242")


def test_a_group_alone_changes_no_names():
    assert "USER" not in environment(account=Account(gid=50))


def test_nobody_can_pose_as_another_run():
    """An outer minisup's run id would make leftovers of ours look like its own."""
    found = environment(inherited={"MINISUP_RUN_ID": "7", "MINISUP_SLOT": "9"}, layers=({"MINISUP_FAILURES": "3"},))
    assert "MINISUP_RUN_ID" not in found
    assert "MINISUP_FAILURES" not in found
    assert found["MINISUP_SLOT"] == "1"


def test_bytes_that_are_no_utf8_pass_unchanged():
    raw = os.fsdecode(b"\xff\xfe")
    entries = child_environment(inherited={"RAW": raw}, account=None, layers=(), program="email", slot=0, numprocs=1)
    assert b"RAW=\xff\xfe" in entries


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/a:/b", (b"/a/php", b"/b/php")),
        (b"/a::rel", (b"/a/php", b"./php", b"rel/php")),
        (b"", (b"./php",)),
    ],
)
def test_a_bare_name_is_looked_for_in_the_childs_path(path, expected):
    assert executables(b"php", [b"HOME=/x", b"PATH=" + path]) == expected


def test_a_name_with_a_slash_is_not_looked_for():
    assert executables(b"./php", [b"PATH=/a"]) == (b"./php",)
    assert executables(b"/opt/php", [b"PATH=/a"]) == (b"/opt/php",)


def test_without_a_path_the_usual_places_are_tried():
    assert len(executables(b"php", [])) == len(DEFAULT_PATH.split(b":"))
    assert b"/usr/bin/php" in executables(b"php", [b"XPATH=/nowhere"])


def test_our_own_ids_are_no_change():
    assert not changes_identity(None)
    assert not changes_identity(Account("me", os.geteuid(), os.getegid(), tuple(os.getgroups())))


@pytest.mark.parametrize("account", [BOB, Account(gid=4242), Account("me", 4242)])
def test_other_ids_are_a_change(account):
    assert changes_identity(account)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change its groups")
def test_root_with_other_groups_is_a_change():
    assert changes_identity(Account("root", 0, os.getegid(), (*os.getgroups(), 4242)))
