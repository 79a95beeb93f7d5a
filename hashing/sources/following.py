"""What becomes of the asset of one row that was saved or deleted."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from hashing.db.locks import writing_transaction
from hashing.models.images import ImageAsset
from hashing.signals import file_saved
from hashing.sources.key import SourceKey
from hashing.sources.registration import Registration
from hashing.sources.signals import source_pk
from hashing.sources.source import ImageSource, OwnedFile


def follow_row(source: ImageSource, instance: Any, using: str, *, created: bool, uploaded: bool) -> None:
    """Give a row that was saved the asset of its file, or none if it has no file or takes no part.

    A row that is unchanged, or new with a file of its own, costs one query. The file is not opened.
    """
    key = SourceKey(source.source_type, str(source_pk(source, instance)), source.source_field)
    name = getattr(instance, source.field.attname).name or ""
    if name and not _takes_part(source, instance):
        name = ""
    registration = Registration(source, using)
    registered = None if created else registration.registered_names([key.source_id]).get(key.source_id)
    if not name:
        if registered is not None:
            follow_deletion(source, key.source_id, using)
        return
    if registered == name and not uploaded:
        return
    row = instance if isinstance(instance, source.model) else source.model._base_manager.get(pk=instance.pk)
    file = OwnedFile(key.source_id, name, source.storage(row), source.age(row), overwritten=registered == name)
    if created and (asset := registration.add(file)):
        file_saved.send(ImageAsset, instance=asset, created=True, using=using)
        return
    with writing_transaction(using):
        registration.attach([file])
        _announce(key, using, created=registered is None)


def follow_deletion(source: ImageSource, source_id: str, using: str) -> None:
    """Take a row that is gone off its asset."""
    registration = Registration(source, using)
    if source_id in registration.registered_names([source_id]):
        with transaction.atomic(using=using):
            registration.detach([source_id])


def _takes_part(source: ImageSource, instance: Any) -> bool:
    if type(source).rows is ImageSource.rows and isinstance(instance, source.model):
        return True
    return source.rows().using(instance._state.db).filter(pk=source_pk(source, instance)).exists()


def _announce(key: SourceKey, using: str, *, created: bool) -> None:
    """Let the new file be hashed as `ON_UPLOAD` says. A co-owner's file is there already."""
    asset = ImageAsset._base_manager.using(using).filter(**key._asdict()).first()
    if asset is not None and asset.perceptual_hash is None and not asset.hash_error:
        file_saved.send(ImageAsset, instance=asset, created=created, using=using)
