from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hashing.grouping.ranking import Facts, best_first, read_facts
from hashing.models import ImageAsset

FACTS = st.builds(Facts, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.booleans())


def test_facts_of_rows_that_were_not_measured_are_the_least(add_hashed):
    whole, bare = add_hashed(width=30, height=20), add_hashed(width=None, height=None, file_size=None)
    facts = read_facts(ImageAsset.objects.all(), [whole.pk, bare.pk, 999])
    assert facts == {whole.pk: Facts(600, 1000, whole.created_at), bare.pk: Facts(0, 0, bare.created_at)}


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
