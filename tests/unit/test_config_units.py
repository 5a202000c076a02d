import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisup.config.text.units import (
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
    write_duration,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("300ms", 0.3),
        ("1s", 1),
        ("5m", 300),
        ("2h", 7200),
        ("30d", 2_592_000),
        ("1.5s", 1.5),
        ("1m30s", 90),
        ("1h0m1s500ms", 3601.5),
        ("0", 0),
        ("300", 300),
        ("0.25", 0.25),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("5 minutes", '"5m" or 300'),
        ("10 sec", '"10s" or 10'),
        ("1.5 hours", '"1.5h" or 5400'),
        ("20 msec", '"20ms" or 0.02'),
        ("2 Days", '"2d" or 172800'),
        ("", '"5m" or 300'),
        ("soon", '"5m" or 300'),
        ("5 parsecs", '"5m" or 300'),
        ("-5s", '"5m" or 300'),
        ("5s5s", '"5m" or 300'),
        ("1s1m", '"5m" or 300'),
        ("1e3", '"5m" or 300'),
        ("nan", '"5m" or 300'),
        ("٣s", '"5m" or 300'),
        ("1" * 400, '"5m" or 300'),
    ],
)
def test_what_is_not_a_duration_says_what_to_write(text, better):
    with pytest.raises(ValueError, match="is not a duration") as caught:
        parse_duration(text)
    assert str(caught.value) == f"is not a duration; write {better}"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("256MiB", 268_435_456),
        ("10MB", 10_000_000),
        ("8KiB", 8192),
        ("1.5GiB", 1_610_612_736),
        ("512", 512),
        ("7 kb", 7000),
        ("0B", 0),
    ],
)
def test_sizes(text, count):
    assert parse_size(text) == count


@pytest.mark.parametrize("text", ["", "MiB", "1.5", "10M", "10 xb", "-1KB", "1 000", "lots"])
def test_what_is_not_a_size(text):
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(("text", "rate"), [("20/s", 20), ("60/m", 1), ("90/h", 0.025), ("0.5/s", 0.5)])
def test_rates(text, rate):
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["", "20", "20/", "/s", "20/second", "-1/s", "1/ms"])
def test_what_is_not_a_rate(text):
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0042, "0.0042 s"),
        (0.0423, "0.042 s"),
        (0.21, "0.21 s"),
        (0.8, "0.8 s"),
        (4.21, "4.2 s"),
        (9.96, "10 s"),
        (41.4, "41 s"),
        (59.94, "60 s"),
        (59.96, "1 m"),
        (60, "1 m"),
        (130, "2 m 10 s"),
        (552, "9 m 12 s"),
        (599.4, "9 m 59 s"),
        (599.9, "10 m"),
        (1020, "17 m"),
        (3599, "1 h"),
        (3600, "1 h"),
        (11_100, "3 h 5 m"),
        (86_399, "1 d"),
        (187_200, "2 d 4 h"),
        (-3, "-3 s"),
    ],
)
def test_durations_in_sentences(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.3, "300ms"),
        (1.5, "1.5s"),
        (60, "60s"),
        (90, "90s"),
        (300, "5m"),
        (7200, "2h"),
        (2_592_000, "30d"),
        (86400, "24h"),
    ],
)
def test_durations_as_in_the_file(seconds, text):
    assert write_duration(seconds) == text


@given(st.integers(0, 10**7) | st.integers(0, 10**7).map(lambda ms: ms / 1000))
def test_a_duration_that_is_written_reads_the_same(seconds):
    assert parse_duration(write_duration(seconds)) == pytest.approx(seconds)


@given(st.floats(0, 3e8))
def test_a_duration_in_a_sentence_is_within_a_tenth(seconds):
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    words = format_duration(seconds).split()
    shown = sum(float(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    assert shown == pytest.approx(seconds, rel=0.1, abs=1e-4)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (8192, "8 KiB"),
        (1_572_864, "1.5 MiB"),
        (2**20 - 1, "1 MiB"),
        (2**30, "1 GiB"),
        (5 * 2**50, "5120 TiB"),
    ],
)
def test_sizes_in_sentences(count, text):
    assert format_size(count) == text


@pytest.mark.parametrize(("rate", "text"), [(20, "20/s"), (0.5, "30/m"), (0.001, "3.6/h")])
def test_rates_in_sentences(rate, text):
    assert format_rate(rate) == text
