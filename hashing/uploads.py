from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import transaction

from hashing.backfill.run import hash_row
from hashing.backfill.writer import hash_fields_of
from hashing.conf import hashing_settings, page_limits
from hashing.fingerprint.limits import DecodingLimit, DecodingLimits, FileTooLarge, check_file_size
from hashing.grouping.signals import follow_upload
from hashing.log_events import LogEvent, error_kind, log_event
from hashing.models import ImageAsset
from hashing.signals import file_saved
from hashing.text import printable
from hashing.workers.page_decoding import hash_file, verify_file
from hashing.workers.storages import temporary_copy
from hashing.workers.worker import Job

logger = logging.getLogger(__name__)


def hash_uploaded_picture(upload: Any) -> ImageAsset:
    """Return an unsaved asset with the hash fields of an upload, to search by. The upload is at its start afterwards.

    Raise `DecodingLimit` for a file that is too much for the limits of a page, `ValueError` for one that is not a
    picture or too large, and `OSError` if the file cannot be read.
    """
    limits = page_limits()
    with path_of_upload(upload, limits) as path:
        outcome = hash_file(Job(None, upload.name, path), limits)
    if outcome.fingerprint is None:
        raise ValueError(outcome.error.removeprefix("ValueError: "))
    return ImageAsset(**hash_fields_of(outcome))


def verify_upload(upload: Any) -> None:
    """Check that an upload is a picture. The upload is at its start afterwards.

    Raise the errors of `hash_uploaded_picture`.
    """
    limits = page_limits()
    with path_of_upload(upload, limits) as path:
        verify_file(path, limits)


@contextmanager
def path_of_upload(upload: Any, limits: DecodingLimits) -> Iterator[str]:
    """Yield the path of the file of an upload, or of a copy. Raise `ValueError` for one that is too large."""
    try:
        check_file_size(upload.size, limits.max_bytes)
        if isinstance(upload, TemporaryUploadedFile):
            upload.flush()
            yield upload.temporary_file_path()
            return
        upload.seek(0)
        with temporary_copy(upload, limits.max_bytes) as path:
            yield path
    except FileTooLarge as error:
        raise ValueError(f"Failed to process image: {error}") from error
    finally:
        upload.seek(0)


def connect_uploads() -> None:
    file_saved.connect(hash_saved_file, dispatch_uid="hashing.uploads")


def hash_saved_file(instance: ImageAsset, *, created: bool, using: str, **_kwargs: Any) -> None:
    """Receiver of `file_saved`. Hashes after the commit; errors are logged and do not affect the upload."""
    name = instance.image.name or ""
    # A new row that has a hash already, or no file, needs nothing.
    if created and not (name and needs_hash(instance)):
        return

    # Not a partial(): if that fails, Django 5.2 raises another error, because it has no __qualname__.
    def process() -> None:
        process_saved_file(instance, name, using, created=created)

    transaction.on_commit(process, using=using, robust=True)


def process_saved_file(instance: ImageAsset, name: str, using: str, *, created: bool) -> None:
    """Hash the file and update the groups of duplicates, as `ON_UPLOAD` says."""
    # Without a key, the row was deleted in the same transaction.
    if instance.pk is None:
        return
    on_upload = hashing_settings().ON_UPLOAD
    # False if the row was saved twice in one transaction.
    is_waiting = bool(name) and needs_hash(instance)
    if is_waiting and on_upload == "inline":
        hash_inline(instance, name, using)
    if not created or instance.perceptual_hash:
        follow_upload(instance.pk, using)
    # Last, because it may fail: by then the row has left its former group, and the backfill finds it.
    if is_waiting and on_upload == "task":
        enqueue(instance, name, using)


def needs_hash(instance: ImageAsset) -> bool:
    return instance.perceptual_hash is None and not instance.hash_error


def hash_inline(instance: ImageAsset, name: str, using: str) -> None:
    instance.left_to_backfill = ""
    try:
        written = hash_row(instance.pk, name, using)
    except DecodingLimit as limit:
        instance.left_to_backfill = str(limit)
        return
    # Any error: the row must still leave the group of its former file. The backfill will report the same error.
    except Exception as error:
        pk, kind = instance.pk, error_kind(error)
        message, event = "Image %s is not hashed, and is left to the backfill", LogEvent.UPLOAD_FAILED
        log_event(logger, event, message, pk, exc_info=error, asset=pk, error_kind=kind)
        return
    # Let the caller see the hash, unless the instance has another file by now.
    if instance.image.name == name:
        for field, value in written.items():
            setattr(instance, field, value)


def enqueue(instance: ImageAsset, name: str, using: str) -> None:
    # Django 5.2 has no Tasks interface, and its package is optional.
    from hashing.tasks import hash_upload

    try:
        hash_upload.enqueue(instance.pk, name, using)
    # Anything that the client library of the queue raises.
    except Exception as error:
        pk, reason, kind = instance.pk, printable(str(error)), error_kind(error)
        message = "The queue is unavailable, so image %s is left to the backfill: %s"
        event = LogEvent.QUEUE_UNAVAILABLE
        log_event(logger, event, message, pk, reason, asset=pk, error_kind=kind)
