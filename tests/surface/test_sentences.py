"""Every error says what happened and what to do next: the sentences, wherever they are raised."""

import ast
from pathlib import Path

import pytest

import minisup

PACKAGE = Path(minisup.__file__).parent
FILES = [path for part in ("cli", "control", "host") for path in sorted((PACKAGE / part).rglob("*.py"))]
KINDS = {
    "MinisupError", "UsageError", "NotReachableError", "NoSuchTargetError", "TakenError", "GivenUpError", "ConfigError",
    "Fault", "BusyError",
}  # fmt: skip
GIVEN = "{}"
"""What stands for a value in a sentence. A sentence that ends with one has its advice in there."""


def told(node):
    """The text of a message as far as it is written down; None: it comes from somewhere else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(value.value if isinstance(value, ast.Constant) else GIVEN for value in values)
        case ast.BinOp(left=left, right=right):
            return f"{told(left)}{told(right)}"
        case _:
            return None


def sentences():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
                for text in filter(None, map(told, node.args)):
                    if text != GIVEN:
                        yield pytest.param(text, id=f"{path.relative_to(PACKAGE)}:{node.lineno}")


ALL = list(sentences())


def test_there_are_sentences():
    assert len(ALL) > 30


@pytest.mark.parametrize("text", ALL)
def test_it_starts_with_cannot_and_goes_on_with_what_to_do(text):
    assert text.startswith(("cannot ", GIVEN))
    _, _, advice = text.partition(";") if ";" in text else text.partition("\n")
    assert advice.strip() or text.rstrip().endswith(GIVEN), "and now?"
