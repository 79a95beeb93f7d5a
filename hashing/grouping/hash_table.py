from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.db.paging import pages_by_key, rows_with_keys
from hashing.fingerprint.fingerprint import ALL_BITS, DETAIL_BITS, HASH_BITS, is_hash
from hashing.fingerprint.similarity import BEST_QUALITY
from hashing.hamming_join.fingerprints import DETAIL_WORDS, Fingerprints, Flags, Positions, Values
from hashing.models.querysets import ImageAssetQuerySet

Keys = npt.NDArray[Any]
# The key of a row and the values of FIELDS.
Row = tuple[Any, str, str, str, int | None]

PAGE = 20_000
FIELDS = ("perceptual_hash", "vertical_hash", "detail_hash", "hash_quality")
# The lengths of the three hashes as text.
LENGTHS = (HASH_BITS // 4, HASH_BITS // 4, DETAIL_BITS // 4)


class HashTable(NamedTuple):
    """The hashes of images, in the order of their keys."""

    keys: Keys
    fingerprints: Fingerprints

    @classmethod
    def of(cls, rows: Iterable[Row]) -> HashTable:
        """Convert rows to arrays. Rows with an invalid hash are left out."""
        whole = [row for row in rows if (len(row[1]), len(row[2]), len(row[3])) == LENGTHS]
        try:
            return cls._of_valid(whole)
        except ValueError:
            return cls._of_valid([row for row in whole if is_hash(row[1] + row[2] + row[3], ALL_BITS)])

    @classmethod
    def _of_valid(cls, rows: Sequence[Row]) -> HashTable:
        """Raise `ValueError` for a hash that is not hexadecimal."""
        # All hashes of a column are parsed at once.
        columns = ([row[1] for row in rows], [row[2] for row in rows], [row[3] for row in rows])
        perceptual, vertical, detail = (parse_hex("".join(column)) for column in columns)
        quality = [BEST_QUALITY if row[4] is None else min(row[4], BEST_QUALITY) for row in rows]
        fingerprints = Fingerprints(
            perceptual, vertical, detail.reshape(-1, DETAIL_WORDS), np.array(quality, dtype=np.uint8)
        )
        return cls(np.array([row[0] for row in rows]), fingerprints)


def parse_hex(text: str) -> Values:
    content = bytes.fromhex(text)
    # fromhex() skips spaces.
    if 2 * len(content) != len(text):
        raise ValueError("a hash contains spaces")
    return np.frombuffer(content, dtype=">u8").astype(np.uint64)


def read_hashes(
    rows: ImageAssetQuerySet[Any], keys: Collection[Any] | None, progress: Callable[[int], object]
) -> HashTable:
    """Read all rows, or those with some keys. Rows that lack one of the three hashes are left out.

    `progress` is called with the percentage of rows read.
    """
    rows = rows.filter(vertical_hash__isnull=False, detail_hash__isnull=False)
    if keys is not None:
        return HashTable.of(sorted(rows_with_keys(rows, keys, FIELDS)))
    total = rows.count()
    pages = []
    for page in pages_by_key(rows, FIELDS, PAGE):
        pages.append(HashTable.of(page))
        progress(min(100, 100 * len(pages) * PAGE // max(1, total)))
    return join_pages(pages) if pages else HashTable.of([])


def join_pages(pages: list[HashTable]) -> HashTable:
    """Concatenate pages and empty the list, column by column, so that the hashes are never in memory twice."""
    keys = np.concatenate([page.keys for page in pages])
    columns = [list(column) for column in zip(*(page.fingerprints for page in pages), strict=True)]
    pages.clear()
    joined = []
    while columns:
        joined.append(np.concatenate(columns.pop(0)))
    return HashTable(keys, Fingerprints(*joined))


@dataclass(frozen=True)
class Entries:
    """The distinct fingerprints of a table: rows with equal fingerprints are one entry, however many they are.

    `members` are the keys of the rows, entry after entry; those of entry e begin at `starts[e]`.
    """

    fingerprints: Fingerprints
    members: Keys
    starts: Positions

    @classmethod
    def of(cls, table: HashTable) -> Entries:
        perceptual, vertical, detail, quality = table.fingerprints
        # lexsort() sorts by its last column first.
        order = np.lexsort((quality, *detail.T, vertical, perceptual))
        fingerprints = table.fingerprints.take(order)
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = differ_from_previous(fingerprints)
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


def differ_from_previous(fingerprints: Fingerprints) -> Flags:
    perceptual, vertical, detail, quality = fingerprints
    differ: Flags = (perceptual[1:] != perceptual[:-1]) | (vertical[1:] != vertical[:-1])
    differ |= (detail[1:] != detail[:-1]).any(axis=1)
    differ |= quality[1:] != quality[:-1]
    return differ
