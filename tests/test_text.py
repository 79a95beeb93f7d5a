from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.text import MAX_KEY, parse_integer, printable


def test_ordinary_text_is_unchanged():
    assert printable("Straße/写真 1.jpg") == "Straße/写真 1.jpg"


def test_control_sequences_are_escaped():
    assert printable("a\nb\x1b[31m\x00\udcff") == r"a\nb\x1b[31m\x00\udcff"


@given(st.text(st.characters()))
def test_any_text_becomes_one_line_that_can_be_encoded(text):
    assert printable(text).isprintable()
    printable(text).encode()


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("42", 42), (str(MAX_KEY), MAX_KEY)])
def test_decimal_digits_are_an_integer(text, number):
    assert parse_integer(text) == number


@pytest.mark.parametrize(
    "text", ["", "-1", "1.0", " 1", "1_0", "x", "\N{ARABIC-INDIC DIGIT ONE}", str(MAX_KEY + 1), "9" * 5000]
)
def test_other_text_is_not_an_integer(text):
    assert parse_integer(text) is None


def test_integer_above_the_maximum_is_refused():
    assert (parse_integer("200", 200), parse_integer("201", 200)) == (200, None)
