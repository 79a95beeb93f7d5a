from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.signals import setting_changed
from django.db import router, transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_save

from hashing.db.locks import writing_transaction
from hashing.indexing.registration import Registration
from hashing.models.image_asset import ImageAsset
from hashing.signals import file_saved
from hashing.sources.keys import SourceKey
from hashing.sources.registry import forget_sources, sources_of_model
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


UID = "hashing.sources"
# The names of the fields whose file is an upload, on the instance that is being saved.
UPLOADED = "_hashing_uploaded_fields"


def connect_sources() -> None:
    """Listen to the models of the sources alone: a receiver of every model would slow down all deletions of a site."""
    for model in apps.get_models(include_auto_created=True):
        if sources_of_model(model):
            pre_save.connect(_note_uploads, sender=model, dispatch_uid=UID)
            post_save.connect(_follow_save, sender=model, dispatch_uid=UID)
            post_delete.connect(_follow_deletion, sender=model, dispatch_uid=UID)
    setting_changed.connect(_reconnect, dispatch_uid=UID)


def disconnect_sources() -> None:
    for model in apps.get_models(include_auto_created=True):
        for signal in (pre_save, post_save, post_delete):
            signal.disconnect(sender=model, dispatch_uid=UID)


def _reconnect(setting: str, **_kwargs: Any) -> None:
    """Receiver of a signal that is sent in tests alone."""
    if setting == "HASHING":
        disconnect_sources()
        forget_sources()
        connect_sources()


def _note_uploads(sender: type[Model], instance: Any, *, raw: bool, **_kwargs: Any) -> None:
    """Receiver of `pre_save`. A storage may give an upload the name of the file that it replaces."""
    if raw:
        return
    names = {source.field.attname for source in sources_of_model(sender)} - instance.get_deferred_fields()
    files = {name: getattr(instance, name) for name in names}
    setattr(instance, UPLOADED, {name for name, file in files.items() if file and not file._committed})


def _follow_save(
    sender: type[Model],
    instance: Any,
    *,
    created: bool,
    raw: bool,
    using: str,
    update_fields: frozenset[str] | None,
    **_kwargs: Any,
) -> None:
    """Receiver of `post_save`. What a fixture brings is registered by the next run of `sync_sources`."""
    if raw:
        return

    uploaded = instance.__dict__.pop(UPLOADED, set())
    deferred = instance.get_deferred_fields()
    for source in sources_of_model(sender):
        name = source.field.name
        if source.field.attname in deferred or not (update_fields is None or name in update_fields):
            continue
        follow_row(source, instance, asset_database(using), created=created, uploaded=source.field.attname in uploaded)


def _follow_deletion(sender: type[Model], instance: Any, using: str, **_kwargs: Any) -> None:
    """Receiver of `post_delete`."""

    for source in sources_of_model(sender):
        follow_deletion(source, str(source_pk(source, instance)), asset_database(using))


def source_pk(source: ImageSource, instance: Any) -> Any:
    """Return the key of the source's row, from an instance of its model, or of a child, proxy or parent of that."""
    if isinstance(instance, source.model):
        return getattr(instance, source.model._meta.pk.attname)
    return instance.pk


def asset_database(using: str) -> str:
    """Return the database of the assets of rows in this one: the same, unless a router keeps them apart."""
    model = apps.get_model("hashing", "ImageAsset")
    return using if router.allow_migrate_model(using, model) else router.db_for_write(model)
