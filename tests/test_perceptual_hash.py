from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, __version__

from hashing.fingerprint.decoding import read_picture
from hashing.fingerprint.fingerprint import HASH_BITS, Fingerprint
from hashing.fingerprint.grid import shrink
from hashing.perceptual_hash import (
    are_images_similar,
    compute_fingerprint,
    compute_hash_hamming_distance,
    compute_perceptual_hash,
    compute_perceptual_hash_from_pil,
)
from samples.pictures import blank, encoded, gradient, photo, waves

PILLOW_13 = int(__version__.split(".")[0]) >= 13
FAILED = r"^Failed to process image: \S"
HASHES = st.integers(0, 2**HASH_BITS - 1).map("{:016x}".format)


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


# What a hash looks like


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


def test_the_vertical_hash_asks_whether_the_lower_neighbour_is_brighter():
    assert fingerprint(encoded(gradient(90), "PNG")).vertical_hash == "f" * 16
    assert fingerprint(encoded(gradient(270), "PNG")).vertical_hash == "0" * 16


def test_the_vertical_hash_goes_row_by_row_too():
    cells = np.tile(np.arange(90, 0, -10, dtype=np.uint8)[:, None], (1, 8))
    cells[1, 0] = 100
    cells[8, 7] = 200
    assert fingerprint(encoded(Image.fromarray(cells), "PNG")).vertical_hash == "8000000000000001"


def test_a_fingerprint_tells_the_size_of_the_file():
    content = encoded(photo(size=(1200, 900)), "JPEG")
    assert (fingerprint(content).width, fingerprint(content).height) == (1200, 900)


def test_a_fingerprint_tells_the_quality():
    assert fingerprint(encoded(blank(), "PNG")).quality == 0
    assert fingerprint(encoded(photo(), "PNG")).quality > 80


def test_a_fingerprint_is_refused_above_the_limit_of_pixels():
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


# What cannot be hashed


def test_a_missing_file_is_not_found(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        compute_perceptual_hash(tmp_path / "missing.jpg")


@pytest.mark.parametrize(
    "content",
    [b"", b"This is not an image.", b"\xff\xd8\xff\xe0 not really", encoded(photo(size=(90, 70)), "PNG")[:999]],
)
def test_a_file_that_is_no_image_fails(tmp_path: Path, content: bytes):
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
    # Nothing is unreadable to root.
    os.seteuid(65534)
    try:
        yield photo_file
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no file modes to take away")
def test_an_unreadable_file_fails(unreadable_file: Path):
    with pytest.raises(ValueError, match=FAILED + "ermission denied"):
        compute_perceptual_hash(unreadable_file)


def test_a_failure_says_why_only_once(tmp_path: Path):
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ValueError, match=FAILED + "he file is empty$"):
        compute_perceptual_hash(path)


class UnreadableFile(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_storage_that_fails_is_no_failure_of_the_picture():
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
def test_an_open_image_whose_file_is_cut_off_fails(image_format: str):
    content = encoded(photo(size=(320, 240)), image_format)
    with Image.open(io.BytesIO(content[: len(content) // 2])) as image, pytest.raises(ValueError, match=FAILED):
        compute_perceptual_hash_from_pil(image)


# Paths and open images


def test_a_path_may_be_text(photo_file: Path):
    assert compute_perceptual_hash(str(photo_file)) == compute_perceptual_hash(photo_file)


@pytest.mark.parametrize("size", [(320, 240), (600, 560)])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "GIF", "WEBP"])
def test_an_open_image_hashes_as_its_file_does(tmp_path: Path, image_format: str, size: tuple[int, int]):
    path = tmp_path / "photo"
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(size=size).save(path, image_format, exif=exif)
    with Image.open(path) as image:
        assert compute_perceptual_hash_from_pil(image) == compute_perceptual_hash(path)


def test_a_jpeg_that_was_not_loaded_stays_so(photo_file: Path):
    with Image.open(photo_file) as image, Image.open(photo_file) as untouched:
        position = image.fp.tell()
        compute_perceptual_hash_from_pil(image)
        assert image.fp.tell() == position
        assert (image.size, image.mode, image.tile) == (untouched.size, untouched.mode, untouched.tile)
        assert image.tobytes() == untouched.tobytes()


def test_a_jpeg_that_fails_leaves_its_file_where_it_was():
    content = encoded(photo(), "JPEG")
    with Image.open(io.BytesIO(content[:9000])) as image:
        position = image.fp.tell()
        with pytest.raises(ValueError, match=FAILED):
            compute_perceptual_hash_from_pil(image)
        assert image.fp.tell() == position


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_an_open_image_is_left_as_it_was(image_format: str):
    content = encoded(photo(), image_format)
    with Image.open(io.BytesIO(content)) as image, Image.open(io.BytesIO(content)) as untouched:
        compute_perceptual_hash_from_pil(image)
        assert (image.size, image.mode, image.format) == (untouched.size, untouched.mode, untouched.format)
        assert image.tobytes() == untouched.tobytes()


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_an_image_in_memory_is_left_as_it_was(mode: str):
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


# Beside the library that others use


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(9, 400), st.integers(9, 400), st.sampled_from(["L", "RGB", "1", "CMYK"]))
def test_both_hashes_are_those_of_imagehash(seed: int, width: int, height: int, mode: str):
    # Before version 13, Pillow itself made something else of tall pictures.
    size = (width, height) if PILLOW_13 else (max(width, height), min(width, height))
    image = photo(seed % 10**6, size).convert(mode)
    found = fingerprint(encoded(image, "TIFF" if mode == "CMYK" else "PNG"))
    assert found.perceptual_hash == str(imagehash.dhash(image))
    assert found.vertical_hash == str(imagehash.dhash_vertical(image))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [(700, 600), (413, 301), (1203, 805)])
