"""How many edited copies are found again, and how many different pictures are taken for the same, beside other hashes.

Our hashes are compared by the rule of the app, at several limits; turned copies as with `any_orientation`. ImageHash's
and PDQ's are compared at limits that their users choose. PDQ takes part where the package `pdqhash` is installed.
"""

from __future__ import annotations

import argparse
import io
import os
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import NamedTuple

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image
from threadpoolctl import threadpool_limits

from benchmarks.photographs import PhotographSet
from benchmarks.pictures import DOCUMENTS, FRAMED, TURNED, UPRIGHT, encode
from benchmarks.report import print_table, print_versions
from hashing.conf import HashingSettings
from hashing.fingerprint.fingerprint import Inside, InsideBox
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Part, compared_parts
from hashing.hamming_join.fingerprints import Fingerprints, MatchRule, RowKind
from hashing.perceptual_hash import compute_fingerprint

Words = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

# A few more than the 1,000 of the other benchmarks, for half a million pairs of different photographs.
PHOTOGRAPHS = PhotographSet("500 px for answers", (500, 375), quality=88, files=1100, narrowest=0.4)
# Of these, the copies are compared with each other as well.
COPIED_PHOTOGRAPHS = 300
DOCUMENTS_EACH = 150
EDITS = {**UPRIGHT, **TURNED}
HAS_PDQ = find_spec("pdqhash") is not None
BLOCK = 500
NO_INSIDE = Inside("0" * 16, "0" * 16, "0" * 64, 0, InsideBox(0, 0, 0, 0))


class Hashes(NamedTuple):
    """Hashes of many pictures: `theirs` has, by the name of a hash, an array with its words in columns.

    `inside` has zeros for a picture without a frame.
    """

    ours: Fingerprints
    inside: Fingerprints
    theirs: dict[str, Words]

    def part(self, part: Part) -> Fingerprints:
        return self.ours if part == Part.WHOLE else self.inside


@dataclass(frozen=True)
class OurWay:
    max_distance: int

    @property
    def name(self) -> str:
        return f"this, {self.max_distance}"

    def matches(self, one: Hashes, other: Hashes, pairs: tuple[Words, Words]) -> Flags:
        framed = one.ours.is_framed[pairs[0]], other.ours.is_framed[pairs[1]]
        found = np.zeros(len(pairs[0]), np.bool_)
        for is_framed, other_is_framed in product((False, True), repeat=2):
            chosen = (framed[0] == is_framed) & (framed[1] == other_is_framed)
            some = pairs[0][chosen], pairs[1][chosen]
            parts = compared_parts(is_framed=is_framed, other_is_framed=other_is_framed)
            for mine, theirs in parts:
                found[chosen] |= self._matching(one.part(mine), other.part(theirs), some)
        return found

    def _matching(self, mine: Fingerprints, theirs: Fingerprints, pairs: tuple[Words, Words]) -> Flags:
        first, second = pairs
        good = np.minimum(mine.quality[first], theirs.quality[second]) >= HashingSettings().MIN_QUALITY
        matching: Flags = MatchRule(mine, theirs, self.max_distance).matches(first, second) & good  # type: ignore[arg-type]
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
        near: Flags = np.bitwise_count(mine[pairs[0]] ^ theirs[pairs[1]]).sum(axis=1) <= self.limit
        return near


Way = OurWay | TheirWay
WAYS: list[Way] = [
    *map(OurWay, (60, 80, 90, 100)),
    TheirWay("phash 64", 10),
    TheirWay("phash 256", 64),
    TheirWay("dhash", 10),
    *([TheirWay("PDQ", 31)] if HAS_PDQ else []),
]


def hash_content(content: bytes) -> tuple[int, ...]:
    """Return the quality and the hashes of a picture in words of 64 bits, in the order that `as_hashes` reads."""
    ours = compute_fingerprint(io.BytesIO(content))
    with Image.open(io.BytesIO(content)) as image:
        texts = [str(imagehash.phash(image)), str(imagehash.phash(image, hash_size=16)), str(imagehash.dhash(image))]
        if HAS_PDQ:
            import pdqhash

            bits, _quality = pdqhash.compute(np.asarray(image.convert("RGB")))
            texts.append(np.packbits(bits).tobytes().hex())
    inside = ours.inside or NO_INSIDE
    all_texts = [*ours[:3], *inside[:3], *texts]
    words = (int(text[at : at + 16], 16) for text in all_texts for at in range(0, len(text), 16))
    return ours.quality, ours.inside is not None, inside.quality, *words


def hash_photograph(path: Path) -> list[tuple[int, ...]]:
    """Return the hashes of a photograph, then those of its copies, in the order of EDITS."""
    with threadpool_limits(1), Image.open(path) as opened:
        image = opened.convert("RGB")
        return [hash_content(path.read_bytes()), *(hash_content(edit(image)) for edit in EDITS.values())]


