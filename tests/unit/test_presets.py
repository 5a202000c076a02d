"""Presets, and the rules for output that they are made of."""

import re
from pathlib import Path

import pytest
from config_kit import problem, program, read

from minisup.check.effective import facts
from minisup.check.explain import explain
from minisup.check.lint import lint
from minisup.config.presets import PRESETS, layered, reference
from minisup.core.model import Kind, Scope

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "presets.md"


def test_the_committed_page_is_what_the_presets_are():
    hint = "run: python -m minisup.config.presets > docs/reference/presets.md"
    assert PAGE.read_text(encoding="utf-8") == reference(), hint


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_loads_and_fills_in_what_it_says(tmp_path, name):
    made = program(tmp_path, f"preset = '{name}'")
    assert made.filled
    for path in made.filled:
        key, _, inner = path.partition(".")
        wanted = PRESETS[name].keys[key]
        assert getattr(getattr(made, key), inner) == wanted[inner] if inner else getattr(made, key) == wanted


@pytest.mark.parametrize("name", PRESETS)
def test_what_recognises_idle_runs_is_paced_by_the_idle_waits(tmp_path, name):
    made = program(tmp_path, f"preset = '{name}'")
    if made.knows_idle and made.kind is Kind.JOB:
        assert made.min_runtime == 0


def test_every_given_key_wins(tmp_path):
    made = program(
        tmp_path,
        "preset = 'laravel-daemon'\nkind = 'job'\nmin_runtime = '2s'\nexit.recycle = []\nstop.timeout = 5\n"
        "idle.unless_output = 'x'",
    )
    assert (made.kind, made.min_runtime, made.stop.timeout) == (Kind.JOB, 2.0, 5.0)
    assert made.idle.unless_output == "x"
    assert made.exit.recycle == frozenset()
    assert (made.stop.drain, made.stop.scope) == (0.0, Scope.LEADER)  # not given: the preset's
    assert set(made.filled) == {"exit.ok", "stop.drain", "stop.scope"}


def test_a_code_that_is_named_elsewhere_leaves_the_set_of_the_preset(tmp_path):
    made = program(tmp_path, "preset = 'laravel-daemon'\nexit.fatal = [12]")
    assert (made.exit.fatal, made.exit.recycle) == (frozenset({12}), frozenset())


def test_a_preset_brings_its_kind_and_what_follows_from_it(tmp_path):
    made = program(tmp_path, "preset = 'service'")
    assert made.kind is Kind.SERVICE
    assert (made.exit.ok, made.stop.drain, made.stop.scope) == (frozenset(), 0.0, Scope.LEADER)


@pytest.mark.parametrize(
    ("keys", "key", "message"),
    [
        ("preset = 'laravel-one'", "preset", '"laravel-one" is no preset; did you mean laravel-once?'),
        (
            "preset = 'zzz'",
            "preset",
            '"zzz" is no preset; there are celery, laravel-daemon, laravel-once, rq-burst, service, symfony-messenger',
        ),
        ("preset = 3", "preset", 'expected text, got 3; write "3"'),
        (
            "preset = 'laravel-once'\nlog.to = 'inherit'",
            "preset",
            (
                'with log.to = "inherit" minisup does not read the output, and this preset needs it; '
                'write log.to = "console"'
            ),
        ),
        (
            "idle.output = 'x'\nlog.to = 'inherit'",
            "idle.output",
            'with log.to = "inherit" minisup does not read the output',
        ),
        (
            "idle.unless_output = 'x'\nlog.to = 'inherit'",
            "idle.unless_output",
            'with log.to = "inherit" minisup does not read the output',
        ),
        (
            "worked.output = 'x'\nlog.to = 'inherit'",
            "worked.output",
            'with log.to = "inherit" minisup does not read the output',
        ),
        (
            "idle.output = '('",
            "idle.output",
            '"(" is not a regular expression: missing ), unterminated subpattern at position 0',
        ),
        ("idle.faster_than = 0", "idle.faster_than", "expected a duration > 0, got 0"),
    ],
)
def test_what_cannot_be(tmp_path, keys, key, message):
    assert problem(tmp_path, keys) == (key, message)


def test_layers_are_merged_key_by_key():
    assert layered({"a": 1, "t": {"x": 1, "y": 2}}, {"b": 2, "t": {"y": 3}}) == {"a": 1, "b": 2, "t": {"x": 1, "y": 3}}
    assert layered({"t": {"x": 1}}, {"t": 2}) == {"t": 2}


# --- what check says --------------------------------------------------------------------------------------------------


def told(tmp_path, keys):
    return explain(read(tmp_path, f"[program.email]\ncommand = 'x'\n{keys}\n"))


