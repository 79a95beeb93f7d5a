from __future__ import annotations

from typing import NamedTuple

HASH_VERSION = 1
HASH_BITS = 64
DETAIL_BITS = 256


class Fingerprint(NamedTuple):
    """Two hashes of 16 hex characters, one of 64, quality 0 to 100, and the upright size in pixels."""

    perceptual_hash: str
    vertical_hash: str
    detail_hash: str
    quality: int
    width: int
    height: int
