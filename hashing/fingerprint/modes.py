"""Converts decoded pixels of any mode of Pillow to 8 bits in grey, RGB or RGBA."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import NamedTuple, cast

import numpy as np
from PIL import Image, ImageCms, ImageOps

from hashing.fingerprint.formats.tiff import SIGNED, UNSIGNED, Samples, samples_of

MAX_16_BITS = 65535
# The memory of a conversion stays within some megabytes.
TILE_PIXELS = 1 << 20
SIGN_CHANGED = [level ^ 128 for level in range(256)]


class Flat(NamedTuple):
    """A picture on white. `is_transparent`: the white shows through somewhere."""

    image: Image.Image
    is_transparent: bool


def flatten(image: Image.Image, convert: Callable[[Image.Image], Image.Image], factor: int = 1) -> Flat:
    """Return `convert(image)` on white, reduced by a whole factor."""
    is_opaque, is_transparent = is_alpha_unused(image), False

    def transform(tile: Image.Image) -> Image.Image:
        nonlocal is_transparent
        flat = Flat(tile, is_transparent=False) if is_opaque else on_white(tile)
        is_transparent = is_transparent or flat.is_transparent
        return convert(flat.image)

    result = convert_tiles(image, transform, factor)
    return Flat(result, is_transparent)


def with_alpha(image: Image.Image, factor: int) -> Image.Image:
    """Return the image in RGBA, reduced by a whole factor."""
    is_opaque = is_alpha_unused(image)

    def transform(tile: Image.Image) -> Image.Image:
        has_alpha = tile.has_transparency_data and not is_opaque
        return to_rgba(tile) if has_alpha else to_rgb(tile).convert("RGBA")

    return convert_tiles(image, transform, factor)


def convert_tiles(image: Image.Image, convert: Callable[[Image.Image], Image.Image], factor: int) -> Image.Image:
    """Return `convert(image)`, whose samples have 8 bits, reduced by a whole factor.

    Works on a tile at a time: whole copies in between would take several times the memory of the image.
    """
    image = to_eight_bits(image)
    width, height = image.size
    columns = factor * max(1, min(width, TILE_PIXELS) // factor)
    rows = factor * max(1, TILE_PIXELS // columns // factor)
    if columns >= width and rows >= height:
        whole = convert(image)
        return whole if factor == 1 else whole.reduce(factor)
    result = None
    for left, top in product(range(0, width, columns), range(0, height, rows)):
        tile = convert(image.crop((left, top, min(left + columns, width), min(top + rows, height))))
        result = result or Image.new(tile.mode, (-(-width // factor), -(-height // factor)))
        result.paste(tile if factor == 1 else tile.reduce(factor), (left // factor, top // factor))
    return cast("Image.Image", result)


def on_white(image: Image.Image) -> Flat:
    if not image.has_transparency_data:
        return Flat(image, is_transparent=False)
    image = to_rgba(image)
    if image.getchannel("A").getextrema() == (255, 255):
        return Flat(image, is_transparent=False)
    paper = Image.new("RGBA", image.size, "white")
    return Flat(Image.alpha_composite(paper, image), is_transparent=True)


def to_grey(image: Image.Image) -> Image.Image:
    return image.getchannel("L") if image.mode == "LAB" else image.convert("L")


def to_rgb(image: Image.Image) -> Image.Image:
    if image.mode != "LAB":
        return image.convert("RGB")
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    # None only for a conversion in place.
    return cast("Image.Image", ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB"))


def to_rgba(image: Image.Image) -> Image.Image:
    return (image.convert("LA") if image.mode == "La" else image).convert("RGBA")


def is_alpha_unused(image: Image.Image) -> bool:
    """Whether the fourth channel is zero everywhere in a file that does not declare it as alpha."""
    samples = samples_of(image)
    if image.mode != "RGBA" or not (image.format == "BMP" or (samples and samples.is_alpha_undeclared)):
        return False
    return image.getchannel("A").getextrema() == (0, 0)


def to_eight_bits(image: Image.Image) -> Image.Image:
    """Scale deeper samples to 8 bits a channel, as the file describes them; `convert("L")` would clip them to white.

    Raise `ValueError` when a value is not finite.
    """
    samples = samples_of(image)
    if image.mode.startswith("I;16"):
        return from_16_bits(image, samples)
    if image.mode in {"I", "F"}:
        return from_32_bits(image, samples)
    if image.mode == "LAB" and samples and samples.is_icc_lab:
        # Pillow took a and b for signed numbers.
        lightness, *colours = image.split()
        return Image.merge("LAB", [lightness, *(colour.point(SIGN_CHANGED) for colour in colours)])
    if image.mode == "L" and samples and samples.sample_format == SIGNED:
        grey = image.point(SIGN_CHANGED)
        return ImageOps.invert(grey) if samples.white_is_zero else grey
    return image


def from_16_bits(image: Image.Image, samples: Samples | None) -> Image.Image:
    grey = scale_to_grey(image.convert("I"), *((samples and samples.black_and_white) or (0, MAX_16_BITS)))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.asarray(image) != transparent).convert("L"))
    return grey


def from_32_bits(image: Image.Image, samples: Samples | None) -> Image.Image:
    if samples and (samples.sample_format, samples.bits) == (UNSIGNED, 32):
        # Pillow took them for signed numbers.
        image = Image.fromarray(np.asarray(image).view(np.uint32).astype(np.float32))
    low, high = cast("tuple[float, float]", image.getextrema())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError("pixel values are not finite")
    if samples:
        low, high = samples.black_and_white or ((high, low) if samples.white_is_zero else (low, high))
    elif image.format == "PPM" and image.mode == "I":
        low, high = 0, MAX_16_BITS
    elif image.mode == "I" and low >= 0 and high <= MAX_16_BITS:
        low, high = 0, 255 if high <= 255 else MAX_16_BITS
    return scale_to_grey(image, low, high)


def scale_to_grey(image: Image.Image, black: float, white: float) -> Image.Image:
    scale = 255 / (white - black) if white != black else 0.0
    grey = image.point(lambda value: value * scale - black * scale).convert("L")
    grey.info.pop("transparency", None)
    return grey
