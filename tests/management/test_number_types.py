from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from hashing.management.base import at_least, seconds


def test_a_number_from_the_least_on_is_taken():
    assert at_least(1)("1") == 1
    assert seconds("0.5") == 0.5


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many", ""])
def test_other_numbers_are_refused(text):
    with pytest.raises(ArgumentTypeError):
        at_least(1)(text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon", ""])
def test_other_durations_are_refused(text):
    with pytest.raises(ArgumentTypeError):
        seconds(text)
