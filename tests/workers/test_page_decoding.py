from __future__ import annotations

import io
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from hashing.fingerprint.limits import DEFAULT_MAX_BYTES, DecodingLimit, DecodingLimits, FileTooLarge
from hashing.perceptual_hash import compute_perceptual_hash
from hashing.workers.decoder import Decoder
from hashing.workers.page_decoding import hash_file, hash_file_here, hash_stored, make_thumbnail, verify_file
from hashing.workers.pool import HashingPool
from hashing.workers.worker import Job
from samples import hostile_files
from samples.pictures import encoded, photo

LIMITS = DecodingLimits(seconds=20, max_memory=256 << 20, max_decoded_pixels=64_000_000)
# Without a look at the file first, as if the estimate were wrong.
UNCHECKED = LIMITS._replace(max_decoded_pixels=None, seconds=1, max_memory=64 << 20)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux alone")


@pytest.fixture
def write(tmp_path):
    def to_file(content: bytes) -> str:
        path = tmp_path / "file"
        path.write_bytes(content)
        return str(path)

    return to_file


@pytest.fixture
def path(write) -> str:
    return write(encoded(photo(size=(160, 120)), "JPEG"))


def test_a_picture_is_hashed(path):
    outcome = hash_file(Job(7, "photo.jpg", path), LIMITS)
    assert outcome.fingerprint.perceptual_hash == compute_perceptual_hash(path)
    assert (outcome.pk, outcome.file_size, outcome.error) == (7, Path(path).stat().st_size, "")


def test_a_thumbnail_is_a_jpeg(path):
    with Image.open(io.BytesIO(make_thumbnail(path, 40, LIMITS))) as image:
        assert (image.format, image.size) == ("JPEG", (40, 30))


def test_a_file_that_is_no_picture_is_its_own_error(write):
    path = write(b"no picture")
    assert hash_file(Job(7, "a.jpg", path), LIMITS).error.startswith("ValueError: Failed to process image: ")
    for read in (verify_file, lambda *arguments: make_thumbnail(arguments[0], 40, arguments[1])):
        with pytest.raises(ValueError, match="not an image in a supported format"):
            read(path, LIMITS)


def test_a_file_with_too_many_bytes_is_refused(path):
    limits = LIMITS._replace(max_bytes=100)
    for read in (verify_file, lambda *arguments: make_thumbnail(arguments[0], 40, arguments[1])):
        with pytest.raises(FileTooLarge, match="more than MAX_BYTES"):
            read(path, limits)
    assert "more than MAX_BYTES (100)" in hash_stored(Job(7, "a.jpg", path), None, limits).error


def test_a_missing_file_is_missing(tmp_path):
    outcome = hash_stored(Job(7, "a.jpg", str(tmp_path / "a.jpg")), None, LIMITS)
    assert (outcome.error, outcome.missing) == ("File not found at a.jpg", True)


def test_an_expensive_file_is_deferred(write):
    outcome = hash_stored(Job(7, "a.png", write(hostile_files.png(13300, 13300))), None, LIMITS)
    assert outcome.deferred == "13300 x 13300 pixels, more than 64,000,000"
    assert outcome.error == ""


@on_linux
def test_memory_is_limited_while_decoding(write):
    path = write(hostile_files.png(6000, 6000))
    with pytest.raises(DecodingLimit, match="needs more than 64 MB of memory"):
        hash_file(Job(7, "a.png", path), UNCHECKED)


def test_time_is_limited_while_decoding(write):
    path, started = write(hostile_files.progressive_jpeg(3000, 900)), time.monotonic()
    with pytest.raises(DecodingLimit, match="needs more than 1 seconds"):
        hash_file(Job(7, "a.jpg", path), UNCHECKED)
    assert time.monotonic() - started < 4


@on_linux
def test_memory_of_a_worker_is_limited(write):
    job = Job(7, "a.png", write(hostile_files.png(6000, 6000)))
    with HashingPool(1, 60, 10**9, DEFAULT_MAX_BYTES, max_memory=64 << 20) as pool:
        pool.submit([job])
        [outcome] = pool.outcomes(wait=60)
    assert outcome.error == "ValueError: Failed to process image: needs more than 64 MB of memory (MAX_MEMORY)"
    assert outcome.declared_size == (6000, 6000)


@on_linux
def test_what_a_picture_leaves_in_memory_does_not_count_for_the_next_one(write):
    limits, own = LIMITS._replace(max_memory=96 << 20), Decoder()
    try:
        for side in range(3000, 3006):
            path = write(hostile_files.png(side, side))
            assert own.run(limits, hash_file_here, Job(7, "a.png", path), limits).fingerprint
    finally:
        own.end()
