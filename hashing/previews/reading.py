"""Small copies of the images, made when they are first viewed and kept in the storage of the image.

They are JPEGs, or WebP where an image is transparent.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import timedelta

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.utils import timezone

from hashing.conf import page_limits
from hashing.fingerprint.limits import DecodingLimit, DecodingLimits
from hashing.models.image_asset import ImageAsset
from hashing.previews.deletion import delete_in_storage
from hashing.previews.location import preview_digest, preview_name, preview_storage
from hashing.stored_files.availability import is_local
from hashing.workers.decoder import DecoderBusy
from hashing.workers.page_decoding import make_thumbnail
from hashing.workers.storages import local_copy

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

    Raise `ValueError` for a file that is not an image or on which a backfill gave up, `DecodingLimit` for one that is
    too much for the limits of a page, and anything that the storage raises.
    """
    if asset.hash_error:
        raise ValueError(asset.hash_error)
    name, storage = preview_name(asset, side), preview_storage(asset)
    if content := read_stored(storage, name):
        return content
    with _locks[hash(name) % len(_locks)]:
        if content := read_stored(storage, name):
            return content
        content = make_preview(asset, side)
        store(storage, name, content)
        # Also deletes the new preview if the row was deleted or changed meanwhile.
        row = ImageAsset._base_manager.using(asset._state.db).filter(pk=asset.pk).first()
        delete_in_storage(storage, {asset.pk: preview_digest(row) if row else None})
    return content


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
