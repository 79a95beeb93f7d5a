"""The hashes of a table as arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.paging import pages_by_key, rows_with_keys
from hashing.querysets import HashedImageQuerySet

PAGE = 20_000
FIELDS = ("perceptual_hash", "vertical_hash")
HEX_LENGTH = 16
_HASHES = re.compile(rf"[0-9a-fA-F]{{{2 * HEX_LENGTH}}}")

Keys = npt.NDArray[Any]
Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]


class HashTable(NamedTuple):
    """Three arrays of the same length: keys, ascending, and both hashes of each row."""

    keys: Keys
    perceptual: Hashes
    vertical: Hashes


def read_hashes(
    rows: HashedImageQuerySet[Any], keys: Collection[Any] | None, progress: Callable[[int], object]
) -> HashTable:
    """Of all rows, or of those with some keys. Rows without a vertical hash are left out: nothing could confirm that
    they match. `progress` is told how many per cent are read.
    """
    rows = rows.filter(vertical_hash__isnull=False)
    if keys is not None:
        return _as_arrays(sorted(rows_with_keys(rows, keys, FIELDS)))
    total = rows.count()
    pages = []
    for page in pages_by_key(rows, FIELDS, PAGE):
        pages.append(_as_arrays(page))
        progress(min(100, 100 * len(pages) * PAGE // max(1, total)))
    return HashTable(*map(np.concatenate, zip(*pages, strict=True))) if pages else _as_arrays([])


def _as_arrays(page: Iterable[tuple[Any, str, str]]) -> HashTable:
    whole = [row for row in page if len(row[1]) == len(row[2]) == HEX_LENGTH]
    try:
        return _as_table(whole)
    except ValueError:
        return _as_table([row for row in whole if _HASHES.fullmatch(row[1] + row[2])])


def _as_table(whole: Sequence[tuple[Any, str, str]]) -> HashTable:
    """Raises `ValueError` when one of them is no hash."""
    return HashTable(
        np.array([row[0] for row in whole]),
        _from_hex("".join(row[1] for row in whole)),
        _from_hex("".join(row[2] for row in whole)),
    )


def _from_hex(text: str) -> Hashes:
    return np.frombuffer(bytes.fromhex(text), dtype=">u8").astype(np.uint64)


@dataclass(frozen=True)
class Entries:
    """Rows with the same couple of hashes are one entry, so that a hundred thousand of them count as one.

    `members` are positions in the table, entry after entry, and those of entry e begin at `starts[e]`.
    """

    perceptual: Hashes
    vertical: Hashes
    members: Positions
    starts: Positions

    @classmethod
    def of(cls, table: HashTable) -> Entries:
        order = np.lexsort((table.vertical, table.perceptual))
        perceptual, vertical = table.perceptual[order], table.vertical[order]
        is_first = np.ones(len(order), dtype=bool)
        is_first[1:] = (perceptual[1:] != perceptual[:-1]) | (vertical[1:] != vertical[:-1])
        starts = np.append(np.flatnonzero(is_first), len(order))
        return cls(perceptual[is_first], vertical[is_first], order, starts)

    def __len__(self) -> int:
        return len(self.perceptual)

    @property
    def sizes(self) -> Positions:
        return np.diff(self.starts)

    def rows_of(self, chosen: npt.NDArray[np.bool_]) -> tuple[Positions, Positions]:
        """Of the entries that the mask chooses: the positions of their rows in the table, and the entry of each."""
        entry_of = np.repeat(np.arange(len(self)), self.sizes)
        mask = chosen[entry_of]
        return self.members[mask], entry_of[mask]
