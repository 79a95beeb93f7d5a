"""What the searches must find, by comparing each with each; and hashes that are hard on them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st


def near_pairs(perceptual, vertical, max_distance, confirm_distance):
    """Rows of first, second, distance and confirm distance."""
    first, second = np.triu_indices(len(perceptual), 1)
    distance = np.bitwise_count(perceptual[first] ^ perceptual[second])
    confirm = np.bitwise_count(vertical[first] ^ vertical[second])
    near = (distance <= max_distance) & (confirm <= (64 if confirm_distance is None else confirm_distance))
    return np.stack([first, second, distance, confirm], axis=1)[near]


def clustered_hashes(count: int, seed: int, centres: int, flips: int) -> np.ndarray:
    """Values around few centres, each with some of `flips` bits flipped."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 2**64, centres, np.uint64)[random.integers(centres, size=count)]
    for _ in range(flips):
        values ^= random.integers(0, 2, count, np.uint64) << random.integers(0, 64, count, np.uint64)
    return values


def distinct_couples(perceptual: np.ndarray, vertical: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Without the entries that are equal in both, in a random order."""
    couples = np.unique(np.stack([perceptual, vertical], axis=1), axis=0)
    couples = np.random.default_rng(seed).permutation(couples)
    return np.ascontiguousarray(couples[:, 0]), np.ascontiguousarray(couples[:, 1])


@st.composite
def hash_sets(draw: st.DrawFn, most: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Distinct couples: from a few clusters or many, where crowds share one of their hashes."""
    count, seed = draw(st.integers(0, most)), draw(st.integers(0, 2**32 - 1))
    hashes = []
    for number in range(2):
        centres, flips = draw(st.sampled_from([1, 2, 10, most])), draw(st.sampled_from([0, 1, 3, 10, 64]))
        hashes.append(clustered_hashes(count, seed + number, centres, flips))
    return distinct_couples(hashes[0], hashes[1])
