from __future__ import annotations

import errno
import io
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, features

from hashing.fingerprint import decoding
from hashing.fingerprint.decoding import (
    Picture,
    declared_size,
    open_picture,
    open_regular_file,
    picture_from_pil,
    read_picture,
    read_thumbnail,
)
from hashing.fingerprint.limits import FILE_SUFFIXES
from samples.pictures import blank, encoded, photo

try:
    from pillow_heif import register_heif_opener
except ImportError:
    HEIF = False
else:
    HEIF = True
    register_heif_opener()

SMALL = (80, 60)
ORIENTATION = 0x0112

needs_avif = pytest.mark.needs("a Pillow with AVIF", lambda: features.check("avif"))
needs_heif = pytest.mark.needs("the package pillow-heif", lambda: HEIF)
AVIF = pytest.param("AVIF", marks=needs_avif)
HEIC = pytest.param("HEIF", marks=needs_heif)
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", AVIF, HEIC, "TIFF", "BMP", "JPEG2000", "MPO", "PPM"]
CLOSE_TO_THE_ORIGINAL = {
    "WEBP": {"lossless": True},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "HEIF": {"quality": -1, "chroma": 444},
    "JPEG": {"quality": 100},
}


def read(content: bytes, **options: int) -> Picture:
    return read_picture(io.BytesIO(content), **options)


def grey_levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def assert_same_grey(picture: Picture, expected: Image.Image) -> None:
    assert picture.grey.mode == "L"
    np.testing.assert_array_equal(grey_levels(picture.grey), grey_levels(expected.convert("L")))


def assert_close_grey(picture: Picture, expected: Image.Image) -> None:
    assert picture.grey.mode == "L"
    assert picture.grey.size == expected.size
    assert np.abs(grey_levels(picture.grey) - grey_levels(expected.convert("L"))).mean() < 4


def oriented(orientation: object) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif.tobytes()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_that_declares(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(b"\0" * 100)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


# 1. The allow-list


@pytest.mark.parametrize("image_format", FORMATS)
def test_every_known_format_is_read(image_format: str):
    image = photo(size=SMALL)
    content = encoded(image, image_format, **CLOSE_TO_THE_ORIGINAL.get(image_format, {}))
    picture = read(content)
    assert (picture.width, picture.height) == SMALL
    assert_close_grey(picture, image)


def test_every_suffix_that_pillow_knows_for_the_formats_is_listed():
    Image.init()
    known = {
        suffix for suffix, name in Image.EXTENSION.items() if name in {"JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"}
    }
    assert known <= FILE_SUFFIXES


@pytest.mark.parametrize("image_format", ["EPS", "PDF", "TGA", "ICO", "SGI", "PCX"])
def test_a_format_that_is_not_listed_is_refused(image_format: str):
    image = photo(size=SMALL)
    with pytest.raises(ValueError, match="not an image in a supported format"):
        read(encoded(image, image_format))


def test_a_photoshop_file_is_refused():
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 4, 4, 8, 3)
    content = header + b"\0" * 12 + b"\0\0" + b"\x80" * 48
    assert Image.open(io.BytesIO(content)).format == "PSD"
    with pytest.raises(ValueError, match="not an image in a supported format"):
        read(content)


@pytest.fixture
def ghostscript_that_leaves_a_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mark, program = tmp_path / "started", tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    return mark


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for Ghostscript is a shell script")
def test_an_eps_file_named_jpg_starts_no_outside_program(tmp_path: Path, ghostscript_that_leaves_a_mark: Path):
    path = tmp_path / "upload.jpg"
    path.write_bytes(encoded(photo(size=SMALL), "EPS"))
    with open_regular_file(path) as file, pytest.raises(ValueError, match="not an image in a supported format"):
        read_picture(file)
    assert not ghostscript_that_leaves_a_mark.exists()
    # Pillow left to itself does start it.
    with Image.open(path) as image, pytest.raises(OSError, match=r"\w"):
        image.load()
    assert ghostscript_that_leaves_a_mark.exists()


