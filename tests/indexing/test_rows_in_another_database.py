"""The rows of the site are in one database, and the assets in another."""

from __future__ import annotations

import pytest
from django.db import connections

from hashing import similar_rows
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset
from tests.databases.other_database import OTHER, other_database  # noqa: F401
from tests.site_models.models import Picture

pytestmark = pytest.mark.django_db(databases=["default", OTHER])

HASHES = {"perceptual_hash": "0f" * 8, "vertical_hash": "f0" * 8, "detail_hash": "3c" * 32, "hash_quality": 100}


class RowsElsewhere:
    def db_for_read(self, model, **hints):
        return OTHER if model._meta.app_label == "site_models" else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (app_label == "site_models") == (db == OTHER)


@pytest.fixture
def rows_elsewhere(sources, settings):
    settings.DATABASE_ROUTERS = [RowsElsewhere()]
    with connections[OTHER].cursor() as cursor:
        cursor.execute("CREATE TABLE site_models_picture (id integer PRIMARY KEY AUTOINCREMENT, image varchar(100))")


def test_similar_rows_are_read_where_they_are(rows_elsewhere):
    first, second = (Picture.objects.create(image=name) for name in ("a.jpg", "b.jpg"))
    assert ImageAsset.objects.using("default").update(**HASHES, hash_version=HASH_VERSION) == 2
    assert similar_rows(Picture.objects.all(), first).get() == second
    assert similar_rows(Picture.objects.all(), first).get()._state.db == OTHER
