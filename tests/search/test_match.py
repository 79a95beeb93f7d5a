from __future__ import annotations

import pytest
from django.db import connection
from django.db.backends.dummy.base import DatabaseWrapper as OtherDatabase

from hashing.models import ImageAsset
from hashing.search.distance import add_match_to_sqlite
from tests.search.fingerprints import PICTURE, add, asset


def test_rule_holds_for_each_quality_of_either_picture(db):
    """At the bend of the limit, one bit more is one too many."""
    for own, other in [(79, 100), (100, 79), (55, 60), (None, 42), (36, None)]:
        limit = 2 * (min(quality for quality in (own, other) if quality) - 30)
        at_it, beyond = (add(PICTURE.flipped([], range(bits)), hash_quality=other) for bits in (limit, limit + 1))
        found = set(ImageAsset.objects.similar_to(asset(hash_quality=own)).values_list("pk", flat=True))
        assert at_it.pk in found
        assert beyond.pk not in found
        ImageAsset.objects.all().delete()


@pytest.mark.parametrize("bits", [20, 21])
def test_small_hashes_have_a_limit_of_their_own(db, bits):
    add(PICTURE.flipped(range(bits), []))
    assert ImageAsset.objects.similar_to(asset()).exists() is (bits == 20)
    assert ImageAsset.objects.similar_to(asset(), any_orientation=True).exists() is (bits == 20)


def test_receiver_leaves_other_databases_alone():
    add_match_to_sqlite(connection=OtherDatabase({}))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL counts bits by itself")
def test_function_is_there_in_a_connection_that_was_opened_again(transactional_db):
    connection.close()
    add()
    assert ImageAsset.objects.similar_to(asset()).get().distance == 0
