import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minisup.config.text.interpolate import InterpolationError, interpolate, names_in

VALUES = {"A": "1", "EMPTY": "", "DOLLAR": "${A}", "DB_PASSWORD": "hunter2", "NAME_2": "x"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("${A}", "1"),
        ("a${A}b${NAME_2}", "a1bx"),
        ("${EMPTY}", ""),
        ("${NONE:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${A:-d}", "1"),
        ("${NONE:-}", ""),
        ("${NONE:-${A}}", "1"),
        ("${NONE:-${NEITHER:-x}}y", "xy"),
        ("${A:-${NEITHER}}", "1"),
        ("${NONE:-a}b}", "ab}"),
        ("${NONE:-$$}", "$"),
        ("${A:?no A}", "1"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$$$", "$$"),
        ("$$${A}", "$1"),
        ("$A $1 $ a$", "$A $1 $ a$"),
        ("$(date)", "$(date)"),
        ("${DOLLAR}", "${A}"),
        ("}{", "}{"),
        ("", ""),
    ],
)
def test_what_text_becomes(text, result):
    assert interpolate(text, VALUES) == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NONE}", "NONE is not set; set it, or write ${NONE:-default}"),
        ("${NONE:?give one}", "NONE: give one"),
        ("${EMPTY:?}", "EMPTY: is not set"),
        ("${NONE:-${NEITHER}}", "NEITHER is not set; set it, or write ${NEITHER:-default}"),
        ("a ${A", "a ${ is not closed; add } or write $${ for a literal ${"),
        ("${", "a ${ is not closed; add } or write $${ for a literal ${"),
        ("${NONE:-${A}", "a ${ is not closed; add } or write $${ for a literal ${"),
        ("${A-b}", "${A-b} is not ${NAME}, ${NAME:-default} or ${NAME:?message}; write $${ for a literal ${"),
        ("${}", "${} is not ${NAME}, ${NAME:-default} or ${NAME:?message}; write $${ for a literal ${"),
        ("${1}", "${1} is not ${NAME}, ${NAME:-default} or ${NAME:?message}; write $${ for a literal ${"),
        (
            "${DB_PASSWORD%x}",
            "${DB_PASSWORD***} is not ${NAME}, ${NAME:-default} or ${NAME:?message}; write $${ for a literal ${",
        ),
        ("${MINISUP_RUN_ID}", "MINISUP_RUN_ID exists only in the run's own environment; a shell can read it there"),
        (
            "${MINISUP_SLOT}",
            "MINISUP_SLOT is known only in command, directory, environment and the log paths of a program",
        ),
        ("${MINISUP_NUMPROCS}", "MINISUP_NUMPROCS is not known here"),
        ("${A:-" * 2000 + "}" * 2000, None),
        ("${N:-" * 2000 + "}" * 2000, "variables are nested more than 8 deep"),
    ],
)
def test_what_cannot_be_filled_in(text, message):
    if message is None:
        assert interpolate(text, VALUES) == "1"
        return
    with pytest.raises(InterpolationError) as caught:
        interpolate(text, VALUES)
    assert str(caught.value) == message


def test_hidden_variables_are_masked_also_in_defaults():
    hidden = interpolate("a ${DB_PASSWORD} ${API_KEY:-abc} ${A}", VALUES, hide=True)
    assert hidden == "a *** *** 1"


def test_names_that_a_text_mentions():
    assert names_in("${A} $${B} $C ${D:-${E}} ${") == {"A", "D", "E"}


@given(st.text())
def test_text_with_doubled_dollars_is_itself(text):
    assert interpolate(text.replace("$", "$$"), {}) == text


@given(st.text(alphabet="$${}:-?AB 1"), st.dictionaries(st.sampled_from("AB"), st.text(max_size=3)))
def test_any_text_is_filled_in_or_refused(text, values):
    with contextlib.suppress(InterpolationError):
        assert isinstance(interpolate(text, values), str)
