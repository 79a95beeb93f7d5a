from __future__ import annotations

import hashlib
import logging
from typing import Any

from django.db import transaction

from hashing.backfill.run import hash_row
from hashing.conf import hashing_settings
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.grouping.signals import follow_upload
from hashing.models import ImageAsset
from hashing.perceptual_hash import compute_fingerprint
from hashing.signals import file_saved
from hashing.text import printable


def hash_uploaded_picture(upload: Any) -> ImageAsset:
    """Return an unsaved asset with the hashes of an upload, to search by. The upload is at its beginning afterwards.

    The picture is decoded in this process, within the limits of the site. Raises `ValueError` for what is no picture or
    too large, `MemoryError`, and `OSError` when the file cannot be read.
    """
    limits = hashing_settings()
    if upload.size > limits.MAX_BYTES:
        raise ValueError(f"Failed to process image: more than {limits.MAX_BYTES} bytes")
    upload.seek(0)
    try:
        found = compute_fingerprint(upload, limits.MAX_PIXELS)
        upload.seek(0)
        digest = hashlib.file_digest(upload, "sha256").hexdigest()
    finally:
        upload.seek(0)
    return ImageAsset(
        perceptual_hash=found.perceptual_hash,
        vertical_hash=found.vertical_hash,
        detail_hash=found.detail_hash,
        hash_quality=found.quality,
        hash_version=HASH_VERSION,
        file_digest=digest,
    )


logger = logging.getLogger(__name__)


def watch_uploads() -> None:
    file_saved.connect(follow_file, dispatch_uid="hashing.uploads")


def follow_file(instance: ImageAsset, *, created: bool, using: str, **_kwargs: Any) -> None:
    """Receiver of `file_saved`. After the commit, errors are logged; the upload stands."""
    name = instance.image.name or ""
    # What comes with a hash, or without a file, is not looked at.
    if created and not (name and _is_waiting(instance)):
        return

    # No partial(): when it fails, Django 5.2 looks for its __qualname__, which it has not, and fails for good.
    def follow() -> None:
        _follow_commit(instance, name, using, created=created)

    transaction.on_commit(follow, using=using, robust=True)


def _follow_commit(instance: ImageAsset, name: str, using: str, *, created: bool) -> None:
    # Without a key it was deleted in the same transaction.
    if instance.pk is None:
        return
    on_upload = hashing_settings().ON_UPLOAD
    # Not if it was saved twice in one transaction.
    waits = bool(name) and _is_waiting(instance)
    if waits and on_upload == "inline":
        _hash_inline(instance, name, using)
    if not created or instance.perceptual_hash:
        follow_upload(instance.pk, using)
    # Last, because the queue may be away: the row has left its former group, and the backfill finds it.
    if waits and on_upload == "task":
        _enqueue(instance, name, using)


def _is_waiting(instance: ImageAsset) -> bool:
    return instance.perceptual_hash is None and not instance.hash_error


def _hash_inline(instance: ImageAsset, name: str, using: str) -> None:
    try:
        written = hash_row(instance.pk, name, using)
    # Whatever it is, the row must not stay in the group of its former file. The backfill will meet the same error.
    except Exception:
        logger.exception("%s is not hashed, and is left to the backfill", instance.pk)
        return
    # The caller sees the hash, unless the instance has got another file by now.
    if instance.image.name == name:
        for field, value in written.items():
            setattr(instance, field, value)


def _enqueue(instance: ImageAsset, name: str, using: str) -> None:
    from hashing.tasks import hash_upload

    try:
        hash_upload.enqueue(instance.pk, name, using)
    # Whatever the client library of the queue raises.
    except Exception as error:
        logger.error("The queue takes no task, so %s is left to the backfill: %s", instance.pk, printable(str(error)))
