"""The names of a path in the order in which they are taken, links included."""

import errno

import pytest

from minisup.path_names import MOST_LINKS, PathNames


def rest(names: PathNames) -> list[str]:
    taken = []
    while names:
        taken.append(names.take())
    return taken


@pytest.mark.parametrize(
    ("path", "names"),
    [("/", []), ("/a/b", ["a", "b"]), ("//a/./b//", ["a", "b"]), ("/a/../b", ["a", "..", "b"]), ("", [])],
)
def test_empty_names_and_dots_are_left_out_and_the_way_up_is_kept(path: str, names: list[str]) -> None:
    assert rest(PathNames(path)) == names


def test_the_target_of_a_link_comes_before_what_is_left() -> None:
    names = PathNames("/current/app/env")
    assert names.take() == "current"
    assert not names.follow("releases/7", "/current")
    assert names.take() == "releases"
    assert names.follow("/srv/shared/", "/releases")
    assert rest(names) == ["srv", "shared", "7", "app", "env"]


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [("/a", "b", False), ("/a/", "b", True), ("/a/.", "b", True), ("/a", "b/", True), ("/a/c", "b/", False)],
)
def test_a_slash_at_the_end_asks_for_a_directory(path: str, target: str, expected: bool) -> None:
    names = PathNames(path)
    names.take()
    names.follow(target, "/a")
    assert names.names_directory is expected


def test_a_circle_of_links_ends() -> None:
    names = PathNames("/circle")
    for _ in range(MOST_LINKS):
        assert names.take() == "circle"
        names.follow("circle", "/circle")
    with pytest.raises(OSError, match="Too many levels of symbolic links") as caught:
        names.follow("circle", "/circle")
    assert (caught.value.errno, caught.value.filename) == (errno.ELOOP, "/circle")
