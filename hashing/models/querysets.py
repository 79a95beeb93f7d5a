from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any, Self, TypeVar

from django.db import models
from django.db.models import Q

from hashing.conf import hashing_settings
from hashing.db.bulk_update import BulkUpdateQuerySet
from hashing.db.paging import batches
from hashing.db.queryset_state import combinator, is_sliced
from hashing.db.retry import retry_transient
from hashing.db.transactions import begin, writing_transaction
from hashing.fingerprint.fingerprint import HASH_VERSION, Fingerprint, parse_hash
from hashing.models.hash_fields import REPLACED, clear_replaced, replaced_unless
from hashing.search.query import HashedRow, HashQuery, check_distance, check_hash_distance, digest_of, is_searchable
from hashing.search.similar import is_comparable, matches, matches_of_hash, same_files
from hashing.signals import files_replaced
from hashing.sources.registry import find_sources

M = TypeVar("M", bound=models.Model)


class ImageAssetQuerySet(BulkUpdateQuerySet[M]):
    """Rows of `ImageAsset`, or of a proxy of it."""

    def update(self, **values: Any) -> int:
        """Extend Django's method: a row that gets another file loses its hash, unless `values` bring a hash."""
        if "image" in values and "perceptual_hash" not in values:
            values = replaced_unless(Q(image=values["image"]), self.model) | values
        return super().update(**values)

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(
        self,
        objs: Iterable[M],
        fields: Iterable[str],
        batch_size: int | None = None,
        *,
        guards: Sequence[str] = (),
    ) -> int:
        """Extend `BulkUpdateQuerySet.bulk_update` as `update` does."""
        rows, names = list(objs), list(fields)
        write = partial(super().bulk_update, rows, names, batch_size, guards=guards)
        if "image" not in names or "perceptual_hash" in names:
            return write()
        alias = self.write_database
        with writing_transaction(alias):
            clear_replaced(self.using(alias), rows, [self.model._meta.pk])
            return write()

    bulk_update.alters_data = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,  # noqa: FBT001, FBT002
        update_conflicts: bool = False,  # noqa: FBT001, FBT002
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[M]:
        """Extend Django's method for the rows that it updates, as `update` does."""
        rows, names, unique = list(objs), list(update_fields or ()), list(unique_fields or ())
        create = partial(super().bulk_create, rows, batch_size, ignore_conflicts, update_conflicts, names, unique)
        if not (update_conflicts and unique) or "image" not in names or "perceptual_hash" in names:
            return create()
        meta: Any = self.model._meta
        alias, fields = self.write_database, [meta.pk if name == "pk" else meta.get_field(name) for name in unique]
        with writing_transaction(alias):
            clear_replaced(ImageAssetQuerySet(self.model, using=alias), rows, fields)
            return create()

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """Extend Django's method: lock the rows first, so that none is added to a group while it is being deleted."""
        delete, alias = super().delete, self.write_database
        if is_sliced(self) or combinator(self):
            return delete()

        def delete_locked() -> tuple[int, dict[str, int]]:
            with begin(alias):
                chosen = self.model._base_manager.using(alias).filter(pk__in=self.order_by().values("pk"))
                list(chosen.order_by("pk").select_for_update(of=("self",)).values_list("pk"))
                return delete()

        return retry_transient(delete_locked, alias)

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def clear_hashes(self, keys: Collection[Any]) -> None:
        """Mark rows as unhashed because the contents of their files changed, in the caller's transaction."""
        rows = self.using(self.write_database)
        for batch in batches(keys):
            rows.filter(pk__in=batch).update(**REPLACED)
        files_replaced.send(self.model, keys=list(keys), using=rows.db)

    def of_sources(self, labels: Iterable[str]) -> Self:
        """Return the assets of files that one of the sources owns: "blog.Photo.original", or "blog.Photo" for all of
        its fields. Raise `UnknownSource` for a label that the site does not have.
        """
        owned = Q(pk__in=())
        for source in chain.from_iterable(map(find_sources, labels)):
            owned |= Q(source_type=source.source_type, source_field=source.source_field)
        co_owners: Any = self.model._meta.get_field("co_owners").related_model
        return self.filter(owned | Q(pk__in=co_owners._base_manager.filter(owned).values("asset")))

    def hashed(self) -> Self:
        return self.filter(perceptual_hash__isnull=False)

    def unhashed(self) -> Self:
        """Return the rows that a backfill hashes: never tried, and failed."""
        return self.filter(perceptual_hash__isnull=True)

    def never_tried(self) -> Self:
        return self.unhashed().filter(hash_error="")

    def failed(self) -> Self:
        return self.unhashed().exclude(hash_error="")

    def stale(self) -> Self:
        """Return the rows with a hash of another version, which is compared only with hashes of that version."""
        # Not exclude(), which an index cannot answer.
        return self.hashed().filter(Q(hash_version__lt=HASH_VERSION) | Q(hash_version__gt=HASH_VERSION))

    def comparable(self, *, include_low_quality: bool = False) -> Self:
        """Return the rows with a hash of this version and a sufficient quality. An unknown quality is sufficient."""
        return self.hashed().filter(is_comparable(0 if include_low_quality else hashing_settings().MIN_QUALITY))

    def similar_to(
        self,
        asset_or_hash: HashedRow | Fingerprint | str,
        max_distance: int | None = None,
        *,
        any_orientation: bool = False,
        include_low_quality: bool = False,
    ) -> Self:
        """Return the rows that show the same picture, nearest first, without the asset itself. The search is exact.

        Rows are annotated with `distance`, 0 to 384: the bits in which all three hashes differ. A row matches within
        `max_distance`, by default `HASHING["MAX_DISTANCE"]`, by the rule of `docs/explanation/fingerprint.md`. Rows
        whose file is equal byte for byte to that of the asset always match, with a distance of 0. With
        `any_orientation`, mirrored, flipped and rotated copies match as well, and rows are annotated with
        `orientation`, a value of `hashing.fingerprint.orientations.Orientation`.

        Pictures with a frame of one colour also match by what is inside it, unless `HASHING["COMPARE_INSIDE_FRAMES"]`
        is off. The nearest match counts, and the annotation `framing` says which one it is, as a value of
        `hashing.fingerprint.similarity.Framing`: 0 if the frame of neither was removed, 1 if that of the row was, 2 if
        that of the asset was, 3 if both were. The inside has a quality of its own.

        Hashes of different versions are not compared: an asset is searched for among the rows that have its
        `hash_version`, a fingerprint and a hash alone among those of the current version.

        A hash of 16 hexadecimal characters is compared with `perceptual_hash` alone, of whole pictures: `distance` and
        `max_distance`, by default 5, are 0 to 64.

        Unless `include_low_quality`, rows below the minimum quality match only equal files, and so does an asset below
        it. Raise `ValueError` for limits outside their range, for a malformed hash, and for one hash in any
        orientation.
        """
        if isinstance(asset_or_hash, str):
            if any_orientation:
                raise ValueError("any_orientation needs all three hashes: search by an asset or a Fingerprint")
            rows = self.comparable(include_low_quality=include_low_quality)
            return matches_of_hash(rows, parse_hash(asset_or_hash), check_hash_distance(max_distance))
        rows, limit = self.all(), check_distance(max_distance)
        if isinstance(asset_or_hash, models.Model) and asset_or_hash.pk is not None:
            rows = rows.exclude(pk=asset_or_hash.pk)
        if not is_searchable(asset_or_hash, include_low_quality=include_low_quality):
            return same_files(rows, digest_of(asset_or_hash))
        options = {"any_orientation": any_orientation, "include_low_quality": include_low_quality}
        return matches(rows, HashQuery.of(asset_or_hash, limit, **options))
