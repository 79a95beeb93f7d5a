from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from hashing.backfill.writer import site_time
from hashing.fingerprint.fingerprint import HASH_VERSION, FileDetails, Inside, InsideBox
from hashing.models import ImageAsset
from hashing.signals import files_replaced
from hashing.workers.worker import Outcome
from tests.backfill.outcomes import DIGEST, FINGERPRINT, add, hashed

pytestmark = pytest.mark.django_db


def test_fingerprint_is_written_to_all_fields(writer):
    asset = add("a.jpg", hash_error="was missing")
    outcomes = [hashed(asset)]
    assert writer.write(outcomes) == outcomes
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.vertical_hash, asset.hash_quality) == ("0f" * 8, "f0" * 8, 80)
    assert asset.detail_hash == "3c" * 32
    assert (asset.width, asset.height, asset.file_size, asset.file_digest) == (640, 480, 1234, DIGEST)
    assert (asset.hash_version, asset.hash_error) == (HASH_VERSION, "")
    assert asset.hashed_at is not None


INSIDE = Inside("1f" * 8, "f1" * 8, "2c" * 32, 70, InsideBox(0, 125, 1000, 875))


def test_inside_of_a_frame_is_written_and_cleared_with_the_hash(writer):
    asset = add("a.jpg")
    names = [field.name for field in ImageAsset._meta.fields if field.name.startswith("inside_")]
    stored = ImageAsset.objects.filter(pk=asset.pk).values_list(*names)
    writer.write([hashed(asset)._replace(fingerprint=FINGERPRINT._replace(inside=INSIDE))])
    assert stored.get() == (*INSIDE[:4], *INSIDE.box)
    writer.write([hashed(asset)])
    assert stored.get() == (None,) * 8


TAKEN, HALF_PAST_SEVEN = datetime.fromisoformat("2019-05-01T10:30"), datetime.fromisoformat("2019-05-01T19:30")
DETAILS = FileDetails("JPEG", 90, is_transparent=False, exif_count=7, taken_at=None)


def test_details_of_the_file_are_written_and_cleared_with_the_hash(writer):
    asset = add("a.jpg")
    stored = ImageAsset.objects.filter(pk=asset.pk).values_list(*DETAILS._fields)
    writer.write([hashed(asset)._replace(details=DETAILS)])
    assert stored.get() == DETAILS
    writer.write([Outcome(asset.pk, "a.jpg", error="ValueError: broken")])
    assert stored.get() == (None,) * 5


