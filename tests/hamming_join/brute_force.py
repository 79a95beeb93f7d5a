"""The expected results of the joins, by comparing all pairs, and fingerprints that are hard to join."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from hashing.fingerprint.similarity import Part, distance_of_parts, is_match
from hashing.hamming_join.fingerprints import Fingerprints, RowKind
from samples.generated_hashes import generate_hashes


def small_and_detail_distance(left: Fingerprints, right: Fingerprints, i: int, j: int) -> tuple[int, int]:
    small = (left.perceptual[i] ^ right.perceptual[j], left.vertical[i] ^ right.vertical[j])
    detail = left.detail[i] ^ right.detail[j]
    return sum(int(word).bit_count() for word in small), sum(int(word).bit_count() for word in detail)


def matching_pairs(left: Fingerprints, right: Fingerprints, max_distance: int) -> dict[tuple[int, int], int]:
    """Return the distances of the pairs of a left and a different right row that match, and are not both framed."""
    found = {}
    small = np.bitwise_count(left.perceptual[:, None] ^ right.perceptual)
    small = small.astype(int) + np.bitwise_count(left.vertical[:, None] ^ right.vertical)
    # Check the pairs that may match.
    for i, j in np.argwhere(small <= max_distance // 5 + 1).tolist():
        distances = small_and_detail_distance(left, right, i, j)
        quality = int(min(left.quality[i], right.quality[j]))
        kinds = {int(left.kind[i]), int(right.kind[j])}
        limit = distance_of_parts(max_distance, Part.WHOLE, Part.INSIDE if RowKind.INSIDE in kinds else Part.WHOLE)
        if i != j and kinds != {RowKind.FRAMED} and is_match(*distances, quality, limit):
            found[i, j] = sum(distances)
    return found


def near_values(high: np.ndarray, low: np.ndarray, distance: int) -> set[tuple[int, int]]:
    bits = np.bitwise_count(high[:, None] ^ high).astype(int) + np.bitwise_count(low[:, None] ^ low)
    return {(i, j) for i, j in np.argwhere(bits <= distance).tolist() if i < j}


def clustered_hashes(count: int, seed: int, centres: int, flips: int) -> np.ndarray:
    """Return values around a few centres, each with up to `flips` bits flipped."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 2**64, centres, np.uint64)[random.integers(centres, size=count)]
    for _ in range(flips):
        values ^= random.integers(0, 2, count, np.uint64) << random.integers(0, 64, count, np.uint64)
    return values


def with_details(perceptual: np.ndarray, vertical: np.ndarray, seed: int, detail_flips: int) -> Fingerprints:
    """Return fingerprints of these small hashes, with large hashes near one of two centres, and different qualities.

    A third of them are framed, and a third insides.
    """
    random = np.random.default_rng(seed)
    count = len(perceptual)
    words = [clustered_hashes(count, seed + 1 + word, 2, detail_flips) for word in range(4)]
    # All words of a row belong to the same centre.
    chosen = random.integers(0, 2, count, np.uint64)
    detail = np.stack([word & np.uint64(0xFF) | chosen << np.uint64(60) for word in words], axis=1)
    quality = random.choice([20, 35, 50, 80, 100], count).astype(np.uint8)
    return Fingerprints(
        perceptual, vertical, detail, quality, random.integers(len(RowKind), size=count, dtype=np.uint8)
    )


def distinct(fingerprints: Fingerprints, seed: int = 0) -> Fingerprints:
    """Drop equal rows, and shuffle the others."""
    table = np.column_stack([*fingerprints])
    _, rows = np.unique(table, axis=0, return_index=True)
    return fingerprints.take(np.random.default_rng(seed).permutation(rows))


def generated_fingerprints(count: int, seed: int, detail_flips: int = 6) -> Fingerprints:
    return distinct(with_details(*generate_hashes(count, seed), seed, detail_flips))


@st.composite
def fingerprint_sets(draw: st.DrawFn, most: int = 120) -> Fingerprints:
    """Draw few or many clusters, in which many rows share a small hash, and some share both."""
    count, seed = draw(st.integers(0, most)), draw(st.integers(0, 2**32 - 1))
    hashes = []
    for number in range(2):
        centres, flips = draw(st.sampled_from([1, 2, 10, most])), draw(st.sampled_from([0, 1, 3, 10, 64]))
        hashes.append(clustered_hashes(count, seed + number, centres, flips))
    return distinct(with_details(*hashes, seed, draw(st.sampled_from([0, 3, 30]))))
