"""Deeper samples scaled to 8 bits, as the file says; Pillow's own `convert("L")` clips them to white."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
from PIL import Image, ImageOps

from hashing.fingerprint.formats.tiff import SIGNED, UNSIGNED, Samples, samples_of

MAX_16_BITS = 65535
_SIGN_CHANGED = [level ^ 128 for level in range(256)]


def to_eight_bits(image: Image.Image) -> Image.Image:
    """The picture in a mode of 8 bits a channel. Raises `ValueError` when a value is not finite."""
    samples = samples_of(image)
    if image.mode.startswith("I;16"):
        return _from_16_bits(image, samples)
    if image.mode in {"I", "F"}:
        return _from_32_bits(image, samples)
    if image.mode == "LAB" and samples and samples.is_icc_lab:
        # Pillow took a and b for signed numbers.
        lightness, *colours = image.split()
        return Image.merge("LAB", [lightness, *(colour.point(_SIGN_CHANGED) for colour in colours)])
    if image.mode == "L" and samples and samples.sample_format == SIGNED:
        grey = image.point(_SIGN_CHANGED)
        return ImageOps.invert(grey) if samples.white_is_zero else grey
    return image


def _from_16_bits(image: Image.Image, samples: Samples | None) -> Image.Image:
    grey = _scaled(image.convert("I"), *((samples and samples.black_and_white) or (0, MAX_16_BITS)))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.asarray(image) != transparent).convert("L"))
    return grey


def _from_32_bits(image: Image.Image, samples: Samples | None) -> Image.Image:
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
    return _scaled(image, low, high)


def _scaled(image: Image.Image, black: float, white: float) -> Image.Image:
    scale = 255 / (white - black) if white != black else 0.0
    grey = image.point(lambda value: value * scale - black * scale).convert("L")
    grey.info.pop("transparency", None)
    return grey
