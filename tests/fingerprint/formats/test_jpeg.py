from __future__ import annotations

import io
import struct
from functools import partial

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from hashing.fingerprint.decoding import read_picture
from hashing.fingerprint.opening import open_picture, verify_picture
from samples.pictures import encoded, photo
from tests.fingerprint.formats.table import GREY, RGB, SIZE, Pixels, assert_read_as, assert_refused, by_opencv, named

SOI = b"\xff\xd8"


def segment(marker: int, body: bytes, length: int | None = None) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2 if length is None else length) + body


def with_segments(content: bytes, *segments: bytes) -> bytes:
    return SOI + b"".join(segments) + content[2:]


def jpeg(**options) -> bytes:
    return encoded(Image.fromarray(RGB), "JPEG", quality=92, **options)


PLAIN = jpeg()
VARIANTS = {
    **{f"subsampling {name}": partial(jpeg, subsampling=name) for name in ("4:4:4", "4:2:2", "4:2:0")},
    "subsampling 4:4:0": lambda: imagecodecs.jpeg8_encode(RGB, level=92, subsampling=(1, 2)),
    "progressive": partial(jpeg, progressive=True),
    "optimised": partial(jpeg, optimize=True),
    "restarts": partial(jpeg, restart_marker_rows=1),
    "RGB, without conversion": partial(jpeg, keep_rgb=True),
    "grey": lambda: encoded(Image.fromarray(GREY), "JPEG", quality=92),
    "without a JFIF header": lambda: SOI + PLAIN[PLAIN.index(b"\xff\xdb") :],
}


@pytest.mark.parametrize("variant", named(VARIANTS))
def test_pixels_are_read_as_by_opencv(variant):
    # Decoders differ in how they enlarge the channels of colour.
    assert_read_as(variant(), by_opencv(variant()), tolerance=4)


def cmyk_image(pixels: np.ndarray) -> Image.Image:
    height, width, _inks = pixels.shape
    return Image.frombytes("CMYK", (width, height), pixels.tobytes())


def inks() -> Pixels:
    """Return cyan, magenta, yellow and black, as shares of 255."""
    stored = np.asarray(Image.fromarray(RGB).convert("CMYK")).copy()
    stored[..., 3] = 255 - np.asarray(photo(5, SIZE).convert("L")) // 2
    return stored


def in_print(stored: Pixels) -> Pixels:
    return (255.0 - stored[..., :3]) * (255 - stored[..., 3:]) / 255


ADOBE = struct.pack(">5sHHHB", b"Adobe", 100, 0, 0, 0)


def test_inks_are_inverted_as_adobe_writes_them():
    content = encoded(cmyk_image(inks()), "JPEG", quality=100, subsampling=0)
    assert b"Adobe" in content
    # imagecodecs returns the inks as they are stored.
    assert np.abs(255.0 - imagecodecs.jpeg8_decode(content) - inks()).max() < 8
    assert_read_as(content, in_print(inks()), tolerance=8)
    assert_read_as(content, by_opencv_in_colour(content), tolerance=3)


def test_ycck_is_read():
    content = imagecodecs.jpeg8_encode(
        255 - inks(), level=100, colorspace="CMYK", outcolorspace="YCCK", subsampling="444"
    )
    with Image.open(io.BytesIO(content)) as image:
        assert (image.mode, image.info["adobe_transform"]) == ("CMYK", 2)
    assert_read_as(content, by_opencv_in_colour(content), tolerance=3)


def test_inks_without_adobes_marker_are_read_as_browsers_do():
    content = encoded(cmyk_image(inks()), "JPEG", quality=100, subsampling=0)
    start = content.index(b"\xff\xee")
    content = content[:start] + content[start + 2 + int.from_bytes(content[start + 2 : start + 4]) :]
    assert b"Adobe" not in content
    assert_read_as(content, by_opencv_in_colour(content), tolerance=3)


def by_opencv_in_colour(content: bytes) -> Pixels:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize(("bits", "mode"), [(12, 1), (12, 3), (16, 3)])
def test_more_than_8_bits_are_refused(bits, mode):
    pixels = GREY.astype(np.uint16) << bits - 8
    content = imagecodecs.jpeg8_encode(
        pixels if mode == 1 else np.dstack([pixels] * 3), bitspersample=bits, lossless=bits == 16
    )
    assert_refused(content, f"cannot handle {bits}-bit layers")


# Damaged metadata

