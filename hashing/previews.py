"""Small copies of the images, made when they are first viewed and kept in the storage of the image.

They are JPEGs, or WebP where an image is transparent.

The previews of an asset are in a folder of their own, in which all of them are found when the image is deleted. Their
names cannot be guessed, and depend on the file and its hash: if either changes, a new preview is made, and the old one
is deleted.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import STATICFILES_STORAGE_ALIAS, settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, default_storage, storages
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete
from django.utils import timezone
from django.utils.crypto import salted_hmac

from hashing.conf import page_limits
from hashing.fingerprint.limits import DecodingLimit, DecodingLimits
from hashing.models.image_asset import ImageAsset
from hashing.signals import files_replaced
from hashing.sources.registry import all_sources
from hashing.sources.storages import own_storage, storage_key
from hashing.stored_files.availability import is_local
from hashing.text import first_line
from hashing.workers.decoder import DecoderBusy
from hashing.workers.page_decoding import make_thumbnail
from hashing.workers.storages import local_copy

logger = logging.getLogger(__name__)

UID = "hashing.previews"
# Hidden, so that imports leave it out.
FOLDER = ".previews"
# Storages add characters to a name that is taken.
PREVIEW_NAME = re.compile(r"[0-9a-f]{32}-[0-9]+\w*\.(jpg|webp)")
END_OF_JPEG = b"\xff\xd9"
MAX_NOTED = 10_000
# A younger incomplete file is still being written by another process.
WRITING_TIME = timedelta(seconds=60)

# Requests of one process for the same preview wait for the first one, instead of decoding the image as well.
_locks = [threading.Lock() for _ in range(64)]

# Files that this process has found to be too much for its limits, and why: a list of images may show them often.
_too_expensive: dict[tuple[str, DecodingLimits], str] = {}


def read_preview(asset: ImageAsset, side: int) -> bytes:
    """Return a copy whose longer side is at most `side` pixels: the stored one, or a new one, which is stored.

    It is a WebP if the asset is transparent, else a JPEG. Raises `ValueError` for a file that is not an image or on
    which a backfill gave up, `DecodingLimit` for one that is too much for the limits of a page, and anything that the
    storage raises.
    """
    if asset.hash_error:
        raise ValueError(asset.hash_error)
    suffix = "webp" if asset.is_transparent else "jpg"
    name = f"{folder_of(asset.pk)}/{preview_digest(asset)}-{side}.{suffix}"
    storage = preview_storage(asset)
    if content := read_stored(storage, name):
        return content
    with _locks[hash(name) % len(_locks)]:
        if content := read_stored(storage, name):
            return content
        content = make_preview(asset, side)
        store(storage, name, content)
        # Also deletes the new preview if the row was deleted or changed meanwhile.
        row = ImageAsset._base_manager.using(asset._state.db).filter(pk=asset.pk).first()
        delete_in_storage(storage, [asset.pk], lambda _key: preview_digest(row) if row else None)
    return content


def preview_digest(asset: ImageAsset) -> str:
    """Return a text that changes with the file, also under the same name, and with its hash.

    It is keyed with SECRET_KEY: who may not see an image cannot guess the address of its preview in the storage.
    """
    version = (asset.pk, asset.image.name, asset.file_version, asset.perceptual_hash, asset.file_size)
    return salted_hmac(UID, repr(version), algorithm="sha256").hexdigest()[:32]


def preview_type(asset: ImageAsset) -> str:
    """Return the content type of the previews of an asset."""
    return "image/webp" if asset.is_transparent else "image/jpeg"


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


def read_stored(storage: Storage, name: str) -> bytes | None:
    if not storage.exists(name):
        return None
    try:
        with storage.open(name, "rb") as file:
            content = bytes(file.read())
    except FileNotFoundError:
        return None
    # Incomplete if another process is writing it, or was killed while it did.
    return content if is_complete(content) else None


def is_complete(content: bytes) -> bool:
    if content.startswith(b"RIFF"):
        return len(content) == 8 + int.from_bytes(content[4:8], "little")
    return content.endswith(END_OF_JPEG)


def make_preview(asset: ImageAsset, side: int) -> bytes:
    limits, storage, name = page_limits(), asset.image.storage, asset.image.name or ""
    version = (preview_digest(asset), limits)
    if version in _too_expensive:
        raise DecodingLimit(_too_expensive[version])
    opening = nullcontext(storage.path(name)) if is_local(storage) else local_copy(storage, name, limits.max_bytes)
    try:
        with opening as path:
            return make_thumbnail(path, side, limits, keeps_alpha=bool(asset.is_transparent))
    except DecoderBusy:
        raise
    except DecodingLimit as limit:
        note_too_expensive(version, str(limit))
        raise


def note_too_expensive(version: tuple[str, DecodingLimits], reason: str) -> None:
    if len(_too_expensive) >= MAX_NOTED:
        _too_expensive.clear()
    _too_expensive[version] = reason


def store(storage: Storage, name: str, content: bytes) -> None:
    if storage.exists(name):
        if timezone.now() - storage.get_modified_time(name) < WRITING_TIME:
            return
        # An incomplete file of a process that was killed.
        storage.delete(name)
    stored = storage.save(name, ContentFile(content))
    if stored != name:
        # Another process was faster.
        storage.delete(stored)


def delete_previews(keys: Collection[Any]) -> None:
    """Delete all previews of the assets with these keys."""
    delete_other_previews(keys, lambda _key: None)


def delete_stale_previews(assets: Iterable[ImageAsset]) -> None:
    """Delete the previews of another file or hash than the assets have now."""
    by_key = {asset.pk: asset for asset in assets}
    delete_other_previews(by_key, lambda key: preview_digest(by_key[key]))


def delete_other_previews(keys: Collection[Any], current: Callable[[Any], str | None]) -> None:
    """Delete the previews of each key, except those with its `current` digest, in every storage that may have some."""
    for storage in preview_storages():
        delete_in_storage(storage, keys, current)


def delete_in_storage(storage: Storage, keys: Collection[Any], current: Callable[[Any], str | None]) -> None:
    """Do the same in one storage. Its errors are logged."""
    try:
        for key in keys_with_previews(storage, keys):
            digest, folder = current(key), folder_of(key)
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
    """Delete all previews and their folders. Raises anything that a storage raises."""
    for storage in preview_storages():
        for name in find_previews(storage):
            storage.delete(name)
        for folder in [*map(folder_of, list_folders(storage)), FOLDER]:
            delete_empty_folder(storage, folder)


def find_all_previews() -> Iterator[str]:
    """Yield the names of all previews in the storages, including those whose rows are gone."""
    for storage in preview_storages():
        yield from find_previews(storage)


def find_previews(storage: Storage) -> Iterator[str]:
    for key in list_folders(storage):
        names = storage.listdir(folder_of(key))[1]
        yield from (f"{folder_of(key)}/{name}" for name in names if PREVIEW_NAME.fullmatch(name))


def folder_of(key: Any) -> str:
    return f"{FOLDER}/{key}"


def list_folders(storage: Storage) -> list[str]:
    """Return the keys of present and former assets that have previews, as texts."""
    try:
        return list(storage.listdir(FOLDER)[0])
    except FileNotFoundError:
        return []


def delete_empty_folder(storage: Storage, folder: str) -> None:
    if local_root(storage) is None:
        return
    try:
        storage.delete(folder)
    except OSError:
        # Another process has just stored a preview in it.
        return


def local_root(storage: Storage) -> Path | None:
    # By its class, because storages in memory have paths as well.
    return Path(storage.path(FOLDER)) if isinstance(storage, FileSystemStorage) else None


class OutdatedKeys(threading.local):
    """Keys of rows, by database, until the commit. After a rollback some remain: their previews are made again."""

    def __init__(self) -> None:
        self.by_database: defaultdict[str, set[Any]] = defaultdict(set)


_outdated = OutdatedKeys()


def connect_previews() -> None:
    """Delete previews after the commit that deletes a row or gives it another file."""
    files_replaced.connect(note_replaced, dispatch_uid=UID)
    for model in apps.get_models():
        # The signal of a deletion through a proxy has the proxy as its sender.
        if issubclass(model, ImageAsset):
            post_delete.connect(note_deleted, sender=model, dispatch_uid=UID)


def note_deleted(instance: ImageAsset, using: str, **_kwargs: Any) -> None:
    delete_after_commit({instance.pk}, using)


def note_replaced(sender: type[Model], *, keys: Collection[Any], using: str, **_kwargs: Any) -> None:
    if issubclass(sender, ImageAsset):
        delete_after_commit(keys, using)


def delete_after_commit(keys: Collection[Any], using: str) -> None:
    _outdated.by_database[using].update(keys)
    transaction.on_commit(lambda: delete_previews(_outdated.by_database.pop(using, set())), using=using)
