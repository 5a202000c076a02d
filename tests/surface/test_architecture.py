"""The pages for whoever works on minisup: their picture is drawn from the imports, and what they name is there.

`python tests/surface/test_architecture.py` draws the picture anew.
"""

import ast
import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs" / "explanation" / "architecture.md"
PAGES = [PAGE, TOP / "docs" / "explanation" / "security.md", TOP / "CONTRIBUTING.md"]
BEGIN, END = "<!-- rooms: begin -->", "<!-- rooms: end -->"

ROOMS = ("cli", "host", "sim", "convert", "check", "history", "control", "narrate", "config", "core", "probes")
"""What the picture shows. The small files that everybody may import (errors, cell_width and so on) are left out."""

NAMED = re.compile(r"`((?:minisup|tests|benchmarks|docs|examples)/[\w./-]+|\.ci/run|pyproject\.toml)`")
FUNCTION = re.compile(r"`([\w/]+\.py)::(\w+)`")


def package():
    import minisup  # noqa: PLC0415 -- the installed one, wherever it is

    return Path(minisup.__file__).parent


def imports():
    """Which room imports which."""
    found = set()
    for path in package().rglob("*.py"):
        room = path.relative_to(package()).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minisup."):
                found.add((room, node.module.split(".")[1]))
    return {(one, other) for one, other in found if one in ROOMS and other in ROOMS and one != other}


def draw():
    """Arrows that follow from others are left out: who knows the host knows what the host knows."""
    every = imports()

    def reached(start, without):
        seen, todo = set(), [other for one, other in every if one == start and other != without]
        while todo:
            room = todo.pop()
            if room not in seen:
                seen.add(room)
                todo += [other for one, other in every if one == room]
        return seen

    arrows = sorted((one, other) for one, other in every if other not in reached(one, other))
    return "\n".join(["```mermaid", "flowchart TD", *(f"    {one} --> {other}" for one, other in arrows), "```"])


def with_picture(text):
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert end, f"{PAGE} has no lines {BEGIN} and {END}"
    return f"{before}{BEGIN}\n\n{draw()}\n\n{END}{after}"


def test_the_picture_shows_the_imports():
    text = PAGE.read_text(encoding="utf-8")
    assert with_picture(text) == text


def exists(name):
    place = package().parent if name.startswith("minisup/") else TOP
    return (place / name).exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_that_a_page_names_are_there(page):
    text = page.read_text(encoding="utf-8")
    names = set(NAMED.findall(text))
    assert len(names) > 5, "the page names few files: is the pattern right?"
    assert sorted(name for name in names if not exists(name)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_functions_that_a_page_names_are_there(page):
    for file, function in FUNCTION.findall(page.read_text(encoding="utf-8")):
        place = package().parent if file.startswith("minisup/") else TOP
        tree = ast.parse((place / file).read_text(encoding="utf-8"))
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert function in defined, f"{file} has no {function}"


if __name__ == "__main__":
    PAGE.write_text(with_picture(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
