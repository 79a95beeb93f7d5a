"""SQLite counts no bits: each connection gets two functions, in the place of PostgreSQL's `bit_count`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from hashing.fingerprint.fingerprint import DETAIL_BITS
from hashing.fingerprint.similarity import BEST_QUALITY, distance_limit
from hashing.search.query import DISTANCE_SHIFT

BIT_DISTANCE = "hashing_distance"
BEST_MATCH = "hashing_match"


def add_sqlite_functions(connection: Any, **_kwargs: Any) -> None:
    """Receiver of `connection_created`."""
    if connection.vendor == "sqlite":
        connection.connection.create_function(BIT_DISTANCE, 2, bit_distance, deterministic=True)
        connection.connection.create_function(BEST_MATCH, 3, best_match, deterministic=True)


def bit_distance(one: str | None, other: str | None) -> int | None:
    return None if one is None or other is None else (int(one, 16) ^ int(other, 16)).bit_count()


def encode_comparison(max_distance: int, small_limit: int, quality: int | None, copies: Mapping[int, str]) -> str:
    """Return the last argument of `best_match`. `copies` are by their `PartPair.code`."""
    return json.dumps([max_distance, small_limit, quality, dict(copies)])


@lru_cache(maxsize=64)
def decode_comparison(text: str) -> tuple[int, tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Return the limit of the small hashes, the limit of the distance by the row's quality, and the copies."""
    max_distance, small_limit, quality, copies = json.loads(text)
    highest = BEST_QUALITY if quality is None else quality
    limits = tuple(distance_limit(max_distance, min(highest, own)) for own in range(BEST_QUALITY + 1))
    return small_limit, limits, tuple((int(code), int(copy, 16)) for code, copy in copies.items())


def best_match(hashes: str | None, quality: int, comparison: str) -> int | None:
    """Return the smallest `distance << DISTANCE_SHIFT | code` of a part of a row; None if it does not match."""
    if hashes is None:
        return None
    small_limit, limits, copies = decode_comparison(comparison)
    bits, limit = int(hashes, 16), limits[min(quality, BEST_QUALITY)]
    best = None
    for code, copy in copies:
        differing = bits ^ copy
        if (differing >> DETAIL_BITS).bit_count() <= small_limit and (distance := differing.bit_count()) <= limit:
            match = distance << DISTANCE_SHIFT | code
            best = match if best is None or match < best else best
    return best
