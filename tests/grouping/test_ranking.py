from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hashing.grouping.ranking import Facts, best_first

FACTS = st.builds(Facts, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.booleans())


def test_facts_of_a_row_that_was_not_measured_are_the_least():
    assert Facts.of_row(30, 20, 1000, 5, "") == Facts(600, 1000, 5)
    assert Facts.of_row(None, None, None, 5, "broken") == Facts(0, 0, 5, is_sound=False)


@given(st.dictionaries(st.integers(0, 50), FACTS), st.sets(st.integers(0, 50)))
def test_pixels_come_before_bytes_before_age_and_marked_and_broken_ones_last(facts, marked):
    keys = best_first(facts, marked)
    assert sorted(keys) == sorted(facts)
    for better, worse in pairwise(keys):
        one, other = facts[better], facts[worse]
        assert (not one.is_sound, better in marked, -one.pixels, -one.file_size, one.age) <= (
            not other.is_sound,
            worse in marked,
            -other.pixels,
            -other.file_size,
            other.age,
        )
