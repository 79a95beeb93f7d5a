"""What `export_hashes` has written is read back into rows that have no hash."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from django.db import connection

from hashing.exchange import hash_import
from hashing.exchange.formats import FileFormat, RecordWriter, read_records
from hashing.exchange.hash_import import HashImport, ImportReport
from hashing.exchange.hash_records import HASH_COLUMNS, hash_records
from hashing.exchange.matching import Check
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset
from hashing.models.hash_fields import EMPTY_HASH_FIELDS, HASH_FIELDS
from hashing.signals import image_hashed

pytestmark = pytest.mark.django_db

CONTENT = b"the bytes of a file"
HASHED = {
    "perceptual_hash": "0123456789abcdef",
    "vertical_hash": "1" * 16,
    "detail_hash": "2" * 64,
    "hash_quality": 90,
    "hash_version": HASH_VERSION,
    "width": 640,
    "height": 480,
    "file_size": len(CONTENT),
    "file_digest": hashlib.sha256(CONTENT).hexdigest(),
    "file_format": "JPEG",
    "jpeg_quality": 85,
    "is_transparent": False,
    "exif_count": 3,
    "taken_at": datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC),
    "inside_perceptual_hash": "3" * 16,
    "inside_vertical_hash": "4" * 16,
    "inside_detail_hash": "5" * 64,
    "inside_quality": 80,
    "inside_left": 10,
    "inside_top": 20,
    "inside_right": 990,
    "inside_bottom": 980,
}
BOTH = list(FileFormat)


@pytest.fixture
def add(add_image):
    """Add a row that has a file."""

    def add(name: str = "x.jpg", **fields: Any) -> ImageAsset:
        return add_image(name, content=CONTENT, **fields)

    return add


def exported(written_as: FileFormat = FileFormat.JSON_LINES, /, **changes: Any) -> str:
    file = io.StringIO(newline="")
    writer = RecordWriter(file, written_as, HASH_COLUMNS)
    for record in hash_records(ImageAsset.objects.all()):
        writer.write(record | changes)
    return file.getvalue()


def forget_hashes(pks: Iterable[int] | None = None) -> None:
    rows = ImageAsset.objects.all() if pks is None else ImageAsset.objects.filter(pk__in=pks)
    rows.update(**EMPTY_HASH_FIELDS)


def read(
    content: str,
    file_format: FileFormat = FileFormat.JSON_LINES,
    check: Check = Check.SIZE,
    *,
    batches: int | None = None,
    dry_run: bool = False,
) -> ImportReport:
    job = HashImport(ImageAsset.objects.all(), check, dry_run=dry_run)
    records = read_records(io.StringIO(content, newline=""), file_format)
    counts = job.run(records, file_format, lambda: False)
    list(islice(counts, batches))
    return job.report


def hashes() -> list[dict[str, Any]]:
    return list(ImageAsset.objects.order_by("pk").values("pk", *(name for name in HASH_FIELDS if name != "hashed_at")))


@pytest.mark.parametrize("check", list(Check))
@pytest.mark.parametrize("file_format", BOTH)
def test_all_that_is_known_of_a_file_comes_back(add, file_format, check):
    add("=1+1.jpg", **HASHED)
    add("'y,\".jpg", **HASHED | dict.fromkeys(name for name in HASHED if name.startswith("inside_")))
    before, content = hashes(), exported(file_format)
    forget_hashes()
    assert read(content, file_format, check).imported == 2
    assert hashes() == before


def test_row_with_a_hash_is_left_as_it_is(add):
    add(**HASHED)
    content = exported(perceptual_hash="f" * 16)
    before = hashes()
    report = read(content)
    assert (report.imported, report.already_hashed) == (0, 1)
    assert hashes() == before


def test_second_record_about_a_row_is_counted_in_one_batch_as_in_another(add):
    add(**HASHED)
    content = exported() + exported(perceptual_hash="f" * 16)
    forget_hashes()
    report = read(content)
    assert (report.read, report.imported, report.already_hashed) == (2, 1, 1)
    assert hashes()[0]["perceptual_hash"] == HASHED["perceptual_hash"]


def test_row_that_is_hashed_meanwhile_is_left_as_it_is(add, monkeypatch):
    asset = add(**HASHED)
    content = exported()
    forget_hashes()

    def hash_meanwhile(pairs, check):
        ImageAsset.objects.filter(pk=asset.pk).update(perceptual_hash="e" * 16)
        return [None] * len(pairs)

    monkeypatch.setattr(hash_import, "find_differences", hash_meanwhile)
    assert read(content).imported == 0
    asset.refresh_from_db()
    assert (asset.perceptual_hash, asset.vertical_hash) == ("e" * 16, None)


def test_file_that_is_replaced_meanwhile_gets_no_hash(add, monkeypatch):
    asset = add(**HASHED)
    content = exported()
    forget_hashes()

    def replace_meanwhile(pairs, check):
        ImageAsset.objects.filter(pk=asset.pk).update(file_version=1)
        return [None] * len(pairs)

    monkeypatch.setattr(hash_import, "find_differences", replace_meanwhile)
    assert read(content).imported == 0
    assert not ImageAsset.objects.hashed().exists()


@pytest.mark.parametrize("version", [HASH_VERSION + 1, 0, None])
def test_hash_of_another_version_is_left_out(add, version):
    add(**HASHED)
    content = exported(hash_version=version)
    forget_hashes()
    report = read(content)
    assert (report.imported, report.other_version) == (0, 1)
    assert not ImageAsset.objects.hashed().exists()


@pytest.mark.parametrize(
    ("check", "changes", "counts"),
    [
        (Check.NAME, {"file_size": 1, "file_digest": "0" * 64}, (1, 0, 0)),
        (Check.SIZE, {"file_size": 1}, (0, 1, 0)),
        (Check.SIZE, {"file_digest": "0" * 64}, (1, 0, 0)),
        (Check.SIZE, {"file_size": None}, (0, 0, 1)),
        (Check.DIGEST, {"file_digest": "0" * 64}, (0, 1, 0)),
        (Check.DIGEST, {"file_digest": None}, (0, 0, 1)),
    ],
)
def test_file_must_be_the_one_that_was_hashed(add, check, changes, counts):
    add(**HASHED)
    content = exported(**changes)
    forget_hashes()
    report = read(content, check=check)
    assert (report.imported, report.other_file, report.unchecked) == counts


@pytest.mark.parametrize("check", [Check.SIZE, Check.DIGEST])
def test_file_that_is_missing_cannot_be_checked(add, media, check):
    add(**HASHED)
    content = exported()
    forget_hashes()
    (media / "x.jpg").unlink()
    assert read(content, check=check).unchecked == 1
    assert not ImageAsset.objects.hashed().exists()


def test_failed_row_gets_the_hash_and_loses_its_error(add):
    asset = add(**HASHED)
    content = exported()
    forget_hashes()
    ImageAsset.objects.update(hash_error="timeout")
    assert read(content).imported == 1
    asset.refresh_from_db()
    assert asset.hash_error == ""


def test_hashed_images_are_announced(add, django_capture_on_commit_callbacks):
    asset = add(**HASHED)
    content = exported()
    forget_hashes()
    announced = []

    def note(sender, asset, **_kwargs):
        announced.append(asset.pk)

    image_hashed.connect(note)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            read(content)
    finally:
        image_hashed.disconnect(note)
    assert announced == [asset.pk]


def test_owner_or_name_and_storage_find_the_row(add):
    owned = {"source_type": "blog.Photo", "source_field": "original"}
    rows = [add("x.jpg", **HASHED, **owned, source_id=key) for key in "ab"]
    content = exported(**owned, source_id="b", storage=None)
    forget_hashes()
    assert read(content.splitlines()[0], check=Check.NAME).imported == 1
    assert list(ImageAsset.objects.hashed()) == rows[1:]


@pytest.mark.parametrize(
    ("changes", "imported"),
    [
        ({"storage": "default"}, 2),
        ({"storage": "elsewhere"}, 0),
        # Two rows have a file of this name, perhaps in different storages.
        ({"storage": None}, 0),
        ({"storage": "default", "source_type": "gone.Photo", "source_id": "1", "source_field": "x"}, 2),
        ({"storage": "default", "image": "other.jpg"}, 0),
    ],
)
def test_name_finds_the_rows_of_the_same_storage(add, changes, imported):
    add(**HASHED), add(**HASHED)
    content = exported(**changes)
    forget_hashes()
    report = read(content.splitlines()[0])
    assert (report.imported, report.unknown) == (imported, not imported)


def test_name_without_a_storage_finds_a_single_row(add):
    add(**HASHED)
    content = exported(storage=None)
    forget_hashes()
    assert read(content).imported == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"perceptual_hash": "xyz"}, "perceptual_hash is no hash of 16"),
        ({"detail_hash": None}, "detail_hash is missing"),
        ({"hash_quality": 101}, "hash_quality is out of range"),
        ({"hash_quality": True}, "hash_quality is out of range"),
        ({"width": -1}, "width is out of range"),
        ({"width": 2**31}, "width is out of range"),
        ({"image": 7}, "image is no text"),
        ({"image": "a\0.jpg"}, "image is no valid text"),
        ({"storage": "\ud800"}, "storage is no valid text"),
        ({"image": None}, "no name of a file"),
        ({"inside_quality": None}, "inside_quality is missing"),
        ({"file_format": "x" * 17}, "file_format is too long"),
        ({"taken_at": "yesterday"}, "Invalid isoformat"),
    ],
)
def test_invalid_records_are_counted_and_named(add, changes, message):
    add(**HASHED)
    content = exported(**changes)
    forget_hashes()
    report = read(content + exported(**HASHED))
    assert (report.read, report.imported, report.invalid) == (2, 1, 1)
    [error] = report.errors
    assert error.startswith("1: ")
    assert message in error


def test_csv_numbers_are_checked(add):
    add(**HASHED)
    content = exported(FileFormat.CSV, width="many")
    assert read(content, FileFormat.CSV).errors == ["2: width is no number: 'many'"]


def test_interrupted_import_is_completed_by_the_next_one(add, monkeypatch):
    monkeypatch.setattr(hash_import, "BATCH", 2)
    rows = [add(f"{number}.jpg", **HASHED) for number in range(5)]
    before, content = hashes(), exported()
    forget_hashes()
    assert read(content, batches=1).imported == 2
    assert list(ImageAsset.objects.hashed().order_by("pk")) == rows[:2]
    report = read(content)
    assert (report.imported, report.already_hashed) == (3, 2)
    assert hashes() == before


def test_dry_run_counts_and_writes_nothing(add):
    add(**HASHED)
    content = exported()
    forget_hashes()
    assert read(content, dry_run=True).imported == 1
    assert not ImageAsset.objects.hashed().exists()


def test_a_batch_takes_few_queries(add, django_assert_max_num_queries):
    for number in range(20):
        add(f"{number}.jpg", **HASHED)
    content = exported()
    forget_hashes()
    # To find and lock the rows, to look for files that were replaced in place, to write, and around these.
    with django_assert_max_num_queries(14, connection=connection):
        read(content)
    assert ImageAsset.objects.hashed().count() == 20
