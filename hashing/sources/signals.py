"""A row of a source that is saved or deleted takes its asset along, in the same transaction."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.signals import setting_changed
from django.db import router
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_save

from hashing.sources.registry import forget_sources, sources_of_model
from hashing.sources.source import ImageSource

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
    from hashing.sources.following import follow_row

    uploaded = instance.__dict__.pop(UPLOADED, set())
    deferred = instance.get_deferred_fields()
    for source in sources_of_model(sender):
        name = source.field.name
        if source.field.attname in deferred or not (update_fields is None or name in update_fields):
            continue
        follow_row(source, instance, asset_database(using), created=created, uploaded=source.field.attname in uploaded)


def _follow_deletion(sender: type[Model], instance: Any, using: str, **_kwargs: Any) -> None:
    """Receiver of `post_delete`."""
    from hashing.sources.following import follow_deletion

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
