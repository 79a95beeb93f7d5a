"""Hashes of different versions, in a table whose rows are being moved from one version to another.

Only hashes of one version are compared. Pairs of a stored group that are of two versions keep their match until both
are moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from django.db.models import F, QuerySet

from hashing.conf import hashing_settings
from hashing.db.paging import batches, rows_with_keys
from hashing.fingerprint.fingerprint import HASH_VERSION
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Framing, Match
from hashing.grouping.options import GroupingOptions
from hashing.models.duplicate_groups import GroupMember
from hashing.models.querysets import ImageAssetQuerySet
from hashing.search.similar import known_version

# How each image of a group, the second of a pair, matches its keeper; and the keeper each image.
MixedPairs = Mapping[tuple[Any, Any], Match]

# The other orientations are their own inverse.
INVERSE = {
    Orientation.TURNED_RIGHT: Orientation.TURNED_LEFT,
    Orientation.TURNED_LEFT: Orientation.TURNED_RIGHT,
}
REVERSED = {Framing.ROW: Framing.QUERY, Framing.QUERY: Framing.ROW}


def versions_of(rows: ImageAssetQuerySet[Any], keys: AbstractSet[Any] | None) -> list[int]:
    """Return the current version, and the others that the hashes of all rows have, or of those with some keys."""
    found: set[int | None]
    if keys is None:
        found = set(walk_versions(rows.hashed()))
    else:
        found = {version for _pk, version in rows_with_keys(rows.hashed(), keys, ("hash_version",))}
    return sorted({HASH_VERSION, *(version for version in found if version is not None)})


def walk_versions(rows: ImageAssetQuerySet[Any]) -> Iterator[int]:
    """Yield each version once. The index is asked for the next one each time: DISTINCT would read the whole table."""
    left = rows.filter(hash_version__isnull=False).order_by("hash_version")
    versions = left.values_list("hash_version", flat=True)
    version = versions.first()
    while version is not None:
        yield version
        version = versions.filter(hash_version__gt=version).first()


def read_mixed_pairs(keys: AbstractSet[Any] | None, using: str) -> MixedPairs:
    """Return the pairs of a keeper and an image of its group that are of different versions, both ways round.

    With `keys`, both are among them. A file that was replaced since the group was found, by one of another name, is in
    no pair.
    """
    members = mixed_members(using)
    chosen = [members] if keys is None else [members.filter(asset__in=batch) for batch in batches(keys)]
    pairs = {}
    for some in chosen:
        columns = ("group__keeper", "asset", "distance", "framing", "orientation")
        for keeper, key, distance, framing, orientation in some.values_list(*columns).iterator():
            if keys is None or keeper in keys:
                found = Match(distance, Framing(framing), Orientation(orientation))
                pairs[keeper, key], pairs[key, keeper] = found, seen_from_the_other(found)
    return pairs


def mixed_members(using: str) -> QuerySet[GroupMember]:
    """Return the images of groups whose hash has another version than that of their keeper."""
    version, keeper_version = known_version("asset__"), known_version("group__keeper__")
    members = GroupMember.objects.using(using).filter(
        asset__perceptual_hash__isnull=False,
        group__keeper__perceptual_hash__isnull=False,
        # The names are those of the files that were compared.
        name=F("asset__image"),
        group__keeper__membership__name=F("group__keeper__image"),
    )
    return members.alias(version=version, keeper_version=keeper_version).exclude(version=F("keeper_version"))


def seen_from_the_other(found: Match) -> Match:
    """Return how the keeper matches the image, for how the image matches the keeper."""
    framing, orientation = found.framing, found.orientation
    return Match(found.distance, REVERSED.get(framing, framing), INVERSE.get(orientation, orientation))


def still_matching(pairs: MixedPairs, options: GroupingOptions) -> Iterable[tuple[Any, Any]]:
    """Return those of the pairs that match by these options."""
    insides = hashing_settings().COMPARE_INSIDE_FRAMES
    return [
        pair
        for pair, found in pairs.items()
        if found.distance <= options.max_distance
        and (options.any_orientation or found.orientation == Orientation.UPRIGHT)
        and (insides or found.framing == Framing.NONE)
    ]
