"""Small JPEG copies of the images: made when they are first looked at, and kept in the default storage.

The previews of an asset have a folder of their own, so that all of them are found when the image goes. Their names
follow from the file and its hash: with another file or hash, another preview is shown, and the old one is deleted.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete
from django.utils import timezone

from hashing.conf import hashing_settings
from hashing.models.image_asset import ImageAsset
from hashing.signals import files_replaced
from hashing.text import first_line

logger = logging.getLogger(__name__)

# Hidden: no import takes its files for images of the site.
FOLDER = ".previews"
# Storages add something to a name that is taken already.
PREVIEW_NAME = re.compile(r"[0-9a-f]{32}-[0-9]+\w*\.jpg")
END_OF_JPEG = b"\xff\xd9"
# A file that is incomplete for less long is still being written by another process.
WRITING_TIME = timedelta(seconds=60)

# Requests of one process for the same preview wait for the first of them instead of decoding the image as well.
_locks = [threading.Lock() for _ in range(64)]


def preview_digest(asset: ImageAsset) -> str:
    """Return text that differs when the file or its hash differs, under the same name too."""
    facts = (asset.image.name, asset.file_version, asset.perceptual_hash, asset.file_size)
    text = f"{asset._meta.label} {facts}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_preview(asset: ImageAsset, side: int) -> bytes:
    """Return a JPEG whose longer side is at most `side` pixels: the stored one, or a new one, which is stored.

    Raises `ValueError` for what is no image, and whatever the storage raises.
    """
    name = f"{_folder(asset.pk)}/{preview_digest(asset)}-{side}.jpg"
    if content := _stored(name):
        return content
    with _locks[hash(name) % len(_locks)]:
        if content := _stored(name):
            return content
        content = _made(asset, side)
        _store(name, content)
        _delete_outdated(asset)
    return content


def delete_previews(keys: Collection[Any]) -> None:
    """Delete all previews of the assets with these keys."""
    _delete_except(keys, lambda _key: None)


def find_all_previews() -> Iterator[str]:
    """Yield the names of all previews in the storage, also of those whose rows are gone."""
    for folder in _folders():
        names = default_storage.listdir(_folder(folder))[1]
        yield from (f"{_folder(folder)}/{name}" for name in names if PREVIEW_NAME.fullmatch(name))


def delete_all_previews() -> None:
    """Delete all previews and their folders. Raises whatever the storage raises."""
    for name in find_all_previews():
        default_storage.delete(name)
    for folder in [*map(_folder, _folders()), FOLDER]:
        _delete_empty_folder(folder)


def delete_stale_previews(assets: Iterable[ImageAsset]) -> None:
    """Delete the previews that show another file, or an earlier hash, than the assets have now."""
    by_key = {asset.pk: asset for asset in assets}
    _delete_except(by_key, lambda key: preview_digest(by_key[key]))


def watch_previewed_files() -> None:
    """Delete previews after the commit of what deletes a row or gives it another file."""
    files_replaced.connect(_note_replaced, dispatch_uid="hashing.previews")
    for model in apps.get_models():
        # Deleting by way of a proxy sends the signal of the proxy.
        if issubclass(model, ImageAsset):
            post_delete.connect(_note_deleted, sender=model, dispatch_uid="hashing.previews")


class _Outdated(threading.local):
    """Keys of rows, by database, until the commit. A rollback leaves some: their previews are made again."""

    def __init__(self) -> None:
        self.keys: defaultdict[str, set[Any]] = defaultdict(set)


_outdated = _Outdated()


def _note_deleted(instance: ImageAsset, using: str, **_kwargs: Any) -> None:
    _note({instance.pk}, using)


def _note_replaced(sender: type[Model], *, keys: Collection[Any], using: str, **_kwargs: Any) -> None:
    if issubclass(sender, ImageAsset):
        _note(keys, using)


def _note(keys: Collection[Any], using: str) -> None:
    _outdated.keys[using].update(keys)

    def delete() -> None:
        delete_previews(_outdated.keys.pop(using, set()))

    transaction.on_commit(delete, using=using)


def _folders() -> list[str]:
    """The keys of the assets, or former assets, that have previews, as texts."""
    try:
        return list(default_storage.listdir(FOLDER)[0])
    except FileNotFoundError:
        return []


def _folder(key: Any) -> str:
    return f"{FOLDER}/{key}"


def _stored(name: str) -> bytes | None:
    if not default_storage.exists(name):
        return None
    try:
        with default_storage.open(name, "rb") as file:
            content = bytes(file.read())
    except FileNotFoundError:
        return None
    # Another process may be writing it at this moment, or may have died while it did.
    return content if content.endswith(END_OF_JPEG) else None


def _made(asset: ImageAsset, side: int) -> bytes:
    from hashing.fingerprint.decoding import read_thumbnail

    with asset.image.storage.open(asset.image.name or "", "rb") as file:
        image = read_thumbnail(file, side, hashing_settings().MAX_PIXELS)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()


def _store(name: str, content: bytes) -> None:
    if default_storage.exists(name):
        if timezone.now() - default_storage.get_modified_time(name) < WRITING_TIME:
            return
        # Its writer died.
        default_storage.delete(name)
    stored = default_storage.save(name, ContentFile(content))
    if stored != name:
        # Another process was faster.
        default_storage.delete(stored)


def _delete_outdated(asset: ImageAsset) -> None:
    """Delete other previews of the asset, and the new one where the row was deleted or changed meanwhile."""
    row = ImageAsset._base_manager.using(asset._state.db).filter(pk=asset.pk).first()
    _delete_except([asset.pk], lambda _key: preview_digest(row) if row else None)


def _delete_except(keys: Collection[Any], current: Callable[[Any], str | None]) -> None:
    """Delete the previews of each key, except those with its current digest."""
    try:
        for key in _with_previews(keys):
            digest, folder = current(key), _folder(key)
            names = default_storage.listdir(folder)[1]
            stale = [name for name in names if digest is None or not name.startswith(digest)]
            for name in stale:
                default_storage.delete(f"{folder}/{name}")
            if len(stale) == len(names):
                _delete_empty_folder(folder)
    # Whatever a storage raises: it must not undo what happened to the rows.
    except Exception as error:
        logger.warning("Previews could not be deleted: %s", first_line(error))


def _with_previews(keys: Collection[Any]) -> list[Any]:
    """The keys that have a folder of previews, found with as few calls of the storage as possible."""
    root = _local_root()
    if root is not None:
        return [key for key in keys if (root / str(key)).is_dir()]
    if len(keys) <= 1:
        return list(keys)
    found = set(_folders())
    return [key for key in keys if str(key) in found]


def _local_root() -> Path | None:
    # Not by asking for a path: storages in memory have paths as well.
    return Path(default_storage.path(FOLDER)) if isinstance(default_storage, FileSystemStorage) else None


def _delete_empty_folder(folder: str) -> None:
    if _local_root() is None:
        return
    try:
        default_storage.delete(folder)
    except OSError:
        # Another process has just stored a preview in it.
        return
