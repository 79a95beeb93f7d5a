"""Where foreign hashes come from, and the image assets that they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from django.db.models import Model, Q, QuerySet

from hashing.db.paging import batches, pages_by_key
from hashing.db.retry import retry_transient
from hashing.exchange.foreign_hashes import ForeignHash, parse_foreign
from hashing.exchange.formats import Record
from hashing.exchange.hash_records import OWNER_FIELDS
from hashing.exchange.parsing import is_storable
from hashing.fingerprint.fingerprint import HASH_VERSION, Hashes, parse_hashes
from hashing.models.querysets import ImageAssetQuerySet
from hashing.search.similar import has_version
from hashing.sources.source import ImageSource

PAGE = 1000
HASH_FIELDS = ("perceptual_hash", "vertical_hash", "detail_hash", "hash_quality")
READ_FIELDS = ("pk", "image", *OWNER_FIELDS, *HASH_FIELDS)


class ForeignRow(NamedTuple):
    """A foreign hash, and the asset of its image. `own` is None for an asset that has no hash of this version."""

    pk: Any
    image: str
    owner: tuple[str | None, ...]
    foreign: ForeignHash
    own: Hashes[int] | None
    quality: int | None


class ForeignHashes(Protocol):
    """Foreign hashes, which can be read more than once. `counts` are those of the last time."""

    counts: ForeignCounts

    def __iter__(self) -> Iterator[ForeignRow]: ...


class FileHashes:
    """Hashes in the records of a file: a name of an image in one column, its hash in another."""

    def __init__(
        self, records: Callable[[], Iterable[Record]], columns: tuple[str, str], rows: ImageAssetQuerySet[Any]
    ) -> None:
        self._records, self._columns, self._rows = records, columns, rows
        self.counts = ForeignCounts()

    def __iter__(self) -> Iterator[ForeignRow]:
        self.counts = ForeignCounts()
        for batch in batches(self._records(), PAGE):
            name_column, hash_column = self._columns
            values = {str(record.values.get(name_column)): record.values.get(hash_column) for record in batch}
            found = {name: value for name, value in values.items() if is_storable(name)}
            yield from self.counts.join(found, self._rows.filter(image__in=found), lambda row: row[1])


class ColumnHashes:
    """Hashes in a field of the model of a source."""

    def __init__(self, source: ImageSource, field: str, rows: ImageAssetQuerySet[Any]) -> None:
        self._source, self._field, self._rows = source, field, rows
        self.counts = ForeignCounts()

    def __iter__(self) -> Iterator[ForeignRow]:
        self.counts = ForeignCounts()
        owners: QuerySet[Model] = self._source.rows().using(self._source.database(self._rows.db))
        for page in pages_by_key(owners, (self._field,), PAGE):
            found = {str(key): value for key, value in page if value not in (None, "")}
            owned = self._rows.filter(self._source.owner_filter, source_id__in=found)
            yield from self.counts.join(found, owned, lambda row: row[3])


class ForeignCounts:
    """How many hashes were read, are none, and belong to no image asset."""

    def __init__(self) -> None:
        self.read = self.invalid = self.unknown = 0

    def join(
        self, values: dict[str, Any], rows: ImageAssetQuerySet[Any], key_of: Callable[[tuple[Any, ...]], str]
    ) -> Iterator[ForeignRow]:
        """Yield the rows with the values of their keys."""
        self.read += len(values)
        hashes = {key: found for key, value in values.items() if (found := parse_foreign(value))}
        self.invalid += len(values) - len(hashes)
        current = Q(perceptual_hash__isnull=True) | has_version(HASH_VERSION)
        chosen = rows.filter(current).order_by("pk").values_list(*READ_FIELDS)
        read = retry_transient(lambda: list(chosen.all()), rows.db)
        self.unknown += len(hashes.keys() - {key_of(row) for row in read})
        for row in read:
            if (foreign := hashes.get(key_of(row))) is not None:
                pk, image, *owner = row[: -len(HASH_FIELDS)]
                yield ForeignRow(pk, image, tuple(owner), foreign, own_hashes(row[-4:-1]), row[-1])


def own_hashes(texts: Iterable[str | None]) -> Hashes[int] | None:
    try:
        return parse_hashes(*(text or "" for text in texts))
    except ValueError:
        return None
