"""Instants as text, and back."""

from datetime import UTC

import pytest

from minisup.core.policy.timestamp import local_time, seconds_of, stamp, stamp_second

NOON = 1_795_521_600.123
TEXT = "2026-11-24T12:00:00.123Z"


@pytest.mark.parametrize(
    ("wall", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (NOON, TEXT),
        (NOON + 0.876, "2026-11-24T12:00:00.999Z"),
        (NOON - 0.1, "2026-11-24T12:00:00.023Z"),
        (NOON + 0.8769999, "2026-11-24T12:00:00.999Z"),
        (-0.25, "1969-12-31T23:59:59.750Z"),
    ],
)
def test_the_time_is_cut_to_milliseconds(wall: float, text: str) -> None:
    assert stamp(wall) == text
    assert stamp_second(wall) == f"{text[:19]}Z"


def test_a_clock_that_was_never_set_has_times_before_1970_that_read_back() -> None:
    assert seconds_of(stamp(-86_399.5)) == -86_399.5


@pytest.mark.parametrize("text", [TEXT, "2026-11-24T12:00:00.123+00:00", "2026-11-24T21:00:00.123+09:00"])
def test_what_is_written_is_read(text: str) -> None:
    assert seconds_of(text) == pytest.approx(NOON, abs=1e-6)
    assert local_time(text).astimezone(UTC).isoformat(timespec="milliseconds") == "2026-11-24T12:00:00.123+00:00"
    assert local_time(text).utcoffset() is not None


def test_what_is_no_instant_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="soon"):
        seconds_of("soon")
