from __future__ import annotations

import csv
import io
import os
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from hashing.exchange import hash_import, sampling
from hashing.exchange.foreign_hashes import MIN_COMPARED
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.models import ImageAsset
from hashing.models.hash_fields import EMPTY_HASH_FIELDS
from tests.site_models.models import Photo, Product

pytestmark = pytest.mark.django_db


def run(*arguments: str, status: int = 0) -> tuple[str, str]:
    """Return stdout and stderr."""
    stdout, stderr = io.StringIO(newline=""), io.StringIO()
    expected = pytest.raises(SystemExit, match=str(status)) if status else nullcontext()
    with expected:
        call_command("import_hashes", *arguments, "--no-progress", stdout=stdout, stderr=stderr)
    return stdout.getvalue(), stderr.getvalue()


@pytest.fixture
def exported(add_image, tmp_path) -> Path:
    """The file of an export, of three images that have lost their hashes since."""
    for number in range(3):
        add_image(f"{number}.png", seed=number)
    call_command("backfill_hashes", "--no-progress", "--workers", "1", stdout=io.StringIO())
    path = tmp_path / "hashes.jsonl"
    call_command("export_hashes", "--output", str(path), "--no-progress", stdout=io.StringIO())
    ImageAsset.objects.update(**EMPTY_HASH_FIELDS)
    return path


def test_export_is_read_back(exported):
    out, _err = run(str(exported))
    assert out == "Lines read: 3\nImages that got a hash: 3\nImages that had a hash, unchanged: 0\n"
    assert ImageAsset.objects.hashed().count() == 3
    out, _err = run(str(exported))
    assert "Images that got a hash: 0\nImages that had a hash, unchanged: 3\n" in out


def test_stdout_of_an_export_is_read_from_stdin_whatever_the_locale(add_image, monkeypatch):
    name = "写\r\nü.png"
    add_image(name)
    call_command("backfill_hashes", "--no-progress", "--workers", "1", stdout=io.StringIO())
    content = io.BytesIO()
    stdout = io.TextIOWrapper(content, encoding="latin-1", newline="\n")
    call_command("export_hashes", "--no-progress", stdout=stdout, stderr=io.StringIO())
    ImageAsset.objects.update(**EMPTY_HASH_FIELDS)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + content.getvalue()), "latin-1"))
    assert "Images that got a hash: 1" in run("-")[0]
    assert name.encode() in content.getvalue()
    assert stdout.encoding == "latin-1"


def test_dry_run_writes_nothing(exported):
    assert "Images that would get a hash: 3" in run(str(exported), "--dry-run")[0]
    assert not ImageAsset.objects.hashed().exists()


def test_files_that_cannot_be_checked_end_with_status_1(exported, media):
    (media / "0.png").unlink()
    (media / "1.png").write_bytes(b"another file")
    out, _err = run(str(exported), status=1)
    assert "The image has another file by now: 1\nCould not be checked: 1" in out
    assert ImageAsset.objects.hashed().count() == 1


def test_invalid_lines_are_shown_and_end_with_status_1(exported):
    exported.write_text(exported.read_text().replace('"width": 160', '"width": "wide"', 1))
    out, _err = run(str(exported), status=1)
    assert "Invalid: 1\nErrors (first 10), by line:\n  - 1: width is out of range: 'wide'" in out


