"""images      what is hashed
duplicates  groups of pictures that seem to be the same, and what people have decided about pairs of them
runs        how far the runs of the backfill are
"""

from __future__ import annotations

from hashing.models.duplicates import DuplicateGroup, GroupingRun, GroupMember, MarkedDuplicate, PairDecision
from hashing.models.images import HashedImage, ImageAsset
from hashing.models.runs import BackfillRun

__all__ = [
    "BackfillRun",
    "DuplicateGroup",
    "GroupMember",
    "GroupingRun",
    "HashedImage",
    "ImageAsset",
    "MarkedDuplicate",
    "PairDecision",
]
