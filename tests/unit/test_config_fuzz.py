"""Whatever the file holds, the answer is a configuration or a ConfigError that can be printed."""

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minisup.check.effective import facts
from minisup.check.explain import explain
from minisup.config.keys.supervisor_table import SupervisorTable
from minisup.config.load import format_problems, load
from minisup.config.schema import ProgramTable
from minisup.config.walk import hint_of, keys_of, unwrap
from minisup.errors import ConfigError

FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)


def paths(table, prefix):
    """Every key of the schema, as a dotted key."""
    for name, (item, key) in keys_of(table).items():
        plain, _ = unwrap(hint_of(item, key))
        yield f"{prefix}.{name}"
        if isinstance(plain, type) and hasattr(plain, "__dataclass_fields__"):
            yield from paths(plain, f"{prefix}.{name}")


KEYS = [*paths(ProgramTable, "program.email"), *paths(SupervisorTable, "supervisor")]
TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "5m",
        "${X}",
        "${X:-2}",
        "${N}",
        "TERM",
        "020",
        "file",
        "service",
        "email",
        "* * * * *",
        "20/s",
        "8MiB",
        "a 'b",
        "/tmp",
        "*.toml",
        "root",
    ]
)
SCALARS = (
    TEXTS.map(
        lambda text: (
            '"' + "".join(f"\\U{ord(letter):08x}" for letter in text if not 0xD800 <= ord(letter) < 0xE000) + '"'
        )
    )
    | st.integers().map(str)
    | st.integers(-1, 300).map(str)
    | st.floats().map(lambda number: repr(number) if "e" not in repr(number) else f"{number:e}")
    | st.sampled_from(
        ["true", "false", "nan", "-inf", "[]", "{}", "1979-05-27", "07:32:00", "0xffffffffffffffffffffffff"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        )
    ),
    max_leaves=5,
)


def answer(path, environ):
    """Load and say everything that can be said; anything but a ConfigError is a failure of the test."""
    try:
        config = load(path, environ, "/srv")
    except ConfigError as error:
        lines = format_problems(error).encode().decode().count("\n")
        found = len(error.problems)
    else:
        lines = found = 1
        assert say(config).encode("utf-8", "surrogateescape")
    assert lines == found >= 1


def say(config):
    assert facts(config)["problems"] == []
    for program in config.programs.values():
        program.policy()
        program.for_slot(3)
    return explain(config)


@FUZZ
@given(given_values=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6), env=TEXTS)
def test_any_values_in_any_keys(tmp_path, given_values, env):
    path = tmp_path / "minisup.toml"
    lines = [f"{key} = {value}" for key, value in {"program.email.command": '"true"', **given_values}.items()]
    path.write_text("\n".join(lines), encoding="utf-8")
    answer(str(path), {"X": env, "N": "3"})


@FUZZ
@given(key=st.sampled_from(KEYS), value=VALUES)
def test_any_value_in_one_key(tmp_path, key, value):
    path = tmp_path / "minisup.toml"
    lines = {"program.email.command": '"true"', key: value}
    path.write_text("\n".join(f"{name} = {text}" for name, text in lines.items()), encoding="utf-8")
    answer(str(path), {})


@FUZZ
@given(text=st.text(alphabet="[]{}=.,\"'#\n\\ $program.emailcommand012-:", max_size=80))
def test_text_that_looks_like_toml(tmp_path, text):
    path = tmp_path / "minisup.toml"
    path.write_text(text, encoding="utf-8")
    answer(str(path), {})


@FUZZ
@given(raw=st.binary(max_size=60))
def test_any_bytes_in_any_file(tmp_path, raw):
    (tmp_path / "env").write_bytes(raw)
    (tmp_path / "more.toml").write_bytes(raw)
    main = tmp_path / "minisup.toml"
    main.write_text(
        'supervisor.include = ["more.toml"]\nprogram.a = { command = "x", env_file = "env" }', encoding="utf-8"
    )
    answer(str(main), {os.fsdecode(b"A\xff"): os.fsdecode(b"\xff")})
    main.write_bytes(raw)
    answer(str(main), {})
