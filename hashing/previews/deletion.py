from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage, Storage

from hashing.models.image_asset import ImageAsset
from hashing.previews.location import (
    FOLDER,
    find_previews,
    folder_of,
    list_folders,
    preview_digest,
    preview_storages,
)
from hashing.text import first_line

logger = logging.getLogger(__name__)


def delete_previews(keys: Iterable[Any]) -> None:
    """Delete all previews of the assets with these keys."""
    delete_other_previews(dict.fromkeys(keys))


def delete_stale_previews(assets: Iterable[ImageAsset]) -> None:
    """Delete the previews of another file or hash than the assets have now."""
    delete_other_previews({asset.pk: preview_digest(asset) for asset in assets})


def delete_other_previews(digests: Mapping[Any, str | None]) -> None:
    """Delete the previews of each key, except those with its digest, in every storage that may have some."""
    for storage in preview_storages():
        delete_in_storage(storage, digests)


def delete_in_storage(storage: Storage, digests: Mapping[Any, str | None]) -> None:
    """Delete the previews of each key in one storage, except those with its digest. Errors are logged."""
    try:
        for key in keys_with_previews(storage, digests):
            digest, folder = digests[key], folder_of(key)
            names = storage.listdir(folder)[1]
            stale = [name for name in names if digest is None or not name.startswith(digest)]
            for name in stale:
                storage.delete(f"{folder}/{name}")
            if len(stale) == len(names):
                delete_empty_folder(storage, folder)
    # Anything that a storage raises: the rows are committed.
    except Exception as error:
        logger.warning("Previews could not be deleted: %s", first_line(error))


def keys_with_previews(storage: Storage, keys: Collection[Any]) -> list[Any]:
    """Return the keys that have a folder of previews, with as few calls of the storage as possible."""
    if root := local_root(storage):
        return [key for key in keys if (root / str(key)).is_dir()]
    if len(keys) <= 1:
        return list(keys)
    found = set(list_folders(storage))
    return [key for key in keys if str(key) in found]


def delete_all_previews() -> None:
    """Delete all previews and their folders. Raise anything that a storage raises."""
    for storage in preview_storages():
        for name in find_previews(storage):
            storage.delete(name)
        for folder in [*map(folder_of, list_folders(storage)), FOLDER]:
            delete_empty_folder(storage, folder)


def delete_empty_folder(storage: Storage, folder: str) -> None:
    if local_root(storage) is None:
        return
    try:
        storage.delete(folder)
    except OSError:
        # Another process has just stored a preview in it.
        return


def local_root(storage: Storage) -> Path | None:
    # Not by `storage.path()`, which storages in memory have as well.
    return Path(storage.path(FOLDER)) if isinstance(storage, FileSystemStorage) else None
