from __future__ import annotations

import pytest
from django.db import connection
from django.db.backends.dummy.base import DatabaseWrapper as OtherDatabase

from hashing.models import ImageAsset
from hashing.search.sqlite_functions import add_sqlite_functions
from tests.search.fingerprints import add, asset


def test_receiver_leaves_other_databases_alone():
    add_sqlite_functions(connection=OtherDatabase({}))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL counts bits by itself")
def test_functions_are_added_to_a_new_connection(transactional_db):
    connection.close()
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT hashing_distance('0f', 'f0')").fetchone() == (8,)
    add()
    assert ImageAsset.objects.similar_to(asset()).get().distance == 0
