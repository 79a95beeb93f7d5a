"""From what is asked to a queryset."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import connections
from django.db.models import F, IntegerField, QuerySet, Value

from hashing.db.table_size import estimate_rows
from hashing.fingerprint.fingerprint import format_hash
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import LARGEST_DISTANCE, SMALL_LIMIT_DIVISOR, small_limit
from hashing.search.bands import BANDS, PERCEPTUAL_BANDS
from hashing.search.candidates import choose_plan, near_copies
from hashing.search.distance import HammingDistance, IsMatch, MatchDistance, MatchOrientation
from hashing.search.query import HashQuery

Rows = TypeVar("Rows", bound=QuerySet[Any])


def matches(rows: Rows, query: HashQuery) -> Rows:
    """Annotate the rows that match with `distance`; with `orientation` where several are asked for."""
    near = near_copies(BANDS, query.copies, query.small_limit, query.min_quality, query.file_digest)
    found = rows.filter(near, IsMatch(query)).annotate(distance=MatchDistance(query))
    if len(query.orientations) > 1:
        found = found.annotate(orientation=MatchOrientation(query))
    return found.order_by("distance", "pk")


def matches_of_hash(rows: Rows, perceptual: int, max_distance: int) -> Rows:
    """Annotate the rows whose perceptual hash alone is near with `distance`, 0 to 64."""
    text = format_hash(perceptual)
    near = near_copies(PERCEPTUAL_BANDS, [text], max_distance)
    found = rows.filter(near).annotate(distance=HammingDistance(F("perceptual_hash"), Value(text)))
    return found.filter(distance__lte=max_distance).order_by("distance", "pk")


def largest_quick_distance(rows: QuerySet[Any], milliseconds: float, *, any_orientation: bool) -> int:
    """Return the largest `max_distance` whose search among `rows` is expected to take no longer."""
    connection = connections[rows.db]
    count = estimate_rows(connection, rows.model._meta.db_table)
    for distance in range(LARGEST_DISTANCE, 0, -SMALL_LIMIT_DIVISOR):
        copies = len(Orientation) if any_orientation else 1
        if choose_plan(BANDS, small_limit(distance), count, copies, connection.vendor).milliseconds <= milliseconds:
            return distance
    return 0


def same_files(rows: Rows, file_digest: str | None) -> Rows:
    """Annotate the rows with equal files as `matches()` does, whatever their hashes say. None for no digest."""
    found = rows.none() if file_digest is None else rows.filter(file_digest=file_digest)
    upright = Value(Orientation.UPRIGHT.value, output_field=IntegerField())
    return found.annotate(distance=Value(0, output_field=IntegerField()), orientation=upright).order_by(
        "distance", "pk"
    )