@pytest.mark.parametrize("content", [b"just some text\n", b"\0" * 5000, b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_what_is_no_image_is_refused(content: bytes):
    with pytest.raises(ValueError, match="not an image in a supported format"):
        read(content)


def test_an_empty_file_is_named_so():
    with pytest.raises(ValueError, match="the file is empty"):
        read(b"")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", AVIF, HEIC])
def test_a_truncated_file_is_refused(image_format: str):
    content = encoded(photo(size=(320, 240)), image_format)
    with pytest.raises(ValueError, match=r"\w"):
        read(content[: len(content) // 2])


@pytest.fixture
def without_pillow_heif(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    decoding.known_formats.cache_clear()
    yield
    decoding.known_formats.cache_clear()


@needs_heif
def test_without_pillow_heif_only_heif_is_refused(without_pillow_heif: None):
    content = encoded(photo(size=SMALL), "HEIF")
    with pytest.raises(ValueError, match="not an image in a supported format"):
        read(content)
    assert read(encoded(photo(size=SMALL), "JPEG")).width == SMALL[0]


# 2. The declared size


def test_a_picture_that_declares_a_huge_size_is_refused():
    with pytest.raises(ValueError, match="100000 x 100000 pixels"):
        read(png_that_declares(100_000, 100_000))


def test_a_declared_size_above_the_limit_is_refused_before_decoding():
    # There is no pixel data to decode: any attempt at it would fail in another way.
    with pytest.raises(ValueError, match="800 x 600 pixels declared, more than the 479999 allowed"):
        read(png_that_declares(800, 600), max_pixels=479_999)


def test_a_declared_size_at_the_limit_is_decoded():
    content = encoded(photo(size=SMALL), "PNG")
    assert read(content, max_pixels=SMALL[0] * SMALL[1]).width == SMALL[0]


def test_the_limit_counts_the_pixels_of_the_file_not_those_of_the_reduced_scale():
    content = encoded(photo(size=(1160, 1030)), "JPEG")
    with pytest.raises(ValueError, match="1160 x 1030 pixels declared"):
        read(content, max_pixels=1_000_000)


# What exceeds Pillow's own limit twice over is an error to Pillow, and a warning below that.
@pytest.mark.parametrize("limit", [SMALL[0] * SMALL[1] // 4, SMALL[0] * SMALL[1] - 1])
# The decoder of WebP has a check of its own, before it tells the size.
@pytest.mark.parametrize("image_format", [name for name in FORMATS if name != "WEBP"])
def test_our_limit_counts_and_not_pillows(image_format: str, limit: int, monkeypatch: pytest.MonkeyPatch):
    content = encoded(photo(size=SMALL), image_format)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    assert read(content).width == SMALL[0]
    assert read_thumbnail(io.BytesIO(content), 40).size == (40, 30)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_pillows_limit_does_not_count_for_a_turned_tiff_either(compression: str, monkeypatch: pytest.MonkeyPatch):
    content = encoded(photo(size=SMALL), "TIFF", exif=oriented(6), compression=compression)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert read(content).grey.size == (60, 80)


def test_a_webp_file_beyond_pillows_limit_is_refused_with_a_reason(monkeypatch: pytest.MonkeyPatch):
    content = encoded(photo(size=SMALL), "WEBP")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ValueError, match="exceeds limit of 200 pixels"):
        read(content)


def test_pillows_process_wide_limit_stays_what_it_was():
    before = Image.MAX_IMAGE_PIXELS
    read(encoded(photo(size=SMALL), "PNG"), max_pixels=10**6)
    with pytest.raises(ValueError, match="declared"):
        read(png_that_declares(800, 600), max_pixels=10)
    assert before == Image.MAX_IMAGE_PIXELS


# 3. JPEG at a reduced scale


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
def test_the_thumbnail_inside_a_heif_file_is_not_taken_for_the_picture():
    content = encoded(photo(size=(800, 600)), "HEIF", thumbnails=[400])
    with Image.open(io.BytesIO(content)) as image:
        assert image.info["thumbnails"]
    assert read(content).grey.size == (800, 600)


# 4. Animations


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


# 5. EXIF orientation


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
def test_an_open_picture_is_made_upright_too(orientation: int):
    image = photo(3, SMALL)
    image.getexif()[ORIENTATION] = orientation
    picture = picture_from_pil(image)
    upright = seen_upright(photo(3, SMALL), orientation)
    assert (picture.width, picture.height) == upright.size
    assert_same_grey(picture, upright)


def test_the_size_of_a_turned_and_reduced_jpeg_is_that_of_the_upright_original():
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
def test_a_picture_in_full_needs_no_box(image_format: str):
    assert read(encoded(photo(size=(255, 255)), image_format)).box is None


# The size of what cannot be decoded


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_a_file_that_ends_early_declares_its_size(image_format: str):
    content = encoded(photo(size=SMALL), image_format)
    assert declared_size(io.BytesIO(content[: len(content) * 3 // 4])) in (SMALL, None)
    assert declared_size(io.BytesIO(content)) == SMALL


def test_the_declared_size_of_a_turned_jpeg_is_upright():
    content = encoded(photo(size=SMALL), "JPEG", exif=oriented(6))
    assert declared_size(io.BytesIO(content[: len(content) // 2])) == (60, 80)


def test_the_declared_size_of_a_picture_that_is_too_large_is_known():
    assert declared_size(io.BytesIO(png_that_declares(100_000, 100_000))) == (100_000, 100_000)


@pytest.mark.parametrize("content", [b"", b"no picture", png_that_declares(2**31, 1)])
def test_what_has_no_sound_header_declares_no_size(content: bytes):
    assert declared_size(io.BytesIO(content)) is None


def test_an_orientation_in_a_png_after_the_pixels_counts():
    content = encoded(photo(size=SMALL), "PNG")
    end = content.index(b"IEND") - 4
    content = content[:end] + png_chunk(b"eXIf", oriented(6).removeprefix(b"Exif\0\0")) + content[end:]
    assert read(content).grey.size == (60, 80)


@needs_heif
def test_an_orientation_in_the_exif_block_of_a_heif_file_is_left_to_its_decoder():
    # The container says how a HEIF picture is turned; an EXIF block that says otherwise does not count.
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    content = encoded(photo(size=SMALL), "HEIF", exif=exif)
    with Image.open(io.BytesIO(content)) as image:
        assert read(content).grey.size == image.size


@pytest.mark.filterwarnings("ignore:Metadata Warning, tag 274 had too many entries")
@pytest.mark.parametrize("value", [0, 9, 65535, (3, 6)])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_orientation_that_means_nothing_is_ignored(image_format: str, value: object):
    assert read(encoded(photo(size=SMALL), image_format, exif=oriented(value))).grey.size == SMALL


def test_an_orientation_that_is_no_number_is_ignored():
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


# 6. Deep modes


def ramp(dtype: str, low: float, high: float) -> Image.Image:
    return Image.fromarray(np.linspace(low, high, 256).reshape(16, 16).astype(dtype))


EIGHT_BIT_RAMP = np.arange(256).reshape(16, 16)


def assert_full_ramp(picture: Picture) -> None:
    assert picture.grey.mode == "L"
    assert np.abs(grey_levels(picture.grey) - EIGHT_BIT_RAMP).max() <= 1


@pytest.mark.parametrize("mode", ["<u2", ">u2"])
def test_16_bits_are_scaled_to_8(mode: str):
    image = ramp(mode, 0, 65535)
    assert image.mode in {"I;16", "I;16B"}
    assert_full_ramp(picture_from_pil(image))


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "JPEG2000", "PPM"])
def test_a_16_bit_file_keeps_its_shades(image_format: str):
    assert_full_ramp(read(encoded(ramp("<u2", 0, 65535), image_format)))


def test_a_dark_16_bit_picture_stays_dark():
    assert picture_from_pil(ramp("<u2", 0, 6553)).grey.getextrema() == (0, 25)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 255), (0, 65535), (0, 2**31 - 1), (-(2**31), 2**31 - 1), (-1000, 1000)],
    ids=["8-bit", "16-bit", "31-bit", "signed 32-bit", "signed"],
)
def test_whole_numbers_of_32_bits_are_scaled_by_their_range(low: int, high: int):
    assert_full_ramp(picture_from_pil(ramp("<i4", low, high)))


@pytest.mark.parametrize(("high", "brightest"), [(51, 51), (25600, 99)])
def test_whole_numbers_within_8_or_16_bits_are_not_stretched(high: int, brightest: int):
    assert picture_from_pil(ramp("<i4", 0, high)).grey.getextrema() == (0, brightest)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 255), (-3.5, 12.25), (1e-30, 3e-30), (-1e38, 1e38)])
def test_floats_are_scaled_by_their_range(low: float, high: float):
    assert_full_ramp(picture_from_pil(ramp("<f4", low, high)))


def test_a_float_tiff_is_read():
    assert_full_ramp(read(encoded(ramp("<f4", 0, 1), "TIFF")))


@pytest.mark.parametrize("value", [0, 3.5, -1e30])
def test_a_float_picture_of_one_value_is_flat(value: float):
    low, high = picture_from_pil(Image.new("F", SMALL, value)).grey.getextrema()
    assert low == high


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_float_picture_with_a_value_that_is_not_finite_is_refused(value: float):
    pixels = np.full((9, 9), value, dtype=np.float32)
    with pytest.raises(ValueError, match="not finite"):
        picture_from_pil(Image.fromarray(pixels))


# 7. and 8. Alpha on white, and grey


def test_an_opaque_alpha_channel_is_the_same_as_none():
    image = photo(size=SMALL)
    opaque = image.copy()
    opaque.putalpha(255)
    assert_same_grey(read(encoded(opaque, "PNG")), image)


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBA", "RGBa", "La"])
def test_every_mode_with_an_opaque_alpha_channel_is_the_same_as_without(mode: str):
    image = photo(size=SMALL).convert("P" if mode == "PA" else "RGB" if mode.startswith("RGB") else "L")
    opaque = image.convert({"RGBa": "RGBA", "La": "LA"}.get(mode, mode)).convert(mode)
    assert opaque.mode == mode
    assert_same_grey(picture_from_pil(opaque), image)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "La", "PA"])
def test_full_transparency_is_white(mode: str):
    assert picture_from_pil(Image.new(mode, SMALL)).grey.getextrema() == (255, 255)


def test_the_colour_under_full_transparency_does_not_matter():
    mask = Image.new("L", SMALL, 0)
    mask.paste(255, (20, 10, 50, 40))
    shown, other = photo(1, SMALL), photo(2, SMALL)
    other.paste(shown, mask=mask)
    assert other.tobytes() != shown.tobytes()
    for image in (shown, other):
        image.putalpha(mask)
    assert picture_from_pil(shown).grey.tobytes() == picture_from_pil(other).grey.tobytes()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "La"])
