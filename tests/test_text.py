from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hashing.text import printable


def test_ordinary_text_stays_as_it_is():
    assert printable("Straße/写真 1.jpg") == "Straße/写真 1.jpg"


def test_what_a_terminal_would_obey_is_escaped():
    assert printable("a\nb\x1b[31m\x00\udcff") == r"a\nb\x1b[31m\x00\udcff"


@given(st.text(st.characters()))
def test_any_text_becomes_one_line_that_can_be_encoded(text):
    assert printable(text).isprintable()
    printable(text).encode()
