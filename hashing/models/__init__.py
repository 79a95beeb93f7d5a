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
