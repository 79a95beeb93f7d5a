"""How many edited copies are found again, and how many different pictures are taken for the same, beside other hashes.

Ours are compared by the rule of the app, at several limits; turned copies as with `any_orientation`. ImageHash's and
PDQ's are compared at limits that their users choose. PDQ takes part where the package `pdqhash` is installed.
"""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image
from threadpoolctl import threadpool_limits

from benchmarks.documents import DOCUMENTS, draw_documents
from benchmarks.edits import TURNED, UPRIGHT, encoded
from benchmarks.photographs import PhotographSet
from benchmarks.table import print_table, print_versions
from hashing.conf import HashingSettings
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import QUALITY_SPAN, QUALITY_START, SMALL_LIMIT_DIVISOR, small_limit
from hashing.hamming_join.fingerprints import Fingerprints, MatchRule
from hashing.perceptual_hash import compute_fingerprint

Words = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

# A few more than the 1,000 of the other benchmarks, for half a million pairs of different photographs.
PHOTOGRAPHS = PhotographSet("500 px for answers", (500, 375), quality=88, files=1100, narrowest=0.4)
# Of these, the copies are compared with each other as well.
COPIED_PHOTOGRAPHS = 300
EDITS = {**UPRIGHT, **TURNED}
HAS_PDQ = find_spec("pdqhash") is not None
MILLION_PAIRS = 5e11
# The nearest of all pairs, which say how the tail falls.
FITTED_PAIRS = 1000
BLOCK = 500


class Hashes(NamedTuple):
    """Hashes of many pictures: `theirs` has, by the name of a hash, an array with its words in columns."""

    ours: Fingerprints
    theirs: dict[str, Words]

    def take(self, rows: object) -> Hashes:
        return Hashes(self.ours.take(rows), {name: words[rows] for name, words in self.theirs.items()})  # type: ignore[call-overload]

    @property
    def size(self) -> int:
        return self.ours.size


@dataclass(frozen=True)
class OurWay:
    max_distance: int

    @property
    def name(self) -> str:
        return f"this, {self.max_distance}"

    def matches(self, one: Hashes, other: Hashes, pairs: tuple[Words, Words]) -> Flags:
        mine, theirs, (first, second) = one.ours, other.ours, pairs
        small = _small_distances(mine, theirs, first, second)
        good = np.minimum(mine.quality[first], theirs.quality[second]) >= HashingSettings().MIN_QUALITY
        rule = MatchRule(mine, theirs, self.max_distance)
        matching: Flags = rule.matches(first, second) & (small <= small_limit(self.max_distance)) & good  # type: ignore[arg-type]
        return matching


@dataclass(frozen=True)
class TheirWay:
    hash_name: str
    limit: int

    @property
    def name(self) -> str:
        return f"{self.hash_name} <= {self.limit}"

    def matches(self, one: Hashes, other: Hashes, pairs: tuple[Words, Words]) -> Flags:
        mine, theirs = one.theirs[self.hash_name], other.theirs[self.hash_name]
        differing: Flags = np.bitwise_count(mine[pairs[0]] ^ theirs[pairs[1]]).sum(axis=1) <= self.limit
        return differing


Way = OurWay | TheirWay
WAYS: list[Way] = [
    *map(OurWay, (60, 80, 90, 100)),
    TheirWay("phash 64", 10),
    TheirWay("phash 256", 64),
    TheirWay("dhash", 10),
    *([TheirWay("PDQ", 31)] if HAS_PDQ else []),
]


def hash_content(content: bytes) -> tuple[int, ...]:
    """The hashes of a picture in words of 64 bits, and its quality: perceptual, vertical, quality, detail, others."""
    ours = compute_fingerprint(io.BytesIO(content))
    with Image.open(io.BytesIO(content)) as image:
        upright = image.convert("RGB")
        texts = [str(imagehash.phash(image)), str(imagehash.phash(image, hash_size=16)), str(imagehash.dhash(image))]
    words = [word for text in (ours.detail_hash, *texts) for word in _words(text)]
    pdq = _words(_pdq(upright)) if HAS_PDQ else []
    return (int(ours.perceptual_hash, 16), int(ours.vertical_hash, 16), ours.quality, *words, *pdq)


def hash_photograph(path: Path) -> list[tuple[int, ...]]:
    """The hashes of a photograph, then those of its copies, in the order of EDITS."""
    with threadpool_limits(1), Image.open(path) as opened:
        image = opened.convert("RGB")
        return [hash_content(path.read_bytes()), *(hash_content(edit(image)) for edit in EDITS.values())]


def as_hashes(rows: npt.NDArray[np.uint64]) -> Hashes:
    """From rows of `hash_content`."""
    detail, phash, large_phash, dhash, pdq = np.split(rows[:, 3:], [4, 5, 9, 10], axis=1)
    ours = Fingerprints(rows[:, 0], rows[:, 1], np.ascontiguousarray(detail), rows[:, 2].astype(np.uint8))
    return Hashes(ours, {"phash 64": phash, "phash 256": large_phash, "dhash": dhash, "PDQ": pdq})


def recall_rows(originals: Hashes, copies: list[Hashes]) -> Iterator[list[object]]:
    for edit, copy in zip(EDITS, copies, strict=True):
        found = [_found(way, originals, copy, turned=edit in TURNED).mean() for way in WAYS]
        yield [edit, *(f"{100 * share:.1f}" for share in found)]