def test_the_hashes_of_a_reduced_jpeg_are_close_to_those_of_imagehash(seed: int, size: tuple[int, int]):
    content = encoded(photo(seed, size), "JPEG", quality=85)
    found = fingerprint(content)
    with Image.open(io.BytesIO(content)) as image:
        expected = imagehash.dhash(image), imagehash.dhash_vertical(image), imagehash.phash(image, hash_size=16)
    for ours, theirs, limit in zip(found[:3], map(str, expected), (3, 3, 16), strict=True):
        assert compute_hash_hamming_distance(ours, theirs) <= limit


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_reduced_jpeg_that_is_turned_hashes_as_its_pixels_do(orientation: int):
    # At a quarter, 813 x 605 pixels end in the first quarter of a pixel; turned, they begin in it.
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(photo(5, (813, 605)), "JPEG", quality=90, exif=exif)
    found = fingerprint(content)
    with Image.open(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image)
    expected = imagehash.dhash(upright), imagehash.dhash_vertical(upright), imagehash.phash(upright, hash_size=16)
    for ours, theirs, limit in zip(found[:3], map(str, expected), (1, 1, 8), strict=True):
        assert compute_hash_hamming_distance(ours, theirs) <= limit


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(64, 400), st.integers(64, 400))
def test_the_detail_hash_is_the_phash_of_imagehash(seed: int, width: int, height: int):
    image = photo(seed, (max(width, height), min(width, height)))
    found = fingerprint(encoded(image, "PNG"))
    assert found.detail_hash == str(imagehash.phash(image, hash_size=16))


# Hamming distance


def test_the_distance_counts_the_bits_that_differ():
    assert compute_hash_hamming_distance("0000000000000000", "8000000000000001") == 2
    assert compute_hash_hamming_distance("00000000000000ff", "000000000000000f") == 4


def test_opposite_hashes_are_64_apart():
    assert compute_hash_hamming_distance("0" * 16, "f" * 16) == 64


@given(HASHES)
def test_a_hash_is_no_distance_from_itself(left: str):
    assert compute_hash_hamming_distance(left, left) == 0


@given(HASHES, HASHES)
def test_the_distance_is_the_same_both_ways_and_from_0_to_64(left: str, right: str):
    distance = compute_hash_hamming_distance(left, right)
    assert distance == compute_hash_hamming_distance(right, left)
    assert 0 <= distance <= 64
    assert (distance == 0) == (left == right)


@given(HASHES, HASHES, HASHES)
def test_no_way_round_is_shorter(left: str, between: str, right: str):
    way_round = compute_hash_hamming_distance(left, between) + compute_hash_hamming_distance(between, right)
    assert compute_hash_hamming_distance(left, right) <= way_round


