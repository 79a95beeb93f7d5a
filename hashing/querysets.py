"""The vocabulary for rows that carry a perceptual hash."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models import Q
from django.db.models.lookups import GreaterThanOrEqual

from hashing.conf import hashing_settings
from hashing.facts import NO_FACTS
from hashing.guarded_update import GuardedUpdateQuerySet
from hashing.perceptual_hash import HASH_VERSION, Fingerprint
from hashing.search.bands import SearchQuality
from hashing.search.similar import matches_in_any_orientation, no_matches, upright_matches
from hashing.search.wanted import Limit, Wanted, is_searchable

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

    def comparable(self, *, include_low_quality: bool = False) -> Self:
        """Rows whose hash is of this version and says enough to be compared. A hash of unknown quality does."""
        rows = self.hashed().filter(Q(hash_version=HASH_VERSION) | Q(hash_version__isnull=True))
        if include_low_quality:
            return rows
        return rows.filter(GreaterThanOrEqual(SearchQuality(), hashing_settings().MIN_QUALITY))

    def similar_to(
        self,
        asset_or_hash: HashedImage | Fingerprint | str,
        max_distance: int = 5,
        *,
        confirm_distance: int | Limit | None = Limit.SAME,
        any_orientation: bool = False,
        include_low_quality: bool = False,
    ) -> Self:
        """The rows that show the same picture, nearest first, without the asset itself. Exact.

        A row matches when its perceptual hash differs in at most `max_distance` bits, 0 to 64, and its vertical hash
        in at most `confirm_distance`: by default the same limit, None to ask the first hash alone. Where only one
        hash is given, as 16 hexadecimal characters, it alone is compared. With `any_orientation`, copies that were
        mirrored, flipped or turned by quarters match as well.

        Rows are annotated with `distance`, `confirm_distance` (NULL when it is not known) and, with
        `any_orientation`, `orientation` (a value of `hashing.orientations.Orientation`).

        Rows below the minimum quality, and an asset below it, match nothing unless `include_low_quality`. An asset
        without a hash matches nothing. Raises `ValueError` for limits outside 0 to 64, for what is no hash, and
        where the vertical hash is needed and not given.

        Up to a distance of about 10 the answer comes from the indexes of `hashing.search.bands.band_indexes`; beyond
        that every row is looked at.
        """
        rows = self.comparable(include_low_quality=include_low_quality)
        if isinstance(asset_or_hash, models.Model):
            rows = rows.exclude(pk=asset_or_hash.pk)
            if not is_searchable(asset_or_hash, include_low_quality=include_low_quality):
                return no_matches(rows)
        wanted = Wanted.of(asset_or_hash, max_distance, confirm_distance)
        return matches_in_any_orientation(rows, wanted) if any_orientation else upright_matches(rows, wanted)

    def stale(self) -> Self:
        """Hashed by another version of the algorithm; its hashes compare with none of this one."""
        return self.hashed().exclude(hash_version=HASH_VERSION)
