from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from hashing.fingerprint.decoding import (
    declared_size,
    picture_from_pil,
)
from samples.pictures import encoded, photo
from tests.fingerprint.files import (
    AVIF,
    CLOSE_TO_THE_ORIGINAL,
    HEIC,
    ORIENTATION,
    SMALL,
    assert_close_grey,
    assert_same_grey,
    needs_heif,
    oriented,
    png_chunk,
    png_that_declares,
    read,
)

# JPEG at a reduced scale


@pytest.mark.parametrize(
    ("size", "decoded"),
    [
        ((255, 300), (255, 300)),
        ((300, 255), (300, 255)),
        ((256, 256), (128, 128)),
        ((511, 601), (256, 301)),
        ((512, 601), (128, 151)),
        ((1201, 1101), (151, 138)),
    ],
)
def test_a_jpeg_is_decoded_at_the_smallest_scale_that_leaves_128_pixels(
    size: tuple[int, int], decoded: tuple[int, int]
):
    picture = read(encoded(photo(size=size), "JPEG"))
    assert picture.grey.size == decoded
    assert (picture.width, picture.height) == size


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", AVIF, HEIC])
def test_other_formats_are_decoded_in_full(image_format: str):
    size = (640, 600)
    assert read(encoded(photo(size=size), image_format)).grey.size == size


@needs_heif
def test_the_thumbnail_inside_a_heif_file_is_ignored():
    content = encoded(photo(size=(800, 600)), "HEIF", thumbnails=[400])
    with Image.open(io.BytesIO(content)) as image:
        assert image.info["thumbnails"]
    assert read(content).grey.size == (800, 600)


# Animations


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG", "TIFF", AVIF, HEIC])
def test_the_first_frame_of_an_animation_counts(image_format: str):
    first, second = photo(1, SMALL).convert("L").convert("RGB"), photo(2, SMALL)
    options = CLOSE_TO_THE_ORIGINAL.get(image_format, {})
    content = encoded(first, image_format, save_all=True, append_images=[second, photo(4, SMALL)], **options)
    with Image.open(io.BytesIO(content)) as image:
        assert image.n_frames == 3
    assert_close_grey(read(content), first)


def test_the_first_picture_of_a_multi_picture_jpeg_counts():
    first, second = photo(1, SMALL), photo(2, SMALL)
    content = encoded(first, "MPO", save_all=True, append_images=[second], quality=95)
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
    assert_close_grey(read(content), first)


# EXIF orientation


def seen_upright(image: Image.Image, orientation: int) -> Image.Image:
    turned = image.copy()
    turned.getexif()[ORIENTATION] = orientation
    return ImageOps.exif_transpose(turned)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF", "MPO", AVIF, HEIC])
def test_a_turned_picture_is_made_upright_once(image_format: str, orientation: int):
    image = photo(3, SMALL)
    options = CLOSE_TO_THE_ORIGINAL.get(image_format, {})
    picture = read(encoded(image, image_format, exif=oriented(orientation), **options))
    upright = seen_upright(image, orientation)
    assert (picture.width, picture.height) == upright.size
    assert_close_grey(picture, upright)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_open_image_is_made_upright(orientation: int):
    image = photo(3, SMALL)
    image.getexif()[ORIENTATION] = orientation
    picture = picture_from_pil(image)
    upright = seen_upright(photo(3, SMALL), orientation)
    assert (picture.width, picture.height) == upright.size
    assert_same_grey(picture, upright)


def test_a_turned_and_reduced_jpeg_has_the_size_of_the_upright_original():
    picture = read(encoded(photo(size=(1160, 1030)), "JPEG", exif=oriented(6)))
    assert (picture.width, picture.height) == (1030, 1160)
    assert picture.grey.size == (129, 145)


