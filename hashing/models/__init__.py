from __future__ import annotations

from hashing.models.backfill_runs import BackfillRun
from hashing.models.deletion_runs import DeletionRun
from hashing.models.duplicate_groups import DuplicateGroup, GroupingRun, GroupMember
from hashing.models.group_viewers import GroupViewer
from hashing.models.image_asset import CoOwner, ImageAsset
from hashing.models.pair_decisions import MarkedDuplicate, PairDecision

__all__ = [
    "BackfillRun",
    "CoOwner",
    "DeletionRun",
    "DuplicateGroup",
    "GroupMember",
    "GroupViewer",
    "GroupingRun",
    "ImageAsset",
    "MarkedDuplicate",
    "PairDecision",
]
