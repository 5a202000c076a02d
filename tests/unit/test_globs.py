"""Patterns of files: what they may say, what they name, and where a change of that would show."""

import os

import pytest
from config_kit import JOB, problem, program, read, write

from minisup.config.files import globs
from minisup.config.files.globs import Glance, absent, could_name, escaped
from minisup.config.load import load
from minisup.errors import ConfigError


@pytest.fixture
def tree(tmp_path):
    """A small application below a directory whose name looks like a pattern."""
    root = tmp_path / "a[b]*"
    for name in (
        *("app/Job.php", "app/Mail/Welcome.php", "app/Mail/deep/er/Late.php", "app/Mail/note.txt"),
        *("app/.git/HEAD.php", "app/.hidden.php", "config/queue.php", "composer.lock"),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


def named(root, *patterns):
    glance = Glance()
    found = {}
    for pattern in patterns:
        found.update(glance.at(f"{escaped(str(root))}/{pattern}"))
    return sorted(path.removeprefix(f"{root}/") for path in found)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("app/**/*.php", ["app/Job.php", "app/Mail/Welcome.php", "app/Mail/deep/er/Late.php"]),
        ("app/*.php", ["app/Job.php"]),
        ("app/*/*.php", ["app/Mail/Welcome.php"]),
        ("app/**", ["app/Job.php", "app/Mail/Welcome.php", "app/Mail/deep/er/Late.php", "app/Mail/note.txt"]),
        ("**/er/*", ["app/Mail/deep/er/Late.php"]),
        ("**/**/[MN]*/[!n]*", ["app/Mail/Welcome.php"]),
        ("composer.lock", ["composer.lock"]),
        ("./app/../composer.loc?", ["app/../composer.lock"]),
        ("app/.*.php", ["app/.hidden.php"]),
        ("app/.git/*", ["app/.git/HEAD.php"]),
        ("nowhere/**/*.php", []),
        ("composer.lock/*.php", []),
        ("app", []),
    ],
)
def test_what_a_pattern_names(tree, pattern, names):
    assert named(tree, pattern) == names


def test_a_directory_where_a_pattern_ends_is_remembered(tree):
    glance = Glance()
    assert glance.at(escaped(str(tree / "app"))) == {}
    assert glance.folders == {str(tree / "app")}


def test_two_asterisks_do_not_follow_links_and_one_does(tree):
    (tree / "app" / "round").symlink_to(tree)
    assert "app/round/app/Job.php" not in named(tree, "app/**/*.php")
    assert named(tree, "app/*/composer.lock") == ["app/round/composer.lock"]
    (tree / "app" / "Linked.php").symlink_to(tree / "config" / "queue.php")
    assert "app/Linked.php" in named(tree, "app/**/*.php")


def test_where_a_change_would_show(tree):
    """Kubernetes puts a new configuration in place by renaming a link that the files' links lead through."""
    mount = tree / "mount"
    (mount / "..2026_1").mkdir(parents=True)
    (mount / "..2026_1" / "minisup.toml").write_text("old")
    (mount / "..data").symlink_to("..2026_1")
    (mount / "minisup.toml").symlink_to("..data/minisup.toml")
    glance = Glance()
    [(path, before)] = glance.at(escaped(str(mount / "minisup.toml"))).items()
    assert path == str(mount / "minisup.toml")
    assert {str(mount / "..data"), path, str(mount)} <= glance.turns
    assert {str(mount), str(mount / "..data"), str(tree)} <= glance.directories.keys()
    (mount / "..2026_2").mkdir()
    (mount / "..2026_2" / "minisup.toml").write_text("new")
    (mount / "new").symlink_to("..2026_2")
    (mount / "new").rename(mount / "..data")
    assert Glance().at(escaped(path))[path] != before


def test_links_in_a_circle_come_to_an_end(tree):
    (tree / "one").symlink_to("two")
    (tree / "two").symlink_to("one")
    assert named(tree, "one", "one/*.php", "tw?/*") == []