def test_check_shows_what_the_preset_filled_in(tmp_path):
    text = told(tmp_path, "preset = 'rq-burst'\nstop.timeout = 5\nlog.to = 'none'")
    assert (
        "    preset    rq-burst fills in\n"
        "              min_runtime = 0\n"
        "              idle.unless_output = '\\(\\S{1,99}\\)$|: Job OK|exception raised while executing'\n"
        "              stop.drain = 0\n"
        '              stop.scope = "leader"\n' in text
    )
    config = read(tmp_path, "[program.email]\ncommand = 'x'\npreset = 'service'\nkind = 'job'")
    assert "    preset    service fills in nothing: every key is given\n" in explain(config)
    assert facts(config)["programs"][0]["preset"] == "service"
    assert facts(config)["programs"][0]["filled"] == []


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("idle.output = '^empty$'", "a clean exit with a line like '^empty$' found no work: waits"),
        ("idle.unless_output = 'sent'", "a clean exit without a line like sent found no work: waits"),
        ("idle.faster_than = '300ms'", "a clean exit in under 0.3 s found no work: waits"),
        (f"idle.output = '{'x' * 41}'", "a clean exit with a line like idle.output found no work: waits"),
        (
            "idle.output = 'x'\nexit.idle = [3]\nidle.faster_than = '1s'",
            "exit 3, a clean exit with a line like x or a clean exit in under 1 s found no work: waits",
        ),
        ("worked.output = 'sent'", "exit 0 without a line like sent failed, too, unless it found no work"),
        ("exit.idle = [3]", "these waits pace it: with min_runtime = 0 a backlog would be worked off at full speed"),
    ],
)
def test_check_says_how_idle_runs_are_known(tmp_path, keys, said):
    assert said in told(tmp_path, keys)


def test_nothing_is_suggested_to_who_has_done_it(tmp_path):
    assert "full speed" not in told(tmp_path, "exit.idle = [3]\nmin_runtime = 0")


# --- the rules, on what the workers print -----------------------------------------------------------------------------

LARAVEL = [
    ("", "idle"),
    ("PHP Deprecated:  Return type of X in /app/y.php on line 3\n", "idle"),
    ("[2026-11-25 10:00:00][a1] Processing: App\\Mail\n[2026-11-25 10:00:00][a1] Processed:  App\\Mail\n", ""),
    ("[2026-11-25 10:00:00][a1] Processing: App\\Jobs\\Mail\n[2026-11-25 10:00:00][a1] Failed:     X\n", "failed"),
    ("[2026-11-25 10:00:00][a1] Processing: App\\Jobs\\Mail\n", "failed"),
    ("  2026-11-25 10:00:00 App\\Jobs\\Mail ..... RUNNING\n  2026-11-25 10:00:00 App\\Jobs\\Mail .. 3ms DONE\n", ""),
    (
        "  2026-11-25 10:00:00 App\\Jobs\\Mail ..... RUNNING\n  2026-11-25 10:00:00 App\\Jobs\\Mail .. 3ms FAIL\n",
        "failed",
    ),
    ('{"level":"info","id":"1","status":"starting"}\n{"level":"info","id":"1","status":"success"}\n', ""),
    ('{"level":"info","id":"1","status":"starting"}\n{"level":"warning","status":"failed"}\n', "failed"),
    ('{"level":"info","status":"starting"}\n{"level":"warning","status":"released_after_exception"}\n', "failed"),
    ("[2026-11-25 10:00:00] production.ERROR: Connection refused {...}\n", "failed"),
    ('{"message":"Connection refused","level":400,"level_name":"ERROR"}\n', "failed"),
    ("[2026-11-25 10:00:00] production.INFO: nothing to do\n", "idle"),
]


@pytest.mark.parametrize(("output", "outcome"), LARAVEL)
def test_a_laravel_worker_is_understood(tmp_path, output, outcome):
    made = program(tmp_path, "preset = 'laravel-once'")
    lines = output.splitlines()

    def matches(pattern):
        return any(re.search(pattern, line) for line in lines)

    idle = not matches(made.idle.unless_output)
    said = "idle" if idle else "" if matches(made.worked.output) else "failed"
    assert said == outcome


@pytest.mark.parametrize("name", PRESETS)
def test_no_pattern_of_a_preset_is_slow_on_a_long_line(name):
    """A repeat without an upper bound may be tried at every place of the line: steps in the square of its length."""
    keys = PRESETS[name].keys
    patterns = [*keys.get("idle", {}).values(), *keys.get("worked", {}).values()]
    for pattern in patterns:
        assert not re.search(r"(?<!\\)[*+]|,\}", pattern)


def test_no_warning_comes_from_a_preset_alone(tmp_path):
    text = "[supervisor]\nshutdown_timeout = '90s'\n[program.a]\ncommand = 'x'\npreset = 'laravel-once'"
    assert lint(read(tmp_path, text)) == []