@given(HASHES, st.sets(st.integers(0, HASH_BITS - 1)))
def test_every_turned_bit_counts_once(left: str, bits: set[int]):
    right = f"{int(left, 16) ^ sum(1 << bit for bit in bits):016x}"
    assert compute_hash_hamming_distance(left, right) == len(bits)


@given(HASHES, HASHES)
def test_upper_case_counts_as_lower_case(left: str, right: str):
    assert compute_hash_hamming_distance(left.upper(), right) == compute_hash_hamming_distance(left, right)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "xyz",
        "000000000000000g",
        "0x00000000000000",
        "0000_0000_0000_0",
        " 000000000000000",
        "000000000000000\n",
        "-000000000000001",
        "\uff10" * 16,
    ],
)
def test_what_is_no_hexadecimal_number_is_refused(bad: str):
    for pair in ((bad, "0" * 16), ("0" * 16, bad), (bad, bad)):
        with pytest.raises(ValueError, match="Not a hexadecimal hash"):
            compute_hash_hamming_distance(*pair)


@pytest.mark.parametrize(("left", "right"), [("0" * 16, "0" * 15), ("0", "00"), ("f" * 16, "f" * 32)])
def test_hashes_of_unequal_length_are_refused(left: str, right: str):
    with pytest.raises(ValueError, match=f"unequal length: {len(left)} and {len(right)}"):
        compute_hash_hamming_distance(left, right)


# Similarity


def test_pictures_within_the_threshold_are_similar():
    assert are_images_similar("0" * 16, "000000000000001f", threshold=5)


def test_pictures_beyond_the_threshold_are_not_similar():
    assert not are_images_similar("0" * 16, "000000000000003f", threshold=5)


def test_the_threshold_is_5_unless_told():
    assert are_images_similar("0" * 16, "000000000000001f")
    assert not are_images_similar("0" * 16, "000000000000003f")


def test_at_threshold_0_only_equal_hashes_are_similar():
    assert are_images_similar("0" * 16, "0" * 16, threshold=0)
    assert not are_images_similar("0" * 16, "0" * 15 + "1", threshold=0)


def test_at_threshold_64_everything_is_similar():
    assert are_images_similar("0" * 16, "f" * 16, threshold=64)
    assert not are_images_similar("0" * 16, "f" * 16, threshold=63)


@pytest.mark.parametrize("threshold", [-1, 65, 1000])
def test_a_threshold_outside_0_to_64_is_refused(threshold: int):
    with pytest.raises(ValueError, match=f"between 0 and 64, not {threshold}"):
        are_images_similar("0" * 16, "0" * 16, threshold=threshold)


def test_similarity_refuses_what_is_no_hash():
    with pytest.raises(ValueError, match="Not a hexadecimal hash"):
        are_images_similar("no hash", "0" * 16)


@given(HASHES, HASHES, st.integers(0, 64))
def test_similar_means_no_further_apart_than_the_threshold(left: str, right: str, threshold: int):
    assert are_images_similar(left, right, threshold) == (compute_hash_hamming_distance(left, right) <= threshold)


# Hashes that are stored in databases: these must never change


def coloured(seed: int) -> Image.Image:
    return Image.merge("RGB", [waves(seed), waves(seed + 1), waves(seed + 2)])


def translucent(seed: int) -> Image.Image:
    image = waves(seed).convert("RGB")
    image.putalpha(waves(seed + 1))
    return image


def deep(seed: int) -> Image.Image:
    return Image.fromarray(np.asarray(waves(seed)).astype(np.uint16) * 257)


