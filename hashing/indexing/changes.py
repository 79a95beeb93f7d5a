from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.files.storage import Storage

from hashing.db.paging import batches
from hashing.models.image_asset import ImageAsset
from hashing.sources.keys import SourceKey
from hashing.sources.source import ImageSource, OwnedFile
from hashing.sources.storages import find_storages, storage_key

# Two files are the same if both are equal: the storage and the name.
FileId = tuple[Hashable, str]


@dataclass
class IndexChanges:
    """The changes to the index that give some rows the assets of their files."""

    new: list[OwnedFile] = field(default_factory=list)
    # Assets that get the new name of their row's file.
    renamed: list[ImageAsset] = field(default_factory=list)
    # Assets without an owner that get one.
    adopted: list[ImageAsset] = field(default_factory=list)
    # Keys of assets whose file has new contents.
    overwritten: list[int] = field(default_factory=list)
    # Rows, each with the asset that it shares, or with the row whose asset is new as well.
    shared: list[tuple[OwnedFile, ImageAsset | OwnedFile]] = field(default_factory=list)
    # Keys of rows that leave their former asset.
    detached: list[str] = field(default_factory=list)


class AssetLookup:
    """Finds assets by their files."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._storage_keys: dict[int, tuple[Storage, Hashable]] = {}

    def find(self, files: Sequence[OwnedFile], leaving: Collection[int]) -> dict[FileId, ImageAsset]:
        """Return the assets of these files, except those whose keys are in `leaving`."""
        found: list[ImageAsset] = []
        for names in batches({file.name for file in files}):
            found += ImageAsset._base_manager.using(self._using).filter(image__in=names).order_by("-pk")
        storages = find_storages({asset.source_key for asset in found}, self._using)
        return {
            self.file_id(storages[asset.source_key], asset.image.name or ""): asset
            for asset in found
            if asset.source_key in storages and asset.pk not in leaving
        }

    def file_id(self, storage: Storage, name: str) -> FileId:
        # A storage key takes a system call. The storage is kept with it, so that its id() is not used again.
        if id(storage) not in self._storage_keys:
            self._storage_keys[id(storage)] = storage, storage_key(storage)
        return self._storage_keys[id(storage)][1], name


def plan_changes(
    source: ImageSource, using: str, files: Sequence[OwnedFile], registered: Collection[str]
) -> IndexChanges:
    """Compare files with the index. `registered` are the keys of those rows that have an asset."""
    own = sole_assets(source, using, registered)
    # Rows may have swapped their files: an asset whose only owner leaves it cannot be shared.
    leaving = {own[file.source_id].pk for file in files if file.source_id in own and not file.overwritten}
    lookup = AssetLookup(using)
    taken: dict[FileId, ImageAsset | OwnedFile] = dict(lookup.find(files, leaving))
    changes = IndexChanges()
    for file in files:
        file_id = lookup.file_id(file.storage, file.name)
        found, mine = taken.get(file_id), own.get(file.source_id)
        if file.overwritten and isinstance(found, ImageAsset):
            changes.overwritten.append(found.pk)
        elif mine is not None and found is None:
            mine.image = file.name
            taken[file_id] = mine
            changes.renamed.append(mine)
        else:
            if file.source_id in registered:
                changes.detached.append(file.source_id)
            plan_owner(source, file, found, changes)
            taken.setdefault(file_id, file)
    return changes


def sole_assets(source: ImageSource, using: str, source_ids: Collection[str]) -> dict[str, Any]:
    """Return the assets that only one of these rows owns, by the key of the row."""
    assets = ImageAsset._base_manager.using(using).filter(source.owner_filter, co_owners__isnull=True)
    return {
        str(asset.source_id): asset for ids in batches(source_ids, 1000) for asset in assets.filter(source_id__in=ids)
    }


def plan_owner(
    source: ImageSource, file: OwnedFile, found: ImageAsset | OwnedFile | None, changes: IndexChanges
) -> None:
    """Give a row a new asset, the one that was found for its file if nobody owns it, or a share of it."""
    if found is None:
        changes.new.append(file)
    elif isinstance(found, ImageAsset) and found.source_type is None:
        set_owner(found, SourceKey(source.source_type, file.source_id, source.source_field))
        changes.adopted.append(found)
    else:
        changes.shared.append((file, found))


def set_owner(asset: ImageAsset, key: SourceKey) -> None:
    asset.source_type, asset.source_id, asset.source_field = key
