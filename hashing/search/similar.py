from __future__ import annotations

from itertools import product
from typing import Any, TypeVar

from django.db import connections
from django.db.models import F, IntegerField, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, GreaterThanOrEqual

from hashing.conf import hashing_settings
from hashing.fingerprint.fingerprint import HASH_VERSION, format_hash
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import (
    LARGEST_DISTANCE,
    SMALL_LIMIT_DIVISOR,
    Framing,
    Part,
    distance_of_parts,
    small_limit,
)
from hashing.search.bands import PERCEPTUAL_BANDS, SEARCH_QUALITY
from hashing.search.candidates import BandSearch, IsCandidate
from hashing.search.distance import HammingDistance, IsMatch, MatchDistance, MatchFraming, MatchOrientation
from hashing.search.query import HashQuery

Rows = TypeVar("Rows", bound=QuerySet[Any])


def matches(rows: Rows, query: HashQuery) -> Rows:
    """Annotate the rows that match with `distance` and `framing`, and with `orientation` if the query has several."""
    searches = [
        BandSearch.of_part(pair.row, pair.own.copies(query.orientations), query.small_limit_of(pair))
        for pair in query.pairs
    ]
    candidates = IsCandidate(table_of(rows), searches, query.min_quality, query.file_digest)
    found = rows.filter(candidates, rule_of(query))
    found = found.annotate(distance=MatchDistance(query), framing=MatchFraming(query))
    if len(query.orientations) > 1:
        found = found.annotate(orientation=MatchOrientation(query))
    return found.order_by("distance", "pk")


def matches_of_hash(rows: Rows, perceptual: int, max_distance: int) -> Rows:
    """Annotate the rows whose perceptual hash alone is near with `distance`, 0 to 64."""
    text = format_hash(perceptual)
    search = BandSearch(Part.WHOLE, PERCEPTUAL_BANDS, (text,), max_distance)
    candidates = IsCandidate(table_of(rows), [search])
    found = rows.filter(candidates).annotate(distance=HammingDistance(F("perceptual_hash"), Value(text)))
    return found.filter(distance__lte=max_distance).order_by("distance", "pk")


def same_files(rows: Rows, file_digest: str | None) -> Rows:
    """Annotate the rows whose file is equal as `matches()` does. There are none for an unknown digest."""
    found = rows.none() if file_digest is None else rows.filter(file_digest=file_digest)
    values = {"distance": 0, "framing": Framing.NONE.value, "orientation": Orientation.UPRIGHT.value}
    constants = {name: Value(value, output_field=IntegerField()) for name, value in values.items()}
    return found.annotate(**constants).order_by("distance", "pk")


def rule_of(query: HashQuery) -> Q:
    """Return the condition for a row to match."""
    # Not `has_version`: without statistics, PostgreSQL would use the index of versions and not those of the bands.
    by_hashes = Q(Exact(known_version(), query.version)) & Q(IsMatch(query))
    return by_hashes if query.file_digest is None else by_hashes | Q(file_digest=query.file_digest)


def known_version(path: str = "") -> Coalesce:
    """Return the version of the hashes of a row. A row without one counts as one of this version."""
    return Coalesce(f"{path}hash_version", Value(HASH_VERSION))


def has_version(version: int) -> Q:
    """Return the condition for the hashes of a row to be of this version."""
    # Not `known_version`, which no index can answer.
    found = Q(hash_version=version)
    return found | Q(hash_version__isnull=True) if version == HASH_VERSION else found


def is_comparable(min_quality: int) -> Q:
    """Return the condition for a row to be compared as a whole: this version of its hashes, and the quality."""
    is_current = has_version(HASH_VERSION)
    return is_current & Q(GreaterThanOrEqual(SEARCH_QUALITY, min_quality)) if min_quality else is_current


def largest_quick_distance(
    rows: QuerySet[Any], milliseconds: float, *, any_orientation: bool, is_framed: bool = False
) -> int:
    """Return the largest `max_distance` whose search among `rows` is expected to take at most `milliseconds`.

    `is_framed`: whether the search is by two parts of a picture.
    """
    connection, table = connections[rows.db], table_of(rows)
    own = [Part.WHOLE, Part.INSIDE] if is_framed else [Part.WHOLE]
    found = list(Part) if hashing_settings().COMPARE_INSIDE_FRAMES else [Part.WHOLE]
    copies = ("",) * (len(Orientation) if any_orientation else 1)
    for distance in range(LARGEST_DISTANCE, 0, -SMALL_LIMIT_DIVISOR):
        searches = [
            BandSearch.of_part(row, copies, small_limit(distance_of_parts(distance, part, row)))
            for part, row in product(own, found)
        ]
        if sum(search.plan(connection, table).milliseconds for search in searches) <= milliseconds:
            return distance
    return 0


def table_of(rows: QuerySet[Any]) -> str:
    return str(rows.model._meta.db_table)
