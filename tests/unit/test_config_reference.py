from pathlib import Path

from config_kit import ENVIRON, problems
from config_reference import reference

from minisup.config.keys.supervisor_table import SupervisorTable
from minisup.config.schema import ProgramTable
from minisup.config.walk import keys_of

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "config.md"


def test_the_committed_reference_is_what_the_schema_says():
    hint = "run: python tests/tools/config_reference.py > docs/reference/config.md"
    assert PAGE.read_text(encoding="utf-8") == reference(), hint


def test_every_key_has_a_meaning():
    for table in (ProgramTable, SupervisorTable):
        for name, (_, key) in keys_of(table).items():
            assert key.doc.endswith("."), name


def test_the_smallest_configuration_of_the_reference_is_one(tmp_path):
    example = PAGE.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    assert "[program.email]" in example
    assert problems(tmp_path, example, ENVIRON) == []
