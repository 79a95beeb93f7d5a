"""Deletes the previews of an image after the commit that deletes its row or gives it another file."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete

from hashing.models.image_asset import ImageAsset
from hashing.previews.deletion import delete_previews
from hashing.signals import files_replaced

UID = "hashing.previews"


class OutdatedKeys(threading.local):
    """Keys of rows, by database, until the commit. After a rollback some remain: their previews are made again."""

    def __init__(self) -> None:
        self.by_database: defaultdict[str, set[Any]] = defaultdict(set)


_outdated = OutdatedKeys()


def connect_previews() -> None:
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
