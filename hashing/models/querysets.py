from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models import Case, F, Q, Value, When

from hashing.conf import hashing_settings
from hashing.db.bulk_update import GuardedUpdateQuerySet
from hashing.db.locks import writing_transaction
from hashing.db.paging import batches
from hashing.db.retry import retry_transient
from hashing.fingerprint.fingerprint import HASH_VERSION, Fingerprint, parse_hash
from hashing.models.image_file import is_upload
from hashing.search.query import HashQuery, check_distance, check_hash_distance, is_searchable
from hashing.search.similar import is_comparable, matches, matches_of_hash, same_files
from hashing.signals import files_replaced
from hashing.sources.registry import find_sources

EMPTY_HASH_FIELDS: dict[str, Any] = {
    "perceptual_hash": None,
    "vertical_hash": None,
    "detail_hash": None,
    "hash_quality": None,
    "hash_version": None,
    "hash_error": "",
    "hashed_at": None,
    "width": None,
    "height": None,
    "file_size": None,
    "file_digest": None,
}
HASH_FIELDS = tuple(EMPTY_HASH_FIELDS)


if TYPE_CHECKING:
    from hashing.models import ImageAsset

M = TypeVar("M", bound=models.Model)


class ImageAssetQuerySet(GuardedUpdateQuerySet[M]):
    """Rows of `hashing.models.ImageAsset`, or of a proxy of it."""

    def update(self, **values: Any) -> int:
        """As Django's. A row that gets another file loses its hash, unless a hash comes with the file."""
        if "image" in values and "perceptual_hash" not in values:
            is_same = Q(image=values["image"])
            kept = {
                name: Case(When(is_same, then=F(name)), default=_empty(self.model, name)) for name in EMPTY_HASH_FIELDS
            }
            kept["file_version"] = Case(When(is_same, then=F("file_version")), default=F("file_version") + 1)
            values = kept | values
        return super().update(**values)

    update.alters_data = True  # type: ignore[attr-defined]

    def bulk_update(self, objs: Iterable[M], fields: Iterable[str], batch_size: int | None = None) -> int:
        """As Django's, and as `update`."""
        rows, names = list(objs), list(fields)
        if "image" not in names or "perceptual_hash" in names:
            return super().bulk_update(rows, names, batch_size)
        self._for_write = True
        with writing_transaction(self.db):
            _clear_replaced(self.using(self.db), rows, [self.model._meta.pk])
            return super().bulk_update(rows, names, batch_size)

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
        """As Django's. The rows that it updates instead of creating them follow `update`."""
        rows, names, unique = list(objs), list(update_fields or ()), list(unique_fields or ())
        create = partial(super().bulk_create, rows, batch_size, ignore_conflicts, update_conflicts, names, unique)
        if not (update_conflicts and unique) or "image" not in names or "perceptual_hash" in names:
            return create()
        self._for_write = True
        with writing_transaction(self.db):
            meta = self.model._meta
            fields = [meta.pk if name == "pk" else meta.get_field(name) for name in unique]
            _clear_replaced(ImageAssetQuerySet(self.model, using=self.db), rows, fields)
            return create()

    bulk_create.alters_data = True  # type: ignore[attr-defined]

    def delete(self) -> tuple[int, dict[str, int]]:
        """As Django's, with the rows locked first: no group takes them in while what refers to them is collected."""
        self._for_write = True
        delete, alias = super().delete, self.db
        if self.query.is_sliced or self.query.combinator:
            return delete()

        def delete_locked() -> tuple[int, dict[str, int]]:
            with writing_transaction(alias):
                chosen = self.model._base_manager.using(alias).filter(pk__in=self.order_by().values("pk"))
                list(chosen.order_by("pk").select_for_update(of=("self",)).values_list("pk"))
                return delete()

        return retry_transient(delete_locked, alias)

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    @property
    def chosen_database(self) -> str | None:
        """What was said with `using()`. `db` would ask the router for a database to read from."""
        return getattr(self, "_db", None)

    def of_sources(self, labels: Iterable[str]) -> Self:
        """Assets whose file one of these sources owns: "blog.Photo.original", or all fields of "blog.Photo".

        Raises `UnknownSource` for a label that is none of the site's.
        """
        owned = Q(pk__in=())
        for source in chain.from_iterable(map(find_sources, labels)):
            owned |= source.owner_filter
        co_owners: Any = self.model._meta.get_field("co_owners").related_model
        return self.filter(owned | Q(pk__in=co_owners._base_manager.filter(owned).values("asset")))

    def clear_hashes(self, keys: Collection[Any]) -> None:
        """Make rows wait for being hashed, because their files have other contents, in the caller's transaction."""
        self._for_write = True
        for batch in batches(keys):
            self.filter(pk__in=batch).update(**EMPTY_HASH_FIELDS, file_version=F("file_version") + 1)
        files_replaced.send(self.model, keys=list(keys), using=self.db)

    def hashed(self) -> Self:
        return self.filter(perceptual_hash__isnull=False)

    def unhashed(self) -> Self:
        """The to-do list of the backfill: never tried, and failed."""
        return self.filter(perceptual_hash__isnull=True)

    def never_tried(self) -> Self:
        return self.unhashed().filter(hash_error="")

    def failed(self) -> Self:
        return self.unhashed().exclude(hash_error="")

    def comparable(self, *, include_low_quality: bool = False) -> Self:
        """Rows whose hash is of this version and says enough to be compared. A hash of unknown quality does."""
        return self.hashed().filter(is_comparable(0 if include_low_quality else hashing_settings().MIN_QUALITY))

    def similar_to(
        self,
        asset_or_hash: ImageAsset | Fingerprint | str,
        max_distance: int | None = None,
        *,
        any_orientation: bool = False,
        include_low_quality: bool = False,
    ) -> Self:
        """Return the rows that show the same picture, nearest first, without the asset itself. Exact.

        Rows are annotated with `distance`, 0 to 384: the bits in which all three hashes differ. What matches within
        `max_distance`, by default `HASHING["MAX_DISTANCE"]`, is the rule of `similarity.py`. Rows whose file is
        equal byte for byte to that of the asset always match, with a distance of 0. With `any_orientation`, copies that
        were mirrored, flipped or turned by quarters match as well, and rows are annotated with `orientation`, a value
        of `hashing.fingerprint.orientations.Orientation`.

        A hash given as 16 hexadecimal characters is compared with `perceptual_hash` alone, within 5 bits unless
        `max_distance`, 0 to 64, says otherwise; `distance` is the number of these bits.

        Rows below the minimum quality, and an asset below it, match nothing but equal files unless
        `include_low_quality`. Raises `ValueError` for limits outside their range, for what is no hash, and for one hash
        in any orientation.
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
            return same_files(rows, getattr(asset_or_hash, "file_digest", None))
        options = {"any_orientation": any_orientation, "include_low_quality": include_low_quality}
        return matches(rows, HashQuery.of(asset_or_hash, limit, **options))

    def stale(self) -> Self:
        """Hashed by another version of the algorithm; its hashes compare with none of this one."""
        return self.hashed().exclude(hash_version=HASH_VERSION)


def _empty(model: type[models.Model], name: str) -> Value:
    field: Any = model._meta.get_field(name)
    return Value(EMPTY_HASH_FIELDS[name], field)


def _clear_replaced(rows: ImageAssetQuerySet[Any], objs: Sequence[models.Model], unique: Sequence[Any]) -> None:
    """Clear the hash of the rows that the objects are about to give another file, in the caller's transaction.

    Rows and objects are matched by the values of the `unique` fields. All of them are locked, the others keep what
    they have.
    """
    names = [field.attname for field in unique]
    by_values = {tuple(getattr(each, name) for name in names): each for each in objs}
    locked = rows.order_by("pk").select_for_update(no_key=True)
    for batch in batches(by_values):
        found = locked.filter(**{f"{names[0]}__in": [values[0] for values in batch]})
        stored = found.values_list("pk", "image", *names)
        pairs = [(pk, name, by_values.get(tuple(values))) for pk, name, *values in stored]
        replaced = {pk: each for pk, name, each in pairs if each is not None and _has_other_file(each, name)}
        rows.filter(pk__in=replaced).update(**EMPTY_HASH_FIELDS, file_version=F("file_version") + 1)
        for each in replaced.values():
            each.__dict__.update(EMPTY_HASH_FIELDS)
        files_replaced.send(rows.model, keys=list(replaced), using=rows.db)


def _has_other_file(row: Any, stored: str | None) -> bool:
    """Whether the file is an upload, or has another name."""
    file = row.image
    return is_upload(file) or (file.name or "") != (stored or "")
