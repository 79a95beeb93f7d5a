"""The fingerprint of a picture, version 1: two small hashes, by which copies are found, and a large one that decides.

The picture is made grey and shrunk to a grid of 9 x 8 cells; each bit of `perceptual_hash` says whether the right
neighbour of a cell is brighter (dHash). `vertical_hash` does the same with a grid of 8 x 9 cells and the lower
neighbour. `detail_hash` says which of the 16 x 16 lowest frequencies of a grid of 64 x 64 cells are above their median
(pHash). Two copies of one picture differ in few bits, however they were resized or compressed.

Sources of the algorithms: Neal Krawetz, "Looks Like It" (2011) and "Kind of Like That" (2013), The Hacker Factor Blog.

Nothing here loads Pillow and NumPy before a picture is hashed: whoever compares hashes, Django's start included, needs
neither.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hashing.fingerprint.fingerprint import HASH_BITS, Fingerprint
from hashing.fingerprint.limits import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from PIL import Image

_HEX = re.compile(r"[0-9a-fA-F]+")


def compute_perceptual_hash(image_path: str | Path) -> str:
    """Hash an image file: 16 lower-case hex characters.

    Raises `FileNotFoundError`, and `ValueError("Failed to process image: ...")` for anything that is not a readable
    image.
    """
    from hashing.fingerprint.decoding import open_regular_file

    try:
        with open_regular_file(image_path) as file:
            return compute_fingerprint(file).perceptual_hash
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"Failed to process image: {error.strerror or error}") from error


def compute_perceptual_hash_from_pil(image: Image.Image) -> str:
    """Hash an open image, which is left as it is: 16 lower-case hex characters.

    An image whose pixels were not loaded yet is hashed from its file. Raises `ValueError("Failed to process image:
    ...")` when it cannot be decoded.
    """
    from hashing.fingerprint.compute import fingerprint_of_image

    return fingerprint_of_image(image).perceptual_hash


def compute_fingerprint(file: IO[bytes], max_pixels: int = DEFAULT_MAX_PIXELS) -> Fingerprint:
    """Return the hashes, quality and size of the image in a binary file.

    Raises `ValueError("Failed to process image: ...")` for what is no image, declares more than `max_pixels`
    pixels, or cannot be decoded, `MemoryError` when there is not enough memory for it, and `OSError` when the file
    cannot be read.
    """
    from hashing.fingerprint.compute import fingerprint_of_file

    return fingerprint_of_file(file, max_pixels)


def compute_hash_hamming_distance(hash1: str, hash2: str) -> int:
    """Number of bits in which two hashes differ, 0 to 64. Raises `ValueError` on bad hex or unequal lengths."""
    for text in (hash1, hash2):
        if not _HEX.fullmatch(text):
            raise ValueError(f"Not a hexadecimal hash: {text!r}")
    if len(hash1) != len(hash2):
        raise ValueError(f"Hashes of unequal length: {len(hash1)} and {len(hash2)} characters")
    return (int(hash1, 16) ^ int(hash2, 16)).bit_count()


def are_images_similar(hash1: str, hash2: str, threshold: int = 5) -> bool:
    """Whether two hashes differ in at most `threshold` bits. Raises `ValueError` for a threshold outside 0 to 64."""
    if not 0 <= threshold <= HASH_BITS:
        raise ValueError(f"Threshold must be between 0 and {HASH_BITS}, not {threshold}")
    return compute_hash_hamming_distance(hash1, hash2) <= threshold
