"""What is loaded and what is shipped: a command loads few modules, the daemon what its programs use, and nothing is
shipped that nobody can reach. Modules are counted, not milliseconds: a busy machine changes nothing of that."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minisup
from minisup.cli.commands import INDEX

PACKAGE = Path(minisup.__file__).parent

LOADED = """
import atexit, sys
before = set(sys.modules)
from minisup.__main__ import main
atexit.register(lambda: print(*sorted(set(sys.modules) - before), file=sys.stderr))
main()
"""

MOST = {
    "--version": 50,
    "--help": 55,
    "stop --help": 86,
    "version": 75,
    "status": 77,
    "why email": 117,
    "stop email": 92,
    "check": 200,
}
"""Modules that a command loads beside those of a Python that does nothing, with some room."""

HEAVY = {"typer", "click", "argparse", "pydantic", "rich", "psutil", "asyncio", "sqlite3", "subprocess", "logging"}

FOR_SOME = {
    "schedule": {"cronsim", "zoneinfo"},
    "memory limit": {"psutil"},
    "history": {"sqlite3"},
    "probes": {"minisup.host.integrations.prober", "minisup.probes.asking"},
    "protection": {"minisup.host.integrations.protection", "urllib", "http", "ssl"},
    "watch": {"minisup.host.watch.watcher", "ctypes"},
    "compression": {"gzip", "zlib"},
}
"""What the daemon loads for those who use it."""

STARTED_BY_NAME = {"minisup.__main__", "minisup"}
"""Where people come in; processes that minisup starts with `-m` are found by the `__main__` of their room."""


def loaded(*words, cwd):
    environ = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    command = [sys.executable, "-S", "-c", LOADED, *words]
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.fixture
def here(tmp_path, fake):
    (tmp_path / "minisup.toml").write_text(f'[supervisor]\nsocket = "{fake}"\n[program.email]\ncommand = ["true"]\n')
    return tmp_path


@pytest.mark.parametrize("line", MOST)
def test_a_command_loads_few_modules_and_none_that_is_heavy(here, line):
    modules = loaded(*line.split(), cwd=here)
    assert modules & HEAVY == set()
    assert len(modules) <= MOST[line], sorted(modules)


def test_the_daemon_loads_nothing_that_no_program_uses(tmp_path):
    (tmp_path / "minisup.toml").write_text(
        '[supervisor]\nsocket = "s"\nstate_dir = "state"\nhistory = { max_rows = 0 }\n'
        '[program.x]\nkind = "task"\ncommand = ["true"]\n'
    )
    modules = loaded("up", "--exit-when-done", cwd=tmp_path)
    assert "minisup.host.supervisor" in modules
    found = {use: names for use, every in FOR_SOME.items() if (names := every & modules)}
    assert found == {}


def name_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """What a file imports, and the modules of minisup that it names in whole strings, as for `-m`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Constant) and re.fullmatch(r"minisup(\.\w+)+", str(node.value)):
            yield node.value


def test_every_module_that_is_shipped_can_be_reached():
    files = {name_of(path): path for path in PACKAGE.rglob("*.py")}
    todo = [*STARTED_BY_NAME, *(f"minisup.cli.{entry.module}" for entry in INDEX)]
    todo += [name for name in files if name.endswith(".__main__")]
    reached = set()
    while todo:
        name = todo.pop()
        if name in files and name not in reached:
            reached.add(name)
            todo += [*imports(files[name]), name.rpartition(".")[0]]
    assert set(files) - reached == set()
    assert len(reached) > 300


GUARDED = {
    ("_posixsubprocess", "host/start/spawn.py"),  # tests/host/test_spawn.py
    ("_ctypes", "host/libc.py"),  # tests/unit/test_private_modules.py, as the rest
    ("_ctypes", "receivers/inotify.py"),
    ("_signal", "host/start/as_user.py"),
}
"""Private modules of others, and the files that use them: each has a fallback, which the tests named here take.

`_thread` is documented, and so not private.
"""


def private(path):
    """The private modules and names of others that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if re.search(r"(^|\.)_[a-z]", name) and not name.startswith(("minisup.", "_thread.")) and name != "_thread":
                yield name.partition(".")[0]


def test_what_is_private_to_others_is_used_where_there_is_a_fallback():
    found = {(name, str(path.relative_to(PACKAGE))) for path in PACKAGE.rglob("*.py") for name in private(path)}
    assert found == GUARDED
