"""What one uploaded file can cost a site: its pages answer soon, with little memory, whatever is in the file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from hashing.backfill import backfill_perceptual_hashes
from hashing.models import ImageAsset
from hashing.models.hash_fields import EMPTY_HASH_FIELDS
from hashing.previews.reading import read_preview
from hashing.workers import page_decoding
from samples.hostile_files import baseline_jpeg, plain_ppm, png, progressive_jpeg
from samples.pictures import encoded, photo
from tests.admin.conftest import address
from tests.models.assets import hash_fields
from tests.workers import misbehaving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database]

MEGABYTE = 1 << 20
# Of computing in this process: what another one decodes for a page has a deadline.
SECONDS = 4
EXPENSIVE = {
    "pixels.png": lambda: png(13300, 13300),
    "memory.png": lambda: png(7000, 7000),
    "thin.png": lambda: png(100_000_000, 1, mode="L"),
    "chunks.png": lambda: png(100, 100, chunks=200_000),
    "scans.jpg": lambda: progressive_jpeg(1500, 900),
    "plain.ppm": lambda: plain_ppm(500_000),
}
LATER = "The image is too large to be hashed while you wait: the next backfill hashes it."


@pytest.fixture(params=EXPENSIVE)
def expensive(request) -> SimpleUploadedFile:
    return SimpleUploadedFile(request.param, EXPENSIVE[request.param]())


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch, media: Path) -> Iterator[None]:
    """Check that the test took little time and memory, and that an ordinary picture is hashed afterwards."""
    process, started = psutil.Process(), time.process_time()
    before = process.memory_info().rss
    yield
    assert time.process_time() - started < SECONDS
    assert process.memory_info().rss - before < 150 * MEGABYTE
    if sys.platform == "linux":
        # The browser of other tests is a child as well.
        decoders = (child for child in process.children(recursive=True) if "chrom" not in child.name())
        assert all(peak < 400 * MEGABYTE for peak in map(peak_memory, decoders))
    monkeypatch.undo()
    assert ImageAsset.objects.create(image=SimpleUploadedFile("a.png", encoded(photo(), "PNG"))).perceptual_hash


def peak_memory(process: psutil.Process) -> int:
    (line,) = (line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if "VmHWM" in line)
    return int(line.split()[1]) << 10


def messages_of(response) -> str:
    return " ".join(map(str, response.context["messages"]))


def test_an_expensive_upload_is_saved_and_left_to_the_backfill(superuser, media, expensive):
    response = superuser.post(address("add"), {"image": expensive}, follow=True)
    assert LATER in messages_of(response)
    assert hash_fields(ImageAsset.objects.get()) == EMPTY_HASH_FIELDS


def test_an_expensive_preview_is_a_placeholder(superuser, add_image, expensive):
    asset = add_image(expensive.name, content=expensive.read())
    for _ in range(2):
        assert superuser.get(address("preview", asset.pk, 160))["Content-Type"] == "image/svg+xml"


def test_an_expensive_search_says_why_it_is_refused(superuser, db, expensive):
    response = superuser.post(address("search_by_image"), {"image": expensive})
    [error] = response.context["form"].errors["image"]
    assert any(word in error for word in ("more than", "scans"))


def test_an_expensive_image_is_not_recomputed_but_left_to_the_backfill(superuser, add_image, expensive):
    asset = add_image(expensive.name, content=expensive.read())
    assert LATER in messages_of(superuser.post(address("recompute", asset.pk), follow=True))
    assert hash_fields(asset) == EMPTY_HASH_FIELDS


def test_what_a_page_left_is_hashed_by_the_backfill(superuser, media):
    superuser.post(address("add"), {"image": SimpleUploadedFile("memory.png", png(7000, 7000))})
    assert backfill_perceptual_hashes(workers=1)["processed"] == 1
    assert hash_fields(ImageAsset.objects.get())["width"] == 7000


def test_a_telephone_picture_of_200_megapixels_works_everywhere(superuser, media):
    content = baseline_jpeg(16320, 12240)
    superuser.post(address("add"), {"image": SimpleUploadedFile("telephone.jpg", content)})
    asset = ImageAsset.objects.get()
    assert (asset.width, asset.height, asset.hash_error) == (16320, 12240, "")
    assert superuser.get(address("preview", asset.pk, 160))["Content-Type"] == "image/jpeg"
    found = superuser.post(address("search_by_image"), {"image": SimpleUploadedFile("telephone.jpg", content)})
    assert found.status_code == 302
    made = ImageAsset.objects.create(image=SimpleUploadedFile("again.jpg", content))
    assert made.perceptual_hash == asset.perceptual_hash
    assert backfill_perceptual_hashes(workers=1, rehash=True)["failed"] == 0


def test_what_the_backfill_gave_up_on_is_not_decoded_by_a_preview(superuser, add_image, monkeypatch):
    monkeypatch.setattr(page_decoding.decoder, "run", None)
    asset = add_image(hash_error="TimeoutError: Not hashed within 60 seconds")
    assert superuser.get(address("preview", asset.pk, 160))["Content-Type"] == "image/svg+xml"


def test_a_preview_that_was_refused_is_not_tried_again(add_image, monkeypatch):
    asset = add_image("pixels.png", content=png(13300, 13300))
    with pytest.raises(ValueError, match="more than 64,000,000"):
        read_preview(asset, 160)
    with monkeypatch.context() as patched:
        patched.setattr(page_decoding.decoder, "run", None)
        with pytest.raises(ValueError, match="more than 64,000,000"):
            read_preview(asset, 640)


@pytest.mark.parametrize("misbehave", [misbehaving.hang, misbehaving.die])
def test_a_decoder_that_hangs_or_dies_does_not_break_an_upload(superuser, media, monkeypatch, settings, misbehave):
    settings.HASHING = {"PAGE_TIMEOUT": 0.5}
    monkeypatch.setattr(page_decoding, "hash_file_here", misbehave)
    upload = SimpleUploadedFile("a.png", encoded(photo(), "PNG"))
    assert LATER in messages_of(superuser.post(address("add"), {"image": upload}, follow=True))
    assert ImageAsset.objects.never_tried().count() == 1


def test_checking_and_hashing_an_upload_have_one_deadline(superuser, media, monkeypatch, settings):
    settings.HASHING = {"PAGE_TIMEOUT": 1.0}
    monkeypatch.setattr(page_decoding, "hash_file_here", misbehaving.hang)
    monkeypatch.setattr(page_decoding, "verify_file_here", misbehaving.hang)
    upload = SimpleUploadedFile("a.png", encoded(photo(), "PNG"))
    answer = superuser.post(address("add"), {"image": upload}, follow=True)
    assert "the images of this request need more than 1 seconds" in messages_of(answer)
    assert ImageAsset.objects.never_tried().count() == 1


def test_a_pipe_in_place_of_a_file_blocks_no_preview(superuser, add_image, media):
    os.mkfifo(media / "pipe.jpg")
    asset = add_image("pipe.jpg", content=None)
    assert superuser.get(address("preview", asset.pk, 160))["Content-Type"] == "image/svg+xml"
