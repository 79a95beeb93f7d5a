from __future__ import annotations

from hashing.admin.deletion.marked_duplicates import MarkedDuplicateAdmin
from hashing.admin.images.admin import ImageAssetAdmin
from hashing.admin.review.admin import DuplicateGroupAdmin
from hashing.admin.review.pair_decisions import PairDecisionAdmin
from hashing.admin.similar_pictures import SimilarPictureAdminMixin

__all__ = [
    "DuplicateGroupAdmin",
    "ImageAssetAdmin",
    "MarkedDuplicateAdmin",
    "PairDecisionAdmin",
    "SimilarPictureAdminMixin",
]
