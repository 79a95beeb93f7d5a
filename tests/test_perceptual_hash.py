from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hashing.fingerprint.fingerprint import Fingerprint
from hashing.perceptual_hash import (
    are_images_similar,
    compute_fingerprint,
    compute_hash_hamming_distance,
    compute_perceptual_hash,
    compute_perceptual_hash_from_pil,
)
from samples.pictures import blank, encoded, gradient, photo

FAILED = r"^Failed to process image: \S"


def fingerprint(content: bytes, **options: int) -> Fingerprint:
    return compute_fingerprint(io.BytesIO(content), **options)


def distance_of(left: Image.Image, right: Image.Image) -> int:
    return compute_hash_hamming_distance(
        compute_perceptual_hash_from_pil(left), compute_perceptual_hash_from_pil(right)
    )


@pytest.fixture
def photo_file(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    photo(1).save(path, quality=90)
    return path


# The bits


def test_a_hash_is_16_lower_case_hex_characters(photo_file: Path):
    assert re.fullmatch(r"[0-9a-f]{16}", compute_perceptual_hash(photo_file))


def test_a_picture_that_grows_brighter_to_the_right_has_every_bit_set():
    assert compute_perceptual_hash_from_pil(gradient(0)) == "f" * 16


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_page_has_no_bit_set(level: int):
    assert fingerprint(encoded(blank(level=level), "PNG"))[:2] == ("0" * 16, "0" * 16)


def test_the_first_bit_is_the_top_left_one_and_the_last_the_bottom_right_one():
    cells = np.tile(np.arange(90, 0, -10, dtype=np.uint8), (8, 1))
    cells[0, 1] = 100
    cells[7, 8] = 200
    assert compute_perceptual_hash_from_pil(Image.fromarray(cells)) == "8000000000000001"


def test_the_vertical_hash_compares_with_the_lower_neighbour():
    assert fingerprint(encoded(gradient(90), "PNG")).vertical_hash == "f" * 16
    assert fingerprint(encoded(gradient(270), "PNG")).vertical_hash == "0" * 16


def test_the_vertical_hash_is_written_row_by_row():
    cells = np.tile(np.arange(90, 0, -10, dtype=np.uint8)[:, None], (1, 8))
    cells[1, 0] = 100
    cells[8, 7] = 200
    assert fingerprint(encoded(Image.fromarray(cells), "PNG")).vertical_hash == "8000000000000001"


def test_a_fingerprint_has_the_size_in_the_file():
    content = encoded(photo(size=(1200, 900)), "JPEG")
    assert (fingerprint(content).width, fingerprint(content).height) == (1200, 900)


def test_a_fingerprint_has_the_quality():
    assert fingerprint(encoded(blank(), "PNG")).quality == 0
    assert fingerprint(encoded(photo(), "PNG")).quality > 80


def test_a_file_above_the_limit_of_pixels_is_refused():
    with pytest.raises(ValueError, match=FAILED + ".* declared"):
        fingerprint(encoded(photo(size=(80, 60)), "PNG"), max_pixels=4799)


# Same and different pictures


def test_identical_pictures_have_the_same_hash(photo_file: Path, tmp_path: Path):
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(photo_file.read_bytes())
    assert compute_perceptual_hash(copy) == compute_perceptual_hash(photo_file)


def test_the_same_file_has_the_same_hash_every_time(photo_file: Path):
    assert len({compute_perceptual_hash(photo_file) for _ in range(3)}) == 1


@pytest.mark.parametrize("seed", range(2, 12))
def test_different_pictures_are_far_apart(seed: int):
    assert distance_of(photo(1, (320, 240)), photo(seed, (320, 240))) > 12


@pytest.mark.parametrize("size", [(320, 240), (960, 720), (64, 48), (500, 500)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_resized_copy_is_similar(seed: int, size: tuple[int, int]):
    image = photo(seed)
    assert distance_of(image, image.resize(size, Image.Resampling.BICUBIC)) <= 5


@pytest.mark.parametrize("quality", [95, 75, 40, 10])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_recompressed_copy_is_similar(seed: int, quality: int):
    original = fingerprint(encoded(photo(seed), "PNG"))
    copy = fingerprint(encoded(photo(seed), "JPEG", quality=quality))
    assert are_images_similar(original.perceptual_hash, copy.perceptual_hash)
    assert are_images_similar(original.vertical_hash, copy.vertical_hash)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
def test_a_copy_in_another_format_is_similar(image_format: str):
    original = compute_perceptual_hash_from_pil(photo())
    assert are_images_similar(original, fingerprint(encoded(photo(), image_format)).perceptual_hash)


def test_a_grey_copy_has_the_same_hash():
    assert distance_of(photo(), photo().convert("L")) == 0


def test_a_brighter_copy_is_similar():
    assert distance_of(photo(), photo().point(lambda value: value * 1.1)) <= 5


def test_an_opaque_alpha_channel_does_not_change_the_hash():
    opaque = photo()
    opaque.putalpha(255)
    assert distance_of(photo(), opaque) == 0


# Files that cannot be hashed


def test_a_missing_file_is_not_found(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        compute_perceptual_hash(tmp_path / "missing.jpg")


@pytest.mark.parametrize(
    "content",
    [b"", b"This is not an image.", b"\xff\xd8\xff\xe0 not really", encoded(photo(size=(90, 70)), "PNG")[:999]],
)
def test_a_file_that_is_not_an_image_fails(tmp_path: Path, content: bytes):
    path = tmp_path / "upload.jpg"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=FAILED):
        compute_perceptual_hash(path)


def test_a_directory_fails(tmp_path: Path):
    with pytest.raises(ValueError, match=FAILED):
        compute_perceptual_hash(tmp_path)


@pytest.mark.parametrize("name", ["a\0b.jpg", "\ud800.jpg", "x" * 5000])
def test_a_path_that_cannot_exist_fails(name: str):
    with pytest.raises(ValueError, match=FAILED):
        compute_perceptual_hash(name)


@pytest.fixture
def unreadable_file(photo_file: Path) -> Iterator[Path]:
    photo_file.chmod(0)
    if os.geteuid() != 0:
        yield photo_file
        return
    # Root can read everything.
    os.seteuid(65534)
    try:
        yield photo_file
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no file modes to take away")
def test_an_unreadable_file_fails(unreadable_file: Path):
    with pytest.raises(ValueError, match=FAILED + "ermission denied"):
        compute_perceptual_hash(unreadable_file)


def test_a_failure_has_one_prefix(tmp_path: Path):
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ValueError, match=FAILED + "he file is empty$"):
        compute_perceptual_hash(path)


class UnreadableFile(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_an_error_of_the_storage_is_raised_unchanged():
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        compute_fingerprint(UnreadableFile(encoded(photo(size=(80, 60)), "PNG")))


def test_an_open_image_that_cannot_be_decoded_fails():
    with pytest.raises(ValueError, match=FAILED):
        compute_perceptual_hash_from_pil(Image.fromarray(np.full((9, 9), np.nan, dtype=np.float32)))


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_a_closed_image_fails(tmp_path: Path, image_format: str):
    path = tmp_path / "photo"
    photo(size=(80, 60)).save(path, image_format)
    image = Image.open(path)
    image.close()
    with pytest.raises(ValueError, match=FAILED):
        compute_perceptual_hash_from_pil(image)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_an_open_image_of_a_truncated_file_fails(image_format: str):
    content = encoded(photo(size=(320, 240)), image_format)
    with Image.open(io.BytesIO(content[: len(content) // 2])) as image, pytest.raises(ValueError, match=FAILED):
        compute_perceptual_hash_from_pil(image)


# Paths and open images


def test_a_path_may_be_text(photo_file: Path):
    assert compute_perceptual_hash(str(photo_file)) == compute_perceptual_hash(photo_file)


@pytest.mark.parametrize("size", [(320, 240), (600, 560)])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "GIF", "WEBP"])
def test_an_open_image_has_the_hash_of_its_file(tmp_path: Path, image_format: str, size: tuple[int, int]):
    path = tmp_path / "photo"
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(size=size).save(path, image_format, exif=exif)
    with Image.open(path) as image:
        assert compute_perceptual_hash_from_pil(image) == compute_perceptual_hash(path)


def test_an_unloaded_jpeg_stays_unloaded(photo_file: Path):
    with Image.open(photo_file) as image, Image.open(photo_file) as untouched:
        position = image.fp.tell()
        compute_perceptual_hash_from_pil(image)
        assert image.fp.tell() == position
        assert (image.size, image.mode, image.tile) == (untouched.size, untouched.mode, untouched.tile)
        assert image.tobytes() == untouched.tobytes()


def test_a_failing_jpeg_keeps_its_file_position():
    content = encoded(photo(), "JPEG")
    with Image.open(io.BytesIO(content[:9000])) as image:
        position = image.fp.tell()
        with pytest.raises(ValueError, match=FAILED):
            compute_perceptual_hash_from_pil(image)
        assert image.fp.tell() == position


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_an_open_image_is_unchanged(image_format: str):
    content = encoded(photo(), image_format)
    with Image.open(io.BytesIO(content)) as image, Image.open(io.BytesIO(content)) as untouched:
        compute_perceptual_hash_from_pil(image)
        assert (image.size, image.mode, image.format) == (untouched.size, untouched.mode, untouched.format)
        assert image.tobytes() == untouched.tobytes()


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_an_image_in_memory_is_unchanged(mode: str):
    image = photo(size=(80, 60)).convert("L" if mode == "I;16" else mode).convert(mode)
    before = (image.size, image.mode, image.tobytes(), dict(image.info))
    compute_perceptual_hash_from_pil(image)
    assert (image.size, image.mode, image.tobytes(), dict(image.info)) == before


def test_a_loaded_jpeg_is_hashed_from_its_pixels(photo_file: Path):
    with Image.open(photo_file) as image:
        image.load()
        assert compute_perceptual_hash_from_pil(image) == compute_perceptual_hash_from_pil(image.copy())


@pytest.mark.parametrize("frame", [0, 1])
def test_the_frame_that_an_open_image_shows_is_hashed(frame: int):
    frames = [photo(1), photo(2)]
    content = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=95)
    with Image.open(io.BytesIO(content)) as image:
        image.seek(frame)
        assert distance_of(image, frames[frame]) <= 2
        assert image.tell() == frame
