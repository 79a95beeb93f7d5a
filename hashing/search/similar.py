"""From what is wanted to a queryset."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Least, Mod
from django.db.models.lookups import LessThanOrEqual

from hashing.orientations import Orientation
from hashing.search.bands import count_values, near_bands
from hashing.search.distance import HammingDistance
from hashing.search.wanted import Wanted

Rows = TypeVar("Rows", bound=QuerySet[Any])

# More values than these take longer to look up than a scan of the whole table.
MOST_VALUES = 6000
# A match in one orientation as one number, so that the least of them is the best match.
BYTE = 256
NO_MATCH = BYTE**3


def upright_matches(rows: Rows, wanted: Wanted) -> Rows:
    """Annotated with `distance` and `confirm_distance`, which is NULL when only one hash is known."""
    found = rows.filter(_candidates([wanted])).annotate(
        distance=_distance("perceptual_hash", wanted.perceptual),
        confirm_distance=_distance("vertical_hash", wanted.vertical),
    )
    found = found.filter(distance__lte=wanted.max_distance)
    if wanted.confirm_distance is not None:
        found = found.filter(confirm_distance__lte=wanted.confirm_distance)
    return found.order_by("distance", "pk")


def matches_in_any_orientation(rows: Rows, wanted: Wanted) -> Rows:
    """Annotated with `distance`, `confirm_distance` and `orientation`: those of the best match of each row."""
    turned = {orientation: wanted.oriented(orientation) for orientation in Orientation}
    best = Least(*(_match(orientation, copy) for orientation, copy in turned.items()), output_field=IntegerField())
    found = rows.filter(_candidates(turned.values())).alias(_match=best).filter(_match__lt=NO_MATCH)
    return found.annotate(
        distance=F("_match") / (BYTE * BYTE),
        orientation=Mod(F("_match") / BYTE, BYTE, output_field=IntegerField()),
        confirm_distance=Mod(F("_match"), BYTE, output_field=IntegerField()),
    ).order_by("distance", "pk")


def no_matches(rows: Rows) -> Rows:
    """An empty answer that takes the same filters and orders as a full one."""
    nothing = Value(None, output_field=IntegerField())
    return rows.none().annotate(distance=nothing, confirm_distance=nothing, orientation=nothing)


def _candidates(wanted: Any) -> Q:
    """Nothing is left out of it that matches. Empty where looking at every row is cheaper."""
    copies = list(wanted)
    distance = copies[0].max_distance
    if count_values(distance) * len(copies) > MOST_VALUES:
        return Q()
    return near_bands((copy.perceptual for copy in copies), distance)


def _match(orientation: Orientation, wanted: Wanted) -> Case:
    distance = _distance("perceptual_hash", wanted.perceptual)
    confirm = _distance("vertical_hash", wanted.vertical)
    limits = Q(LessThanOrEqual(distance, wanted.max_distance))
    if wanted.confirm_distance is not None:
        limits &= Q(LessThanOrEqual(confirm, wanted.confirm_distance))
    packed = (distance * BYTE + int(orientation)) * BYTE + confirm
    return Case(When(limits, then=packed), default=Value(NO_MATCH), output_field=IntegerField())


def _distance(field: str, text: str | None) -> Any:
    return Value(None, output_field=IntegerField()) if text is None else HammingDistance(F(field), Value(text))
