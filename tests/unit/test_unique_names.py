"""A name means one thing: whoever looks for a class or a file by its name finds one, not two."""

import ast
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import minisup

PACKAGE = Path(minisup.__file__).parent
FILES = [file.relative_to(PACKAGE) for file in sorted(PACKAGE.rglob("*.py"))]

NAMED_BY_PYTHON = {"__init__", "__main__"}
"""A package is a directory with the one, and runs by the other."""

APART = {"receivers"}
"""A program of its own: `pyproject.toml` holds it apart, and its messages have the words of its protocol."""


def modules(file: Path) -> Iterator[str]:
    if file.stem not in NAMED_BY_PYTHON:
        yield file.stem


def classes(file: Path) -> Iterator[str]:
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


@pytest.mark.parametrize("names", [modules, classes])
def test_no_two_modules_and_no_two_classes_share_a_name(names: Callable[[Path], Iterator[str]]) -> None:
    places = defaultdict(list)
    for file in FILES:
        program = file.parts[0] if file.parts[0] in APART else "minisup"
        for name in names(file):
            places[program, name].append(str(file))
    twice = {name: where for (_, name), where in places.items() if len(where) > 1}
    assert twice == {}, "two of one name: rename one, or give both one home"
    assert len(places) > 200, "few names were found: is the package here?"
