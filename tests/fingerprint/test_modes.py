from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from hashing.fingerprint.decoding import (
    Picture,
    picture_from_pil,
    read_thumbnail,
)
from samples.pictures import encoded, photo
from tests.fingerprint.files import (
    SMALL,
    assert_close_grey,
    assert_same_grey,
    grey_levels,
    read,
)

# Deep modes


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
def test_integers_of_32_bits_are_scaled_by_their_range(low: int, high: int):
    assert_full_ramp(picture_from_pil(ramp("<i4", low, high)))


@pytest.mark.parametrize(("high", "brightest"), [(51, 51), (25600, 99)])
def test_integers_within_8_or_16_bits_are_not_stretched(high: int, brightest: int):
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
def test_a_float_picture_with_an_infinite_value_is_refused(value: float):
    pixels = np.full((9, 9), value, dtype=np.float32)
    with pytest.raises(ValueError, match="not finite"):
        picture_from_pil(Image.fromarray(pixels))


# Transparency and colours


def test_an_opaque_alpha_channel_changes_nothing():
    image = photo(size=SMALL)
    opaque = image.copy()
    opaque.putalpha(255)
    assert_same_grey(read(encoded(opaque, "PNG")), image)


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBA", "RGBa", "La"])
def test_an_opaque_alpha_channel_changes_nothing_in_any_mode(mode: str):
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


def test_a_transparent_webp_is_put_on_white():
    image = Image.new("RGBA", SMALL, (0, 0, 0, 0))
    assert read(encoded(image, "WEBP", lossless=True)).grey.getextrema() == (255, 255)


def test_the_grey_level_of_lab_is_its_lightness():
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


# Tiles


@pytest.mark.parametrize("tile_pixels", [1, 7, 1000])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16"])
def test_a_picture_is_the_same_in_tiles(monkeypatch, mode: str, tile_pixels: int):
    levels = photo(size=(31, 23)).convert("L")
    colours = Image.merge("RGBA", [levels, levels.rotate(90), levels.rotate(180), levels.rotate(45)])
    direct = mode in {"1", "L", "LA", "RGB", "RGBA", "CMYK"}
    made = colours.convert(mode) if direct else colours.convert("RGB").convert("L" if mode == "I;16" else "RGB")
    if mode == "La":
        made = colours.convert("LA").convert("La")
    elif mode == "P":
        made = colours.convert("RGB").quantize(16)
        made.info["transparency"] = 3
    elif mode == "LAB":
        made = Image.merge("LAB", colours.split()[:3])
    elif mode == "I;16":
        made = Image.fromarray(np.asarray(made).astype(np.uint16) * 200)
    whole = picture_from_pil(made)
    monkeypatch.setattr("hashing.fingerprint.modes.TILE_PIXELS", tile_pixels)
    assert_same_grey(picture_from_pil(made), whole.grey)


@pytest.mark.parametrize("size", [(1000, 10), (10, 1000), (701, 333), (4001, 1)])
def test_a_thumbnail_of_a_large_picture_is_nearly_the_same_in_tiles(monkeypatch, size: tuple[int, int]):
    content = encoded(photo(size=size).convert("RGBA"), "PNG")
    whole = read_thumbnail(io.BytesIO(content), 20)
    monkeypatch.setattr("hashing.fingerprint.modes.TILE_PIXELS", 1000)
    tiled = read_thumbnail(io.BytesIO(content), 20)
    assert tiled.size == whole.size
    assert max(tiled.size) == 20
    assert np.abs(np.asarray(tiled).astype(int) - np.asarray(whole)).max() <= 1


@pytest.mark.parametrize("size", [SMALL, (4 * SMALL[0], 4 * SMALL[1])])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB", "L"])
def test_a_thumbnail_may_keep_its_alpha(mode: str, size: tuple[int, int]):
    image = photo(size=size).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, size[0] // 2, size[1]))
    made = palette_image() if mode == "P" else image.convert(mode)
    options = {"transparency": 1} if mode == "P" else {}
    thumbnail = read_thumbnail(io.BytesIO(encoded(made, "PNG", **options)), 20, keeps_alpha=True)
    assert (thumbnail.mode, max(thumbnail.size)) == ("RGBA", min(20, max(made.size)))
    assert thumbnail.getchannel("A").getextrema() == ((255, 255) if mode in ("RGB", "L") else (0, 255))
