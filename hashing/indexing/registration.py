"""Attach rows of a source to the assets that have their files, and detach them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from django.core.files.storage import Storage
from django.utils import timezone

from hashing.db.bulk_insert import insert_rows, insert_unless_taken
from hashing.db.paging import batches
from hashing.models.image_asset import CoOwner, ImageAsset
from hashing.sources.keys import SourceKey
from hashing.sources.source import ImageSource, OwnedFile
from hashing.sources.storages import find_storages, storage_key
from hashing.text import printable

logger = logging.getLogger(__name__)

FileId = tuple[Hashable, str]
MAX_NAME, MAX_ID = 500, 255
OWNER_FIELDS = ("source_type", "source_id", "source_field")
NEW_ASSET_FIELDS = ("image", "created_at", "hash_error", *OWNER_FIELDS)


@dataclass
class SyncCounts:
    """`added`: new assets. `replaced`: assets with another file than before. `shared`: rows that were given an asset
    that was there. `removed`: assets and co-owners whose row or file is gone. `left_out`: rows that cannot be
    registered; the log says which, and why."""

    added: int = 0
    replaced: int = 0
    shared: int = 0
    removed: int = 0
    left_out: int = 0

    def add(self, other: SyncCounts) -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def __str__(self) -> str:
        shown = [each.name for each in fields(self) if each.name != "left_out" or self.left_out]
        return ", ".join(f"{getattr(self, name)} {name.replace('_', ' ')}" for name in shown)

    @property
    def total(self) -> int:
        return self.added + self.replaced + self.shared + self.removed + self.left_out


@dataclass
class _Changes:
    """What is to be written for one batch of rows."""

    new: list[OwnedFile] = field(default_factory=list)
    renamed: list[ImageAsset] = field(default_factory=list)
    adopted: list[ImageAsset] = field(default_factory=list)
    overwritten: list[int] = field(default_factory=list)
    # Rows, each with the asset that it shares, or with the row whose asset is new as well.
    shared: list[tuple[OwnedFile, ImageAsset | OwnedFile]] = field(default_factory=list)
    detached: list[str] = field(default_factory=list)

    @property
    def counts(self) -> SyncCounts:
        replaced = len(self.renamed) + len(self.overwritten)
        return SyncCounts(added=len(self.new), replaced=replaced, shared=len(self.adopted) + len(self.shared))


class Registration:
    """Keeps the assets of one source in step with its rows, in the caller's transaction of the database `using`."""

    def __init__(self, source: ImageSource, using: str, *, dry_run: bool = False) -> None:
        """A `dry_run` counts changes without writing them."""
        self._source, self._using, self._dry_run = source, using, dry_run
        self._owner = {"source_type": source.source_type, "source_field": source.source_field}
        self._assets = ImageAsset._base_manager.using(using)
        self._co_owners = CoOwner._base_manager.using(using)
        self._storage_keys: dict[int, tuple[Storage, Hashable]] = {}

    def add(self, file: OwnedFile) -> ImageAsset | None:
        """Add the asset of a new row in one query. Return None where another asset has the name, or it does not fit."""
        if not self._fits(file):
            return None
        values = dict(zip(NEW_ASSET_FIELDS, self._new_values(file, timezone.now()), strict=True))
        pk = insert_unless_taken(ImageAsset, values, "image", self._using)
        if pk is None:
            return None
        asset = ImageAsset(pk=pk, **values)
        asset._state.adding, asset._state.db = False, self._using
        return asset

    def attach(self, files: Sequence[OwnedFile]) -> SyncCounts:
        """Give each file its asset: a new one, the row's own under another name, or the one that has the file."""
        fitting = [file for file in files if self._fits(file)]
        counts = SyncCounts(left_out=len(files) - len(fitting))
        names = self.registered_names([file.source_id for file in fitting])
        stale = [file for file in fitting if file.overwritten or names.get(file.source_id) != file.name]
        if stale:
            changes = self._plan(stale, {file.source_id for file in stale} & names.keys())
            if not self._dry_run:
                self._write(changes)
            counts.add(changes.counts)
        return counts

    def detach(self, source_ids: Iterable[str]) -> SyncCounts:
        """Take rows off their assets. What nobody else owns is deleted; the files stay."""
        counts = SyncCounts()
        for ids in batches(source_ids, 1000):
            shared = self._co_owners.filter(**self._owner, source_id__in=ids)
            owned = list(self._assets.filter(**self._owner, source_id__in=ids).order_by("pk"))
            counts.removed += len(owned) + shared.count()
            if not self._dry_run:
                shared.delete()
                self._hand_over(owned)
        return counts

    def registered_names(self, source_ids: Collection[str]) -> dict[str, str | None]:
        """Return the file names that the index has for these rows."""
        names: dict[str, str | None] = {}
        for ids in batches(source_ids):
            owned = self._assets.filter(**self._owner, source_id__in=ids).values_list("source_id", "image")
            shared = self._co_owners.filter(**self._owner, source_id__in=ids).values_list("source_id", "asset__image")
            names.update((source_id, name) for source_id, name in owned.union(shared, all=True) if source_id)
        return names

    def _hand_over(self, assets: Sequence[ImageAsset]) -> None:
        """Give each asset to its first co-owner, and delete those that have none."""
        co_owners = self._co_owners.filter(asset__in=[asset.pk for asset in assets]).order_by("-pk")
        heirs = {each.asset_id: each for each in co_owners}
        inherited = [asset for asset in assets if asset.pk in heirs]
        for asset in inherited:
            _set_owner(asset, heirs[asset.pk].source_key)
        self._co_owners.filter(pk__in=[heir.pk for heir in heirs.values()]).delete()
        self._assets.bulk_update(inherited, OWNER_FIELDS)
        self._assets.filter(pk__in=[asset.pk for asset in assets if asset.pk not in heirs]).delete()

    def _fits(self, file: OwnedFile) -> bool:
        """Whether the columns of an asset are long enough."""
        fits = len(file.name) <= MAX_NAME and len(file.source_id) <= MAX_ID
        if not fits:
            logger.warning("A file is left out, its name or key is too long: %s", printable(str(self._key(file))))
        return fits

    def _plan(self, files: Sequence[OwnedFile], registered: Collection[str]) -> _Changes:
        own = {asset.source_id: asset for asset in self._owned_alone(registered)}
        # Rows may have swapped their files: an asset whose only owner leaves it has nothing to share.
        leaving = {own[file.source_id].pk for file in files if file.source_id in own and not file.overwritten}
        there: dict[FileId, ImageAsset | OwnedFile] = dict(self._assets_of(files, leaving))
        changes = _Changes()
        for file in files:
            file_id = self._file_id(file.storage, file.name)
            found, mine = there.get(file_id), own.get(file.source_id)
            if file.overwritten and isinstance(found, ImageAsset):
                changes.overwritten.append(found.pk)
            elif mine is not None and found is None:
                there[file_id] = _rename(mine, file.name)
                changes.renamed.append(mine)
            else:
                changes.detached += [file.source_id] if file.source_id in registered else []
                self._plan_owner(file, found, changes)
                there.setdefault(file_id, file)
        return changes

    def _plan_owner(self, file: OwnedFile, found: ImageAsset | OwnedFile | None, changes: _Changes) -> None:
        if found is None:
            changes.new.append(file)
        elif isinstance(found, ImageAsset) and found.source_type is None:
            _set_owner(found, self._key(file))
            changes.adopted.append(found)
        else:
            changes.shared.append((file, found))

    def _write(self, changes: _Changes) -> None:
        if changes.detached:
            self.detach(changes.detached)
        now = timezone.now()
        rows = [self._new_values(file, now) for file in changes.new]
        insert_rows(ImageAsset, NEW_ASSET_FIELDS, rows, self._using)
        if changes.renamed:
            ImageAsset.objects.using(self._using).bulk_update(changes.renamed, ["image"])
        if changes.adopted:
            self._assets.bulk_update(changes.adopted, OWNER_FIELDS)
        if changes.shared:
            self._share(changes.shared)
        if changes.overwritten:
            ImageAsset.objects.using(self._using).clear_hashes(changes.overwritten)

    def _new_values(self, file: OwnedFile, now: datetime) -> tuple[Any, ...]:
        """The values of `NEW_ASSET_FIELDS`."""
        return (file.name, file.age or now, "", *self._key(file))

    def _share(self, shared: Sequence[tuple[OwnedFile, ImageAsset | OwnedFile]]) -> None:
        new = [found.source_id for _, found in shared if isinstance(found, OwnedFile)]
        owned = self._assets.filter(**self._owner, source_id__in=new)
        pks = dict(owned.values_list("source_id", "pk"))
        self._co_owners.bulk_create(
            CoOwner(
                asset_id=pks[found.source_id] if isinstance(found, OwnedFile) else found.pk, **self._key(file)._asdict()
            )
            for file, found in shared
        )

    def _owned_alone(self, source_ids: Collection[str]) -> Iterable[ImageAsset]:
        """The assets of these rows that no other row owns as well."""
        alone = self._assets.filter(**self._owner, co_owners__isnull=True)
        return [asset for ids in batches(source_ids, 1000) for asset in alone.filter(source_id__in=ids)]

    def _assets_of(self, files: Sequence[OwnedFile], leaving: Collection[int]) -> dict[FileId, ImageAsset]:
        """The assets of these files, except those of `leaving`."""
        found: list[ImageAsset] = []
        for names in batches({file.name for file in files}):
            found += self._assets.filter(image__in=names).order_by("-pk")
        storages = find_storages({asset.source_key for asset in found}, self._using)
        return {
            self._file_id(storages[asset.source_key], asset.image.name or ""): asset
            for asset in found
            if asset.source_key in storages and asset.pk not in leaving
        }

    def _file_id(self, storage: Storage, name: str) -> FileId:
        # Describing a storage takes a system call. Kept with its key, so that no other one gets its id().
        if id(storage) not in self._storage_keys:
            self._storage_keys[id(storage)] = storage, storage_key(storage)
        return self._storage_keys[id(storage)][1], name

    def _key(self, file: OwnedFile) -> SourceKey:
        return SourceKey(self._source.source_type, file.source_id, self._source.source_field)


def _set_owner(asset: ImageAsset, key: SourceKey) -> None:
    asset.source_type, asset.source_id, asset.source_field = key


def _rename(asset: Any, name: str) -> ImageAsset:
    asset.image = name
    return asset  # type: ignore[no-any-return]
