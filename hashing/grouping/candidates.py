"""The rows that may be in a group, with the columns that are compared."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Self

from hashing.db.paging import rows_with_keys
from hashing.fingerprint.fingerprint import Hashes, parse_hashes
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet


class StoredFingerprint(NamedTuple):
    """The columns of an asset that its distance to another one is computed from."""

    perceptual_hash: str | None
    vertical_hash: str | None
    detail_hash: str | None
    hash_quality: int | None
    file_digest: str | None

    @property
    def hashes(self) -> Hashes[int] | None:
        """The three hashes, None where one of them is missing."""
        try:
            return parse_hashes(self.perceptual_hash or "", self.vertical_hash or "", self.detail_hash or "")
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
    is_resave: bool = False


RANKED_COLUMNS = tuple(name for name in RankedRow._fields if name not in {"pk", "is_resave"})


class CandidateRow(NamedTuple):
    """A row that may be in a group."""

    ranked: RankedRow
    fingerprint: StoredFingerprint

    @classmethod
    def of(cls, asset: ImageAsset) -> Self:
        columns = {name: getattr(asset, name) for name in RANKED_COLUMNS} | {"image": asset.image.name or ""}
        stored = StoredFingerprint(*(getattr(asset, name) for name in StoredFingerprint._fields))
        return cls(RankedRow(asset.pk, **columns), stored)


def read_candidates(rows: ImageAssetQuerySet[Any], keys: Iterable[Any]) -> dict[Any, CandidateRow]:
    """Return the rows with these keys. Rows that were deleted in the meantime are missing."""
    count = len(RANKED_COLUMNS)
    return {
        key: CandidateRow(RankedRow(key, *values[:count]), StoredFingerprint(*values[count:]))
        for key, *values in rows_with_keys(rows, keys, RANKED_COLUMNS + StoredFingerprint._fields)
    }