ICC, EXIF, PHOTOSHOP = b"ICC_PROFILE\0", b"Exif\0\0", b"Photoshop 3.0\0"


def multi_picture(entries: bytes) -> bytes:
    return segment(0xE2, b"MPF\0II*\0\x08\0\0\0" + entries)


DAMAGE = {
    "a JFIF header that is cut off": segment(0xE0, b"JFIF"),
    "a JFIF header without a version": segment(0xE0, b"JFIF\0"),
    "a colour profile without numbers": segment(0xE2, ICC),
    "a colour profile of which parts are missing": segment(0xE2, ICC + b"\3\7profile"),
    "a colour profile that is none": segment(0xE2, ICC + b"\1\1" + b"x" * 100),
    "EXIF that is cut off": segment(0xE1, EXIF + b"II*\0"),
    "EXIF beyond the end": segment(0xE1, EXIF + b"II*\0\xff\xff\xff\xff"),
    "EXIF of no kind": segment(0xE1, EXIF + b"no EXIF at all"),
    "EXIF with a resolution of nothing": segment(
        0xE1, EXIF + b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 282, 5, 1, 8) + bytes(4)
    ),
    "an empty Photoshop block": segment(0xED, PHOTOSHOP + b"8BIM"),
    "a Photoshop block without a name": segment(0xED, PHOTOSHOP + b"8BIM\x03\xed"),
    "a Photoshop block beyond the end": segment(0xED, PHOTOSHOP + b"8BIM\x03\xed\0\0\x7f\xff\xff\xff"),
    "an Adobe marker that is cut off": segment(0xEE, b"Adobe"),
    "an empty comment": segment(0xFE, b""),
    "an empty segment": segment(0xE5, b""),
    "a segment of impossible length": segment(0xE5, b"", length=1),
    "an empty list of pictures": segment(0xE2, b"MPF\0"),
    "a list of pictures without a count": multi_picture(bytes(6)),
    "a list of pictures of no kind": segment(0xE2, b"MPF\0no list of pictures"),
    "a list of pictures beyond the end": multi_picture(struct.pack("<HHHII", 1, 0xB001, 4, 1, 2) + bytes(4)),
    "a list of three pictures that are not there": multi_picture(
        struct.pack("<HHHIIHHIII", 2, 0xB001, 4, 1, 3, 0xB002, 7, 48, 0x7FFFFFF0, 0)
    ),
    "XMP in no encoding": segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0\xff\xfe\0"),
    "FlashPix": segment(0xE2, b"FPXR\0"),
}


@pytest.mark.parametrize("damage", named(DAMAGE))
def test_damaged_metadata_is_ignored(damage):
    content = with_segments(PLAIN, damage)
    verify_picture(io.BytesIO(content))
    assert_read_as(content, by_opencv(PLAIN), tolerance=4)


@pytest.mark.parametrize("damage", named({name: case for name, case in DAMAGE.items() if EXIF not in case}))
def test_the_orientation_counts_in_a_damaged_file(damage):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = with_segments(PLAIN, segment(0xE1, exif.tobytes()), damage)
    assert read_picture(io.BytesIO(content)).grey.size == SIZE[::-1]


def test_an_adobe_marker_counts_in_a_damaged_file():
    content = encoded(cmyk_image(inks()), "JPEG", quality=100, subsampling=0)
    assert_read_as(with_segments(content, DAMAGE["a colour profile without numbers"]), in_print(inks()), tolerance=8)


def test_an_undamaged_file_is_not_read_twice():
    file = io.BytesIO(PLAIN)
    with open_picture(file) as image:
        assert image.fp is file


# Several pictures, orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "MPO"])
def test_a_turned_picture_is_made_upright(image_format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"save_all": True, "append_images": [photo(5, SIZE)]} if image_format == "MPO" else {}
    content = encoded(Image.fromarray(RGB), image_format, quality=92, exif=exif, **options)
    assert_read_as(content, by_opencv_in_colour(content), tolerance=4)


@pytest.mark.parametrize("damage", [b"\0\0\0\0", b"\xff\xff\xff\xff"], ids=["start", "beyond the end"])
def test_the_first_of_several_pictures_is_read_wherever_the_others_are(damage):
    content = encoded(Image.fromarray(RGB), "MPO", quality=92, save_all=True, append_images=[photo(5, SIZE)])
    start = content.index(b"MPF\0") + 4
    for place in range(start + 8, start + 60, 4):
        assert_read_as(content[:place] + damage + content[place + 4 :], by_opencv(content), tolerance=4)
