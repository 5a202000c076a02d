import os
import shutil

import pytest
from config_kit import ENVIRON, JOB, problems, read, write

from minisup.config.load import load
from minisup.errors import ConfigError

SMS = '[program.sms]\ncommand = "true"\n'


def failure(path):
    with pytest.raises(ConfigError) as caught:
        load(path, ENVIRON, "/srv")
    return caught.value


def told(error):
    return [(os.path.basename(problem.file), problem.line, problem.message) for problem in error.problems]


# --- files that cannot be read ---------------------------------------------------------------------------------------


def test_a_file_that_is_not_there(tmp_path):
    assert told(failure(f"{tmp_path}/no.toml")) == [("no.toml", 0, "cannot be read: No such file or directory")]


def test_a_directory_instead_of_a_file(tmp_path):
    assert told(failure(str(tmp_path)))[0][2] == "cannot be read: Is a directory"


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(*_args, **_more):
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path, JOB)
    monkeypatch.setattr(os, "open", refuse)
    assert told(failure(path)) == [("minisup.toml", 0, "cannot be read: Permission denied")]


def test_a_name_that_no_file_can_have(tmp_path):
    assert told(failure(f"{tmp_path}/a\0b"))[0][2] == "cannot be read: embedded null byte"


def test_a_file_of_ten_megabytes(tmp_path):
    path = write(tmp_path, b"# x\n" * 2_500_000)
    assert told(failure(path)) == [("minisup.toml", 0, "is larger than 1 MiB; this cannot be meant as configuration")]


def test_bytes_that_are_not_utf_8(tmp_path):
    path = write(tmp_path, b"a = 1\n# \xff\n")
    assert told(failure(path)) == [("minisup.toml", 2, "not UTF-8: byte 0xff")]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[program.email]\ncommand 'x'\n", 2, "not TOML: expected '=' after a key in a key/value pair (column 9)"),
        ("a = 1\na = 2\n", 2, "not TOML: cannot overwrite a value"),
        ("[a]\n\n[a]\n", 3, "not TOML: cannot declare ('a',) twice"),
        ("a = [1,\n", 1, "not TOML: invalid value at the end of the file"),
        ("a = '''\nx\n", 2, "not TOML: expected"),
        ("a = " + "9" * 5000, 0, "not TOML: "),
        ("a = " + "[" * 5000, 0, "not TOML: tables or lists are nested too deeply"),
        ("a = 2026-02-31", 1, "not TOML: invalid date or datetime"),
    ],
)
def test_broken_toml(tmp_path, text, line, message):
    ((_, found, said),) = told(failure(write(tmp_path, text)))
    assert said.startswith(message)
    assert found == line


# --- includes --------------------------------------------------------------------------------------------------------


def include(*patterns):
    return f"supervisor.include = {list(patterns)!r}\n"


def test_included_programs_join_those_of_the_main_file(tmp_path):
    write(tmp_path, SMS + 'directory = "work"\nenvironment.HERE = "${MINISUP_HERE}"', "conf.d/b.toml")
    write(tmp_path, '[program.push]\ncommand = "true"\nafter = []', "conf.d/a.toml")
    write(tmp_path, "not read", "conf.d/c.txt")
    config = read(tmp_path, include("conf.d/*.toml") + JOB)
    assert list(config.programs) == ["email", "push", "sms"]
    assert [os.path.relpath(file, tmp_path) for file in config.files] == [
        "minisup.toml",
        "conf.d/a.toml",
        "conf.d/b.toml",
    ]
    slot = config.programs["sms"].for_slot(0)
    assert (slot.directory, slot.environment["HERE"]) == (f"{tmp_path}/conf.d/work", f"{tmp_path}/conf.d")


def test_a_pattern_that_matches_nothing_is_no_problem(tmp_path):
    assert problems(tmp_path, include("conf.d/*.toml") + JOB) == []


def test_a_missing_include_is_a_problem(tmp_path):
    assert problems(tmp_path, include("no.toml") + JOB) == [(1, "supervisor.include", '"no.toml": no such file')]


