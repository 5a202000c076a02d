import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisup.cli.simulate.simulate_options import (
    DAY,
    During,
    Many,
    Moment,
    Share,
    arrivals,
    begin,
    clock_time,
    durations,
    during,
    instants,
    length,
    many,
    moment_of,
    named,
    share,
)
from minisup.errors import UsageError
from minisup.sim.run_times import Exponential, Fixed, Lognormal, Uniform

TEN = Moment(36_000.0, clock=True)


@pytest.mark.parametrize(
    ("what", "text", "value"),
    [
        (moment_of, "10:00", TEN),
        (moment_of, "7:05:30", Moment(25_530.0, clock=True)),
        (moment_of, "daily 10:00", Moment(36_000.0, clock=True, daily=True)),
        (moment_of, "90m", Moment(5400.0)),
        (moment_of, "0", Moment(0.0)),
        (during, "10:00+45s", During(TEN, 45.0)),
        (during, "90m + 1m30s", During(Moment(5400.0), 90.0)),
        (many, "10:00+500", Many(TEN, 500)),
        (share, "0.2", 0.2),
        (share, "20%", 0.2),
        (arrivals, "2/s", 2.0),
        (arrivals, "90/m", 1.5),
        (arrivals, "0/s", 0.0),
        (arrivals, "50%", Share(0.5)),
        (durations, "2s", Fixed(2.0)),
        (durations, "1s-5s", Uniform(1.0, 5.0)),
        (durations, "uniform(1s, 5s)", Uniform(1.0, 5.0)),
        (durations, "lognormal(2s, 0.5)", Lognormal(2.0, 0.5)),
        (durations, " exponential(300ms) ", Exponential(0.3)),
        (length, "7d", 7 * DAY),
    ],
)
def test_what_is_written(what, text, value):
    assert what(text) == value


@pytest.mark.parametrize(
    ("what", "text", "say"),
    [
        (moment_of, "24:00", '"24:00" is no moment; write "10:00", "daily 10:00", or "90m" from the start'),
        (moment_of, "10:60", "is no moment"),
        (moment_of, "daily 90m", "is no moment"),
        (moment_of, "", "is no moment"),
        (moment_of, "noon", "is no moment"),
        (during, "10:00", 'write a moment and how long it lasts: "10:00+45s"'),
        (during, "10:00+x", '"x" is not a duration; write "5m" or 300'),
        (during, "10:00+0", "it lasts no time"),
        (many, "10:00", 'write a moment and a number of messages: "12:00+500"'),
        (many, "10:00+0", "number of messages"),
        (many, "10:00+-3", "number of messages"),
        (many, "10:00+99999999", "number of messages"),
        (share, "2", 'write a share from 0 to 1, as "0.2" or "20%"'),
        (share, "nan", "write a share"),
        (share, "x%", "write a share"),
        (arrivals, "2", 'as "2/s", "90/m"; or "50%"'),
        (arrivals, "x%", "50%"),
        (arrivals, "2/w", "2/s"),
        (arrivals, "nan/s", "2/s"),
        (arrivals, "99999/s", "2/s"),
        (durations, "normal(2s)", 'write "2s", "1s-5s", "lognormal(2s, 0.5)" or "exponential(2s)"'),
        (durations, "lognormal(2s)", "lognormal(2s, 0.5)"),
        (durations, "lognormal(2s, x)", '"x" is no sigma from 0 to 3'),
        (durations, "lognormal(2s, 9)", "no sigma"),
        (durations, "5s-1s", "5s is more than 1s; write the shorter one first"),
        (durations, "0", '"0" is no time'),
        (durations, "2 seconds", 'write "2s" or 2'),
        (length, "0", 'write a time of at most a year, as "30m" or "7d"'),
        (length, "1000d", "at most a year"),
    ],
)
def test_an_error_says_what_to_write(what, text, say):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 -- the sentence is what is looked at
        what(text)
    assert say in str(caught.value)


def test_a_value_is_of_one_program_or_of_all_that_are_meant_and_the_own_one_comes_last():
    programs = ["email", "sms", "web"]
    assert named("--x", ["sms=1", "2"], int, programs, programs[:2]) == {"email": [2], "sms": [2, 1], "web": []}
    assert named("--x", ["web=1"], int, programs, []) == {"email": [], "sms": [], "web": [1]}
    with pytest.raises(UsageError, match=r"cannot read --x 'web=1': web is not simulated; programs that are: email"):
        named("--x", ["web=1"], int, ["email"], ["email"])
    with pytest.raises(UsageError, match=r"cannot read --x 'sms=one': invalid literal"):
        named("--x", ["sms=one"], int, ["sms"], ["sms"])


def test_the_day_begins_at_midnight_or_a_sixth_before_the_first_time_that_is_named():
    assert begin([TEN], DAY) == 0.0
    assert begin([Moment(60.0)], 600.0) == 0.0
    assert begin([Moment(43_200.0, clock=True), TEN], 1800.0) == 36_000.0 - 300.0
    assert begin([Moment(60.0, clock=True)], 3600.0) == DAY + 60.0 - 600.0


def test_when_a_moment_comes():
    assert instants("--x", TEN, 35_700.0, 1800.0) == [300.0]
    assert instants("--x", Moment(60.0, clock=True), DAY - 60.0, 600.0) == [120.0]
    assert instants("--x", Moment(5.0), 0.0, 10.0) == [5.0]
    assert instants("--x", Moment(36_000.0, clock=True, daily=True), 0.0, 2 * DAY) == [36_000.0, 36_000.0 + DAY]


@pytest.mark.parametrize(
    ("moment", "where"),
    [(TEN, "at 10:00"), (Moment(1200.0), "at 20 m after the start"), (Moment(36_000.0, True, True), "at 10:00")],
)
def test_a_moment_that_does_not_come_is_refused(moment, where):
    with pytest.raises(UsageError) as caught:
        instants("--x", moment, 0.0, 600.0)
    assert str(caught.value) == (
        f"cannot simulate --x {where}: the time is 10 m from 00:00; make --for longer, or name a moment within it"
    )


def test_a_time_of_day_is_written_as_people_do():
    assert [clock_time(36_000.0), clock_time(36_030.4), clock_time(DAY + 60.0)] == ["10:00", "10:00:30", "day 2 00:01"]


@given(st.text(max_size=20) | st.from_regex(r"[0-9a-z:+%/.(), -]{0,16}", fullmatch=True))
def test_any_text_is_a_value_or_an_error_that_says_what_to_write(text):
    for what in (moment_of, during, many, share, arrivals, durations, length):
        try:
            what(text)
        except ValueError as error:
            said = str(error)
        else:
            continue
        assert "write" in said or "no sigma" in said