def turned(seed: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(waves(seed), "PNG", exif=exif)


def shading() -> Image.Image:
    rows, columns = np.indices((90, 120))
    return Image.fromarray(((2 * columns + 3 * rows) // 2).astype(np.uint8))


def golden_file(name: str) -> bytes:
    return Path(__file__).with_name(name).read_bytes()


GOLDEN: dict[str, tuple[Callable[[], bytes], Fingerprint]] = {
    "grey": (
        lambda: encoded(waves(2005), "PNG"),
        Fingerprint(
            "2449922ccbb66ddb",
            "255b96255b96255b",
            "a8b0f401f137d4810491d481997e8b7e78e7ab7ef0178b4f3e41ab0de85e2b0f",
            98,
            96,
            72,
        ),
    ),
    "shading": (
        lambda: encoded(shading(), "PNG"),
        Fingerprint(
            "ffffffffffffffff",
            "ffffffffffffffff",
            "8000000000000000000000000000000000000000000000000000000000008000",
            31,
            120,
            90,
        ),
    ),
    "colour": (
        lambda: encoded(coloured(2554), "PNG"),
        Fingerprint(
            "54126aabae8d95d5",
            "fb0070df00c3fe00",
            "a23c1d02598514df4c8856ba2357963f3c68e1df8677689ea83168e9fd58f961",
            98,
            96,
            72,
        ),
    ),
    "alpha": (
        lambda: encoded(translucent(210), "PNG"),
        Fingerprint(
            "6c8cdb69b6923d24",
            "4249b5924afd90f3",
            "bf8de35af62f04a70e08dbe1a1dc182d86179985c1f1e5783183e9f954e266b8",
            90,
            96,
            72,
        ),
    ),
    "16 bits": (
        lambda: encoded(deep(3875), "PNG"),
        Fingerprint(
            "2a2a2a2a2a2a2a2a",
            "ff00ff00ffff00ff",
            "b52501ce6b4d01ce6b4501cc6b4501cc0144febb6b45debb6b45ceba6b45cefa",
            98,
            96,
            72,
        ),
    ),
    "turned": (
        lambda: turned(3685),
        Fingerprint(
            "3bee39ee39ee39ee",
            "33cc33cc99669966",
            "aa7f7aa2d8457aa2d8457aa2d8457aa2501805ddd84505dcd84505d8d80526e2",
            96,
            72,
            96,
        ),
    ),
    "tall": (
        lambda: encoded(waves(1062, (40, 200)), "PNG"),
        Fingerprint(
            "b649a49e49b65b61",
            "2df00f2df00f2df0",
            "db9a35b59feb35b5499ab9bd44004e42d087c6c3b33ace61071346e9bc83c4e9",
            98,
            40,
            200,
        ),
    ),
    "tiny": (
        lambda: encoded(waves(1525, (7, 6)), "PNG"),
        Fingerprint(
            "33cccc33cc3333cc",
            "6666996666996666",
            "da2cad532025ad532025ad522025d3f12025f7f32025f7f32035f7f2257df7f2",
            100,
            7,
            6,
        ),
    ),
    "reduced JPEG": (
        lambda: Path(__file__).with_name("golden.jpg").read_bytes(),
        Fingerprint(
            "b649a49e49b65b41",
            "2df00f2df00f2df0",
            "84473cb55f5f34350f473c3d4c08436a3a4f4ee00b4b46e1d8e74e696e7b4ce1",
            98,
            640,
            560,
        ),
    ),
    "turned JPEG": (
        lambda: golden_file("golden-turned.jpg"),
        Fingerprint(
            "6db624926db62492",
            "dbff0025d600f6ff",
            "dc08fe02d57076308bdf5650f1dad60603d7a1f2d55a8b078b75a96755f2015d",
            96,
            379,
            501,
        ),
    ),
    "large JPEG": (
        lambda: golden_file("golden-large.jpg"),
        Fingerprint(
            "2c2c352c7c252c74",
            "aa1177aa1177aa11",
            "be29a277e05aa277a018a27728cd7faaa01c7bbaf1096bbe5f7c5cc880445dc8",
            96,
            1203,
            1029,
        ),
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_known_picture_has_its_known_fingerprint(name: str):
    content, expected = GOLDEN[name]
    assert fingerprint(content()) == expected


@pytest.mark.parametrize("image_format", ["BMP", "TIFF", "PPM", "JPEG2000", "WEBP", "GIF"])
def test_a_known_picture_has_its_fingerprint_in_every_format_that_keeps_its_pixels(image_format: str):
    options = {"WEBP": {"lossless": True}}.get(image_format, {})
    assert fingerprint(encoded(waves(2005), image_format, **options)) == GOLDEN["grey"][1]


@pytest.mark.parametrize("name", GOLDEN)
def test_no_bit_of_a_known_small_hash_hangs_by_a_hair(name: str):
    picture = read_picture(io.BytesIO(GOLDEN[name][0]()))
    wide, tall, _ = (cells.astype(int) for cells in shrink(picture.grey, picture.box))
    assert np.abs(np.diff(wide, axis=1)).min() >= 3
    assert np.abs(np.diff(tall, axis=0)).min() >= 3
