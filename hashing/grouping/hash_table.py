from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from django.db.models import Count

from hashing.db.paging import batches, pages_by_key, rows_with_keys
from hashing.fingerprint.fingerprint import ALL_BITS, DETAIL_BITS, HASH_BITS, is_hash
from hashing.fingerprint.similarity import BEST_QUALITY
from hashing.hamming_join.fingerprints import DETAIL_WORDS, Fingerprints, Flags, Positions, Values
from hashing.models.querysets import ImageAssetQuerySet


def read_equal_files(rows: ImageAssetQuerySet[Any], keys: Collection[Any] | None) -> dict[Any, str]:
    """Return the digests of all rows, or of those with some keys, whose file another of them has as well, by key.

    No file is read. Blank pages and files that cannot be decoded may be among them.
    """
    known = rows.filter(file_digest__isnull=False)
    if keys is None:
        return dict(_rows_with_digests(known, _shared_digests(known)))
    digests: dict[Any, str] = dict(rows_with_keys(known, keys, ("file_digest",)))
    counts = Counter(digests.values())
    return {key: digest for key, digest in digests.items() if counts[digest] > 1}


def _shared_digests(rows: ImageAssetQuerySet[Any]) -> list[str]:
    counted = rows.order_by().values("file_digest").annotate(count=Count("pk"))
    return list(counted.filter(count__gt=1).values_list("file_digest", flat=True))


def _rows_with_digests(rows: ImageAssetQuerySet[Any], digests: Collection[str]) -> Iterator[tuple[Any, str]]:
    for batch in batches(digests):
        yield from rows.order_by().filter(file_digest__in=batch).values_list("pk", "file_digest")


PAGE = 20_000
FIELDS = ("perceptual_hash", "vertical_hash", "detail_hash", "hash_quality")
LENGTHS = (HASH_BITS // 4, HASH_BITS // 4, DETAIL_BITS // 4)

Keys = npt.NDArray[Any]
Row = tuple[Any, str, str, str, int | None]


class HashTable(NamedTuple):
    """One row for each picture, in the order of their keys."""

    keys: Keys
    fingerprints: Fingerprints


def read_hashes(
    rows: ImageAssetQuerySet[Any], keys: Collection[Any] | None, progress: Callable[[int], object]
) -> HashTable:
    """Read all rows, or those with some keys. Rows that lack one of the three hashes are left out.

    `progress` is called with the per cent that are read.
    """
    rows = rows.filter(vertical_hash__isnull=False, detail_hash__isnull=False)
    if keys is not None:
        return _as_table(sorted(rows_with_keys(rows, keys, FIELDS)))
    total = rows.count()
    pages = []
    for page in pages_by_key(rows, FIELDS, PAGE):
        pages.append(_as_table(page))
        progress(min(100, 100 * len(pages) * PAGE // max(1, total)))
    return _joined(pages) if pages else _as_table([])


def _joined(pages: list[HashTable]) -> HashTable:
    """Empties the list column by column, so that the hashes are not in memory twice."""
    keys = np.concatenate([page.keys for page in pages])
    columns = [list(column) for column in zip(*(page.fingerprints for page in pages), strict=True)]
    pages.clear()
    joined = []
    while columns:
        joined.append(np.concatenate(columns.pop(0)))
    return HashTable(keys, Fingerprints(*joined))


def _as_table(page: Iterable[Row]) -> HashTable:
    whole = [row for row in page if (len(row[1]), len(row[2]), len(row[3])) == LENGTHS]
    try:
        return _as_arrays(whole)
    except ValueError:
        return _as_arrays([row for row in whole if is_hash(row[1] + row[2] + row[3], ALL_BITS)])


def _as_arrays(whole: Sequence[Row]) -> HashTable:
    """Raise `ValueError` when one of the hashes is none."""
    perceptual, vertical, detail = (_from_hex("".join(column)) for column in _texts(whole))
    quality = [BEST_QUALITY if row[4] is None else min(row[4], BEST_QUALITY) for row in whole]
    fingerprints = Fingerprints(
        perceptual, vertical, detail.reshape(-1, DETAIL_WORDS), np.array(quality, dtype=np.uint8)
    )
    return HashTable(np.array([row[0] for row in whole]), fingerprints)


def _texts(whole: Sequence[Row]) -> tuple[list[str], list[str], list[str]]:
    return [row[1] for row in whole], [row[2] for row in whole], [row[3] for row in whole]


def _from_hex(text: str) -> Values:
    return np.frombuffer(bytes.fromhex(text), dtype=">u8").astype(np.uint64)


@dataclass(frozen=True)
class Entries:
    """Rows with equal fingerprints are one entry, so that a hundred thousand of them count as one.

    `members` are the keys of the rows, entry after entry, and those of entry e begin at `starts[e]`.
    """

    fingerprints: Fingerprints
    members: Keys
    starts: Positions

    @classmethod
    def of(cls, table: HashTable) -> Entries:
        perceptual, vertical, detail, quality = table.fingerprints
        # The last column decides first.
        order = np.lexsort((quality, *detail.T, vertical, perceptual))
        fingerprints = table.fingerprints.take(order)
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = _differ_from_previous(fingerprints)
        starts = np.append(np.flatnonzero(is_first), len(order))
        return cls(fingerprints.take(is_first), table.keys[order], starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> Positions:
        return np.diff(self.starts)

    def rows_of(self, chosen: Flags) -> tuple[Keys, Positions]:
        """Return the keys in the entries that a mask chooses, and the entry of each."""
        entry_of = np.repeat(np.arange(len(self)), self.sizes)
        mask = chosen[entry_of]
        return self.members[mask], entry_of[mask]

    def with_keys(self, keys: Collection[Any]) -> Positions:
        """Return the entries of some keys."""
        if not keys:
            return np.zeros(0, dtype=np.int64)
        slots = np.flatnonzero(np.isin(self.members, list(keys)))
        return np.searchsorted(self.starts, slots, side="right") - 1


def _differ_from_previous(fingerprints: Fingerprints) -> Flags:
    perceptual, vertical, detail, quality = fingerprints
    differ: Flags = (perceptual[1:] != perceptual[:-1]) | (vertical[1:] != vertical[:-1])
    differ |= (detail[1:] != detail[:-1]).any(axis=1)
    differ |= quality[1:] != quality[:-1]
    return differ
