"""The public functions that hash one picture and compare two hashes. See docs/explanation/fingerprint.md for the bits.

Pillow and NumPy are imported when the first picture is hashed: comparing hashes, and the start of Django, need neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

from hashing.fingerprint.fingerprint import HASH_BITS, Fingerprint, hamming_distance
from hashing.fingerprint.limits import DEFAULT_MAX_PIXELS
from hashing.fingerprint.similarity import DEFAULT_HASH_DISTANCE

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "are_images_similar",
    "compute_fingerprint",
    "compute_hash_hamming_distance",
    "compute_perceptual_hash",
    "compute_perceptual_hash_from_pil",
]


def compute_perceptual_hash(image_path: str | Path) -> str:
    """Return the hash of an image file: 16 lower-case hex characters.

    Raise `FileNotFoundError`, or `ValueError("Failed to process image: ...")` for anything that is not a readable
    image.
    """
    from hashing.fingerprint.opening import open_regular_file

    try:
        with open_regular_file(image_path) as file:
            return compute_fingerprint(file).perceptual_hash
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(f"Failed to process image: {error.strerror or error}") from error


def compute_perceptual_hash_from_pil(image: Image.Image) -> str:
    """Return the hash of an open image, which stays unchanged: 16 lower-case hex characters.

    An image whose pixels were not loaded yet is hashed from its file. Raise `ValueError("Failed to process image:
    ...")` when it cannot be decoded.
    """
    from hashing.fingerprint.compute import fingerprint_of_image

    return fingerprint_of_image(image).perceptual_hash


def compute_fingerprint(file: IO[bytes], max_pixels: int = DEFAULT_MAX_PIXELS) -> Fingerprint:
    """Return the hashes, quality and size of the image in a binary file.

    Raise `ValueError("Failed to process image: ...")` when the content is no image, declares more than `max_pixels`
    pixels, or cannot be decoded; `MemoryError` when decoding needs more memory than there is; and `OSError` when the
    file cannot be read.
    """
    from hashing.fingerprint.compute import hash_image_file

    return hash_image_file(file, max_pixels).fingerprint


def compute_hash_hamming_distance(hash1: str, hash2: str) -> int:
    """Return the number of differing bits, 0 to 64. Raise `ValueError` on bad hex or unequal lengths."""
    return hamming_distance(hash1, hash2)


def are_images_similar(hash1: str, hash2: str, threshold: int = DEFAULT_HASH_DISTANCE) -> bool:
    """Whether two hashes differ in at most `threshold` bits. Raise `ValueError` for a threshold outside 0 to 64."""
    if not 0 <= threshold <= HASH_BITS:
        raise ValueError(f"Threshold must be between 0 and {HASH_BITS}, not {threshold}")
    return compute_hash_hamming_distance(hash1, hash2) <= threshold
