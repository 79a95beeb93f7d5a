"""Which storage has the file of an asset, and whether two storages are one."""

from __future__ import annotations

import logging
import os
import pickle
from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import Any

from django.apps import apps
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage, storages
from django.db import router
from django.db.models import Q

from hashing.sources.keys import SourceKey
from hashing.sources.registry import all_sources, find_source
from hashing.sources.source import ImageSource
from hashing.text import printable
from hashing.workers.storages import PickledStorage, StorageAlias, StorageField, StorageReference

logger = logging.getLogger(__name__)


class UnknownStorage(LookupError):
    """Nobody knows where the file of an asset is: its row or its source is gone, or does not say."""

    def __init__(self, key: SourceKey | None) -> None:
        super().__init__(f"The row that owns the file is gone, or does not say where it is: {key}")


def own_storage() -> Storage:
    """Return the storage of the assets that have no source."""
    storage: Storage = apps.get_model("hashing", "ImageAsset")._meta.get_field("image").storage
    return storage


def storages_in_use() -> list[Storage]:
    """Return the storages that can be known without reading rows, each once."""
    found = {storage_key(storage): storage for storage in (own_storage(), *(s.field.storage for s in all_sources()))}
    return list(found.values())


def in_storage(storage: Storage) -> Q:
    """Return a filter of the assets whose files are in this storage, as far as that is known without reading rows."""
    key = storage_key(storage)
    found = Q(source_type__isnull=True) if storage_key(own_storage()) == key else Q(pk__in=())
    for source in all_sources():
        if not source.storage_differs and storage_key(source.field.storage) == key:
            found |= Q(source_type=source.source_type, source_field=source.source_field)
    return found


def find_storage(key: SourceKey | None, using: str) -> Storage:
    """Return the storage that has the file of an asset with this source. Raises `UnknownStorage`."""
    found = find_storages([key], using)
    if key not in found:
        raise UnknownStorage(key)
    return found[key]


def find_storages(keys: Iterable[SourceKey | None], using: str) -> dict[SourceKey | None, Storage]:
    """Return the storage for each source key; without those that are not known any more.

    It takes no query, except one for each source whose storage differs from row to row.
    """
    found: dict[SourceKey | None, Storage] = {}
    by_label: defaultdict[str, list[SourceKey]] = defaultdict(list)
    for key in keys:
        if key is None:
            found[None] = own_storage()
        else:
            by_label[key.source_label].append(key)
    for of_source in by_label.values():
        source = find_source(of_source[0])
        if source is None:
            continue
        if not source.storage_differs:
            found.update(dict.fromkeys(of_source, source.field.storage))
            continue
        rows = source.rows_of((key.source_id for key in of_source), source_database(source, using))
        for key in of_source:
            if key.source_id in rows and (storage := storage_of_row(source, rows[key.source_id])):
                found[key] = storage
    return found


def storage_of_row(source: ImageSource, row: Any) -> Storage | None:
    """Return which storage has the file of a row, or None if the source cannot say it."""
    try:
        return source.storage(row)
    # A method of the site's own, which may fail for one row: the others must not wait for it.
    except Exception:
        logger.exception("Nobody knows in which storage the file of a row is: %s", printable(str(source.key_of(row))))
        return None


def source_database(source: Any, using: str) -> str:
    """Return the database of a source's rows: that of the assets, unless a router keeps them apart."""
    return using if router.allow_migrate_model(using, source.model) else router.db_for_write(source.model)


def storage_key(storage: Storage) -> Hashable:
    """Return a value that is equal for storages in which one name means one file."""
    # A lazy storage has the class and the methods of the one behind it.
    if isinstance(storage, FileSystemStorage) and storage.__class__.path is FileSystemStorage.path:
        return "file", os.path.realpath(storage.location)
    deconstruct = getattr(storage, "deconstruct", None)
    if deconstruct is None:
        return "object", id(storage)
    path, args, kwargs = deconstruct()
    return "storage", path, repr(args), repr(sorted(kwargs.items()))


def reference_to(storage: Storage) -> StorageReference | None:
    """Return what another process needs to find this storage; None if none can."""
    fields = [(s.model, s.field) for s in all_sources()]
    asset = apps.get_model("hashing", "ImageAsset")
    for model, field in [(asset, asset._meta.get_field("image")), *fields]:
        if field.storage is storage:
            return StorageField(model._meta.app_label, str(model._meta.model_name), field.name)
    for alias in storages.backends:
        if storages[alias] is storage:
            return StorageAlias(alias)
    try:
        return PickledStorage(pickle.dumps(storage))
    # Whatever the parts of a storage raise.
    except Exception:
        return None


def is_shared(storage: Storage) -> bool:
    """Whether other processes can open what is in this storage."""
    return not isinstance(storage, InMemoryStorage) and (
        isinstance(storage, FileSystemStorage) or reference_to(storage) is not None
    )