def test_half_transparent_black_is_a_middle_grey(mode: str):
    plain = {"RGBa": "RGBA", "La": "LA"}.get(mode, mode)
    image = Image.new(plain, SMALL, (0,) * (len(plain) - 1) + (128,)).convert(mode)
    assert picture_from_pil(image).grey.getextrema() == (127, 127)


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_a_colour_key_is_transparent(mode: str):
    image = Image.new(mode, SMALL, 0)
    image.paste({"RGB": (200, 0, 0)}.get(mode, 255), (40, 0, 80, 60))
    content = encoded(image, "PNG", transparency=(200, 0, 0) if mode == "RGB" else 0)
    left, right = grey_levels(read(content).grey)[:, [0, -1]].T
    expected = (0, 255) if mode == "RGB" else (255, 255)
    assert (set(left), set(right)) == ({expected[0]}, {expected[1]})


def palette_image() -> Image.Image:
    image = Image.new("P", SMALL, 0)
    image.putpalette([0, 0, 0, 100, 100, 100, 200, 200, 200])
    image.paste(1, (20, 0, 40, 60))
    image.paste(2, (40, 0, 80, 60))
    return image


def columns_of(picture: Picture) -> list[int]:
    return [picture.grey.getpixel((x, 30)) for x in (0, 30, 60)]


