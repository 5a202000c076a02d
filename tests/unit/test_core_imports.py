"""The policy is pure: it imports what computes, and nothing that knows the time, a file, a process or chance."""

import ast
from pathlib import Path

import minisup.core

ALLOWED = {
    "array": "rows of numbers",
    "collections": "deque, defaultdict",
    "collections.abc": "types",
    "dataclasses": "records",
    "datetime": "moments on the wall clock as text; `now` is nowhere called",
    "enum": "words",
    "functools": "what is worked out once",
    "heapq": "the timers",
    "itertools": "iterators",
    "math": "numbers",
    "types": "read-only mappings",
    "bisect": "the bucket of a histogram",
    "typing": "types",
}
"""What the core may import of the standard library, and for what."""

ROOM = Path(minisup.core.__file__).parent
FILES = sorted(ROOM.rglob("*.py"))
CLOCKS = {"now", "utcnow", "today"}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_the_core_imports_nothing_but_what_computes():
    found = {(path.name, name) for path in FILES for name in imported(ast.parse(path.read_text(encoding="utf-8")))}
    assert {pair for pair in found if pair[1] not in ALLOWED and not pair[1].startswith("minisup.core")} == set()


def test_nothing_is_allowed_that_the_core_does_not_import():
    found = {name for path in FILES for name in imported(ast.parse(path.read_text(encoding="utf-8")))}
    assert set(ALLOWED) - found == set()


def test_the_core_asks_no_clock_and_opens_nothing():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in CLOCKS and isinstance(node.value, ast.Name):
                assert node.value.id not in {"datetime", "date", "time"}, f"{path.name} asks a clock"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"open", "print", "input", "__import__", "exec", "eval"}, path.name
