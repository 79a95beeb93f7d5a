"""The vocabulary for rows that carry a perceptual hash."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models

from hashing.conf import hashing_settings
from hashing.facts import NO_FACTS
from hashing.guarded_update import GuardedUpdateQuerySet
from hashing.perceptual_hash import HASH_VERSION

if TYPE_CHECKING:
    from hashing.models import HashedImage

M = TypeVar("M", bound=models.Model)


class HashedImageQuerySet(GuardedUpdateQuerySet[M]):
    """Rows of a model with the fields of `hashing.models.HashedImage`."""

    def update(self, **values: Any) -> int:
        """As Django's. A new file name takes what was known of the old file away, unless a hash comes with it."""
        if self.model.hash_source in values and "perceptual_hash" not in values:  # type: ignore[attr-defined]
            values = NO_FACTS | values
        return super().update(**values)

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None) -> int:
        """As Django's, and as `update`."""
        rows, names = list(objs), list(fields)
        if self.model.hash_source in names and "perceptual_hash" not in names:  # type: ignore[attr-defined]
            names = list(dict.fromkeys([*names, *NO_FACTS]))
            for row in rows:
                row.__dict__.update(NO_FACTS)
        return super().bulk_update(rows, names, batch_size)

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def hashed(self) -> Self:
        return self.filter(perceptual_hash__isnull=False)

    def unhashed(self) -> Self:
        """The to-do list of the backfill: never tried, and failed."""
        return self.filter(perceptual_hash__isnull=True)

    def never_tried(self) -> Self:
        return self.unhashed().filter(hash_error="")

    def failed(self) -> Self:
        return self.exclude(hash_error="")

    def same_hash_as(self, asset: HashedImage) -> Self:
        """Other rows with both hashes of this one. None for a picture that says too little to be searched by."""
        quality = asset.hash_quality
        if not asset.perceptual_hash or quality is None or quality < hashing_settings().MIN_QUALITY:
            return self.none()
        same = self.filter(perceptual_hash=asset.perceptual_hash, vertical_hash=asset.vertical_hash)
        return same.exclude(pk=asset.pk)

    def stale(self) -> Self:
        """Hashed by another version of the algorithm; its hashes compare with none of this one."""
        return self.hashed().exclude(hash_version=HASH_VERSION)
