"""images      what is hashed
duplicates  groups of pictures that seem to be the same, and what people have decided about pairs of them
runs        how far the runs of the backfill are
"""

from __future__ import annotations

from hashing.models.backfill_runs import BackfillRun
from hashing.models.duplicates import DuplicateGroup, GroupingRun, GroupMember, MarkedDuplicate, PairDecision
from hashing.models.image_asset import CoOwner, ImageAsset

__all__ = [
    "BackfillRun",
    "CoOwner",
    "DuplicateGroup",
    "GroupMember",
    "GroupingRun",
    "ImageAsset",
    "MarkedDuplicate",
    "PairDecision",
]
