from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from hashing.grouping.candidates import CandidateRow, RankedRow, StoredFingerprint
from hashing.grouping.ranking import explain_keeper, is_better
from hashing.grouping.resaves import MAX_RESAVE_DISTANCE, MIN_SOURCE_QUALITY, is_resave_of
from hashing.models import DuplicateGroup, ImageAsset
from hashing.perceptual_hash import compute_fingerprint
from samples.library import PHOTOGRAPHS
from samples.pictures import encoded


def row(
    file_format: str = "JPEG", quality: int | None = 90, width: int = 10, off: int = 0, error: str = ""
) -> CandidateRow:
    columns = dict.fromkeys(RankedRow._fields)
    columns |= {"file_format": file_format, "jpeg_quality": quality, "width": width, "height": 10, "hash_error": error}
    detail = f"{(1 << off) - 1:064x}"
    return CandidateRow(RankedRow(**columns), StoredFingerprint("0" * 16, "0" * 16, detail, 90, None, None))


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "PPM"])
def test_a_lossless_file_with_the_size_and_hash_of_a_jpeg_is_a_re_save(file_format):
    assert is_resave_of(row(file_format, None, off=MAX_RESAVE_DISTANCE), row())


@pytest.mark.parametrize(
    ("resave", "source"),
    [
        (row("PNG", None, width=11), row()),
        (row("PNG", None, off=MAX_RESAVE_DISTANCE + 1), row()),
        (row("PNG", None), row(quality=MIN_SOURCE_QUALITY - 1)),
        (row("PNG", None), row("PNG", None)),
        (row("PNG", None), row(error="broken")),
        (row("WEBP", None), row()),
        (row(), row()),
    ],
)
def test_no_other_file_is_a_re_save(resave, source):
    assert not is_resave_of(resave, source)


def test_hashes_of_another_version_do_not_refute_a_re_save():
    png, jpeg = row("PNG", None, off=MAX_RESAVE_DISTANCE + 1), row()
    assert is_resave_of(png, jpeg._replace(fingerprint=jpeg.fingerprint._replace(hash_version=0)))


@pytest.mark.parametrize("path", sorted(PHOTOGRAPHS.glob("*.jpg")), ids=lambda path: path.stem)
def test_a_photograph_saved_as_png_is_a_re_save(path):
    with Image.open(path) as image:
        png = encoded(image.convert("RGB"), "PNG")
    one, other = asset_of(1, png, "PNG"), asset_of(2, path.read_bytes(), "JPEG")
    assert is_resave_of(CandidateRow.of(one), CandidateRow.of(other))
    assert is_better(other, one)
    assert explain_keeper(other, [one]) == ("not a re-save", True)


def asset_of(pk: int, content: bytes, file_format: str) -> ImageAsset:
    found = compute_fingerprint(BytesIO(content))._asdict()
    found["hash_quality"] = found.pop("quality")
    del found["inside"]
    quality = 90 if file_format == "JPEG" else None
    return ImageAsset(pk=pk, file_size=len(content), file_format=file_format, jpeg_quality=quality, **found)


@pytest.mark.django_db
@pytest.mark.parametrize("is_first", [True, False])
def test_the_jpeg_is_the_keeper_of_its_re_save(add_hashed, group_all, is_first):
    jpeg = {"file_format": "JPEG", "jpeg_quality": 85, "file_size": 100}
    png = {"file_format": "PNG", "file_size": 900}
    chosen = [add_hashed(**fields) for fields in ([jpeg, png] if is_first else [png, jpeg])][not is_first]
    group_all()
    assert DuplicateGroup.objects.get().keeper == chosen


@pytest.mark.django_db
def test_a_lossless_file_is_the_keeper_of_a_poor_export(add_hashed, group_all):
    add_hashed(file_format="JPEG", jpeg_quality=40)
    png = add_hashed(file_format="PNG", file_size=900)
    group_all()
    assert DuplicateGroup.objects.get().keeper == png