def hash_documents(kind: str) -> Hashes:
    """Return the hashes of different documents of a kind, the same ones at each call."""
    dice = random.Random(kind)
    contents = [encode(DOCUMENTS[kind](dice), "PNG") for _ in range(DOCUMENTS_EACH)]
    return as_hashes(np.array([hash_content(content) for content in contents], np.uint64))


def as_hashes(rows: Words) -> Hashes:
    qualities, ours, inside, phash, large_phash, dhash, pdq = np.split(rows, [3, 9, 15, 16, 20, 21], axis=1)
    whole, is_framed, of_inside = qualities.T
    return Hashes(
        as_fingerprints(ours, whole, np.where(is_framed, RowKind.FRAMED, RowKind.UNFRAMED)),
        as_fingerprints(inside, of_inside, np.full(len(rows), RowKind.INSIDE)),
        {"phash 64": phash, "phash 256": large_phash, "dhash": dhash, "PDQ": pdq},
    )


def as_fingerprints(words: Words, quality: Words, kind: npt.NDArray[np.int64]) -> Fingerprints:
    detail = np.ascontiguousarray(words[:, 2:])
    return Fingerprints(words[:, 0], words[:, 1], detail, quality.astype(np.uint8), kind.astype(np.uint8))


def recall_rows(originals: Hashes, copies: list[Hashes]) -> Iterator[list[object]]:
    for edit, copy in zip(EDITS, copies, strict=True):
        shares = [find_copies(way, originals, copy, turned=edit in TURNED).mean() for way in WAYS]
        yield [edit, *(f"{100 * share:.1f}" for share in shares)]


def find_copies(way: Way, originals: Hashes, copies: Hashes, *, turned: bool) -> Flags:
    same = np.arange(originals.ours.size, dtype=np.uint64)
    orientations = Orientation if turned and isinstance(way, OurWay) else [Orientation.UPRIGHT]
    sides = [
        originals._replace(ours=originals.ours.oriented(each), inside=originals.inside.oriented(each))
        for each in orientations
    ]
    found: Flags = np.logical_or.reduce([way.matches(side, copies, (same, same)) for side in sides])
    return found


def count_false_pairs(hashes: Hashes, subjects: npt.NDArray[np.int64]) -> list[int]:
    """Return the number of pairs of different subjects that each way takes for the same."""
    counts = [0] * len(WAYS)
    for start in range(0, hashes.ours.size, BLOCK):
        first, second = np.nonzero(subjects[start : start + BLOCK, None] < subjects[None, :])
        pairs = ((first + start).astype(np.uint64), second.astype(np.uint64))
        for number, way in enumerate(WAYS):
            counts[number] += int(way.matches(hashes, hashes, pairs).sum())
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--photographs", type=int, default=PHOTOGRAPHS.files)
    given = parser.parse_args()
    paths, heads = PHOTOGRAPHS.paths()[: given.photographs], ["", *(way.name for way in WAYS)]
    with ProcessPoolExecutor(given.processes) as pool:
        table = np.array(list(pool.map(hash_photograph, paths, chunksize=8)), np.uint64)
        documents = list(pool.map(hash_documents, DOCUMENTS))
    originals, subjects = as_hashes(table[:, 0]), np.array(PHOTOGRAPHS.sources()[: len(paths)])
    rows = list(recall_rows(originals, [as_hashes(table[:, number]) for number in range(1, table.shape[1])]))
    print_table("Copies found again, in per cent", heads, rows)
    # Upright copies only: here, nothing is compared in other orientations.
    copies = table[:COPIED_PHOTOGRAPHS, 1 : 1 + len(UPRIGHT)]
    copied = np.repeat(subjects[:COPIED_PHOTOGRAPHS], len(UPRIGHT))
    pairs = int((subjects[:, None] < subjects[None, :]).sum())
    rows = [
        [f"{pairs:,} pairs of photographs", *count_false_pairs(originals, subjects)],
        ["edited copies of 300", *count_false_pairs(as_hashes(copies.reshape(-1, table.shape[2])), copied)],
    ]
    for edit in FRAMED:
        framed = as_hashes(table[:, 1 + list(EDITS).index(edit)])
        rows.append([f"copies: {edit}", *count_false_pairs(framed, subjects)])
    for kind, hashes in zip(DOCUMENTS, documents, strict=True):
        numbers = np.arange(hashes.ours.size)
        rows.append(
            [f"{numbers.size * (numbers.size - 1) // 2:,} pairs of {kind}", *count_false_pairs(hashes, numbers)]
        )
    print_table("Different pictures taken for the same", heads, rows)
    print_versions("pillow", "numpy", "ImageHash", *(["pdqhash"] if HAS_PDQ else []))


if __name__ == "__main__":
    main()
