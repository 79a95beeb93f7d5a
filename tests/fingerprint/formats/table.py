"""Small pictures for the tests of all formats, and comparisons with other decoders."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from hashing.fingerprint.decoding import read_picture, read_thumbnail
from samples.pictures import photo

SIZE = (48, 40)
Pixels = np.ndarray[Any, Any]

RGB = np.asarray(photo(3, SIZE))
# From 0 to 255, so that scaling by the range of the values equals scaling by the range of their type.
GREY = np.asarray(ImageOps.autocontrast(photo(3, SIZE).convert("L")))
# All levels from transparent to opaque.
ALPHA = np.asarray(Image.linear_gradient("L").resize(SIZE))


def grey_of(rgb: Pixels) -> Pixels:
    """Return the luma of ITU-R 601, the grey of nearly every program."""
    if rgb.ndim == 2:
        return rgb.astype(float)
    return rgb[..., :3].astype(float) @ [0.299, 0.587, 0.114]


def on_white(colours: Pixels, alpha: Pixels) -> Pixels:
    """Blend 8-bit colours or greys with unassociated alpha."""
    share = alpha.astype(float) / 255
    if colours.ndim == 3:
        share = share[..., None]
    return colours * share + 255 * (1 - share)


def by_opencv(content: bytes) -> Pixels:
    """Decode with OpenCV: RGB or grey, upright, on white, in 8 bits."""
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None, "OpenCV cannot decode it"
    if pixels.dtype == np.uint16:
        pixels = pixels / 257
    if pixels.ndim == 2:
        return pixels
    colours = pixels[..., 2::-1]
    return on_white(colours, pixels[..., 3]) if pixels.shape[2] == 4 else colours


def assert_read_as(content: bytes, expected: Pixels, tolerance: float = 1.5) -> None:
    """Assert that hash and preview see the expected RGB or grey pixels, within `tolerance` levels."""
    grey = np.asarray(read_picture(io.BytesIO(content)).grey).astype(float)
    assert grey.shape == expected.shape[:2]
    assert np.abs(grey - grey_of(expected)).max() <= tolerance
    colours = np.asarray(read_thumbnail(io.BytesIO(content), max(grey.shape))).astype(float)
    if expected.ndim == 2:
        expected = np.dstack([expected] * 3)
    assert np.abs(colours - expected).max() <= tolerance


def assert_refused(content: bytes, reason: str) -> None:
    for read in (read_picture, lambda file: read_thumbnail(file, 40)):
        with pytest.raises(ValueError, match=reason):
            read(io.BytesIO(content))


def named(cases: dict[str, Any]) -> Iterable[Any]:
    """Return the parameters of a table with their names as ids."""
    return [pytest.param(case, id=name) for name, case in cases.items()]
