from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

HASH_VERSION = 1

# Bits of `perceptual_hash` and of `vertical_hash`, and of these two small hashes together.
HASH_BITS = 64
SMALL_BITS = 2 * HASH_BITS
DETAIL_BITS = 256
ALL_BITS = SMALL_BITS + DETAIL_BITS

_HEX = re.compile(r"[0-9a-fA-F]+")

Bits = TypeVar("Bits", int, "npt.NDArray[np.uint64]")


class InsideBox(NamedTuple):
    """Where the inside of a frame is, in thousandths of the width and of the height."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


class Inside(NamedTuple):
    """The hashes and the quality of what is inside a frame of one colour (docs/explanation/fingerprint.md)."""

    perceptual_hash: str
    vertical_hash: str
    detail_hash: str
    quality: int
    box: InsideBox


class Fingerprint(NamedTuple):
    """Two hashes of 16 hex characters, one of 64, quality 0 to 100, and the upright size in pixels.

    `inside` is None for a picture without a frame.
    """

    perceptual_hash: str
    vertical_hash: str
    detail_hash: str
    quality: int
    width: int
    height: int
    inside: Inside | None = None


class FileDetails(NamedTuple):
    """What distinguishes files with the same picture. The names are those of the columns of `ImageAsset`.

    `jpeg_quality` is 1 to 100, or None for other formats. `taken_at` has a time zone only if the file says which.
    """

    file_format: str
    jpeg_quality: int | None
    is_transparent: bool
    exif_count: int
    taken_at: datetime | None


class Hashes(NamedTuple, Generic[Bits]):
    """The three hashes of one picture as integers, or those of many as arrays.

    In an array, the last axis of `detail` has the four words of a hash, the most significant first.
    """

    perceptual: Bits
    vertical: Bits
    detail: Bits


def parse_hashes(perceptual_hash: str, vertical_hash: str, detail_hash: str) -> Hashes[int]:
    """Return the numbers that three hashes stand for. Raise `ValueError` for a text of another length or kind."""
    return Hashes(parse_hash(perceptual_hash), parse_hash(vertical_hash), parse_hash(detail_hash, DETAIL_BITS))


def parse_hash(text: str, bits: int = HASH_BITS) -> int:
    """Return the number that a hash of `bits` bits stands for. Raise `ValueError` for any other text."""
    if not is_hash(text, bits):
        raise ValueError(f"Not a hash of {bits // 4} hexadecimal characters: {text!r}")
    return int(text, 16)


def format_hash(number: int, bits: int = HASH_BITS) -> str:
    return f"{number:0{bits // 4}x}"


def is_hash(text: str, bits: int = HASH_BITS) -> bool:
    """Whether a text is a hash of `bits` bits: hexadecimal, in lower or upper case."""
    return len(text) == bits // 4 and _HEX.fullmatch(text) is not None


def hamming_distance(one: str, other: str) -> int:
    """Return the number of differing bits. Raise `ValueError` on bad hex or unequal lengths."""
    for text in (one, other):
        if not _HEX.fullmatch(text):
            raise ValueError(f"Not a hexadecimal hash: {text!r}")
    if len(one) != len(other):
        raise ValueError(f"Hashes of unequal length: {len(one)} and {len(other)} characters")
    return (int(one, 16) ^ int(other, 16)).bit_count()