REDUCED_BOXES = {
    1: (0, 0, 133.25, 128.75),
    2: (0.75, 0, 134, 128.75),
    3: (0.75, 0.25, 134, 129),
    4: (0, 0.25, 133.25, 129),
    5: (0, 0, 128.75, 133.25),
    6: (0.25, 0, 129, 133.25),
    7: (0.25, 0.75, 129, 134),
    8: (0, 0.75, 128.75, 134),
}


@pytest.mark.parametrize("orientation", REDUCED_BOXES)
def test_the_box_of_a_reduced_jpeg_is_turned_with_it(orientation: int):
    content = encoded(photo(size=(533, 515)), "JPEG", exif=oriented(orientation))
    assert read(content).box == REDUCED_BOXES[orientation]


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_a_picture_at_full_size_has_no_box(image_format: str):
    assert read(encoded(photo(size=(255, 255)), image_format)).box is None


# Declared size


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_a_truncated_file_declares_its_size(image_format: str):
    content = encoded(photo(size=SMALL), image_format)
    assert declared_size(io.BytesIO(content[: len(content) * 3 // 4])) in (SMALL, None)
    assert declared_size(io.BytesIO(content)) == SMALL


def test_the_declared_size_of_a_turned_jpeg_is_upright():
    content = encoded(photo(size=SMALL), "JPEG", exif=oriented(6))
    assert declared_size(io.BytesIO(content[: len(content) // 2])) == (60, 80)


def test_a_picture_beyond_the_limit_declares_its_size():
    assert declared_size(io.BytesIO(png_that_declares(100_000, 100_000))) == (100_000, 100_000)


@pytest.mark.parametrize("content", [b"", b"no picture", png_that_declares(2**31, 1)])
def test_a_file_without_a_valid_header_declares_no_size(content: bytes):
    assert declared_size(io.BytesIO(content)) is None


def test_an_orientation_after_the_pixels_of_a_png_counts():
    content = encoded(photo(size=SMALL), "PNG")
    end = content.index(b"IEND") - 4
    content = content[:end] + png_chunk(b"eXIf", oriented(6).removeprefix(b"Exif\0\0")) + content[end:]
    assert read(content).grey.size == (60, 80)


@needs_heif
def test_the_exif_orientation_of_a_heif_file_is_left_to_its_decoder():
    # The container stores the orientation of a HEIF picture, and an EXIF block does not count.
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    content = encoded(photo(size=SMALL), "HEIF", exif=exif)
    with Image.open(io.BytesIO(content)) as image:
        assert read(content).grey.size == image.size


@pytest.mark.filterwarnings("ignore:Metadata Warning, tag 274 had too many entries")
@pytest.mark.parametrize("value", [0, 9, 65535, (3, 6)])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_invalid_orientation_is_ignored(image_format: str, value: object):
    assert read(encoded(photo(size=SMALL), image_format, exif=oriented(value))).grey.size == SMALL


def test_an_orientation_that_is_not_a_number_is_ignored():
    image = photo(size=SMALL)
    image.getexif()[ORIENTATION] = "6"
    assert picture_from_pil(image).grey.size == SMALL


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0no EXIF at all", oriented(6)[:-12]],
    ids=["offset beyond the end", "garbage", "cut off"],
)
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", HEIC])
def test_a_broken_exif_block_is_ignored(image_format: str, exif: bytes):
    assert read(encoded(photo(size=SMALL), image_format, exif=exif)).grey.size == SMALL


def test_an_open_image_stays_unchanged():
    image = Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30))
    image.info["transparency"] = 3
    before = (image.mode, image.size, image.tobytes(), dict(image.info))
    picture_from_pil(image)
    assert (image.mode, image.size, image.tobytes(), dict(image.info)) == before


def test_an_open_image_that_cannot_be_decoded_is_refused():
    content = encoded(photo(size=(320, 240)), "PNG")
    with Image.open(io.BytesIO(content[: len(content) // 2])) as image, pytest.raises(ValueError, match="truncated"):
        picture_from_pil(image)
