"""The backfill over S3, with worker processes, django-storages, and a local server."""

from __future__ import annotations

import uuid
from io import BytesIO

import pytest
from storages.backends.s3 import S3Storage

from hashing.backfill.storage_probe import MAX_UNEXPLAINED_MISSING
from hashing.perceptual_hash import compute_fingerprint
from samples.pictures import encoded, photo
from servers.s3_storage import storage_options
from servers.site import wait_until

pytestmark = [pytest.mark.any_database, pytest.mark.slow]

PHOTOS = 40


@pytest.fixture
def bucket(object_store) -> S3Storage:
    storage = S3Storage(**storage_options(object_store.endpoint, f"bucket-{uuid.uuid4()}"))
    storage.connection.create_bucket(Bucket=storage.bucket_name)
    return storage


@pytest.fixture
def shop(site, bucket):
    """A site with its files in the bucket."""
    site.environment |= {
        "DJANGO_SETTINGS_MODULE": "servers.s3_settings",
        "S3_ENDPOINT": bucket.endpoint_url,
        "S3_BUCKET": bucket.bucket_name,
    }
    return site


def picture(number: int) -> bytes:
    return encoded(photo(seed=number, size=(96, 72)), "PNG")


def add_photos(shop, bucket, count: int = PHOTOS) -> list[str]:
    """Return the expected hashes."""
    names = [f"{number:03}.png" for number in range(count)]
    for number, name in enumerate(names):
        bucket.bucket.put_object(Key=name, Body=picture(number))
    shop.add_rows(*names)
    return [compute_fingerprint(BytesIO(picture(number))).perceptual_hash for number in range(count)]


def hashes(shop) -> list[str | None]:
    return [found for _, found, _ in shop.rows()]


def errors(shop) -> set[str]:
    return {error for _, _, error in shop.rows()}


def test_each_file_takes_one_request_and_bad_files_do_not_affect_others(shop, bucket, object_store):
    expected = add_photos(shop, bucket)
    bucket.bucket.put_object(Key="text.png", Body=b"no picture")
    shop.add_rows("gone.png", "text.png")
    object_store.requests.clear()
    done = shop.run("backfill_hashes", "--workers", "2")
    assert f"Processed: {PHOTOS}\nFailed: 2\n" in done.stdout
    assert hashes(shop) == [*expected, None, None]
    missing, broken = (error for _, _, error in shop.rows()[PHOTOS:])
    assert missing == "File not found at gone.png"
    assert broken == "ValueError: Failed to process image: not an image in a supported format"
    # A few more requests probe the storage.
    assert object_store.requests["GET"] + object_store.requests["HEAD"] < PHOTOS + 10


def test_server_that_goes_down_stops_the_run_and_marks_no_row(shop, bucket, object_store):
    expected = add_photos(shop, bucket, 80)
    object_store.latency = 0.3
    process = shop.start("backfill_hashes", "--workers", "1", "--batch-size", "3")
    wait_until(lambda: any(hashes(shop)))
    object_store.stop()
    out, _ = process.communicate(timeout=90)
    assert process.returncode == 1
    assert "Status: PARTIAL" in out
    assert "Stopped: The storage cannot be reached: Could not connect" in out
    assert 0 < sum(found is not None for found in hashes(shop)) < 80
    assert errors(shop) == {""}
    object_store.latency = 0
    object_store.start()
    assert shop.run("backfill_hashes").returncode == 0
    assert hashes(shop) == expected


def test_short_outage_costs_no_row(shop, bucket, object_store):
    expected = add_photos(shop, bucket, 60)
    object_store.latency = 0.3
    process = shop.start("backfill_hashes", "--workers", "1", "--batch-size", "16")
    wait_until(lambda: any(hashes(shop)))
    object_store.fail_next(12)
    process.communicate(timeout=90)
    assert process.returncode == 0
    assert hashes(shop) == expected


@pytest.mark.parametrize("rows", [3, MAX_UNEXPLAINED_MISSING + 10])
def test_missing_bucket_is_an_outage(shop, rows):
    shop.add_rows(*(f"{number}.png" for number in range(rows)))
    done = shop.run("backfill_hashes", S3_BUCKET="no-such-bucket")
    assert done.returncode == 1
    assert "Stopped: The storage cannot be reached: " in done.stdout
    assert "NoSuchBucket" in done.stdout
    assert errors(shop) == {""}


def test_refused_credentials_are_an_outage(shop, bucket, object_store):
    add_photos(shop, bucket, 5)
    object_store.refuses = True
    done = shop.run("backfill_hashes")
    assert done.returncode == 1
    assert "Stopped: The storage cannot be reached: " in done.stdout
    assert "403" in done.stdout
    assert errors(shop) == {""}


def test_few_missing_objects_are_no_outage(shop):
    shop.add_rows("a.png", "b.png")
    assert "Failed: 2" in shop.run("backfill_hashes").stdout
    assert errors(shop) == {"File not found at a.png", "File not found at b.png"}
