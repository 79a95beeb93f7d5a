"""All pairs of entries whose hashes differ in few bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hashing.pairs.bit_order import BITS
from hashing.pairs.candidates import Share
from hashing.pairs.near_entries import near_entries
from hashing.pairs.pair_list import PairList, TooManyPairs, Values, distances

__all__ = ["NearPairs", "Progress", "TooManyPairs", "check_request", "find_near_pairs", "in_per_cent"]

Progress = Callable[[int], object]


class NearPairs(NamedTuple):
    """One pair of entries at each place of the four arrays."""

    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    distance: npt.NDArray[np.uint8]
    confirm_distance: npt.NDArray[np.uint8]


def find_near_pairs(
    perceptual: Values,
    vertical: Values,
    max_distance: int,
    confirm_distance: int | None,
    *,
    progress: Progress | None = None,
) -> NearPairs:
    """All pairs of entries (perceptual[i], vertical[i]) that differ in few bits.

    That is in at most `max_distance` bits of the perceptual hash, and in at most `confirm_distance` of the vertical
    one; None does not ask for the second. Entries are told by their positions in the arrays, first < second, and the
    pairs come in order of these. Entries that are equal in both hashes should be given once, since each is a pair with
    each other.

    `progress` is called with the per cent that are done, rising to 100.

    Raises `TooManyPairs` for more than 100 million pairs, before the memory for them is taken, and `ValueError` for a
    distance outside 0 to 64 or arrays that are not two of uint64 with the same length.
    """
    check_request(perceptual, vertical, max_distance, confirm_distance)
    done = in_per_cent(progress or (lambda _per_cent: None))
    pairs = PairList()
    # Crowds, and the answer, may still be left when the hashes are joined.
    for i, j in near_entries(perceptual, vertical, max_distance, confirm_distance, lambda share: done(share * 0.99)):
        pairs.add(np.minimum(i, j), np.maximum(i, j))
    first, second = pairs.take_sorted()
    found = NearPairs(
        first, second, distances(perceptual, perceptual, first, second), distances(vertical, vertical, first, second)
    )
    done(1.0)
    return found


def check_request(perceptual: Values, vertical: Values, max_distance: int, confirm_distance: int | None) -> None:
    """Raises `ValueError` for what cannot be searched."""
    if perceptual.dtype != np.uint64 or vertical.dtype != np.uint64 or perceptual.ndim != 1:
        raise ValueError("Hashes must be in arrays of uint64 with one dimension")
    if perceptual.shape != vertical.shape:
        raise ValueError(f"As many vertical hashes are needed as perceptual ones: {len(vertical)}, {len(perceptual)}")
    for limit in (max_distance, 0 if confirm_distance is None else confirm_distance):
        if not 0 <= limit <= BITS:
            raise ValueError(f"A distance must be between 0 and {BITS}, not {limit}")


def in_per_cent(progress: Progress) -> Share:
    """Called with shares, calls `progress` with whole per cent, and with none of them twice."""
    told = -1

    def done(share: float) -> None:
        nonlocal told
        per_cent = int(share * 100)
        if per_cent > told:
            told = per_cent
            progress(per_cent)

    return done