def test_interrupted_import_saves_what_is_done(exported, monkeypatch):
    monkeypatch.setattr(hash_import, "BATCH", 1)
    find = hash_import.find_differences

    def interrupt(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        return find(*arguments)

    monkeypatch.setattr(hash_import, "find_differences", interrupt)
    assert "run the same command again" in run(str(exported), status=130)[1]
    assert ImageAsset.objects.hashed().count() == 1


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("a,b\n1,2\n", ["x.csv"], "no file of export_hashes.*The columns are: a, b"),
        ("a,b\n1,2\n", ["x.csv", "--hash-column", "b"], "no column image. The columns are: a, b"),
        ("", [], "Name either a file"),
        ("", ["x.csv", "--from", "blog.Photo.phash"], "Name either a file"),
        ("", ["x.csv", "--source", "blog.Photo.original"], "--source needs --from"),
        ("", ["--from", "blog.Photo.phash", "--hash-column", "b"], "--hash-column needs a file"),
        ("", ["x.csv", "--output", "y.csv"], "--output needs --from or --hash-column"),
        ("", ["x.txt"], "Name it with --format"),
        ("", ["gone.csv"], "Cannot read gone.csv: No such file"),
        ("", ["-", "--hash-column", "b"], "read twice"),
        ("", ["--from", "blog.Photo.phash"], "There is no source 'blog.Photo'"),
    ],
)
def test_wrong_usage_has_status_2(tmp_path, monkeypatch, content, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(CommandError, match=message) as refusal:
        call_command("import_hashes", *arguments)
    assert refusal.value.returncode == 2


@pytest.mark.parametrize("content", [b"image,x\n\xff,1\n", b'image,x\n"a\n'])
def test_file_that_is_no_csv_is_reported(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(CommandError, match=r"UTF-8|Line") as refusal:
        call_command("import_hashes", str(tmp_path / "x.csv"))
    assert refusal.value.returncode == 1


@pytest.fixture
def photographs(settings, media) -> list[Photo]:
    """Photos of a source. In `title`, another program keeps their hash: `perceptual_hash`, for all but the first."""
    settings.HASHING = {"SOURCES": ["site_models.Photo.original"]}
    photos = [Photo(original=f"{number}.jpg", width=1, height=1) for number in range(MIN_COMPARED + 1)]
    Photo.objects.bulk_create(photos)
    call_command("sync_sources", stdout=io.StringIO(), stderr=io.StringIO())
    for number, asset in enumerate(ImageAsset.objects.order_by("pk")):
        hashes = f"{(number + 1) * 0x9E3779B97F4A7C15 % 2**64:016x}"
        ImageAsset.objects.filter(pk=asset.pk).update(
            perceptual_hash=hashes,
            vertical_hash=hashes,
            detail_hash=4 * hashes,
            hash_quality=90,
            hash_version=HASH_VERSION,
        )
        Photo.objects.filter(pk=asset.source_id).update(title=hashes if number else "f" * 16)
    return photos


def test_column_of_a_model_is_compared_and_changed_files_are_written(photographs, tmp_path):
    out, _err = run("--from", "site_models.Photo.title", "--output", str(tmp_path / "changed.csv"))
    count = MIN_COMPARED
    assert f"perceptual_hash: {count} of {count + 1} equal, median distance 0 of 64: comparable" in out
    assert f"Agree with the file of their image: {count}\n" in out
    assert "the file has probably changed since: 1\n" in out
    with (tmp_path / "changed.csv").open(newline="") as file:
        [changed] = csv.DictReader(file)
    first = ImageAsset.objects.order_by("pk")[0]
    assert (changed["pk"], changed["source_id"], changed["image"]) == (str(first.pk), first.source_id, first.image.name)
    assert (changed["foreign_hash"], changed["own_hash"]) == ("f" * 16, first.perceptual_hash)


def test_nothing_is_stored_of_hashes_of_another_program(photographs):
    ImageAsset.objects.filter(pk=ImageAsset.objects.order_by("pk")[5].pk).update(**EMPTY_HASH_FIELDS)
    before = list(ImageAsset.objects.order_by("pk").values())
    out, _err = run("--from", "site_models.Photo.title", "--dry-run")
    assert "the image is not hashed yet: 1\n" in out
    assert list(ImageAsset.objects.order_by("pk").values()) == before


def test_unrelated_hashes_are_of_no_use(photographs):
    for number, photo in enumerate(photographs):
        Photo.objects.filter(pk=photo.pk).update(title=f"{(number + 5) * 0xD1B54A32D192ED03 % 2**64:016x}")
    out, _err = run("--from", "site_models.Photo.title")
    assert "of 64: not comparable\n" in out
    assert "cannot be compared with ours, nor converted" in out


def test_too_few_images_are_no_answer(photographs):
    Photo.objects.filter(pk__in=[photo.pk for photo in photographs[2:]]).update(title="no hash")
    out, _err = run("--from", "site_models.Photo.title")
    assert f"Too few images to compare: 2, of at least {MIN_COMPARED}." in out
    assert f"256 bits: {MIN_COMPARED - 1}." in out


def test_images_of_a_file_are_hashed_to_compare_them(add_image, tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "SAMPLE", MIN_COMPARED)
    for number in range(MIN_COMPARED + 1):
        add_image(f"{number}.png", seed=number)
    path = tmp_path / "foreign.csv"
    path.write_text("name,hash\n" + "".join(f"{number}.png,{number:016x}\n" for number in range(MIN_COMPARED + 1)))
    out, _err = run(str(path), "--name-column", "name", "--hash-column", "hash")
    assert f"of {MIN_COMPARED} equal" in out
    assert ImageAsset.objects.hashed().count() == MIN_COMPARED


def test_model_with_several_file_fields_needs_a_source(settings, media):
    settings.HASHING = {"SOURCES": ["site_models.Product.front", "site_models.Product.back"]}
    Product.objects.create(sku="a", front="a.jpg")
    with pytest.raises(CommandError, match=r"Name one with --source: site_models\.Product\.front, "):
        call_command("import_hashes", "--from", "site_models.Product.sku")
    out, _err = run("--from", "site_models.Product.sku", "--source", "site_models.Product.front")
    assert "Too few images" in out
    with pytest.raises(CommandError, match="no field named 'gone'"):
        call_command("import_hashes", "--from", "site_models.Product.gone", "--source", "site_models.Product.front")
