"""The page about the control socket names what there is."""

import re
from pathlib import Path

from minisup.control.methods import METHODS
from minisup.control.protocol import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "control.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]


def test_every_method_has_a_row_with_its_parameters():
    documented = {
        method: set(re.findall(r"`(\w+)`", row[1])) for row in ROWS for method in re.findall(r"`([\w.]+)`", row[0])
    }
    assert documented == {method: set(parameters) for method, parameters in METHODS.items()}


def test_every_error_code_is_explained():
    codes = {int(code) for code in re.findall(r"^\| (-\d+) \|", PAGE, re.MULTILINE)}
    assert codes == {PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR}
