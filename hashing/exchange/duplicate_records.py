"""Groups of duplicates as records: one for each image of a group, its keeper first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

from hashing.db.paging import batches, pages_by_key, rows_with_keys
from hashing.db.retry import retry_transient
from hashing.exchange.hash_records import OWNER_FIELDS
from hashing.fingerprint.orientations import Orientation
from hashing.fingerprint.similarity import Framing, Match
from hashing.grouping.finder import FoundGroup, FoundMember
from hashing.grouping.group_rows import MEMBER_FIELDS
from hashing.models.duplicate_groups import DuplicateGroup, GroupMember
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet

FILE_FIELDS = (*OWNER_FIELDS, "image", "width", "height", "file_size", "file_digest")
DUPLICATE_COLUMNS = ("keeper", "pk", "distance", "orientation", "framed", "decided", *FILE_FIELDS)
MEMBER_COLUMNS = ("group", "asset", *MEMBER_FIELDS, "asset__file_size")
# Which of the two images was compared without its frame.
FRAMED = {Framing.NONE: None, Framing.ROW: "image", Framing.QUERY: "keeper", Framing.BOTH: "both"}
GROUPS = 500


def stored_groups(using: str) -> Iterator[FoundGroup]:
    """Yield the stored groups by ascending key, read page by page. Members are in the order of their positions."""
    for page in pages_by_key(DuplicateGroup.objects.using(using).all(), ("keeper",), GROUPS):
        keepers: dict[int, int] = dict(page)
        members = GroupMember.objects.using(using).filter(group__in=keepers).order_by("group", "position")
        # A queryset whose evaluation failed has no results, and can be evaluated again.
        rows: list[tuple[Any, ...]] = retry_transient(partial(list, members.values_list(*MEMBER_COLUMNS)), using)
        for group, of_group in groupby(rows, itemgetter(0)):
            keeper = keepers[group]
            yield FoundGroup(keeper, [member for member in map(as_member, of_group) if member.key != keeper])


def as_member(row: tuple[Any, ...]) -> FoundMember:
    _group, key, *match, is_same, size = row
    return FoundMember(key, Match(*match), is_same, size or 0)


def duplicate_records(groups: Iterable[FoundGroup], using: str) -> Iterator[dict[str, Any]]:
    """Yield a record for each image of each group. `decided`: the keeper is kept in its place.

    Images that were deleted meanwhile are left out.
    """
    rows = ImageAssetQuerySet[ImageAsset](ImageAsset, using=using)
    for some in batches(groups, GROUPS):
        keys = [key for group in some for key in (group.keeper, *(member.key for member in group.members))]
        files = {
            key: dict(zip(FILE_FIELDS, values, strict=True)) for key, *values in rows_with_keys(rows, keys, FILE_FIELDS)
        }
        for group in some:
            yield from records_of(group, files)


def records_of(group: FoundGroup, files: dict[Any, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    nothing = dict.fromkeys(DUPLICATE_COLUMNS)
    if group.keeper in files:
        yield nothing | {"keeper": group.keeper, "pk": group.keeper} | files[group.keeper]
    for member in group.members:
        if member.key in files:
            match = {
                "keeper": group.keeper,
                "pk": member.key,
                "distance": member.match.distance,
                "orientation": Orientation(member.match.orientation).name.lower(),
                "framed": FRAMED[Framing(member.match.framing)],
                "decided": member.is_same,
            }
            yield match | files[member.key]
