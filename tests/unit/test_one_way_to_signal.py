"""No number is signalled that may be somebody else's: signals go through functions that know what was reaped."""

import ast
from collections.abc import Iterator
from pathlib import Path

import minisup

ROOT = Path(minisup.__file__).parent
HOST = ROOT / "host"
"""All that the daemon does to processes is here; the command line signals itself at most."""

SENDERS = {"kill", "killpg", "pidfd_send_signal", "pthread_kill", "raise_signal", "tgkill", "send_signal", "terminate"}
"""What sends a signal to a process in the standard library."""

ALLOWED = {
    ("host/process/processes.py", "_send"): "after its callers have made sure whom the number stands for",
    ("host/process/processes.py", "group_lives"): "signal 0: it asks",
    ("host/process/processes.py", "is_out_of_reach"): "signal 0: it asks, and then whether the child has been reaped",
}

KNOWS = {"signal_run": "is_unreaped", "signal_process": "start_time"}
"""Who calls the one that sends, and by what it knows that the number still stands for the process."""


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def names_in(node: ast.AST) -> set[str]:
    """What it calls, and the attributes that it reads."""
    named = {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
    return named | {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def calls_of(modules: set[str], names: set[str], node: ast.AST) -> bool:
    """Whether `os.kill` and the like stand in it, also where it is not called at once."""
    return any(
        isinstance(inner, ast.Attribute)
        and inner.attr in names
        and isinstance(inner.value, ast.Name)
        and inner.value.id in modules
        for inner in ast.walk(node)
    )


def test_signals_are_sent_in_one_place() -> None:
    found = {
        (str(path.relative_to(ROOT)), function.name)
        for path in HOST.rglob("*.py")
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if calls_of({"os", "signal", "_signal"}, SENDERS, function)
    }
    assert found == set(ALLOWED)


def test_who_sends_knows_what_was_reaped() -> None:
    tree = ast.parse((ROOT / "host" / "process" / "processes.py").read_text(encoding="utf-8"))
    callers = {function.name: names_in(function) for function in functions(tree) if "_send" in names_in(function)}
    assert set(callers) == set(KNOWS)
    assert all(KNOWS[name] in names for name, names in callers.items())
    elsewhere = [
        path for path in ROOT.rglob("*.py") if path.name != "processes.py" and "processes._send" in path.read_text()
    ]
    assert not elsewhere
