"""Attach rows of a source to the assets that have their files, and detach them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from django.utils import timezone

from hashing.models.images import CoOwner, ImageAsset
from hashing.paging import batches
from hashing.sources.key import SourceKey
from hashing.sources.source import ImageSource, OwnedFile
from hashing.sources.storages import find_storages, storage_key

logger = logging.getLogger(__name__)

FileId = tuple[Hashable, str]
MAX_NAME, MAX_ID = 500, 255


@dataclass
class SyncCounts:
    """`added`: new assets. `replaced`: assets with another file than before. `shared`: rows that were given an asset
    that was there. `removed`: assets and co-owners whose row or file is gone."""

    added: int = 0
    replaced: int = 0
    shared: int = 0
    removed: int = 0

    def add(self, other: SyncCounts) -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def __str__(self) -> str:
        return ", ".join(f"{getattr(self, each.name)} {each.name}" for each in fields(self))

    @property
    def total(self) -> int:
        return self.added + self.replaced + self.shared + self.removed


@dataclass
class _Changes:
    """What is to be written for one batch of rows."""

    new: list[ImageAsset] = field(default_factory=list)
    renamed: list[ImageAsset] = field(default_factory=list)
    adopted: list[ImageAsset] = field(default_factory=list)
    overwritten: list[int] = field(default_factory=list)
    shared: list[CoOwner] = field(default_factory=list)
    detached: list[str] = field(default_factory=list)

    @property
    def counts(self) -> SyncCounts:
        replaced = len(self.renamed) + len(self.overwritten)
        return SyncCounts(added=len(self.new), replaced=replaced, shared=len(self.adopted) + len(self.shared))


class Registration:
    """Keeps the assets of one source in step with its rows, in the caller's transaction of the database `using`."""

    def __init__(self, source: ImageSource, using: str, *, dry_run: bool = False) -> None:
        """With `dry_run`, changes are counted and not written."""
        self._source, self._using, self._dry_run = source, using, dry_run
        self._owner = {"source_type": source.source_type, "source_field": source.source_field}
        self._assets = ImageAsset._base_manager.using(using)
        self._co_owners = CoOwner._base_manager.using(using)

    def attach(self, files: Sequence[OwnedFile]) -> SyncCounts:
        """Give each file its asset: a new one, the row's own under another name, or the one that has the file."""
        stale = self._out_of_step(files)
        if not stale:
            return SyncCounts()
        changes = self._plan(stale)
        if not self._dry_run:
            self._write(changes)
        return changes.counts

    def detach(self, source_ids: Iterable[str]) -> SyncCounts:
        """Take rows off their assets. What nobody else owns is deleted; the files stay."""
        counts = SyncCounts()
        for ids in batches(source_ids, 1000):
            shared = self._co_owners.filter(**self._owner, source_id__in=ids)
            owned = list(self._assets.filter(**self._owner, source_id__in=ids).order_by("pk"))
            counts.removed += len(owned) + shared.count()
            if self._dry_run:
                continue
            shared.delete()
            heirs = self._first_co_owners(asset.pk for asset in owned)
            for asset in owned:
                if heir := heirs.get(asset.pk):
                    _set_owner(asset, heir.source_key)
            # The heirs first: their keys are unique in both tables, each by itself.
            self._co_owners.filter(pk__in=[heir.pk for heir in heirs.values()]).delete()
            inherited = [asset for asset in owned if asset.pk in heirs]
            self._assets.bulk_update(inherited, ["source_type", "source_id", "source_field"])
            self._assets.filter(pk__in=[asset.pk for asset in owned if asset.pk not in heirs]).delete()
        return counts

    def _first_co_owners(self, keys: Iterable[int]) -> dict[int, CoOwner]:
        found = self._co_owners.filter(asset__in=list(keys)).order_by("-pk")
        return {each.asset_id: each for each in found}

    def _out_of_step(self, files: Sequence[OwnedFile]) -> list[OwnedFile]:
        names = self.registered_names([file.source_id for file in files])
        files = [file for file in files if self._fits(file)]
        return [file for file in files if file.overwritten or names.get(file.source_id) != file.name]

    def _fits(self, file: OwnedFile) -> bool:
        """Whether the columns of an asset are long enough."""
        fits = len(file.name) <= MAX_NAME and len(file.source_id) <= MAX_ID
        if not fits:
            logger.warning("The file of %s is left out: its name or key is too long.", self._key(file))
        return fits

    def registered_names(self, source_ids: Collection[str]) -> dict[str, str | None]:
        """Return the file names that the index has for these rows."""
        names: dict[str, str | None] = {}
        for ids in batches(source_ids):
            owned = self._assets.filter(**self._owner, source_id__in=ids).values_list("source_id", "image")
            shared = self._co_owners.filter(**self._owner, source_id__in=ids).values_list("source_id", "asset__image")
            names.update((source_id, name) for source_id, name in owned.union(shared, all=True) if source_id)
        return names

    def _plan(self, files: Sequence[OwnedFile]) -> _Changes:
        own = {asset.source_id: asset for asset in self._owned_alone([file.source_id for file in files])}
        there, changes = self._assets_of(files), _Changes()
        # Rows may have swapped their files: an asset whose only owner leaves it has nothing to share.
        leaving = {own[file.source_id].pk for file in files if file.source_id in own and not file.overwritten}
        there = {file_id: asset for file_id, asset in there.items() if asset.pk not in leaving}
        for file in files:
            asset, mine = there.get(_file_id(file)), own.get(file.source_id)
            if asset is not None and mine is not None and asset.pk == mine.pk:
                changes.overwritten.append(mine.pk)
                continue
            if asset is None and mine is not None:
                _rename(mine, file.name)
                changes.renamed.append(mine)
                there[_file_id(file)] = mine
                continue
            changes.detached.append(file.source_id)
            if asset is None:
                there[_file_id(file)] = asset = self._new_asset(file)
                changes.new.append(asset)
            elif asset.source_type is None:
                _set_owner(asset, self._key(file))
                changes.adopted.append(asset)
            else:
                changes.shared.append(CoOwner(asset=asset, **self._key(file)._asdict()))
        return changes

    def _write(self, changes: _Changes) -> None:
        self.detach(changes.detached)
        self._assets.bulk_create(changes.new)
        ImageAsset.objects.using(self._using).bulk_update(changes.renamed, ["image"])
        self._assets.bulk_update(changes.adopted, ["source_type", "source_id", "source_field"])
        # Their assets have keys by now.
        self._co_owners.bulk_create([CoOwner(asset=co.asset, **co.source_key._asdict()) for co in changes.shared])
        if changes.overwritten:
            ImageAsset.objects.using(self._using).clear_hashes(changes.overwritten)

    def _owned_alone(self, source_ids: Sequence[str]) -> list[ImageAsset]:
        """The assets of these rows that no other row owns as well."""
        return [
            asset
            for ids in batches(source_ids, 1000)
            for asset in self._assets.filter(**self._owner, source_id__in=ids, co_owners__isnull=True)
        ]

    def _assets_of(self, files: Sequence[OwnedFile]) -> dict[FileId, ImageAsset]:
        """The assets that have these files already, whoever owns them."""
        found: list[ImageAsset] = []
        for names in batches({file.name for file in files}, 1000):
            found += self._assets.filter(image__in=names).order_by("-pk")
        storages = find_storages({asset.source_key for asset in found}, self._using)
        known = [(storages.get(asset.source_key), asset) for asset in found]
        return {(storage_key(storage), asset.image.name or ""): asset for storage, asset in known if storage}

    def _new_asset(self, file: OwnedFile) -> ImageAsset:
        key = self._key(file)._asdict()
        return ImageAsset(image=file.name, created_at=file.age or timezone.now(), **key)

    def _key(self, file: OwnedFile) -> SourceKey:
        return SourceKey(self._source.source_type, file.source_id, self._source.source_field)


def _file_id(file: OwnedFile) -> FileId:
    return storage_key(file.storage), file.name


def _set_owner(asset: ImageAsset, key: SourceKey) -> None:
    asset.source_type, asset.source_id, asset.source_field = key


def _rename(asset: Any, name: str) -> None:
    asset.image = name
