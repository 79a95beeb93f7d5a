from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db import DataError, IntegrityError, connection, models
from django.db.models import F, Value
from django.db.models.functions import Concat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hashing.db import bulk_update
from hashing.db.bulk_update import PLAIN_TYPES
from hashing.models import ImageAsset

pytestmark = pytest.mark.django_db

FIELDS = ["hash_error", "hashed_at", "width", "file_size", "perceptual_hash", "hash_quality"]

optional_hash = st.none() | st.text("0123456789abcdef", min_size=16, max_size=16)
values = st.fixed_dictionaries(
    {
        "hash_error": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30),
        "hashed_at": st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        "width": st.none() | st.integers(0, 2**31 - 1),
        "file_size": st.none() | st.integers(0, 2**63 - 1),
        "perceptual_hash": optional_hash,
        "hash_quality": st.none() | st.integers(0, 100),
    }
)


def add(count: int = 3) -> list[ImageAsset]:
    # Without the signals of an upload, whose file would be looked for.
    return ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(count))


def stored(*names: str) -> list[tuple]:
    return list(ImageAsset.objects.order_by("pk").values_list(*names))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(values, min_size=1, max_size=5))
def test_result_equals_that_of_django(rows):
    ImageAsset.objects.all().delete()
    assets = add(len(rows))
    for asset, row in zip(assets, rows, strict=True):
        for name, value in row.items():
            setattr(asset, name, value)
    assert ImageAsset.objects.bulk_update(assets, FIELDS) == len(rows)
    fast = stored(*FIELDS)
    ImageAsset.objects.update(**dict.fromkeys(set(FIELDS) - {"hash_error"}), hash_error="")
    models.QuerySet(ImageAsset).bulk_update(assets, FIELDS)
    assert fast == stored(*FIELDS)


@pytest.mark.parametrize("plain_types", [PLAIN_TYPES, frozenset()])
def test_guard_skips_rows_that_changed(plain_types, monkeypatch):
    monkeypatch.setattr(bulk_update, "PLAIN_TYPES", plain_types)
    changed, deleted, kept = assets = add()
    for asset in assets:
        asset.width = 7
    ImageAsset.objects.filter(pk=changed.pk).update(image="new.jpg")
    ImageAsset.objects.filter(pk=deleted.pk).delete()
    assert ImageAsset.objects.bulk_update(assets, ["width"], guards=["image"]) == 1
    assert stored("pk", "width") == [(changed.pk, None), (kept.pk, 7)]


@pytest.mark.parametrize("plain_types", [PLAIN_TYPES, frozenset()])
def test_guard_distinguishes_null_from_a_value(plain_types, monkeypatch):
    monkeypatch.setattr(bulk_update, "PLAIN_TYPES", plain_types)
    hashed, unhashed = add(2)
    ImageAsset.objects.filter(pk=hashed.pk).update(perceptual_hash="0" * 16)
    for asset in (hashed, unhashed):
        asset.perceptual_hash, asset.width = None, 7
    assert ImageAsset.objects.bulk_update([hashed, unhashed], ["width"], guards=["perceptual_hash"]) == 1
    assert stored("pk", "width") == [(hashed.pk, None), (unhashed.pk, 7)]


def test_null_of_a_file_field_is_not_an_empty_name():
    asset = ImageAsset(pk=1)
    field = ImageAsset._meta.get_field("image")
    asset.image = None
    assert bulk_update.value_of(field, asset) is None
    asset.image = ""
    assert bulk_update.value_of(field, asset) == ""


def test_other_subclass_of_a_field_is_left_to_django():
    class Secret(models.CharField):
        pass

    assert bulk_update.is_plain_field(models.CharField())
    assert not bulk_update.is_plain_field(Secret())


def test_write_database_is_the_chosen_one_or_that_of_the_router(settings):
    settings.DATABASE_ROUTERS = ["tests.db.test_bulk_update.ReplicaRouter"]
    rows = ImageAsset.objects.all()
    assert (rows.write_database, rows.db) == ("default", "replica")
    assert ImageAsset.objects.using("replica").write_database == "replica"


class ReplicaRouter:
    """A router that reads from a replica."""

    def db_for_read(self, *_models, **_hints) -> str:
        return "replica"

    def db_for_write(self, *_models, **_hints) -> str:
        return "default"


def test_without_a_guard_every_row_is_written():
    assets = add()
    ImageAsset.objects.update(image="new.jpg")
    assert ImageAsset.objects.bulk_update(assets, ["width"]) == 3


def test_rows_are_written_in_batches(django_assert_num_queries):
    assets = add(4)
    with django_assert_num_queries(2):
        assert ImageAsset.objects.bulk_update(assets, ["width"], batch_size=2) == 4


def test_filtered_queryset_updates_only_its_rows():
    assets = add()
    for asset in assets:
        asset.width = 7
    assert ImageAsset.objects.filter(pk=assets[0].pk).bulk_update(assets, ["width"]) == 1
    assert [width for (width,) in stored("width")] == [7, None, None]


def test_expressions_are_left_to_django():
    asset = add(1)[0]
    asset.hash_error = Concat(F("image"), Value(" is broken"))
    ImageAsset.objects.bulk_update([asset], ["hash_error"])
    assert stored("hash_error") == [("0.jpg is broken",)]


def test_no_rows_are_written_for_no_objects():
    assert ImageAsset.objects.bulk_update([], ["width"], guards=["image"]) == 0


@pytest.mark.parametrize(
    ("fields", "batch_size", "error"),
    [
        ([], None, ValueError),
        (["id"], None, ValueError),
        (["width"], -1, ValueError),
        (["no_such_field"], None, FieldDoesNotExist),
    ],
)
def test_invalid_arguments_raise_the_errors_of_django(fields, batch_size, error):
    with pytest.raises(error):
        ImageAsset.objects.bulk_update(add(1), fields, batch_size=batch_size)


def test_object_without_a_key_is_refused():
    with pytest.raises(ValueError, match="primary key"):
        ImageAsset.objects.bulk_update([ImageAsset(image="x.jpg")], ["width"])


def test_text_that_is_too_long_is_refused_not_truncated():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite knows no longest text")
    asset = add(1)[0]
    asset.perceptual_hash = "f" * 65
    with pytest.raises(DataError):
        ImageAsset.objects.bulk_update([asset], ["perceptual_hash"])


def test_text_is_not_part_of_the_sql():
    asset = add(1)[0]
    asset.hash_error = f"'; DROP TABLE hashing_imageasset; -- %s {uuid.uuid4()}"
    ImageAsset.objects.bulk_update([asset], ["hash_error"])
    assert stored("hash_error") == [(asset.hash_error,)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("plain_types", [PLAIN_TYPES, frozenset()])
def test_first_batch_is_rolled_back_when_the_second_is_refused(plain_types, monkeypatch):
    monkeypatch.setattr(bulk_update, "PLAIN_TYPES", plain_types)
    assets = add(2)
    assets[0].width, assets[1].hash_error = 7, None
    with pytest.raises(IntegrityError):
        ImageAsset.objects.bulk_update(assets, ["width", "hash_error"], batch_size=1)
    assert stored("width", "hash_error") == [(None, ""), (None, "")]
