from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.conf import hashing_settings
from hashing.db.paging import pages_by_key, rows_with_keys
from hashing.fingerprint.fingerprint import ALL_BITS, DETAIL_BITS, HASH_BITS, is_hash
from hashing.fingerprint.similarity import BEST_QUALITY
from hashing.hamming_join.fingerprints import DETAIL_WORDS, Fingerprints, Flags, Positions, RowKind, Values
from hashing.models.querysets import ImageAssetQuerySet

Keys = npt.NDArray[Any]
PAGE = 20_000
FIELDS = ("perceptual_hash", "vertical_hash", "detail_hash", "hash_quality")
INSIDE_FIELDS = ("inside_perceptual_hash", "inside_vertical_hash", "inside_detail_hash", "inside_quality")
# The lengths of the three hashes as text.
LENGTHS = (HASH_BITS // 4, HASH_BITS // 4, DETAIL_BITS // 4)


class PartRow(NamedTuple):
    """The hashes of a whole image, or of the inside of its frame."""

    key: Any
    perceptual_hash: str
    vertical_hash: str
    detail_hash: str
    quality: int
    kind: RowKind

    @property
    def lengths(self) -> tuple[int, int, int]:
        return len(self.perceptual_hash), len(self.vertical_hash), len(self.detail_hash)


def parts_of(rows: Iterable[Sequence[Any]], min_quality: int) -> Iterator[PartRow]:
    """Yield the parts with a sufficient or unknown quality.

    Each row has a key, the values of FIELDS and, unless the site compares no insides, those of INSIDE_FIELDS.
    """
    for key, perceptual, vertical, detail, quality, *inside in rows:
        kind = RowKind.FRAMED if inside and None not in inside else RowKind.UNFRAMED
        if quality is None or quality >= min_quality:
            yield PartRow(key, perceptual, vertical, detail, BEST_QUALITY if quality is None else quality, kind)
        if kind == RowKind.FRAMED and inside[-1] >= min_quality:
            yield PartRow(key, inside[0], inside[1], inside[2], inside[3], RowKind.INSIDE)


class HashTable(NamedTuple):
    """The hashes of images, in the order of their keys. An image with a frame may be there twice."""

    keys: Keys
    fingerprints: Fingerprints

    @classmethod
    def of(cls, parts: Iterable[PartRow]) -> HashTable:
        """Convert parts to arrays. Those with an invalid hash are left out."""
        whole = [part for part in parts if part.lengths == LENGTHS]
        try:
            return cls._of_valid(whole)
        except ValueError:
            return cls._of_valid(
                [
                    part
                    for part in whole
                    if is_hash(part.perceptual_hash + part.vertical_hash + part.detail_hash, ALL_BITS)
                ]
            )

    @classmethod
    def _of_valid(cls, parts: Sequence[PartRow]) -> HashTable:
        """Raise `ValueError` for a hash that is not hexadecimal."""
        # All hashes of a column are parsed at once.
        perceptual = parse_hex("".join(part.perceptual_hash for part in parts))
        vertical = parse_hex("".join(part.vertical_hash for part in parts))
        detail = parse_hex("".join(part.detail_hash for part in parts))
        quality = np.array([min(part.quality, BEST_QUALITY) for part in parts], dtype=np.uint8)
        kind = np.array([part.kind for part in parts], dtype=np.uint8)
        fingerprints = Fingerprints(perceptual, vertical, detail.reshape(-1, DETAIL_WORDS), quality, kind)
        return cls(np.array([part.key for part in parts], dtype=np.int64), fingerprints)


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

    Parts below the minimum quality are left out as well, and all insides of frames if the site compares none.
    `progress` is called with the percentage of rows read.
    """
    settings = hashing_settings()
    fields = FIELDS + INSIDE_FIELDS if settings.COMPARE_INSIDE_FRAMES else FIELDS
    rows = rows.filter(vertical_hash__isnull=False, detail_hash__isnull=False)
    if keys is not None:
        return HashTable.of(parts_of(sorted(rows_with_keys(rows, keys, fields)), settings.MIN_QUALITY))
    total = rows.count()
    pages = []
    for page in pages_by_key(rows, fields, PAGE):
        pages.append(HashTable.of(parts_of(page, settings.MIN_QUALITY)))
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

    An image with a frame is in two entries. `members` are the keys of the rows, entry after entry; those of entry e
    begin at `starts[e]`.
    """

    fingerprints: Fingerprints
    members: Keys
    starts: Positions

    @classmethod
    def of(cls, table: HashTable) -> Entries:
        perceptual, vertical, detail, quality, kind = table.fingerprints
        # lexsort() sorts by its last column first.
        order = np.lexsort((kind, quality, *detail.T, vertical, perceptual))
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

    @property
    def match_themselves(self) -> Flags:
        """The entries whose rows match one another. Images with frames are not compared as wholes."""
        return ~self.fingerprints.is_framed

    def entries_by_key(self, chosen: Flags) -> dict[Any, tuple[int, ...]]:
        """Return the rows in the entries that a mask chooses, each with all of these that it is in."""
        entry_of = np.repeat(np.arange(len(self)), self.sizes)
        mask = chosen[entry_of]
        found: dict[Any, tuple[int, ...]] = {}
        for key, entry in zip(self.members[mask].tolist(), entry_of[mask].tolist(), strict=True):
            found[key] = (*found.get(key, ()), entry)
        return found

    def are_one_row(self, first: Positions, second: Positions) -> Flags:
        """Return which pairs of entries have a single row, the same one: an image and what is inside its frame."""
        sizes = self.sizes
        are_one: Flags = (sizes[first] == 1) & (sizes[second] == 1)
        are_one &= self.members[self.starts[first]] == self.members[self.starts[second]]
        return are_one

    def with_keys(self, keys: Collection[Any]) -> Positions:
        """Return the entries of some keys."""
        if not keys:
            return np.zeros(0, dtype=np.int64)
        slots = np.flatnonzero(np.isin(self.members, list(keys)))
        return np.searchsorted(self.starts, slots, side="right") - 1


def differ_from_previous(fingerprints: Fingerprints) -> Flags:
    perceptual, vertical, detail, quality, kind = fingerprints
    differ: Flags = (perceptual[1:] != perceptual[:-1]) | (vertical[1:] != vertical[:-1])
    differ |= (detail[1:] != detail[:-1]).any(axis=1)
    differ |= (quality[1:] != quality[:-1]) | (kind[1:] != kind[:-1])
    return differ
