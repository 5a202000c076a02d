"""The record of messages in work, as a disk or a hand may have left it."""

import json

import pytest

from minisup.host.source.ledger import DeliveryLedger, InWork, read

ENTRY = InWork("email", "mark", "m1", "receipt", 1, "email:0", 7)
TOO_LARGE = 10**400


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "[" * 100_000,
        json.dumps({"given": []}),
        json.dumps({"given": [1, 2, 3, 4, 5, 6, 7]}),
        json.dumps({"decided": ["email", "m1", "ack", TOO_LARGE, ""]}),
        json.dumps({"decided": ["email", "m1", "nonsense", 0, ""]}),
        json.dumps({"over": [[], {}]}),
        json.dumps({"over": 1}),
    ],
)
def test_a_line_that_cannot_be_understood_costs_nothing_but_itself(tmp_path, line):
    ledger = DeliveryLedger()
    ledger.open(str(tmp_path))
    ledger.given(ENTRY)
    path = tmp_path / "messages"
    path.write_text(f"{path.read_text()}{line}\n")
    assert read(str(path)) == [ENTRY]
    assert DeliveryLedger().open(str(tmp_path)) == [ENTRY]
