"""What happens to a row that gets a new file.

The old file's hash leaves the row in the write that brings the new file (`HashedImage.save_base`). After the commit,
the new file is hashed: in this process, by a task, or by the next backfill, as `HASHING["ON_UPLOAD"]` says. Then the
row joins the duplicates that it has.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models.signals import post_save

from hashing.conf import hashing_settings
from hashing.grouping.upkeep import follow_upload, forget_former_file
from hashing.hash_row import hash_row
from hashing.models import HashedImage, ImageAsset
from hashing.previews import delete_previews


def watch_uploads() -> None:
    for model in apps.get_models():
        if issubclass(model, HashedImage):
            post_save.connect(hash_after_commit, sender=model, dispatch_uid="hashing.uploads")


def hash_after_commit(
    instance: HashedImage,
    *,
    created: bool,
    raw: bool,
    using: str,
    update_fields: frozenset[str] | None,
    **_kwargs: Any,
) -> None:
    """Receiver of `post_save`. An error in here, or later, is logged; the upload stands."""
    source = instance.hash_source
    if raw or not (update_fields is None or source in update_fields) or not _is_waiting(instance):
        return
    name = getattr(instance, source).name
    way = {"inline": _hash_inline, "task": _hash_by_task}.get(hashing_settings().ON_UPLOAD)

    # No partial(): when it fails, Django 5.2 looks for its __qualname__, which it has not, and fails for good.
    def hash_it() -> None:
        # No longer waiting when it was saved twice in one transaction, without a key when it was deleted.
        if instance.pk is None or not _is_waiting(instance):
            return
        if not created:
            forget_former_file(type(instance), instance.pk, using)
            if isinstance(instance, ImageAsset):
                delete_previews([instance.pk])
        if way:
            way(instance, name, using)
        if instance.perceptual_hash or not created:
            follow_upload(type(instance), instance.pk, using)

    transaction.on_commit(hash_it, using=using, robust=True)


def _is_waiting(instance: HashedImage) -> bool:
    deferred = instance.get_deferred_fields()
    return (
        not deferred & {instance.hash_source, "perceptual_hash", "hash_error"}
        and bool(getattr(instance, instance.hash_source))
        and instance.perceptual_hash is None
        and not instance.hash_error
    )


def _hash_inline(instance: HashedImage, name: str, using: str) -> None:
    written = hash_row(type(instance), instance.pk, name, using)
    # Without this, the caller's next save() would write the missing hash over the one that is there.
    if getattr(instance, instance.hash_source).name == name:
        for field, value in written.items():
            setattr(instance, field, value)


def _hash_by_task(instance: HashedImage, name: str, using: str) -> None:
    from hashing.tasks import hash_upload

    hash_upload.enqueue(instance._meta.label, instance._meta.pk.value_to_string(instance), name, using)