def test_a_program_that_is_after_something_in_a_file_that_cannot_be_read_is_not_blamed(tmp_path):
    found = problems(tmp_path, include("no.toml") + JOB + "after = ['migrate']")
    assert [key for _, key, _ in found] == ["supervisor.include"]


def test_a_pattern_that_matches_the_file_itself_or_a_file_twice_reads_it_once(tmp_path):
    write(tmp_path, SMS, "sms.toml")
    assert len(read(tmp_path, include("*.toml", "s*.toml", "./sms.toml") + JOB).files) == 2


def test_problems_of_all_files_are_reported_even_if_one_is_not_toml(tmp_path):
    write(tmp_path, "oops", "a.toml")
    write(tmp_path, SMS + "x = 1", "b.toml")
    path = write(tmp_path, include("a.toml", "b.toml") + JOB + "y = 1")
    error = failure(path)
    assert [(file, line) for file, line, _ in told(error)] == [("minisup.toml", 4), ("a.toml", 1), ("b.toml", 3)]
    assert str(error).startswith(f"{path} and its includes have 3 problems\n")


def test_a_program_in_two_files_names_both_places(tmp_path):
    write(tmp_path, JOB, "a.toml")
    path = write(tmp_path, JOB + include("a.toml").replace("supervisor.", "[supervisor]\n"))
    assert told(failure(path)) == [("a.toml", 1, f"is there twice; the first is at {path}:1")]


def test_an_included_file_has_programs_only(tmp_path):
    write(tmp_path, "supervisor.platform = 'ecs'\n" + SMS, "a.toml")
    path = write(tmp_path, include("a.toml") + JOB)
    assert told(failure(path)) == [("a.toml", 1, "belongs in the main file; an included file has programs only")]