@pytest.mark.parametrize(
    ("taken_at", "expected"),
    [
        (TAKEN, TAKEN.replace(tzinfo=ZoneInfo("Asia/Tokyo"))),
        (TAKEN.replace(tzinfo=timezone(timedelta(hours=2))), datetime(2019, 5, 1, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_camera_without_a_time_zone_has_that_of_the_site(writer, settings, taken_at, expected):
    settings.TIME_ZONE = "Asia/Tokyo"
    asset = add("a.jpg")
    writer.write([hashed(asset)._replace(details=DETAILS._replace(taken_at=taken_at))])
    asset.refresh_from_db()
    assert asset.taken_at == expected


@pytest.mark.parametrize(("taken_at", "expected"), [(TAKEN, TAKEN), (TAKEN.replace(tzinfo=UTC), HALF_PAST_SEVEN)])
def test_date_taken_without_time_zones_in_the_database(settings, taken_at, expected):
    settings.TIME_ZONE, settings.USE_TZ = "Asia/Tokyo", False
    assert site_time(taken_at) == expected


def test_error_replaces_an_old_hash(writer):
    asset = add("a.jpg", perceptual_hash="1" * 16, width=1, height=1)
    writer.write([Outcome(asset.pk, "a.jpg", error="ValueError: broken\nfile")])
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.width, asset.hash_error) == (None, None, r"ValueError: broken\nfile")


def test_size_and_digest_of_an_undecodable_file_are_written(writer):
    asset = add("a.jpg", perceptual_hash="1" * 16, detail_hash="1" * 64)
    broken = Outcome(asset.pk, "a.jpg", None, 99, "ValueError: broken", file_digest=DIGEST, declared_size=(640, 480))
    writer.write([broken])
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.detail_hash, asset.hash_version) == (None, None, None)
    assert (asset.width, asset.height, asset.file_size, asset.file_digest) == (640, 480, 99, DIGEST)


def test_unread_file_clears_size_and_digest(writer):
    asset = add("a.jpg", perceptual_hash="1" * 16, width=640, height=480, file_size=99, file_digest=DIGEST)
    writer.write([Outcome(asset.pk, "a.jpg", error="File not found at a.jpg", unread=True, missing=True)])
    asset.refresh_from_db()
    assert (asset.width, asset.height, asset.file_size, asset.file_digest) == (None, None, None, None)


def test_replaced_and_deleted_rows_are_skipped(writer):
    replaced, kept, deleted = add("old.jpg"), add("b.jpg"), add("c.jpg")
    outcomes = [hashed(replaced), hashed(kept), hashed(deleted)]
    ImageAsset.objects.filter(pk=replaced.pk).update(image="new.jpg")
    deleted.delete()
    assert writer.write(outcomes) == [outcomes[1]]
    replaced.refresh_from_db()
    assert replaced.perceptual_hash is None


@pytest.fixture
def replaced():
    keys = []

    def note(sender, **sent):
        keys.extend(sent["keys"])

    files_replaced.connect(note)
    yield keys
    files_replaced.disconnect(note)


def test_file_with_another_digest_was_replaced_in_place(writer, replaced):
    stored = (DIGEST, "0" * 64, None)
    same, other, unknown = (add(f"{name}.jpg", file_digest=digest) for name, digest in zip("abc", stored, strict=True))
    writer.write([hashed(asset) for asset in (same, other, unknown)])
    assert replaced == [other.pk]


def test_undecodable_file_with_another_digest_was_replaced_in_place(writer, replaced):
    asset = add("a.jpg", perceptual_hash="1" * 16, file_digest="0" * 64)
    writer.write([Outcome(asset.pk, "a.jpg", file_size=1, error="ValueError: broken", file_digest=DIGEST)])
    assert replaced == [asset.pk]


def test_unread_file_was_not_replaced_in_place(writer, replaced):
    asset = add("a.jpg", perceptual_hash="1" * 16, file_digest="0" * 64)
    writer.write([Outcome(asset.pk, "a.jpg", error="File not found at a.jpg", unread=True, missing=True)])
    assert replaced == []


def test_file_with_a_new_name_was_not_replaced_in_place(writer, replaced):
    asset = add("old.jpg", file_digest="0" * 64)
    outcome = hashed(asset)
    ImageAsset.objects.filter(pk=asset.pk).update(image="new.jpg", file_digest="1" * 64, perceptual_hash="1" * 16)
    replaced.clear()
    writer.write([outcome])
    assert replaced == []


def test_file_with_a_new_version_was_not_replaced_in_place(writer, replaced):
    asset = add("a.jpg", file_digest="1" * 64, file_version=1)
    assert writer.write([hashed(asset)], version=0) == []
    assert replaced == []


def test_file_replaced_under_the_same_name_is_skipped(writer):
    replaced, kept = add("a.jpg", file_version=3), add("b.jpg", file_version=3)
    outcomes = [hashed(replaced), hashed(kept)]
    ImageAsset.objects.filter(pk=replaced.pk).update(file_version=4)
    assert writer.write(outcomes, version=3) == [outcomes[1]]
    replaced.refresh_from_db()
    assert replaced.perceptual_hash is None


def test_batch_is_written_in_few_statements(writer, django_assert_max_num_queries):
    outcomes = [hashed(add(f"{number}.jpg")) for number in range(50)]
    limit = 4 if connection.vendor == "postgresql" else 54
    with django_assert_max_num_queries(limit):
        assert len(writer.write(outcomes)) == 50
