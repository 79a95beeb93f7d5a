"""Pairs of entries of which one is a turned or mirrored copy of the other."""

from __future__ import annotations

import numpy as np

from hashing.grouping.near_pairs import NearPairs
from hashing.grouping.pair_list import Values
from hashing.orientations import Orientation, orient


def find_turned_pairs(perceptual: Values, vertical: Values, max_distance: int, confirm_distance: int) -> NearPairs:
    found = []
    for orientation in Orientation:
        turned = orient(perceptual, vertical, orientation)
        near = np.bitwise_count(turned[0][:, None] ^ perceptual[None, :]) <= max_distance
        near &= np.bitwise_count(turned[1][:, None] ^ vertical[None, :]) <= confirm_distance
        found.append(np.argwhere(near & ~np.eye(len(perceptual), dtype=bool)))
    first, second = np.concatenate(found).T
    nothing = np.zeros(len(first), dtype=np.uint8)
    return NearPairs(first, second, nothing, nothing)
