"""Rows that may refer to given files: in any model, managed or not, and in any database of the site.

The rows are found by the base names of the files, and among images by size as well, because a link to a file may have
any name. Whether such a row refers to one of the files is decided in `references.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from django.apps import apps
from django.core.files.storage import Storage
from django.db import connections, transaction
from django.db.models import Count, FileField, Model, Q, QuerySet, Value

from hashing.db.base_names import BaseNameKey, PlainName
from hashing.db.paging import batches
from hashing.db.retry import retry_transient
from hashing.models import ImageAsset
from hashing.sources.registry import source_of_field
from hashing.sources.storages import UnknownStorage, find_storage, in_storage, storage_of_row, storages_in_use
from hashing.stored_files.identity import NamedFile

# Names with one of the base names whose files are compared.
MAX_NAMES = 50_000
# Images of one of the sizes, and images of unknown size, whose files are compared.
MAX_OF_SIZE, MAX_UNSIZED = 200_000, 5_000
KEYS_PER_QUERY = 1000
RETRY_PAUSES = (0.05, 0.5)

Keys = Collection[Any]


class TooManyRows(Exception):
    """More images have files of one size than can be compared."""


@dataclass(frozen=True)
class FileColumn:
    """A file field of a model in one database, or those rows of it whose files are in one storage.

    `storage` is None if it differs from row to row. Rows whose keys are in `excluded` are ignored.
    """

    model: type[Model]
    field: FileField
    using: str
    storage: Storage | None
    condition: Q | None = None
    excluded: Keys = ()

    @property
    def has_sizes(self) -> bool:
        return self.model is ImageAsset

    def files(self, names: Collection[str]) -> Iterator[NamedFile]:
        """Yield the files with these names, each with its storage. Raise `UnknownStorage`."""
        if self.storage is not None:
            yield from (NamedFile(self.storage, name) for name in names)
            return
        for batch in batches(names, KEYS_PER_QUERY):
            for row in self._fetch(self._rows().filter(**{f"{self.field.attname}__in": batch})):
                yield NamedFile(self._storage_of(row), getattr(row, self.field.attname).name)

    def names(self, keys: Collection[str]) -> tuple[set[str], set[str]]:
        """Return the names with one of these base name keys, and the keys that too many rows have to compare them."""
        rows = self._names_with_keys()
        names, crowded = set[str](), set[str]()
        for batch in batches(keys, KEYS_PER_QUERY):
            found = self._fetch(rows.filter(base_name_key__in=batch)[: MAX_NAMES + 1])
            if len(found) > MAX_NAMES:
                crowded |= (common := self._most_common(batch))
                found = self._fetch(rows.filter(base_name_key__in=set(batch) - common))
            names.update(found)
        return names, crowded

    def other_spellings(self, keys: Collection[str], names: Collection[str]) -> set[str]:
        """Return names with these base name keys that differ from the given ones only in case and slashes."""
        rows: Any = self._names_with_keys().filter(base_name_key__in=keys)
        rows = rows.alias(plain_name=PlainName(self.field.attname))
        plain = (PlainName(Value(name)) for name in names)
        return {name for some in batches(plain, 500) for name in self._fetch(rows.filter(plain_name__in=some))}

    def names_by_size(self, sizes: Collection[int]) -> set[str]:
        """Return the names of images of these sizes, and of those not hashed yet, whose size is unknown."""
        unsized = self._names().filter(perceptual_hash__isnull=True, file_size__isnull=True)
        names = set(self._fetch(unsized[: MAX_UNSIZED + 1]))
        # While a large site is hashed for the first time, there are too many to compare.
        names = names if len(names) <= MAX_UNSIZED else set()
        for batch in batches(sizes):
            names.update(self._fetch(self._names().filter(file_size__in=batch)[: MAX_OF_SIZE + 1]))
            if len(names) > MAX_OF_SIZE + MAX_UNSIZED:
                raise TooManyRows
        return names

    def _storage_of(self, row: Any) -> Storage:
        if isinstance(row, ImageAsset):
            return find_storage(row.source_key, self.using)
        source = source_of_field(self.model, self.field.name)
        # If the source is a child of the model, the row of the child.
        own = source and source.rows_by_id([str(row.pk)], self.using).get(str(row.pk))
        if not (source and own):
            return self.field.storage
        storage = storage_of_row(source, own)
        if storage is None:
            raise UnknownStorage(source.key_of(own))
        return storage

    def _most_common(self, keys: Collection[str]) -> set[str]:
        """Return the keys to leave out so that at most `MAX_NAMES` rows have one of the others."""
        rows = self._names_with_keys().filter(base_name_key__in=keys).values("base_name_key")
        counted = self._fetch(rows.annotate(count=Count("pk")).values_list("base_name_key", "count"))
        common, remaining = set(), sum(count for _key, count in counted)
        for key, count in sorted(counted, key=itemgetter(1), reverse=True):
            if remaining <= MAX_NAMES:
                break
            common.add(key)
            remaining -= count
        return common

    def _names_with_keys(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self._names().annotate(base_name_key=BaseNameKey(self.field.attname))
        return rows

    def _names(self) -> QuerySet[Any]:
        name = self.field.attname
        rows = self._rows().exclude(**{name: ""}).filter(**{f"{name}__isnull": False})
        return rows.values_list(name, flat=True)

    def _rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model._base_manager.using(self.using).filter(self.condition or Q()).order_by()
        return rows.exclude(pk__in=self.excluded) if self.excluded else rows

    def _fetch(self, rows: QuerySet[Any]) -> list[Any]:
        with savepoint(self.using):
            return retry_transient(lambda: list(rows.all()), self.using, RETRY_PAUSES)


def file_columns(using: str, excluded: Mapping[type[Model], Keys] | None = None) -> Iterator[FileColumn]:
    """Yield all file fields whose tables are in this database. Raise errors of the database.

    `excluded` has the keys of rows to ignore, by model.
    """
    with savepoint(using):
        tables = set(retry_transient(lambda: connections[using].introspection.table_names(include_views=True), using))
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        # A name that includes a schema is not in the list.
        if meta.proxy or meta.swapped or not (meta.db_table in tables or '"' in meta.db_table):
            continue
        for field in meta.local_fields:
            if isinstance(field, FileField):
                for storage, condition in storages_of(model, field):
                    yield FileColumn(model, field, using, storage, condition, (excluded or {}).get(model, ()))


def storages_of(model: type[Model], field: FileField) -> Iterator[tuple[Storage | None, Q]]:
    """Yield the storages of a field, each with the condition of the rows whose files are in it."""
    if model is not ImageAsset:
        source = source_of_field(model, field.name)
        yield None if source and source.storage_differs else field.storage, Q()
        return
    known = Q(source_type__isnull=True)
    for storage in storages_in_use():
        yield storage, in_storage(storage)
        known |= in_storage(storage)
    yield None, ~known


def databases() -> list[str]:
    return [alias for alias in connections if connections[alias].vendor != "unknown"]


def savepoint(using: str) -> AbstractContextManager[object]:
    """Keep an error from breaking the caller's transaction. Without one, begin none: on SQLite it would be a lock."""
    return transaction.atomic(using=using) if connections[using].in_atomic_block else nullcontext()
