"""From a decoded picture to its fingerprint."""

from __future__ import annotations

from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from hashing.dct import low_frequency_bits
from hashing.grid import shrink
from hashing.hash_quality import measure_quality
from hashing.limits import DEFAULT_MAX_PIXELS
from hashing.perceptual_hash import Fingerprint
from hashing.pixels import Picture, picture_from_pil, read_picture

# Formats of which `read_picture` decodes less, or more of what there is, than Pillow does.
_READ_FROM_FILE = (JpegImageFile, PngImageFile, TiffImageFile)


def fingerprint_of_file(file: IO[bytes], max_pixels: int = DEFAULT_MAX_PIXELS) -> Fingerprint:
    """Return what `compute_fingerprint` does."""
    try:
        return fingerprint_of_picture(read_picture(file, max_pixels))
    except ValueError as error:
        raise ValueError(f"Failed to process image: {error}") from error
    except MemoryError as error:
        # NumPy's own text is about arrays, and Python has none.
        raise MemoryError("Failed to process image: not enough memory to decode it") from error


def fingerprint_of_image(image: Image.Image) -> Fingerprint:
    """Return the fingerprint of an open image, from its file if its pixels were not loaded yet."""
    # A later frame (MPO is a kind of JPEG) lies elsewhere in its file.
    if isinstance(image, _READ_FROM_FILE) and image.tile and image.fp is not None and image.tell() == 0:
        return _of_unread_image(image.fp)
    try:
        return fingerprint_of_picture(picture_from_pil(image))
    except ValueError as error:
        raise ValueError(f"Failed to process image: {error}") from error


def fingerprint_of_picture(picture: Picture) -> Fingerprint:
    wide, tall, square = shrink(picture.grey, picture.box)
    return Fingerprint(
        perceptual_hash=_to_hex(wide[:, 1:] > wide[:, :-1]),
        vertical_hash=_to_hex(tall[1:] > tall[:-1]),
        detail_hash=_to_hex(low_frequency_bits(square)),
        quality=measure_quality(wide, tall),
        width=picture.width,
        height=picture.height,
    )


def _of_unread_image(file: IO[bytes]) -> Fingerprint:
    """From the file, as it would be without Pillow; decoding through the open image would change it."""
    position = file.tell()
    try:
        file.seek(0)
        return fingerprint_of_file(file)
    finally:
        file.seek(position)


def _to_hex(bits: npt.NDArray[np.bool_]) -> str:
    """Row by row, the first bit the most significant."""
    return np.packbits(bits).tobytes().hex()
