"""images      what is hashed
duplicates  groups of pictures that seem to be the same, and what people have decided about pairs of them
runs        how far the runs of the backfill are
"""

from __future__ import annotations

from hashing.models.duplicates import DuplicateGroup, GroupingRun, GroupMember, MarkedDuplicate, PairDecision
from hashing.models.images import CoOwner, ImageAsset
from hashing.models.runs import BackfillRun

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
