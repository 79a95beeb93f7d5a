"""Where the previews of an asset are: in which storage, in which folder, under which names.

The previews of an asset have a folder of their own, in which all of them are found when the image is deleted. Their
names cannot be guessed, and depend on the file and its hash: if either changes, a new preview is made, and the old one
is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import Any

from django.conf import STATICFILES_STORAGE_ALIAS, settings
from django.core.files.storage import Storage, default_storage, storages
from django.utils.crypto import salted_hmac

from hashing.models.image_asset import ImageAsset
from hashing.sources.registry import all_sources
from hashing.sources.storages import own_storage, storage_key

SALT = "hashing.previews"
# Hidden, so that imports leave it out.
FOLDER = ".previews"
# Storages add characters to a name that is taken.
PREVIEW_NAME = re.compile(r"[0-9a-f]{32}-[0-9]+\w*\.(jpg|webp)")


def preview_name(asset: ImageAsset, side: int) -> str:
    suffix = "webp" if asset.is_transparent else "jpg"
    return f"{folder_of(asset.pk)}/{preview_digest(asset)}-{side}.{suffix}"


def preview_type(asset: ImageAsset) -> str:
    """Return the content type of the previews of an asset."""
    return "image/webp" if asset.is_transparent else "image/jpeg"


def folder_of(key: Any) -> str:
    return f"{FOLDER}/{key}"


def preview_digest(asset: ImageAsset) -> str:
    """Return a text that changes with the file, also under the same name, and with its hash.

    It is keyed with SECRET_KEY: who may not see an image cannot guess the address of its preview in the storage.
    """
    version = (asset.pk, asset.image.name, asset.file_version, asset.perceptual_hash, asset.file_size)
    return salted_hmac(SALT, repr(version), algorithm="sha256").hexdigest()[:32]


def preview_storage(asset: ImageAsset) -> Storage:
    """Return the storage of the image, which is as private as the image.

    For a storage that a source makes for one of its rows alone, and in which nobody would find the previews when the
    row is gone, return the default one.
    """
    storage = asset.image.storage
    known = map(storage_key, preview_storages())
    return storage if storage_key(storage) in known else default_storage


def preview_storages() -> list[Storage]:
    """Return the storages that may have previews: all those of the settings and of the fields of the sources."""
    configured = [storages[alias] for alias in settings.STORAGES if alias != STATICFILES_STORAGE_ALIAS]
    fields = [source.field.storage for source in all_sources()]
    found: dict[Hashable, Storage] = {}
    for storage in (default_storage, own_storage(), *fields, *configured):
        found.setdefault(storage_key(storage), storage)
    return list(found.values())


def find_all_previews() -> Iterator[str]:
    """Yield the names of all previews in the storages, including those whose rows are gone."""
    for storage in preview_storages():
        yield from find_previews(storage)


def find_previews(storage: Storage) -> Iterator[str]:
    for key in list_folders(storage):
        names = storage.listdir(folder_of(key))[1]
        yield from (f"{folder_of(key)}/{name}" for name in names if PREVIEW_NAME.fullmatch(name))


def list_folders(storage: Storage) -> list[str]:
    """Return the keys of present and former assets that have previews, as texts."""
    try:
        return list(storage.listdir(FOLDER)[0])
    except FileNotFoundError:
        return []