def test_a_directory_that_is_not_for_us_and_one_that_goes_away_hold_nothing(tree, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert named(tree, "app/*.php") == []


def test_more_directories_than_anybody_means_are_not_gone_into(tree, monkeypatch):
    monkeypatch.setattr(globs, "MOST_DIRECTORIES", len(tree.parts) + 2)
    glance = Glance()
    glance.at(f"{escaped(str(tree))}/**/*.php")
    assert glance.full
    assert len(glance.directories) == len(tree.parts) + 2


def test_the_first_directory_that_is_not_there(tree):
    assert absent(f"{escaped(str(tree))}/src/*/deep/*.php") == f"{tree}/src"
    assert absent(f"{escaped(str(tree))}/app/*/none/*.php") == ""
    assert absent(f"{escaped(str(tree))}/none.php") == ""


def test_what_the_last_part_of_a_path_must_fit():
    fits = could_name(["/srv/**/*.php", "/srv/composer.lock"])
    assert fits.match("Job.php")
    assert fits.match("composer.lock")
    assert not fits.match("laravel.log")
    assert could_name(["/srv/**"]).match("anything")
    assert not could_name([]).match("")


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        ("", "the pattern is empty"),
        ("app/", "only files are watched, and this names a directory; write app/**"),
        ("app/..", "only files are watched, and this names a directory; write app/**"),
        ("app/**.php", "** stands alone between two slashes; write **/*.php"),
        ("app/[a-z", "the [ is not closed; for the character itself write [[]"),
        ("~/app/*.php", "~ is not filled in; write ${HOME}"),
        ("/proc/self/*", "nothing tells of changes below /proc"),
        ("/sys/**", "nothing tells of changes below /sys"),
    ],
)
def test_patterns_that_cannot_be_meant(tmp_path, pattern, wrong):
    assert problem(tmp_path, f"watch = ['{pattern}']") == ("watch", f'"{pattern}" names no files: {wrong}')


def test_a_character_that_no_path_holds(tmp_path):
    assert "cannot hold the character NUL" in problem(tmp_path, 'watch = ["a\\u0000"]')[1]


def test_a_list_is_wanted(tmp_path):
    assert problem(tmp_path, "watch = 'x'") == ("watch", 'expected a list of text, got "x"; write ["x"]')


def test_a_pattern_is_relative_to_the_file_that_names_it(tmp_path):
    place = tmp_path / "w[e]ird"
    keys = "watch = ['app/**/*.php', '/etc/*.ini', '${APP}/[]a]?']"
    place.mkdir()
    here = escaped(str(place))
    assert program(place, keys).watch == (f"{here}/app/**/*.php", "/etc/*.ini", f"{here}/shop/[]a]?")


def test_what_decides_about_a_configuration_is_known_also_when_it_has_problems(tmp_path):
    write(tmp_path, JOB.replace("email", "sms") + "env_file = 'sms.env'", "conf.d/sms.toml")
    write(tmp_path, "A=1", "conf.d/sms.env")
    head = "[supervisor]\ninclude = ['conf.d/*.toml', 'more.toml']\n"
    here = escaped(str(tmp_path))
    names = ["minisup.toml", "conf.d/*.toml", "conf.d/sms.toml", "more.toml", "conf.d/sms.env"]
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, head + JOB)
    assert sorted(caught.value.looked_at) == sorted(f"{here}/{name}" for name in names)
    write(tmp_path, JOB.replace("email", "more"), "more.toml")
    assert sorted(read(tmp_path, head + JOB).looked_at) == sorted(caught.value.looked_at)


def test_names_are_relative_to_the_directory_that_minisup_is_in(tmp_path, monkeypatch):
    write(tmp_path, JOB, "conf/minisup.toml")
    monkeypatch.chdir(tmp_path)
    assert load("conf/minisup.toml").looked_at == (f"{escaped(str(tmp_path))}/conf/minisup.toml",)
