"""Image assets as records: the file, who owns it, and everything that is computed from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.files.storage import Storage, storages

from hashing.db.paging import Row, pages_by_key
from hashing.models.hash_fields import HASH_FIELDS
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.keys import SourceKey
from hashing.sources.storages import find_storages, is_same_storage

OWNER_FIELDS = ("source_type", "source_id", "source_field")
READ_FIELDS = (*OWNER_FIELDS, "image", *HASH_FIELDS)
HASH_COLUMNS = ("pk", *OWNER_FIELDS, "image", "storage", *HASH_FIELDS)
PAGE = 2000


def hash_records(rows: ImageAssetQuerySet[Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows by ascending key, with the names of the model's fields. They are read page by page."""
    for page in pages_by_key(rows, READ_FIELDS, PAGE):
        yield from records_of(page, rows.db)


def records_of(page: list[Row], using: str) -> Iterator[dict[str, Any]]:
    records = [dict(zip(("pk", *READ_FIELDS), row, strict=True)) for row in page]
    owners = [SourceKey.of(*(record[name] for name in OWNER_FIELDS)) for record in records]
    found = find_storages(owners, using)
    names = name_storages(found.values())
    for record, owner in zip(records, owners, strict=True):
        yield record | {"storage": names.get(id(found.get(owner)))}


def name_storages(found: Iterable[Storage]) -> dict[int, str]:
    """Return the name of each storage by its `id()`."""
    return {number: storage_name(storage) for number, storage in {id(each): each for each in found}.items()}


def storage_name(storage: Storage) -> str:
    """Return the alias of a storage in `STORAGES`, or the path of its class if it has none."""
    for alias in storages.backends:
        if is_same_storage(storage, storages[alias]):
            return alias
    kind = storage.__class__
    return f"{kind.__module__}.{kind.__qualname__}"
