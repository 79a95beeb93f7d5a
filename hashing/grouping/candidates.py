"""The rows that may be in a group, with the columns that are compared."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Self

from hashing.conf import hashing_settings
from hashing.db.paging import rows_with_keys
from hashing.fingerprint.fingerprint import HASH_VERSION, Hashes, parse_hashes
from hashing.fingerprint.similarity import BEST_QUALITY, Part
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet


class HashedPart(NamedTuple):
    hashes: Hashes[int]
    quality: int


class StoredFingerprint(NamedTuple):
    """The columns of an asset that its distance to another one is computed from.

    Those of the inside are None without a frame, and where the site compares no insides.
    """

    perceptual_hash: str | None
    vertical_hash: str | None
    detail_hash: str | None
    hash_quality: int | None
    file_digest: str | None
    hash_version: int | None
    inside_perceptual_hash: str | None = None
    inside_vertical_hash: str | None = None
    inside_detail_hash: str | None = None
    inside_quality: int | None = None

    @property
    def version(self) -> int:
        return HASH_VERSION if self.hash_version is None else self.hash_version

    @property
    def is_framed(self) -> bool:
        return self.inside_quality is not None

    @property
    def hashes(self) -> Hashes[int] | None:
        """The three hashes of the whole, None where one of them is missing."""
        return parsed(self.perceptual_hash, self.vertical_hash, self.detail_hash)

    @property
    def parts(self) -> dict[Part, HashedPart]:
        """The parts that have all three hashes."""
        inside = None
        if self.is_framed:
            inside = parsed(self.inside_perceptual_hash, self.inside_vertical_hash, self.inside_detail_hash)
        found = {Part.WHOLE: (self.hashes, self.hash_quality), Part.INSIDE: (inside, self.inside_quality)}
        return {
            part: HashedPart(hashes, BEST_QUALITY if quality is None else quality)
            for part, (hashes, quality) in found.items()
            if hashes
        }


def parsed(perceptual: str | None, vertical: str | None, detail: str | None) -> Hashes[int] | None:
    try:
        return parse_hashes(perceptual or "", vertical or "", detail or "")
    except ValueError:
        return None


class RankedRow(NamedTuple):
    """The columns of an asset by which it is ranked, and whether its file is a re-save of another one."""

    pk: Any
    image: str
    width: int | None
    height: int | None
    file_size: int | None
    file_format: str | None
    jpeg_quality: int | None
    exif_count: int | None
    taken_at: datetime | None
    source_type: str | None
    created_at: datetime
    hash_error: str
    inside_left: int | None
    inside_top: int | None
    inside_right: int | None
    inside_bottom: int | None
    is_resave: bool = False


RANKED_COLUMNS = tuple(name for name in RankedRow._fields if name not in {"pk", "is_resave"})
WHOLE_COLUMNS = tuple(name for name in StoredFingerprint._fields if not name.startswith("inside_"))


def fingerprint_columns() -> tuple[str, ...]:
    """Return the columns of a `StoredFingerprint` that the site compares."""
    return StoredFingerprint._fields if hashing_settings().COMPARE_INSIDE_FRAMES else WHOLE_COLUMNS


class CandidateRow(NamedTuple):
    """A row that may be in a group."""

    ranked: RankedRow
    fingerprint: StoredFingerprint

    @classmethod
    def of(cls, asset: ImageAsset) -> Self:
        columns = {name: getattr(asset, name) for name in RANKED_COLUMNS} | {"image": asset.image.name or ""}
        stored = StoredFingerprint(*(getattr(asset, name) for name in fingerprint_columns()))
        return cls(RankedRow(asset.pk, **columns), stored)


def read_candidates(rows: ImageAssetQuerySet[Any], keys: Iterable[Any]) -> dict[Any, CandidateRow]:
    """Return the rows with these keys. Rows that were deleted in the meantime are missing."""
    count = len(RANKED_COLUMNS)
    return {
        key: CandidateRow(RankedRow(key, *values[:count]), StoredFingerprint(*values[count:]))
        for key, *values in rows_with_keys(rows, keys, RANKED_COLUMNS + fingerprint_columns())
    }
