from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.signals import setting_changed
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_save

from hashing.db.transactions import writing_transaction
from hashing.indexing.owners import asset_database
from hashing.indexing.registration import Registration
from hashing.models.image_asset import ImageAsset
from hashing.models.image_file import is_upload
from hashing.signals import file_saved
from hashing.sources.keys import SourceKey
from hashing.sources.registry import forget_sources, sources_of_model
from hashing.sources.source import ImageSource, OwnedFile

UID = "hashing.sources"
# An attribute of an instance while it is saved: the names of the fields whose file is an upload.
UPLOADED = "_hashing_uploaded_fields"


def connect_sources() -> None:
    """Connect receivers for the models of the sources alone: a receiver for all models slows down every deletion."""
    for model in apps.get_models(include_auto_created=True):
        if sources_of_model(model):
            pre_save.connect(note_uploads, sender=model, dispatch_uid=UID)
            post_save.connect(index_saved_row, sender=model, dispatch_uid=UID)
            post_delete.connect(unindex_deleted_row, sender=model, dispatch_uid=UID)
    setting_changed.connect(reconnect_sources, dispatch_uid=UID)


def disconnect_sources() -> None:
    for model in apps.get_models(include_auto_created=True):
        for signal in (pre_save, post_save, post_delete):
            signal.disconnect(sender=model, dispatch_uid=UID)


def reconnect_sources(setting: str, **_kwargs: Any) -> None:
    """Receiver of `setting_changed`, which is sent only in tests."""
    if setting == "HASHING":
        disconnect_sources()
        forget_sources()
        connect_sources()


def note_uploads(sender: type[Model], instance: Any, *, raw: bool, **_kwargs: Any) -> None:
    """Receiver of `pre_save`: afterwards an upload with the name of the file that it replaces looks unchanged."""
    if raw:
        return
    names = {source.field.attname for source in sources_of_model(sender)} - instance.get_deferred_fields()
    files = {name: getattr(instance, name) for name in names}
    setattr(instance, UPLOADED, {name for name, file in files.items() if file and is_upload(file)})


def index_saved_row(
    sender: type[Model],
    instance: Any,
    *,
    created: bool,
    raw: bool,
    using: str,
    update_fields: frozenset[str] | None,
    **_kwargs: Any,
) -> None:
    """Receiver of `post_save`. Rows of a fixture are registered by the next `sync_sources`."""
    if raw:
        return
    uploaded = instance.__dict__.pop(UPLOADED, set())
    deferred = instance.get_deferred_fields()
    for source in sources_of_model(sender):
        name = source.field.attname
        if name not in deferred and (update_fields is None or source.field.name in update_fields):
            index_row(source, instance, asset_database(using), created=created, uploaded=name in uploaded)


def unindex_deleted_row(sender: type[Model], instance: Any, using: str, **_kwargs: Any) -> None:
    """Receiver of `post_delete`."""
    for source in sources_of_model(sender):
        unindex_row(source, source.key_of(instance).source_id, asset_database(using))


def index_row(source: ImageSource, instance: Any, using: str, *, created: bool, uploaded: bool) -> None:
    """Give a saved row the asset of its file, or none if it has no file or does not take part.

    An unchanged row, or a new one with a file of its own, costs one query. The file is not opened.
    """
    key = source.key_of(instance)
    name = getattr(instance, source.field.attname).name or ""
    if name and not takes_part(source, instance):
        name = ""
    registration = Registration(source, using)
    registered = None if created else registration.registered_names([key.source_id]).get(key.source_id)
    if not name:
        if registered is not None:
            unindex_row(source, key.source_id, using)
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
        announce_file(key, using, created=registered is None)


def takes_part(source: ImageSource, instance: Any) -> bool:
    """Whether a row is one of the `rows()` of the source, by default all rows of its model."""
    if type(source).rows is ImageSource.rows and isinstance(instance, source.model):
        return True
    return source.rows().using(instance._state.db).filter(pk=source.pk_of(instance)).exists()


def announce_file(key: SourceKey, using: str, *, created: bool) -> None:
    """Send `file_saved`, so that the file is hashed as `ON_UPLOAD` says; do nothing for a co-owner of another asset."""
    asset = ImageAsset._base_manager.using(using).filter(**key._asdict()).first()
    if asset is not None and asset.perceptual_hash is None and not asset.hash_error:
        file_saved.send(ImageAsset, instance=asset, created=created, using=using)


def unindex_row(source: ImageSource, source_id: str, using: str) -> None:
    """Detach a row from its asset."""
    registration = Registration(source, using)
    if source_id in registration.registered_names([source_id]):
        with transaction.atomic(using=using):
            registration.detach([source_id])
