"""The words of a command line, and the scripts of the shells, without a process: what is read, refused, installed."""

from pathlib import Path

import pytest

from minisup.cli.commands import all_commands, command, reader_of
from minisup.cli.complete import shell_scripts as shells
from minisup.cli.line.word_reader import close_to
from minisup.errors import MinisupError, UsageError


def values(name, *words):
    reader = reader_of(command(name))
    return reader.values(reader.sort(words))


def test_options_may_stand_before_and_behind_the_targets_and_the_last_one_counts():
    found = values("stop", "--now", "email", "--timeout", "5s", "sms", "--timeout=9s", "-sx")
    assert (found["targets"], found["now"], found["timeout"], found["socket"]) == (["email", "sms"], True, "9s", "x")


def test_short_flags_share_a_dash_and_the_last_takes_the_value():
    found = values("logs", "-fn5", "email")
    assert (found["follow"], found["lines"]) == (True, 5)


def test_behind_two_dashes_everything_is_a_target():
    assert values("stop", "--", "--now", "-x")["targets"] == ["--now", "-x"]
    assert values("stop", "-", "")["targets"] == ["-", ""]


def test_a_value_may_begin_with_a_dash():
    assert values("history", "--since", "-1h")["since"] == "-1h"


def test_a_flag_with_two_names_is_on_off_or_not_said():
    assert values("import", "crontab", "f")["system"] is None
    assert values("import", "crontab", "f", "--system")["system"] is True
    assert values("import", "crontab", "f", "--system", "--no-system")["system"] is False


def test_options_that_repeat_are_a_list():
    assert values("simulate", "--outage", "1m+1s", "--outage=2m+1s")["outage"] == ["1m+1s", "2m+1s"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("stop", "cannot run `minisup stop`: missing argument 'TARGET'\n  minisup stop --help shows"),
        ("stop a --timeout", "cannot run `minisup stop`: option '--timeout' requires an argument"),
        ("stop a --now=1", "cannot run `minisup stop`: option '--now' does not take a value"),
        ("stop a --wiat", "no such option: --wiat (Possible options: --wait)"),
        ("stop a -nx", "no such option: -n"),
        ("check a b c", "got unexpected extra argument(s) (b c)"),
        ("import tar f", "invalid value for 'FROM': 'tar' is not one of 'supervisord', 'procfile', 'crontab'"),
        ("simulate --versus tar", "invalid value for '--versus': 'tar' is not one of 'supervisord'"),
        ("logs -n many", 'cannot read -n: "many" is not a whole number'),
    ],
)
def test_what_makes_no_sense_names_the_command_and_the_word(line, said):
    name, *words = line.split()
    with pytest.raises(UsageError) as refused:
        values(name, *words)
    assert said in str(refused.value)


def test_a_word_of_a_million_letters_is_compared_with_nothing_for_long():
    assert close_to("x" * 1_000_000, ["status"]) == []


def test_every_option_and_argument_of_every_command_has_a_help_text():
    for each in all_commands():
        for one in reader_of(each).known:
            assert one.said.help, (each.name, one.name)
            assert one.is_flag or one.said.metavar, (each.name, one.name)


# --- the scripts of the shells ----------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_installed_twice_is_installed_once(home, monkeypatch, shell):
    monkeypatch.setattr(shells, "_shell", lambda: shell)
    start = home / shells.STARTS[shell][0] if shell in shells.STARTS else None
    if start:
        start.write_text("alias x=y")  # without a newline at its end
    assert str(home / shells.PLACES[shell]) in shells.install()
    shells.install()
    assert (home / shells.PLACES[shell]).read_text() == shells.SCRIPTS[shell]
    if start:
        assert start.read_text() == f"alias x=y\n{shells.STARTS[shell][1]}\n"


def test_a_home_that_cannot_be_written_is_said(home, monkeypatch):
    monkeypatch.setattr(shells, "_shell", lambda: "bash")
    (home / ".bash_completions").write_text("a file")
    with pytest.raises(MinisupError, match=r"cannot install completion in .*\n?.*--show-completion"):
        shells.install()


def test_without_a_shell_that_is_known_it_says_how_to_get_the_scripts(monkeypatch):
    monkeypatch.setattr(shells, "MOST_PARENTS", 0)
    monkeypatch.setenv("SHELL", "/bin/zsh")
    assert shells.script_of_this_shell() == shells.ZSH
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    with pytest.raises(MinisupError, match="_MINISUP_COMPLETE=source_bash"):
        shells.script_of_this_shell()


def asked(capsys, line, shell="fish", variable=shells.LINE):
    shells.answer({"_MINISUP_COMPLETE": f"complete_{shell}", variable: line})
    return capsys.readouterr().out


def test_fish_gets_words_and_meanings_and_scripts_of_old_are_answered(capsys):
    assert asked(capsys, "minisup stat") == "status\tHow everything is.\n"
    assert asked(capsys, "minisup stat", variable=shells.OLD_LINE) == "status\tHow everything is.\n"
    assert asked(capsys, "minisup import cr") == "crontab\t\n"


def test_where_a_file_is_meant_the_shell_offers_files(capsys):
    assert asked(capsys, "minisup -c ", "zsh") == "_files\n"
    assert asked(capsys, "minisup -c ") == ""
    assert asked(capsys, "minisup import procfile ", "zsh") == "_files\n"


@pytest.mark.parametrize(
    "line", ["", "minisup", "minisup nope ", "minisup stop --nope ", "minisup 'a", "minisup why -x"]
)
def test_nonsense_is_offered_nothing_and_told_nothing(capsys, line):
    assert asked(capsys, line).count("Traceback") == 0
    assert capsys.readouterr().err == ""


def test_signs_of_the_shell_are_quoted_for_zsh():
    assert shells._quoted("a 'b' $c `d`: e") == "a '\\''b'\\'' \\$c \\`d\\`\\\\: e"


def test_a_shell_that_is_not_known_is_refused_and_told_which_are():
    with pytest.raises(UsageError, match="bash, zsh, fish"):
        shells.answer({"_MINISUP_COMPLETE": "source_tcsh"})
    assert Path(shells.PLACES["fish"]).suffix == ".fish"
