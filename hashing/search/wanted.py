"""What is searched for: the hashes of one picture, and how far away a match may be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Self

from hashing.conf import hashing_settings
from hashing.orientations import Orientation, orient
from hashing.perceptual_hash import HASH_BITS, HASH_VERSION, Fingerprint

if TYPE_CHECKING:
    from hashing.models import HashedImage

_HASH = re.compile(rf"[0-9a-f]{{{HASH_BITS // 4}}}")


class Limit(Enum):
    """`SAME`: the second hash has the limit of the first."""

    SAME = "same"


@dataclass(frozen=True)
class Wanted:
    """Hashes of 16 hexadecimal characters, and limits of 0 to 64 bits.

    `vertical` is None when only one hash is known, and `confirm_distance` when the second is not to be asked.
    """

    perceptual: str
    vertical: str | None
    max_distance: int
    confirm_distance: int | None

    @classmethod
    def of(
        cls, source: HashedImage | Fingerprint | str, max_distance: int, confirm_distance: int | Limit | None
    ) -> Self:
        """Raises `ValueError` for what is no hash, for a limit outside 0 to 64, and for a limit that nothing can meet:
        one for the second hash, where it is not known."""
        perceptual, vertical = hashes_of(source)
        if isinstance(confirm_distance, Limit):
            confirm_distance = max_distance if vertical else None
        for limit in (max_distance, confirm_distance or 0):
            if not 0 <= limit <= HASH_BITS:
                raise ValueError(f"A distance must be between 0 and {HASH_BITS}, not {limit}")
        if confirm_distance is not None and vertical is None:
            raise ValueError("confirm_distance needs the vertical hash as well: search by an asset or a Fingerprint")
        return cls(perceptual, vertical, max_distance, confirm_distance)

    def oriented(self, orientation: Orientation) -> Self:
        """Raises `ValueError` when the vertical hash is not known."""
        if self.vertical is None:
            raise ValueError("any_orientation needs the vertical hash as well: search by an asset or a Fingerprint")
        turned = orient(int(self.perceptual, 16), int(self.vertical, 16), orientation)
        perceptual, vertical = (f"{bits:0{HASH_BITS // 4}x}" for bits in turned)
        return type(self)(perceptual, vertical, self.max_distance, self.confirm_distance)


def hashes_of(source: HashedImage | Fingerprint | str) -> tuple[str, str | None]:
    """Both hashes, in lower case. Raises `ValueError` for what is none."""
    perceptual, vertical = (source, None) if isinstance(source, str) else (source.perceptual_hash, source.vertical_hash)
    hashes = tuple(None if text is None else text.lower() for text in (perceptual, vertical))
    for text in hashes:
        if text is not None and not _HASH.fullmatch(text):
            raise ValueError(f"Not a hash of {HASH_BITS // 4} hexadecimal characters: {text!r}")
    if hashes[0] is None:
        raise ValueError("There is no hash to search by")
    return hashes[0], hashes[1]


def is_searchable(asset: HashedImage, *, include_low_quality: bool) -> bool:
    """Whether a row has a hash of this version that says enough to be searched by."""
    if asset.perceptual_hash is None or asset.hash_version not in (HASH_VERSION, None):
        return False
    quality = asset.hash_quality
    return include_low_quality or quality is None or quality >= hashing_settings().MIN_QUALITY
