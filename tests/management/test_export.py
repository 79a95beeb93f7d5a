"""The commands that write hashes and groups to files."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test.utils import CaptureQueriesContext

from hashing.exchange import hash_records
from hashing.exchange.formats import of_cell
from hashing.exchange.hash_records import HASH_COLUMNS, storage_name
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.grouping import find_duplicates
from hashing.grouping.decisions import decide_same
from hashing.management import export
from hashing.models import DuplicateGroup, ImageAsset
from tests.management.broken_output import full_disk
from tests.site_models.models import archive

pytestmark = pytest.mark.django_db

HASH = "0123456789abcdef"
HASHED = {
    "perceptual_hash": HASH,
    "vertical_hash": HASH,
    "detail_hash": 4 * HASH,
    "hash_quality": 90,
    "hash_version": HASH_VERSION,
    "width": 10,
    "height": 20,
    "file_size": 1000,
}
FORMULA = '=HYPERLINK("http://example.org")'


def add(name: str = "x.jpg", **fields) -> ImageAsset:
    return ImageAsset.objects.bulk_create([ImageAsset(image=name, **HASHED | fields)])[0]


def run(*arguments: str) -> tuple[str, str]:
    """Return stdout and stderr."""
    stdout, stderr = io.StringIO(newline=""), io.StringIO()
    call_command(*arguments, stdout=stdout, stderr=stderr)
    return stdout.getvalue(), stderr.getvalue()


def test_hashes_are_written_to_stdout_as_csv():
    asset, failed = add(), add("broken.jpg", **dict.fromkeys(HASHED), hash_error="broken")
    out, err = run("export_hashes")
    first, second = csv.DictReader(io.StringIO(out, newline=""))
    assert tuple(first) == HASH_COLUMNS
    assert (first["pk"], first["image"], first["storage"]) == (str(asset.pk), "x.jpg", "default")
    assert [first[name] for name in HASHED] == [str(value) for value in HASHED.values()]
    assert (second["pk"], second["perceptual_hash"], second["hash_error"]) == (str(failed.pk), "", "broken")
    assert "2 lines were written." in err


def test_lines_that_a_full_disk_has_lost_are_not_counted(capsys):
    add()
    with full_disk() as full, pytest.raises(SystemExit, match="1"):
        call_command("export_hashes", "--no-progress", stdout=full)
    assert capsys.readouterr().err == "Not all results could be written to stdout: No space left on device\n"


def test_json_lines_have_the_values_as_they_are(tmp_path):
    asset = add(FORMULA, source_type="blog.Photo", source_id="7", source_field="original")
    out, _err = run("export_hashes", "--output", str(tmp_path / "x.jsonl"))
    assert out == "1 line was written.\n"
    record = json.loads((tmp_path / "x.jsonl").read_text())
    assert record["pk"] == asset.pk
    assert record["image"] == FORMULA
    assert [record[name] for name in ("source_type", "source_id", "source_field")] == ["blog.Photo", "7", "original"]
    assert {name: record[name] for name in HASHED} == HASHED
    # The model is gone, and with it the storage.
    assert record["storage"] is None


def test_name_that_is_a_formula_is_text_in_csv():
    add(FORMULA)
    [row] = csv.DictReader(io.StringIO(run("export_hashes")[0], newline=""))
    assert row["image"].startswith("'=")
    assert of_cell(row["image"]) == FORMULA


def test_rows_are_read_page_by_page(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(hash_records, "PAGE", 2)
    rows = [add(f"{number}.jpg") for number in range(5)]
    # Three pages, and an empty one.
    with django_assert_num_queries(4):
        records = list(hash_records.hash_records(ImageAsset.objects.all()))
    assert [record["pk"] for record in records] == [row.pk for row in rows]


def test_storages_are_named_by_their_alias_or_class():
    assert storage_name(storages["default"]) == "default"
    assert storage_name(archive) == "django.core.files.storage.filesystem.FileSystemStorage"


def test_groups_are_written_with_the_keeper_first(somebody):
    keeper, copy, marked = add("keeper.jpg", width=30), add("copy.jpg"), add("marked.jpg")
    add("other.jpg", perceptual_hash="f" * 16, vertical_hash="f" * 16)
    find_duplicates()
    decide_same(DuplicateGroup.objects.get(), [marked.pk], somebody.pk)
    out, err = run("export_duplicates", "--format", "jsonl")
    records = [json.loads(line) for line in out.splitlines()]
    assert [(each["keeper"], each["pk"], each["image"]) for each in records] == [
        (keeper.pk, keeper.pk, "keeper.jpg"),
        (keeper.pk, copy.pk, "copy.jpg"),
        (keeper.pk, marked.pk, "marked.jpg"),
    ]
    assert [(each["distance"], each["orientation"], each["decided"]) for each in records] == [
        (None, None, None),
        (0, "upright", False),
        (0, "upright", True),
    ]
    assert "3 lines were written." in err


@pytest.fixture
def somebody():
    from django.contrib.auth.models import User

    return User.objects.create_user("somebody")


@pytest.mark.parametrize("command", ["export_hashes", "export_duplicates"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "x.txt"], "Name it with --format"),
        (["--output", "/nowhere/x.csv"], "Cannot write a file"),
        (["--database", "elsewhere"], "no database"),
    ],
)
def test_wrong_usage_has_status_2(command, arguments, message):
    with pytest.raises(CommandError, match=message) as refusal:
        call_command(command, *arguments)
    assert refusal.value.returncode == 2


def test_interrupted_export_leaves_the_former_file(tmp_path, monkeypatch):
    target = tmp_path / "x.csv"
    target.write_text("former")
    for number in range(3):
        add(f"{number}.jpg")
    monkeypatch.setattr(export, "RECORDS_PER_CHECK", 1)
    monkeypatch.setattr(hash_records, "storage_name", lambda _: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as end:
        run("export_hashes", "--output", str(target))
    assert end.value.code == 143
    assert target.read_text() == "former"
    assert list(tmp_path.iterdir()) == [target]


def test_database_that_fails_leaves_no_file(tmp_path, monkeypatch):
    add()

    def fail(*_arguments):
        raise DatabaseError("gone")

    monkeypatch.setattr(hash_records, "find_storages", fail)
    with pytest.raises(CommandError, match="cannot be read: gone"):
        run("export_hashes", "--output", str(tmp_path / "x.csv"))
    assert list(tmp_path.iterdir()) == []


def test_export_ends_when_its_reader_has_gone(monkeypatch):
    class ClosedPipe(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(export, "RECORDS_PER_CHECK", 1)
    monkeypatch.setattr(hash_records, "PAGE", 1)
    for number in range(5):
        add(f"{number}.jpg")
    from django.db import connection

    with (
        CaptureQueriesContext(
            connection,
        ) as queries,
        pytest.raises(SystemExit) as end,
    ):
        call_command("export_hashes", stdout=ClosedPipe(), stderr=io.StringIO())
    assert end.value.code == 141
    # The count, and the first page.
    assert len(queries) == 2


def test_only_images_of_a_source_are_written(settings, media: Path):
    settings.HASHING = {"SOURCES": ["site_models.Product.front"]}
    add()
    owned = add("owned.jpg", source_type="site_models.Product", source_id="a", source_field="front")
    rows = list(csv.DictReader(io.StringIO(run("export_hashes", "site_models.Product")[0], newline="")))
    assert [(row["pk"], row["source_id"], row["storage"]) for row in rows] == [(str(owned.pk), "a", "default")]