def test_names_are_shown_as_they_were_given(tmp_path, monkeypatch):
    write(tmp_path, SMS + "x = 1", "etc/conf.d/a.toml")
    write(tmp_path, include("conf.d/*.toml") + JOB, "etc/minisup.toml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as error:
        load("etc/minisup.toml", ENVIRON)
    assert [problem.file for problem in error.value.problems] == ["etc/conf.d/a.toml"]


# --- a directory that is reached by a link ----------------------------------------------------------------------------


@pytest.fixture
def released(tmp_path, monkeypatch):
    """A release with a configuration, entered by the link `current`; the environment has no PWD yet."""
    write(
        tmp_path,
        JOB + 'env_file = ".env"\nlog = { to = "file", path = "../../shared/log" }\n',
        "releases/1/minisup.toml",
    )
    write(tmp_path, "RELEASE=1\n", "releases/1/.env")
    (tmp_path / "current").symlink_to("releases/1")
    monkeypatch.chdir(tmp_path / "current")
    return tmp_path


def test_a_directory_that_is_reached_by_a_link_keeps_the_name_that_its_user_knows(released):
    current = str(released / "current")
    config = load("minisup.toml", {**ENVIRON, "PWD": current})
    slot = config.programs["email"].for_slot(0)
    assert (slot.directory, slot.environment["MINISUP_HERE"]) == (current, current)
    assert config.looked_at == (f"{current}/minisup.toml", f"{current}/.env")


def test_after_the_link_has_moved_the_new_release_is_read_from_the_same_place(released):
    current = str(released / "current")
    config = load("minisup.toml", {**ENVIRON, "PWD": current})
    write(released, JOB + 'env_file = ".env"', "releases/2/minisup.toml")
    write(released, "RELEASE=2\n", "releases/2/.env")
    (released / "new").symlink_to("releases/2")
    (released / "new").rename(current)
    shutil.rmtree(released / "releases/1")
    again = load("minisup.toml", ENVIRON, config.programs["email"].origin.cwd)
    assert again.programs["email"].file_environment == {"RELEASE": "2"}
    assert again.programs["email"].for_slot(0).directory == current


def test_paths_that_go_up_leave_the_directory_itself_as_in_a_shell(released):
    config = load("minisup.toml", {**ENVIRON, "PWD": str(released / "current")})
    assert config.programs["email"].log_paths(0)[0] == str(released / "shared/log")


@pytest.mark.parametrize("pwd", ["", "current", "/", "/nowhere/at/all", "{}/current/.", "{}/releases/../current"])
def test_a_pwd_that_is_not_plainly_the_current_directory_is_not_believed(released, pwd):
    config = load("minisup.toml", {**ENVIRON, "PWD": pwd.format(released)})
    assert config.programs["email"].for_slot(0).directory == str(released / "releases/1")


def test_without_pwd_the_directory_of_the_configuration_tells_the_name(released):
    config = load(released / "current/minisup.toml", ENVIRON)
    assert config.programs["email"].for_slot(0).directory == str(released / "current")


def test_a_configuration_beside_a_link_is_where_the_kernel_finds_it(released):
    write(released, JOB, "releases/minisup.toml")
    config = load("../minisup.toml", {**ENVIRON, "PWD": str(released / "current")})
    assert os.path.samefile(config.programs["email"].origin.here, released / "releases")


def test_a_directory_with_brackets_in_its_name(tmp_path):
    write(tmp_path, SMS, "[a]/conf.d/a.toml")
    path = write(tmp_path, include("conf.d/*.toml") + JOB, "[a]/minisup.toml")
    assert list(load(path, ENVIRON, "/srv").programs) == ["email", "sms"]


def test_the_current_directory_is_gone(tmp_path, monkeypatch):
    def gone():
        raise FileNotFoundError(2, "No such file or directory")

    path = write(tmp_path, JOB)
    monkeypatch.setattr(os, "getcwd", gone)
    with pytest.raises(ConfigError, match="the current directory is gone"):
        load(path, ENVIRON)


# --- env_file --------------------------------------------------------------------------------------------------------

ENV = """\
# a comment

PLAIN=some text # and a comment
  export EXPORTED = yes
SINGLE='a "b" $C \\n # d' # comment
DOUBLE="a\\nb \\"c\\" \\$D \\q" # comment
HASH=a#b
EMPTY=
COMMENT= # nothing
QUEUE=first
QUEUE=second
FILLED=${APP}
"""


def test_what_an_env_file_holds(tmp_path):
    write(tmp_path, ENV, "env")
    slot = read(tmp_path, JOB + 'env_file = "env"\nenvironment.QUEUE = "third"').programs["email"].for_slot(0)
    assert {name: text for name, text in slot.environment.items() if "MINISUP" not in name} == {
        "PLAIN": "some text",
        "EXPORTED": "yes",
        "SINGLE": 'a "b" $C \\n # d',
        "DOUBLE": 'a\nb "c" $D \\q',
        "HASH": "a#b",
        "EMPTY": "",
        "COMMENT": "",
        "QUEUE": "third",
        "FILLED": "shop",
    }


def test_bad_lines_of_an_env_file_have_its_name_and_their_number_and_show_no_value(tmp_path):
    write(tmp_path, 'A=1\nhunter2\nB=\'hunter2\nC="hunter2" x\n1D=hunter2\nE=\0\n', "env")
    error = failure(write(tmp_path, JOB + 'env_file = "env"'))
    assert told(error) == [
        ("env", 2, "expected NAME=VALUE"),
        ("env", 3, "the value of B has a quote that is not closed, or text after it"),
        ("env", 4, "the value of C has a quote that is not closed, or text after it"),
        ("env", 5, "expected NAME=VALUE"),
        ("env", 6, 'the value of "E" holds the character NUL'),
    ]
    assert {problem.key for problem in error.problems} == {"program.email.env_file"}
    assert "hunter2" not in str(error)


def test_a_value_of_several_lines_is_one_problem_that_says_what_to_write(tmp_path):
    key = "-----BEGIN KEY-----\nhunter2\nMIIEpAIBAAK==\n-----END KEY-----"
    write(tmp_path, f"A=1\nKEY=\"{key}\"\nTEXT='one\ntwo' # of them\nLEFT='open\nB='2'\n", "env")
    error = failure(write(tmp_path, JOB + 'env_file = "env"'))
    write_it = "write it in one, in double quotes, with \\n for each new line"
    assert told(error) == [
        ("env", 2, f"the value of KEY goes over 4 lines; {write_it}"),
        ("env", 6, f"the value of TEXT goes over 2 lines; {write_it}"),
        ("env", 8, "the value of LEFT has a quote that is not closed, or text after it"),
    ]
    assert "hunter2" not in str(error)


LARAVEL = r"""
APP_NAME=Shop
APP_URL=https://${HOST:-localhost}:${PORT}
MAIL_FROM_NAME="${APP_NAME} mail" # of the shop
CACHE_PREFIX='${APP_NAME}_'
ESCAPED="\${APP_NAME} costs \$5"
DB_PASSWORD=pa$word${
BARE="$APP_NAME ${ APP_NAME } ${EMPTY:-none}${OTHER:-}"
EMPTY=
AGAIN="${EMPTY:-x}${EMPTY}"
APP_NAME=Other
LAST=${APP_NAME}
"""


def test_variables_in_an_env_file_are_filled_in_as_laravel_writes_them(tmp_path):
    write(tmp_path, LARAVEL, "env")
    config = read(tmp_path, JOB + 'env_file = "env"', {"PORT": "8080", "APP_NAME": "outer", "EMPTY": "outer"})
    assert config.programs["email"].file_environment == {
        "APP_NAME": "Other",
        "APP_URL": "https://localhost:8080",
        "MAIL_FROM_NAME": "Shop mail",
        "CACHE_PREFIX": "${APP_NAME}_",
        "ESCAPED": "${APP_NAME} costs $5",
        "DB_PASSWORD": "pa$word${",
        "BARE": "$APP_NAME ${ APP_NAME } outer",
        "EMPTY": "",
        "AGAIN": "x",
        "LAST": "Other",
    }


def test_a_variable_of_an_env_file_that_is_not_set_is_a_problem_without_the_value(tmp_path):
    write(tmp_path, "A=1\nURL=https://hunter2:${API_TOKN}@host\nB=${A}\n", "env")
    error = failure(write(tmp_path, JOB + 'env_file = "env"'))
    [(file, line, message)] = told(error)
    assert (file, line) == ("env", 2)
    assert message.startswith("the value of URL names API_TOKN, which is not set; set it above")
    assert "hunter2" not in str(error)


def test_an_env_file_is_filled_in_with_nothing_that_clear_env_keeps_from_the_run(tmp_path):
    write(tmp_path, "A=1\nB=${A}\nC=${API_TOKEN}\n", "env")
    path = write(tmp_path, JOB + 'env_file = "env"\nclear_env = true')
    with pytest.raises(ConfigError, match="names API_TOKEN, which is not set"):
        load(path, {"API_TOKEN": "hunter2"}, "/srv")


def test_a_secret_that_is_filled_into_an_env_file_is_not_shown(tmp_path):
    write(tmp_path, "URL=https://${API_TOKEN}@host\nAGAIN=${URL}/x\nPLAIN=${HOST}\n", "env")
    program = read(tmp_path, JOB + 'env_file = "env"', {"API_TOKEN": "hunter2", "HOST": "h"}).programs["email"]
    assert program.for_slot(0).environment["AGAIN"] == "https://hunter2@host/x"
    shown = program.for_slot(0, hide=True).environment
    assert [shown[name] for name in ("URL", "AGAIN", "PLAIN")] == ["https://***@host", "https://***@host/x", "h"]


def test_an_env_file_that_is_not_there(tmp_path):
    error = failure(write(tmp_path, JOB + 'env_file = "no.env"'))
    [(file, line, message)] = told(error)
    assert (file, line) == ("minisup.toml", 3), "the line that names it"
    assert message == f"cannot read {tmp_path / 'no.env'}: No such file or directory"
    assert error.problems[0].key == "program.email.env_file"


def test_an_env_file_may_hold_any_bytes_but_nul(tmp_path):
    write(tmp_path, b"\xef\xbb\xbfA=\xff\r\n", "env")
    value = read(tmp_path, JOB + 'env_file = "env"').programs["email"].file_environment["A"]
    assert os.fsencode(value) == b"\xff"