def test_a_palette_is_looked_up():
    assert columns_of(read(encoded(palette_image(), "PNG"))) == [0, 100, 200]


@pytest.mark.parametrize("image_format", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(image_format: str):
    assert columns_of(read(encoded(palette_image(), image_format, transparency=1))) == [0, 255, 200]


def test_palette_entries_may_be_half_transparent():
    assert columns_of(read(encoded(palette_image(), "PNG", transparency=bytes([255, 0, 128])))) == [0, 255, 227]


def test_a_transparent_webp_is_on_white():
    image = Image.new("RGBA", SMALL, (0, 0, 0, 0))
    assert read(encoded(image, "WEBP", lossless=True)).grey.getextrema() == (255, 255)


def test_lab_is_as_bright_as_its_lightness():
    image = Image.merge("LAB", [photo(seed, SMALL).convert("L") for seed in (1, 2, 3)])
    assert_same_grey(picture_from_pil(image), photo(1, SMALL))
    assert_same_grey(read(encoded(image, "TIFF")), photo(1, SMALL))


def test_lab_keeps_the_order_of_dark_and_light():
    colours = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    shades = Image.merge("RGB", [Image.fromarray(EIGHT_BIT_RAMP.astype(np.uint8))] * 3)
    lightness = grey_levels(picture_from_pil(ImageCms.applyTransform(shades, colours)).grey).ravel()
    assert (np.diff(lightness) >= 0).all()
    assert np.ptp(lightness) > 250


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"])
def test_every_other_mode_is_made_grey_by_pillow(mode: str):
    image = photo(size=SMALL).convert(mode)
    assert_same_grey(picture_from_pil(image), image)


def test_a_cmyk_jpeg_is_read():
    image = photo(size=SMALL)
    assert_close_grey(read(encoded(image.convert("CMYK"), "JPEG", quality=100)), image)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "CMYK", "LAB", "I", "F", "I;16"])