def _found(way: Way, originals: Hashes, copies: Hashes, *, turned: bool) -> Flags:
    same = np.arange(originals.size, dtype=np.uint64)
    orientations = Orientation if turned and isinstance(way, OurWay) else [Orientation.UPRIGHT]
    sides = [originals._replace(ours=originals.ours.oriented(each)) for each in orientations]
    found: Flags = np.logical_or.reduce([way.matches(side, copies, (same, same)) for side in sides])
    return found


def count_false_pairs(hashes: Hashes, subjects: npt.NDArray[np.int64]) -> list[int]:
    """Pairs of pictures of different subjects that each way takes for the same."""
    counts = [0] * len(WAYS)
    for start in range(0, hashes.size, BLOCK):
        first, second = np.nonzero(subjects[start : start + BLOCK, None] < subjects[None, :])
        pairs = ((first + start).astype(np.uint64), second.astype(np.uint64))
        for number, way in enumerate(WAYS):
            counts[number] += int(way.matches(hashes, hashes, pairs).sum())
    return counts


def expected_in_a_million(hashes: Hashes, subjects: npt.NDArray[np.int64]) -> list[str]:
    """False pairs of a million different pictures, from an exponential tail fitted to the nearest pairs here."""
    pairs = np.nonzero(subjects[:, None] < subjects[None, :])
    nearest = np.sort(_least_max_distances(hashes.ours, *pairs))[:FITTED_PAIRS]
    steps, counts = np.unique(nearest, return_counts=True)
    slope, offset = np.polyfit(steps, np.log(np.cumsum(counts)), 1)
    scale = MILLION_PAIRS / len(pairs[0])
    tail = [scale * np.exp(offset + slope * way.max_distance) if isinstance(way, OurWay) else None for way in WAYS]
    return ["" if count is None else f"{count:,.0f}" for count in tail]


def _least_max_distances(
    hashes: Fingerprints, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The `max_distance` from which on two pictures match, for all pairs in which both have the quality to match."""
    quality = np.minimum(hashes.quality[first], hashes.quality[second]).astype(int)
    good = quality >= HashingSettings().MIN_QUALITY
    first, second, quality = first[good], second[good], quality[good]
    share = np.minimum(quality - QUALITY_START, QUALITY_SPAN) / QUALITY_SPAN
    small = _small_distances(hashes, hashes, first, second) * float(SMALL_LIMIT_DIVISOR)
    needed: npt.NDArray[np.float64] = np.maximum(small, MatchRule(hashes, hashes, 0).distances(first, second) / share)
    return needed


def _small_distances(
    left: Fingerprints, right: Fingerprints, first: npt.NDArray[Any], second: npt.NDArray[Any]
) -> npt.NDArray[np.uint16]:
    small: npt.NDArray[np.uint16]
    small = np.bitwise_count(left.perceptual[first] ^ right.perceptual[second]).astype(np.uint16)
    small += np.bitwise_count(left.vertical[first] ^ right.vertical[second])
    return small


def _words(text: str) -> list[int]:
    return [int(text[at : at + 16], 16) for at in range(0, len(text), 16)]


def _pdq(image: Image.Image) -> str:
    import pdqhash

    bits, _quality = pdqhash.compute(np.asarray(image))
    return np.packbits(bits).tobytes().hex()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    heads = ["", *(way.name for way in WAYS)]
    with ProcessPoolExecutor(given.processes) as pool:
        table = np.array(list(pool.map(hash_photograph, PHOTOGRAPHS.paths(), chunksize=8)), np.uint64)
        files = {
            kind: list(pool.map(hash_content, (encoded(page, "PNG") for page in draw_documents(kind)), chunksize=8))
            for kind in DOCUMENTS
        }
    originals, subjects = as_hashes(table[:, 0]), np.array(PHOTOGRAPHS.sources())
    rows = list(recall_rows(originals, [as_hashes(table[:, number]) for number in range(1, table.shape[1])]))
    print_table("Copies found again, in per cent", heads, rows)
    # Upright copies: those that lie another way are compared in no other orientation here.
    copies = table[:COPIED_PHOTOGRAPHS, 1 : 1 + len(UPRIGHT)]
    copied_subjects = np.repeat(subjects[:COPIED_PHOTOGRAPHS], len(UPRIGHT))
    pairs = int((subjects[:, None] < subjects[None, :]).sum())
    rows = [
        [f"{pairs:,} pairs of photographs", *count_false_pairs(originals, subjects)],
        [
            "edited copies of 300 of them",
            *count_false_pairs(as_hashes(copies.reshape(-1, table.shape[2])), copied_subjects),
        ],
    ]
    for kind, found in files.items():
        documents = as_hashes(np.array(found, np.uint64))
        numbers = np.arange(documents.size)
        rows.append(
            [f"{documents.size * (documents.size - 1) // 2:,} pairs of {kind}", *count_false_pairs(documents, numbers)]
        )
    rows.append(["expected among a million photographs", *expected_in_a_million(originals, subjects)])
    print_table("Different pictures taken for the same", heads, rows)
    print_versions("pillow", "numpy", "ImageHash", *(["pdqhash"] if HAS_PDQ else []))


if __name__ == "__main__":
    main()
