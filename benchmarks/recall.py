"""How many edited copies are found again, and how many different photographs are taken for the same.

Ours are compared as `similar_to` compares them, turned copies as it does with `any_orientation`. ImageHash's are
compared at 10 bits, the default limit of imagededup, which offers the same three hashes.
"""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image
from threadpoolctl import threadpool_limits

from benchmarks.edits import TURNED, UPRIGHT
from benchmarks.photographs import PhotographSet
from benchmarks.table import print_table, print_versions
from hashing.conf import HashingSettings
from hashing.orientations import Orientation, orient
from hashing.perceptual_hash import compute_fingerprint

Bits = npt.NDArray[np.uint64]
Matches = npt.NDArray[np.bool_]

# A few more than the 1,000 of the other benchmarks, for half a million pairs of different photographs.
PHOTOGRAPHS = PhotographSet("500 px for recall", (500, 375), quality=88, files=1100, narrowest=0.4)
MIN_QUALITY = HashingSettings().MIN_QUALITY
EDITS = {**UPRIGHT, **TURNED}


class Hashes(NamedTuple):
    """Of many pictures, all in one order. Arrays of any one shape."""

    perceptual: Bits
    vertical: Bits
    quality: Bits
    phash: Bits
    dhash: Bits
    whash: Bits

    def at(self, where: object) -> Hashes:
        """The parts of all arrays that an index names."""
        return Hashes(*(bits[where] for bits in self))  # type: ignore[call-overload]


@dataclass(frozen=True)
class Way:
    """A way to compare. With `orientations` other than upright it is asked for turned copies as well."""

    name: str
    hashes: tuple[str, ...]
    limit: int
    finds_turned: bool = False

    def matches(self, one: Hashes, other: Hashes, *, turned: bool) -> Matches:
        """Which of the pictures show the same; the arrays are broadcast."""
        found = self._near(one, other)
        for side in _turned(one) if turned and self.finds_turned else ():
            found = found | self._near(side, other)
        return found

    def _near(self, one: Hashes, other: Hashes) -> Matches:
        near = (one.quality >= MIN_QUALITY) & (other.quality >= MIN_QUALITY) | (not self.finds_turned)
        for name in self.hashes:
            near = near & (np.bitwise_count(getattr(one, name) ^ getattr(other, name)) <= self.limit)
        return near


WAYS = [
    Way("5, first hash", ("perceptual",), 5, finds_turned=True),
    Way("5, both", ("perceptual", "vertical"), 5, finds_turned=True),
    Way("10, first hash", ("perceptual",), 10, finds_turned=True),
    Way("10, both", ("perceptual", "vertical"), 10, finds_turned=True),
    Way("phash, 10", ("phash",), 10),
    Way("dhash, 10", ("dhash",), 10),
    Way("whash, 10", ("whash",), 10),
]


def _turned(hashes: Hashes) -> Iterator[Hashes]:
    for orientation in Orientation:
        perceptual, vertical = orient(hashes.perceptual, hashes.vertical, orientation)
        yield hashes._replace(perceptual=perceptual, vertical=vertical)


def hash_copies(path: Path) -> list[tuple[int, ...]]:
    """The hashes of a photograph, then those of its copies, in the order of EDITS."""
    with threadpool_limits(1), Image.open(path) as opened:
        image = opened.convert("RGB")
        return [_hash(path.read_bytes()), *(_hash(edit(image)) for edit in EDITS.values())]


def _hash(content: bytes) -> tuple[int, ...]:
    ours = compute_fingerprint(io.BytesIO(content))
    with Image.open(io.BytesIO(content)) as image:
        theirs = [hashed(image) for hashed in (imagehash.phash, imagehash.dhash, imagehash.whash)]
    texts = [ours.perceptual_hash, ours.vertical_hash, f"{ours.quality:x}", *map(str, theirs)]
    return tuple(int(text, 16) for text in texts)


def hash_all(paths: list[Path], processes: int) -> Hashes:
    """In arrays of one row a photograph, the first column the photographs themselves."""
    with ProcessPoolExecutor(processes) as pool:
        rows = np.array(list(pool.map(hash_copies, paths, chunksize=8)), np.uint64)
    return Hashes(*np.moveaxis(rows, 2, 0))


def recall_rows(hashes: Hashes) -> Iterator[list[object]]:
    originals = hashes.at((slice(None), 0))
    for column, edit in enumerate(EDITS, start=1):
        copies = hashes.at((slice(None), column))
        found = [way.matches(originals, copies, turned=edit in TURNED).mean() for way in WAYS]
        yield [edit, *(f"{100 * share:.1f}%" for share in found)]


def false_pairs(hashes: Hashes, differ: Matches, *, turned: bool) -> list[object]:
    """How many of the pairs are taken for the same, for each way that can tell."""
    one, other = hashes.at((slice(None), 0, None)), hashes.at((None, slice(None), 0))
    return [
        "" if turned and not way.finds_turned else int((way.matches(one, other, turned=turned) & differ).sum())
        for way in WAYS
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    hashes, sources = hash_all(PHOTOGRAPHS.paths(), given.processes), np.array(PHOTOGRAPHS.sources())
    searchable = hashes.quality[:, 0] >= MIN_QUALITY
    hashes, sources = hashes.at(searchable), sources[searchable]
    differ = np.triu(sources[:, None] != sources)
    rows = [
        *recall_rows(hashes),
        ["false pairs", *false_pairs(hashes, differ, turned=False)],
        ["false pairs, in any orientation", *false_pairs(hashes, differ, turned=True)],
    ]
    print_table("Copies found again, and false pairs", ["edit", *(way.name for way in WAYS)], rows)
    print(
        f"{len(sources):,} parts of {len(set(sources))} photographs, and {len(EDITS)} copies of each;"
        f" {len(searchable) - len(sources)} more parts have a quality below {MIN_QUALITY} and were left out."
        f" False pairs are those among {differ.sum():,} pairs of parts of different photographs.\n"
    )
    print_versions("pillow", "numpy", "ImageHash")


if __name__ == "__main__":
    main()
