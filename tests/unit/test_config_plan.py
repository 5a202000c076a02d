"""What a changed configuration would change, and what becomes of each change."""

import json

import pytest
from config_kit import ENVIRON, JOB, read

from minisup.config.reload_plan import ReloadEffect, plan, taken_over

SERVICE = '[program.shop]\ncommand = "serve"\nkind = "service"\n'


def changes(tmp_path, old, new, environ=ENVIRON):
    found = plan(read(tmp_path, old), read(tmp_path, new, environ))
    json.dumps(found.changes)  # they are plain data
    return [tuple(change) for change in found.changes]


def test_nothing_changed_is_an_empty_plan(tmp_path):
    assert changes(tmp_path, JOB + SERVICE, SERVICE + "\n# the order and comments say nothing\n" + JOB) == []


def test_a_new_program_starts_and_one_that_is_gone_drains(tmp_path):
    assert changes(tmp_path, JOB, SERVICE) == [
        ("shop", "", None, "serve", ReloadEffect.STARTS),
        ("email", "", "true", None, ReloadEffect.DRAINS),
    ]
    assert changes(tmp_path, JOB, JOB + SERVICE + "autostart = false")[0][4] is ReloadEffect.LIVE


@pytest.mark.parametrize(
    ("keys", "key", "old", "new", "effect"),
    [
        ("numprocs = 4", "numprocs", 1, 4, ReloadEffect.LIVE),
        ("min_runtime = 0", "min_runtime", 1.0, 0.0, ReloadEffect.LIVE),
        ("retry.budget = 3", "retry.budget", 10, 3, ReloadEffect.LIVE),
        ("exit.idle = [7]", "exit.idle", [], [7], ReloadEffect.LIVE),
        ("stop = { drain = '5s' }", "stop.drain", 60.0, 5.0, ReloadEffect.LIVE),
        ("groups = ['mail']", "groups", [], ["mail"], ReloadEffect.LIVE),
        ("directory = '/tmp'", "directory", "/srv", "/tmp", ReloadEffect.NEXT_RUN),
        ("umask = '027'", "umask", None, "0027", ReloadEffect.NEXT_RUN),
        ("environment = { A = '1' }", "environment.A", None, "1", ReloadEffect.NEXT_RUN),
        ("log.format = 'raw'", "log.format", "prefix", "raw", ReloadEffect.NEXT_RUN),
        ("clear_env = true", "clear_env", False, True, ReloadEffect.NEXT_RUN),
    ],
)
def test_a_changed_key_has_its_effect(tmp_path, keys, key, old, new, effect):
    assert changes(tmp_path, JOB, JOB + keys) == [("email", key, old, new, effect)]
    assert changes(tmp_path, JOB + keys, JOB) == [("email", key, new, old, effect)]


def test_what_makes_a_run_restarts_a_service(tmp_path):
    [change] = changes(tmp_path, SERVICE, SERVICE + "environment = { A = '1' }")
    assert change[4] is ReloadEffect.RESTARTS
    assert plan(read(tmp_path, SERVICE), read(tmp_path, SERVICE + "umask = '027'")).remade == {"shop"}
    assert plan(read(tmp_path, SERVICE), read(tmp_path, SERVICE + "numprocs = 2")).remade == frozenset()


def test_the_kind_of_a_program_cannot_change(tmp_path):
    found = {change[1]: change[4] for change in changes(tmp_path, JOB, JOB + "kind = 'task'")}
    assert found == {"kind": ReloadEffect.MINISUP, "restart": ReloadEffect.MINISUP}


def test_a_change_of_the_kind_changes_nothing_of_the_program_until_minisup_begins_anew(tmp_path):
    """A job that became a service on paper had a service's exit codes and stop: good runs failed, jobs were cut."""
    new = '[program.email]\ncommand = "serve"\nkind = "service"\nnumprocs = 3\nafter = ["db"]\n'
    new += SERVICE.replace("shop", "db")
    before, after = read(tmp_path, JOB), read(tmp_path, new)
    effects = {change.key: change.effect for change in plan(before, after).changes if change.program == "email"}
    assert effects.pop("after") is ReloadEffect.LIVE
    assert set(effects.values()) == {ReloadEffect.MINISUP}
    assert {"kind", "command", "numprocs", "exit.ok", "stop.drain"} <= set(effects)
    assert plan(before, after).remade == frozenset()
    taken = taken_over(before, after).programs["email"]
    assert taken.policy().exit == before.programs["email"].policy().exit
    assert taken.policy().stop == before.programs["email"].policy().stop
    assert (taken.for_slot(0).argv, taken.numprocs) == (before.programs["email"].for_slot(0).argv, 1)
    assert taken.after == ("db",), "what it is after is there, whatever was removed"
    assert set(effects) <= {change.key for change in plan(taken_over(before, after), after).changes}


def test_a_variable_of_the_environment_changes_what_uses_it(tmp_path):
    text = '[program.email]\ncommand = "mail ${APP}"\n'
    assert changes(tmp_path, text, text, {**ENVIRON, "APP": "store"}) == [
        ("email", "command", "mail shop", "mail store", ReloadEffect.NEXT_RUN)
    ]


def test_secrets_are_compared_and_never_shown(tmp_path):
    def text(secret):
        return f"[program.email]\ncommand = 'mail ${{API_TOKEN}}'\nenvironment = {{ DB_PASSWORD = '{secret}' }}\n"

    found = changes(tmp_path, text("one"), text("two"), {**ENVIRON, "API_TOKEN": "other"})
    assert {change[1] for change in found} == {"command", "environment.DB_PASSWORD"}
    assert not any(word in repr(found) for word in ("one", "two", "other", "s3cret"))


@pytest.mark.parametrize(
    ("line", "key", "effect"),
    [
        ("shutdown_timeout = '20s'", "shutdown_timeout", ReloadEffect.LIVE),
        ("log.level = 'debug'", "log.level", ReloadEffect.LIVE),
        ("socket = '/tmp/s'", "socket", ReloadEffect.MINISUP),
        ("state_dir = '/tmp/state'", "state_dir", ReloadEffect.MINISUP),
        ("environment = { A = '1' }", "environment.A", ReloadEffect.LIVE),
    ],
)
def test_keys_of_the_supervisor(tmp_path, line, key, effect):
    found = changes(tmp_path, JOB, f"[supervisor]\n{line}\n" + JOB)
    assert [(change[0], change[1], change[4]) for change in found] == [("", key, effect)]


def test_what_needs_a_restart_is_not_taken_over_and_shows_again_in_the_next_plan(tmp_path):
    old = read(tmp_path, JOB)
    new = read(
        tmp_path, "[supervisor]\nsocket = '/tmp/s'\nshutdown_timeout = '20s'\n" + JOB + "kind = 'task'\nnumprocs = 2\n"
    )
    taken = taken_over(old, new)
    assert (taken.supervisor.socket, taken.supervisor.shutdown_timeout) == (None, 20.0)
    assert (taken.programs["email"].kind, taken.programs["email"].numprocs) == ("job", 1)
    assert {change.key for change in plan(taken, new).changes} == {"socket", "kind", "restart", "numprocs"}