def test_a_picture_of_one_pixel_is_read_in_every_mode(mode: str):
    assert picture_from_pil(Image.new(mode, (1, 1))).grey.mode == "L"


def test_an_open_picture_stays_as_it_is():
    image = Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30))
    image.info["transparency"] = 3
    before = (image.mode, image.size, image.tobytes(), dict(image.info))
    picture_from_pil(image)
    assert (image.mode, image.size, image.tobytes(), dict(image.info)) == before


def test_an_open_picture_that_cannot_be_decoded_is_refused():
    content = encoded(photo(size=(320, 240)), "PNG")
    with Image.open(io.BytesIO(content[: len(content) // 2])) as image, pytest.raises(ValueError, match="truncated"):
        picture_from_pil(image)


# Files that are no files, storages that fail


def test_a_regular_file_is_opened(tmp_path: Path):
    path = tmp_path / "page.png"
    path.write_bytes(encoded(blank(SMALL), "PNG"))
    for name in (path, str(path)):
        with open_regular_file(name) as file:
            assert read_picture(file).width == SMALL[0]


def test_a_missing_file_is_not_found(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        open_regular_file(tmp_path / "missing.png")


def test_a_directory_is_not_opened(tmp_path: Path):
    with pytest.raises(OSError, match="not a regular file"):
        open_regular_file(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(OSError, match="not a regular file"):
        open_regular_file(tmp_path / "pipe.jpg")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files cannot be counted here")
def test_a_refused_file_is_closed(tmp_path: Path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular_file(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("name", ["a\0b.jpg", "\ud800.jpg"])
def test_a_name_that_no_file_can_have_is_an_error_of_the_file(name: str):
    with pytest.raises(OSError, match="not a file name"):
        open_regular_file(name)


class FailingFile(io.BytesIO):
    """A file whose disk fails from some position on."""

    def __init__(self, content: bytes, readable: int, number: int) -> None:
        super().__init__(content)
        self.readable_bytes, self.number = readable, number

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self.readable_bytes:
            raise OSError(self.number, os.strerror(self.number))
        return super().read(size)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
@pytest.mark.parametrize("readable", [0, 100, 5000])
def test_a_file_that_cannot_be_read_is_no_broken_picture(readable: int, number: int):
    content = encoded(photo(size=(640, 480)), "PNG", compress_level=0)
    with pytest.raises(OSError, match=os.strerror(number)) as raised:
        read_picture(FailingFile(content, readable, number))
    assert raised.value.errno == number


def test_a_decoder_sent_to_a_position_that_no_file_has_means_a_broken_picture(tmp_path: Path):
    path = tmp_path / "broken.tif"
    path.write_bytes(b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**63 - 10))
    with open_regular_file(path) as file, pytest.raises(ValueError, match=r"\w"):
        read_picture(file)


def test_the_file_stays_open():
    file = io.BytesIO(encoded(photo(size=SMALL), "PNG"))
    read_picture(file)
    assert not file.closed


# Whose error it is


@pytest.mark.parametrize("error", [TypeError("ours"), AttributeError("ours"), KeyError("ours")])
def test_an_error_of_our_own_is_no_broken_picture(error: Exception):
    def use_the_picture() -> None:
        with open_picture(io.BytesIO(encoded(photo(size=SMALL), "PNG"))):
            raise error

    with pytest.raises(type(error), match="ours"):
        use_the_picture()


def test_an_error_in_the_steps_after_decoding_is_no_broken_picture(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(decoding, "to_eight_bits", lambda _image: None)
    for read_it in (read, lambda content: read_thumbnail(io.BytesIO(content), 40)):
        with pytest.raises(AttributeError):
            read_it(encoded(photo(size=SMALL), "PNG"))


@pytest.mark.parametrize("error", [MemoryError(), OSError("out of memory error when reading image file")])
def test_too_little_memory_is_no_broken_picture(error: Exception, monkeypatch: pytest.MonkeyPatch):
    def fail(_image: Image.Image) -> None:
        raise error

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
    with pytest.raises(MemoryError, match="not enough memory to decode it"):
        read(encoded(photo(size=SMALL), "PNG"))


# Whatever is in the file


@pytest.fixture(scope="module", params=[*FORMATS, "BigTIFF", "TIFF with LZW", "GIF animation"])
def valid_content(request: pytest.FixtureRequest) -> bytes:
    image = photo(size=(48, 40))
    make: dict[str, Callable[[], bytes]] = {
        "BigTIFF": lambda: encoded(image, "TIFF", big_tiff=True),
        "TIFF with LZW": lambda: encoded(image, "TIFF", compression="tiff_lzw", exif=oriented(6)),
        "GIF animation": lambda: encoded(image, "GIF", save_all=True, append_images=[photo(2, (48, 40))]),
        "GIF": lambda: encoded(image, "GIF"),
        "BMP": lambda: encoded(image, "BMP"),
        "PPM": lambda: encoded(image, "PPM"),
    }
    name = request.param
    return make.get(name, lambda: encoded(image, name, exif=oriented(6)))()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    return tmp_path_factory.mktemp("fuzz") / "file.jpg"


# Headers first: what is damaged there does the strangest things.
PLACES = st.floats(0, 1) | st.floats(0, 0.05) | st.integers(0, 64)
DAMAGE = st.lists(
    st.tuples(PLACES, st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255)), min_size=1, max_size=8
)


@settings(max_examples=40, deadline=None)
@given(damage=DAMAGE, kept=st.just(1.0) | st.floats(0, 1))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(
    valid_content: bytes, scratch: Path, damage: list[tuple[float, int]], kept: float
):
    content = bytearray(valid_content)
    for place, value in damage:
        position = place if isinstance(place, int) else int(place * (len(content) - 1))
        content[min(position, len(content) - 1)] = value
    scratch.write_bytes(content[: int(kept * len(content))])
    # Decoders warn about half of what they find in such files.
    with warnings.catch_warnings(), open_regular_file(scratch) as file:
        warnings.simplefilter("ignore")
        try:
            picture = read_picture(file, max_pixels=10**6)
        except ValueError:
            return
    assert picture.grey.mode == "L"
