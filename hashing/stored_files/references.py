"""Rows that may mean given files: in any model, managed or not, and in any database of the site.

The rows are found by the base names of the files, which their other names share, and in the index of the images by
size as well: a link to a file may have any name. Whether such a row means one of the files is another question.
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

from hashing.db.paging import batches
from hashing.db.retry import retry_transient
from hashing.sources.registry import source_of_field
from hashing.sources.storages import UnknownStorage, find_storage, in_storage, storage_of_row, storages_in_use
from hashing.stored_files.base_names import BaseNameKey, PlainName
from hashing.stored_files.identity import NamedFile

# Names with the base names in question whose files are looked at.
MAX_NAMES = 50_000
# Images of the sizes in question, and images without a size, whose files are looked at.
MAX_OF_SIZE, MAX_UNSIZED = 200_000, 5_000
KEYS_OF_A_QUERY = 1000
PAUSES = (0.05, 0.5)


class TooManyRows(Exception):
    """More images have files of one size than can be looked at."""


@dataclass(frozen=True)
class FileColumn:
    """A file field of a model, in one database, or those rows of it whose files are in one storage.

    `storage` is None where it differs from row to row, as far as is known. `without` are keys that do not count.
    """

    model: type[Model]
    field: FileField
    using: str
    storage: Storage | None
    rows: Q | None = None
    without: Collection[Any] = ()

    @property
    def has_sizes(self) -> bool:
        return self.model is apps.get_model("hashing", "ImageAsset")

    def files(self, names: Collection[str]) -> Iterator[NamedFile]:
        """Return the files with these names, each with its storage. Raises `UnknownStorage` where that is not known."""
        if self.storage is not None:
            yield from (NamedFile(self.storage, name) for name in names)
            return
        for batch in batches(names, KEYS_OF_A_QUERY):
            rows = self._base_rows().filter(**{f"{self.field.attname}__in": batch})
            for row in self._read(rows):
                yield NamedFile(self._storage_of(row), getattr(row, self.field.attname).name)

    def _storage_of(self, row: Any) -> Storage:
        if self.has_sizes:
            return find_storage(row.source_key, self.using)
        source = source_of_field(self.model, self.field.name)
        # Of a source that is a child of the model, the row of the child.
        own = source and source.rows_by_id([str(row.pk)], self.using).get(str(row.pk))
        if not (source and own):
            return self.field.storage
        storage = storage_of_row(source, own)
        if storage is None:
            raise UnknownStorage(source.key_of(own))
        return storage

    def names(self, keys: Collection[str]) -> tuple[set[str], set[str]]:
        """Return names whose base name has one of these keys, and the keys that too many rows have to be looked at."""
        rows = self._keyed_rows()
        names, crowded = set[str](), set[str]()
        for batch in batches(keys, KEYS_OF_A_QUERY):
            found = self._read(rows.filter(base_name_key__in=batch)[: MAX_NAMES + 1])
            if len(found) > MAX_NAMES:
                crowded |= (common := self._most_common(batch))
                found = self._read(rows.filter(base_name_key__in=set(batch) - common))
            names.update(found)
        return names, crowded

    def other_spellings(self, keys: Collection[str], names: Collection[str]) -> set[str]:
        """Return names with these keys that differ from the given ones in nothing but case and slashes."""
        rows: Any = self._keyed_rows().filter(base_name_key__in=keys)
        rows = rows.alias(plain_name=PlainName(self.field.attname))
        plain = (PlainName(Value(name)) for name in names)
        return {name for some in batches(plain, 500) for name in self._read(rows.filter(plain_name__in=some))}

    def names_by_size(self, sizes: Collection[int]) -> set[str]:
        """Names of images of these sizes, and of those not hashed yet, whose size is not known."""
        unsized = self._rows().filter(perceptual_hash__isnull=True, file_size__isnull=True)
        names = set(self._read(unsized[: MAX_UNSIZED + 1]))
        # While a large site is hashed for the first time, they are too many to look at.
        names = names if len(names) <= MAX_UNSIZED else set()
        for batch in batches(sizes):
            names.update(self._read(self._rows().filter(file_size__in=batch)[: MAX_OF_SIZE + 1]))
            if len(names) > MAX_OF_SIZE + MAX_UNSIZED:
                raise TooManyRows
        return names

    def _most_common(self, keys: Collection[str]) -> set[str]:
        """Return the keys to leave out so that no more than `MAX_NAMES` rows have one of the others."""
        rows = self._keyed_rows().filter(base_name_key__in=keys).values("base_name_key")
        counted = self._read(rows.annotate(count=Count("pk")).values_list("base_name_key", "count"))
        common, left = set(), sum(count for _key, count in counted)
        for key, count in sorted(counted, key=itemgetter(1), reverse=True):
            if left <= MAX_NAMES:
                break
            common.add(key)
            left -= count
        return common

    def _keyed_rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self._rows().annotate(base_name_key=BaseNameKey(self.field.attname))
        return rows

    def _rows(self) -> QuerySet[Any]:
        name = self.field.attname
        rows = self._base_rows().exclude(**{name: ""}).filter(**{f"{name}__isnull": False})
        return rows.values_list(name, flat=True)

    def _base_rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model._base_manager.using(self.using).filter(self.rows or Q()).order_by()
        return rows.exclude(pk__in=self.without) if self.without else rows

    def _read(self, rows: QuerySet[Any]) -> list[Any]:
        with _savepoint(self.using):
            return retry_transient(lambda: list(rows.all()), self.using, PAUSES)


def file_columns(using: str, without: Mapping[type[Model], Collection[Any]] | None = None) -> Iterator[FileColumn]:
    """All file fields whose tables this database has. Raises errors of the database.

    `without` are keys, by model, that do not count.
    """
    with _savepoint(using):
        tables = set(retry_transient(lambda: connections[using].introspection.table_names(include_views=True), using))
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        # A name with a schema in it is not in the list.
        if meta.proxy or meta.swapped or not (meta.db_table in tables or '"' in meta.db_table):
            continue
        fields = (field for field in meta.local_fields if isinstance(field, FileField))
        for each in fields:
            for storage, rows in _storages_of(model, each):
                yield FileColumn(model, each, using, storage, rows, (without or {}).get(model, ()))


def _storages_of(model: type[Model], field: FileField) -> Iterator[tuple[Storage | None, Q]]:
    """The storages of a field, each with the rows whose files are in it."""
    if model is not apps.get_model("hashing", "ImageAsset"):
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


def _savepoint(using: str) -> AbstractContextManager[object]:
    """Keep an error from breaking a transaction of the caller's. On SQLite, one of our own would be a write lock."""
    return transaction.atomic(using=using) if connections[using].in_atomic_block else nullcontext()
