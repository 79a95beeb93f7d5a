"""The vocabulary for rows that carry a perceptual hash."""

from __future__ import annotations

from typing import Self, TypeVar

from django.db import models

from hashing.guarded_update import GuardedUpdateQuerySet
from hashing.perceptual_hash import HASH_VERSION

M = TypeVar("M", bound=models.Model)


class HashedImageQuerySet(GuardedUpdateQuerySet[M]):
    """Rows of a model with the fields of `hashing.models.HashedImage`."""

    def hashed(self) -> Self:
        return self.filter(perceptual_hash__isnull=False)

    def unhashed(self) -> Self:
        """The to-do list of the backfill: never tried, and failed."""
        return self.filter(perceptual_hash__isnull=True)

    def never_tried(self) -> Self:
        return self.unhashed().filter(hash_error="")

    def failed(self) -> Self:
        return self.exclude(hash_error="")

    def stale(self) -> Self:
        """Hashed by another version of the algorithm; its hashes compare with none of this one."""
        return self.hashed().exclude(hash_version=HASH_VERSION)
